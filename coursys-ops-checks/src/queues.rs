//! What waits in the queues and what is done of it, asked of the broker, its own tool, and the workers; and a peek at the
//! messages that wait, of which only the headers are looked at.

mod peek;
mod work;

use std::collections::BTreeMap;

use coursys_ops_core::Scope;
use coursys_ops_core::model::Finding;
use coursys_ops_core::queues::{QUEUES_SCHEMA, Queue, Queues};
use serde::Deserialize;

use crate::amqp::Connection;
use crate::rabbitmqctl::Control;
use crate::words::told;

pub use crate::amqp::Waiting;
pub use peek::{Peek, peek};

use work::Work;

/// The figures that AMQP does not tell.
const COLUMNS: [&str; 5] = ["name", "messages_unacknowledged", "messages", "exclusive", "auto_delete"];

/// A queue as the tool lists it.
#[derive(Debug, Deserialize)]
struct Listed {
    name: String,
    #[serde(default)]
    messages_unacknowledged: Option<u64>,
    #[serde(default)]
    messages: Option<u64>,
    #[serde(default)]
    exclusive: bool,
    #[serde(default)]
    auto_delete: bool,
}

impl Listed {
    /// Whether it is there for one connection only: for answers, remote control, events.
    const fn goes_with_its_clients(&self) -> bool {
        self.exclusive || self.auto_delete
    }
}

/// Looks at the configured queues. What only some of those who are asked could tell is missing in it, and its notes say why.
///
/// # Errors
///
/// The finding that says what is wrong with the broker.
pub async fn look(scope: &Scope) -> Result<Queues, Finding> {
    let at = scope.context().clock.now().to_string();
    let (depths, listed, work) = tokio::join!(depths(scope), listed(scope), work::ask(scope));
    let mut queues = depths?;
    let mut notes = Vec::new();
    let mut others = BTreeMap::new();
    let mut unasked = None;
    match &listed {
        Ok(listed) => {
            for queue in &mut queues {
                let found = listed.iter().find(|listed| listed.name == queue.name);
                queue.unacknowledged = found.and_then(|listed| listed.messages_unacknowledged);
            }
            let own = |name: &String| queues.iter().any(|queue| queue.name == *name);
            for other in listed.iter().filter(|other| !other.goes_with_its_clients() && !own(&other.name)) {
                if let Some(messages) = other.messages.filter(|messages| *messages > 0) {
                    others.insert(other.name.clone(), messages);
                }
            }
        }
        Err(finding) => {
            let why = told(finding.clone());
            notes.push(format!("unacknowledged messages are not known: {why}"));
            unasked = Some(why);
        }
    }
    match &work {
        Ok(work) => {
            queues.iter_mut().for_each(|queue| work.fill(queue));
            notes.extend(queues.iter().filter_map(silent));
        }
        Err(finding) => notes.push(format!("tasks are not known: {}", told(finding.clone()))),
    }
    Ok(Queues { schema: QUEUES_SCHEMA, at, queues, others, unasked, notes })
}

/// A queue that somebody consumes, and of which no node tells.
fn silent(queue: &Queue) -> Option<String> {
    let silent = queue.active.is_none() && queue.consumers.is_some_and(|count| count > 0);
    silent.then(|| format!("somebody consumes `{}`, and no node of it answers", queue.name))
}

async fn depths(scope: &Scope) -> Result<Vec<Queue>, Finding> {
    let config = scope.config();
    let mut connection = Connection::open(scope, &config.broker).await?;
    let mut queues = Vec::new();
    for name in &config.celery.queues {
        let queue = Queue { name: name.clone(), ..Queue::default() };
        queues.push(match connection.depth(name).await {
            Ok(depth) => Queue {
                exists: true,
                ready: Some(depth.messages.into()),
                consumers: Some(depth.consumers.into()),
                ..queue
            },
            Err(error) if error.is_not_found() => queue,
            Err(error) => return Err(error.finding(&config.broker.server)),
        });
    }
    connection.close().await;
    Ok(queues)
}

async fn listed(scope: &Scope) -> Result<Vec<Listed>, Finding> {
    let control = Control::find(scope).await?;
    let arguments = [&["list_queues", "--vhost", &scope.config().broker.vhost][..], &COLUMNS].concat();
    control.ask(scope, &arguments).await
}

impl Work {
    /// Writes down what the nodes of a queue said.
    fn fill(&self, queue: &mut Queue) {
        queue.nodes = self.nodes_of(&queue.name);
        if queue.nodes.is_empty() {
            return;
        }
        queue.active = self.active(&queue.name);
        queue.reserved = self.reserved(&queue.name);
        queue.scheduled = self.scheduled(&queue.name);
    }
}
