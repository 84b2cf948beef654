//! Letting Celery's workers take no more tasks, and seeing those end that run.

use std::collections::BTreeSet;
use std::time::Duration;

use coursys_ops_core::Scope;
use coursys_ops_core::model::Finding;
use serde_json::{Value, json};

use crate::amqp::AmqpError;
use crate::broker_patience::in_time;
use crate::garbage::excerpt;
use crate::words::told;
use crate::workers::{Answers, Control};

/// What is asked: which queues are consumed, what runs, what was taken and did not begin.
const QUESTIONS: [&str; 3] = ["active_queues", "active", "reserved"];

/// More tasks than this are counted, not named.
const NAMED: usize = 8;

/// How long the broker may take for one look of those who act. It answers within a second or two; on a busy machine that is
/// not enough, and who acts looks again.
pub(crate) const PATIENCE: Duration = Duration::from_secs(8);

/// What one look at the workers gave: who holds the silence, in words; nothing when they rest.
pub(crate) type Holds = Vec<String>;

/// Cancels the consumers of the site's queues wherever there are any, and tells what runs still. `known` are the nodes that
/// have answered before: one that falls silent has not ended.
///
/// # Errors
///
/// Why nobody can tell.
pub(crate) async fn hush(scope: &Scope, known: &mut BTreeSet<String>) -> Result<Holds, String> {
    let conversation = async {
        let mut control = Control::open(scope).await?;
        let hushed = hush_by(scope, &mut control, known).await;
        control.close().await;
        hushed.map_err(|error| of_broker(scope, &error))
    };
    in_time(scope, PATIENCE, conversation).await.map_err(told)
}

fn of_broker(scope: &Scope, error: &AmqpError) -> Finding {
    error.finding(&scope.config().broker.server)
}

async fn hush_by(
    scope: &Scope,
    control: &mut Control<'_>,
    known: &mut BTreeSet<String>,
) -> Result<Holds, AmqpError> {
    let answers = control.ask(&QUESTIONS, known).await?;
    known.extend(answers.keys().cloned());
    let now = scope.context().clock.now().as_duration().as_secs_f64();
    let mut holds = tasks(&answers, now);
    let mut answers_for = BTreeSet::new();
    for (node, queue) in consumed(&answers) {
        control.tell(&node, "cancel_consumer", &json!({"queue": queue})).await?;
        holds.push(format!("{} stops consuming `{}`", shown(&node), shown(&queue)));
        answers_for.insert(queue);
    }
    for queue in &scope.config().celery.queues {
        let consumers = control.consumers(queue).await?;
        if consumers > 0 && !answers_for.contains(queue) {
            holds.push(format!("`{queue}` is consumed by somebody who does not answer"));
        }
    }
    let silent: Vec<String> = known.iter().filter(|node| !answers.contains_key(*node)).cloned().collect();
    for node in silent {
        if control.listens(&node).await? {
            holds.push(format!("{} does not answer any more", shown(&node)));
        } else {
            known.remove(&node);
        }
    }
    Ok(holds)
}

fn shown(text: &str) -> String {
    excerpt(text.as_bytes())
}

/// Which node consumes which queue.
fn consumed(answers: &Answers) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for (node, said) in answers {
        let queues = said.get("active_queues").and_then(Value::as_array).into_iter().flatten();
        let names = queues.filter_map(|queue| queue.get("name")?.as_str());
        found.extend(names.map(|name| (node.clone(), name.to_owned())));
    }
    found
}

/// The tasks that run or were taken, in words; those that wait for a time of theirs go back to the broker.
pub(crate) fn tasks(answers: &Answers, now: f64) -> Vec<String> {
    let mut found = Vec::new();
    for (node, said) in answers {
        for (question, what) in [("active", "runs"), ("reserved", "was taken")] {
            for task in said.get(question).and_then(Value::as_array).into_iter().flatten() {
                let name = task.get("name").and_then(Value::as_str).unwrap_or("a task without a name");
                let age = task.get("time_start").and_then(Value::as_f64).map(|start| now - start);
                let age = age.filter(|age| (0.0..1e9).contains(age));
                let age = age.map_or_else(String::new, |age| format!(" for {age:.0} s"));
                found.push(format!("{} {what} on {}{age}", shown(name), shown(node)));
            }
        }
    }
    let more = found.len().saturating_sub(NAMED);
    found.truncate(NAMED);
    if more > 0 {
        found.push(format!("{more} more tasks"));
    }
    found
}

/// Of which queues it is told that nobody consumes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whose {
    /// Of those whose node answers: it was told to take no tasks.
    Running,
    /// Of all of them.
    All,
}

/// Lets the workers consume the queues again that nobody consumes; tells for which nobody does.
///
/// # Errors
///
/// Why nobody can tell.
pub(crate) async fn consume(scope: &Scope, whose: Whose) -> Result<Holds, String> {
    let conversation = async {
        let mut control = Control::open(scope).await?;
        let consumed = consume_by(scope, &mut control, whose).await;
        control.close().await;
        consumed.map_err(|error| of_broker(scope, &error))
    };
    in_time(scope, PATIENCE, conversation).await.map_err(told)
}

async fn consume_by(scope: &Scope, control: &mut Control<'_>, whose: Whose) -> Result<Holds, AmqpError> {
    let mut idle = Vec::new();
    for queue in &scope.config().celery.queues {
        if control.consumers(queue).await? == 0 {
            idle.push(queue.clone());
        }
    }
    if idle.is_empty() {
        return Ok(Vec::new());
    }
    let answers = control.ask(&["active_queues"], &BTreeSet::new()).await?;
    let mut told = BTreeSet::new();
    for node in answers.keys() {
        // A node is called what its queue is.
        let queue = node.split_once('@').map_or(node.as_str(), |(name, _)| name);
        if idle.iter().any(|one| one == queue) {
            control.tell(node, "add_consumer", &json!({"queue": queue})).await?;
            told.insert(queue);
        }
    }
    idle.retain(|queue| whose == Whose::All || told.contains(queue.as_str()));
    Ok(idle.iter().map(|queue| format!("nobody consumes `{queue}`")).collect())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn answers(question: &'static str, said: Value) -> Answers {
        BTreeMap::from([("fast@host".to_owned(), BTreeMap::from([(question, said)]))])
    }

    #[test]
    fn what_runs_is_named_with_its_node_and_age_and_what_was_taken_too() {
        let said = json!([{"id": "1", "name": "a.task", "time_start": 970.0, "args": ["secret"]}]);
        assert_eq!(tasks(&answers("active", said), 1000.0), ["a.task runs on fast@host for 30 s"]);
        let said = json!([{"id": "1", "name": "a.task", "time_start": null}]);
        assert_eq!(tasks(&answers("reserved", said), 1000.0), ["a.task was taken on fast@host"]);
        let many: Vec<Value> = (0..20).map(|_| json!({"name": "x"})).collect();
        assert_eq!(tasks(&answers("active", many.into()), 0.0).last().unwrap(), "12 more tasks");
    }

    #[test]
    fn an_error_of_a_node_is_no_task_and_no_queue() {
        let error = json!({"error": "KeyError('x')"});
        assert!(tasks(&answers("active", error.clone()), 0.0).is_empty());
        assert!(consumed(&answers("active_queues", error)).is_empty());
        let queues = json!([{"name": "fast"}, {"exchange": {}}]);
        assert_eq!(
            consumed(&answers("active_queues", queues)),
            [("fast@host".to_owned(), "fast".to_owned())]
        );
    }
}
