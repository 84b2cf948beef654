//! Which tasks the nodes hold: those that they do, those that wait for a child, those that wait for their time.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use coursys_ops_core::Scope;
use coursys_ops_core::model::Finding;
use coursys_ops_core::queues::Task;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::amqp::Connection;
use crate::workers::question_nodes;

/// What nodes are asked, by the names of Celery's methods. None of it changes anything.
const METHODS: [&str; 4] = ["active_queues", "active", "reserved", "scheduled"];

/// What the nodes said.
#[derive(Debug, Default)]
pub(super) struct Work {
    nodes: BTreeMap<String, Node>,
    /// By this machine's clock, in seconds since 1970.
    wall: f64,
}

#[derive(Debug, Default)]
struct Node {
    queues: Option<BTreeSet<String>>,
    active: Option<Vec<Raw>>,
    reserved: Option<Vec<Raw>>,
    scheduled: Option<Vec<Later>>,
    answers: usize,
}

#[derive(Debug, Deserialize)]
struct Name {
    name: String,
}

/// A task as a node describes it. Its arguments are not read.
#[derive(Debug, Clone, Deserialize)]
struct Raw {
    id: String,
    name: String,
    #[serde(default)]
    time_start: Option<f64>,
    #[serde(default)]
    delivery_info: Delivery,
}

#[derive(Debug, Clone, Default, Deserialize)]
struct Delivery {
    #[serde(default)]
    routing_key: Option<String>,
}

/// A task that waits for its time.
#[derive(Debug, Clone, Deserialize)]
struct Later {
    eta: Option<String>,
    request: Raw,
}

/// Asks the nodes.
///
/// # Errors
///
/// The finding that says what is wrong with the broker.
pub(super) async fn ask(scope: &Scope) -> Result<Work, Finding> {
    let broker = &scope.config().broker;
    let mut connection = Connection::open(scope, broker).await?;
    let wall = scope.context().clock.now().as_duration().as_secs_f64();
    let mut work = Work { wall, ..Work::default() };
    let queues = &scope.config().celery.queues;
    let asked = question_nodes(scope, &mut connection, &METHODS, |method, body| {
        work.take(method, body);
        work.is_complete(queues)
    })
    .await;
    connection.close().await;
    asked.map_err(|error| error.finding(&broker.server))?;
    Ok(work)
}

impl Work {
    /// Reads an answer. What makes no sense counts as an answer that says nothing.
    fn take(&mut self, method: &str, body: &[u8]) {
        let Ok(Value::Object(answers)) = serde_json::from_slice(body) else { return };
        for (name, said) in answers {
            let node = self.nodes.entry(name).or_default();
            node.answers += 1;
            match method {
                "active_queues" => {
                    let queues: Option<Vec<Name>> = read(said);
                    node.queues = queues.map(|queues| queues.into_iter().map(|queue| queue.name).collect());
                }
                "active" => node.active = read(said),
                "reserved" => node.reserved = read(said),
                _ => node.scheduled = read(said),
            }
        }
    }

    /// Whether every node that answered at all has answered everything, and every queue has one.
    fn is_complete(&self, queues: &[String]) -> bool {
        self.nodes.values().all(|node| node.answers >= METHODS.len())
            && queues.iter().all(|queue| self.of(queue).next().is_some())
    }

    fn of<'a>(&'a self, queue: &'a str) -> impl Iterator<Item = (&'a String, &'a Node)> {
        let consumes = move |node: &Node| node.queues.as_ref().is_some_and(|queues| queues.contains(queue));
        self.nodes.iter().filter(move |(_, node)| consumes(node))
    }

    /// The nodes that consume a queue.
    pub(super) fn nodes_of(&self, queue: &str) -> Vec<String> {
        self.of(queue).map(|(name, _)| name.clone()).collect()
    }

    /// The tasks of a queue that are being done; nothing when a node of it did not tell.
    pub(super) fn active(&self, queue: &str) -> Option<Vec<Task>> {
        let age = |raw: &Raw| {
            let age = Duration::try_from_secs_f64(self.wall - raw.time_start?).ok()?;
            Some(age.as_secs_f64())
        };
        self.tasks(queue, |node| node.active.as_deref(), |raw| raw, |raw, task| task.age_s = age(raw))
    }

    /// Those that wait for a child.
    pub(super) fn reserved(&self, queue: &str) -> Option<Vec<Task>> {
        self.tasks(queue, |node| node.reserved.as_deref(), |raw| raw, |_, _| ())
    }

    /// Those that wait for their time.
    pub(super) fn scheduled(&self, queue: &str) -> Option<Vec<Task>> {
        let eta = |later: &Later, task: &mut Task| task.eta.clone_from(&later.eta);
        self.tasks(queue, |node| node.scheduled.as_deref(), |later| &later.request, eta)
    }

    fn tasks<T>(
        &self,
        queue: &str,
        list: impl Fn(&Node) -> Option<&[T]>,
        raw: impl Fn(&T) -> &Raw,
        fill: impl Fn(&T, &mut Task),
    ) -> Option<Vec<Task>> {
        let mut tasks = Vec::new();
        for (name, node) in self.of(queue) {
            for entry in list(node)? {
                let request = raw(entry);
                let only = node.queues.as_ref().is_some_and(|queues| queues.len() == 1);
                let from = request.delivery_info.routing_key.as_deref();
                // A task came by its queue's name; a node of one queue has no other.
                if !only && from.is_some_and(|from| from != queue) {
                    continue;
                }
                let mut task = Task {
                    id: request.id.clone(),
                    name: request.name.clone(),
                    node: name.clone(),
                    age_s: None,
                    eta: None,
                };
                fill(entry, &mut task);
                tasks.push(task);
            }
        }
        Some(tasks)
    }
}

fn read<T: DeserializeOwned>(said: Value) -> Option<T> {
    serde_json::from_value(said).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn work(answers: &[(&str, Value)]) -> Work {
        let mut work = Work { wall: 1000.0, ..Work::default() };
        for (method, said) in answers {
            work.take(method, json!({"n@h": said}).to_string().as_bytes());
        }
        work
    }

    fn task(id: &str, key: &str) -> Value {
        json!({"id": id, "name": "t", "args": [1], "time_start": 990.0, "delivery_info": {"routing_key": key}})
    }

    #[test]
    fn a_task_counts_for_the_queue_it_came_by() {
        let two = json!([{"name": "fast"}, {"name": "batch"}]);
        let work = work(&[
            ("active_queues", two),
            ("active", json!([task("a", "fast"), task("b", "batch")])),
            ("reserved", json!([])),
            (
                "scheduled",
                json!([{"eta": "2030-01-01T00:00:00+00:00", "priority": 6, "request": task("c", "fast")}]),
            ),
        ]);
        let active = work.active("fast").unwrap();
        assert_eq!((active.len(), active[0].id.as_str(), active[0].age_s), (1, "a", Some(10.0)));
        assert_eq!(work.scheduled("fast").unwrap()[0].eta.as_deref(), Some("2030-01-01T00:00:00+00:00"));
        assert_eq!(work.scheduled("batch"), Some(vec![]));
        assert!(work.is_complete(&["fast".to_owned()]) && !work.is_complete(&["sims".to_owned()]));
    }

    #[test]
    fn a_node_that_does_not_tell_leaves_the_figure_open() {
        let work = work(&[("active_queues", json!([{"name": "fast"}])), ("active", json!({"error": "x"}))]);
        assert_eq!(work.active("fast"), None);
        assert_eq!(work.nodes_of("fast"), ["n@h"]);
    }

    proptest! {
        #[test]
        fn any_answer_is_read(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut work = Work::default();
            for method in METHODS {
                work.take(method, &body);
            }
        }
    }
}
