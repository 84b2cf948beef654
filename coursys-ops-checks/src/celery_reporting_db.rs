//! `celery.reporting-db`: the site's own task reaches the reporting database.

use std::time::{Duration, Instant};

use async_trait::async_trait;
use coursys_ops_core::config::Celery;
use coursys_ops_core::model::{CheckSpec, Code, Effects, Finding, Measurement};
use coursys_ops_core::{Check, Scope};
use jiff::SignedDuration;
use serde_json::Value;
use tokio::time::timeout;

use crate::amqp::{AmqpError, Connection, no_queue};
use crate::broker_alarms;
use crate::celery_call::Call;
use crate::celery_queue::{self, Mood};
use crate::database_connection;

/// After so long nobody waits for the task any more.
const LIFETIME: SignedDuration = SignedDuration::from_secs(6);

/// What is left of the check's own timeout when it stops waiting.
const MARGIN: Duration = Duration::from_millis(400);

/// Together with what the check needs it must fit into a run.
const TIMEOUT: Duration = Duration::from_millis(3500);

const EXPLANATION: &str = "\
Lets a worker run the site's own task `celery.reporting_task`, which asks the reporting database for a person whose name \
is known and returns nothing when all is well, else what is wrong. The task saves a row in the site's log, as every task \
of the site does.

The worker reaches the reporting database as nobody else does: through its own driver, with the Kerberos ticket of the \
site's user, in its own environment. Imports of students, classes and grades depend on it, and they run at night.

When it fails: the message is what the site's code says. A driver's complaint about login or ticket: see \
`kerberos.ticket`, refresh the ticket (its cron job, at half past every second hour) and look again. Wrongly decoded \
names: driver or character set of the connection changed. `task_failed`: read the worker's log for the traceback. \
`not_registered`: the worker runs other code, restart it. A time-out with a good queue means that the reporting database \
itself does not answer, which others run: ask them.";

/// Looks whether the site's worker reaches the reporting database.
#[derive(Debug)]
pub struct CeleryReportingDb {
    spec: CheckSpec,
    /// That of the queue on which the task runs.
    mood: Mood,
}

impl CeleryReportingDb {
    /// The check; `mood` is that of the queue on which the task runs.
    #[must_use]
    pub fn new(celery: &Celery, mood: Mood) -> Self {
        let queue = &celery.reporting_queue;
        let need = if celery.queues.contains(queue) {
            celery_queue::id(queue)
        } else {
            broker_alarms::ID.to_owned()
        };
        let spec = CheckSpec::new("celery.reporting-db", "Reporting database through Celery")
            .component("reporting-db")
            .needs(need)
            // As every task of the site it saves its row there.
            .needs(database_connection::ID)
            .effects(Effects::SiteLog)
            .timeout(TIMEOUT)
            .timeout_hint("the broker stopped answering in the middle: read its log")
            .explanation(EXPLANATION);
        Self { spec, mood }
    }
}

/// What the task's value says: nothing is good.
fn judge(value: &Value, task: &str) -> Finding {
    /// So much of the site's message is shown, in bytes.
    const LONGEST: usize = 300;
    let message = match value {
        Value::Null => {
            return Finding::passed("the worker reaches the reporting database, which knows whom it should");
        }
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let short = message.get(..message.floor_char_boundary(LONGEST)).unwrap_or_default();
    Finding::failed(
        Code::WrongAnswer,
        format!("`{task}` says: {}", short.escape_debug()),
        "see what the message is about: the ticket (`kerberos.ticket`), the network, the driver; then run the task \
         again",
    )
}

async fn call(scope: &Scope, connection: &mut Connection) -> Result<Finding, AmqpError> {
    let celery = &scope.config().celery;
    let queue = &celery.reporting_queue;
    let call = Call::new(&celery.reporting_task, Vec::new(), LIFETIME);
    let sent = Instant::now();
    let returned = call.make(connection, queue, scope.context().clock.now(), || ()).await?;
    let ms = (sent.elapsed().as_secs_f64() * 1000.0).round();
    let judged =
        |value: Value| judge(&value, &celery.reporting_task).measured(Measurement::new("took", ms, "ms"));
    Ok(returned.map_or_else(|finding| finding, judged))
}

async fn look(scope: &Scope) -> Result<Finding, Finding> {
    let config = scope.config();
    let patience = scope.remaining().saturating_sub(MARGIN);
    let mut connection = Connection::open(scope, &config.broker).await?;
    let queue = &config.celery.reporting_queue;
    let called = timeout(patience, call(scope, &mut connection)).await;
    connection.close().await;
    match called {
        Ok(Ok(finding)) => Ok(finding),
        Ok(Err(error)) if error.is_not_found() => Err(no_queue(queue)),
        Ok(Err(error)) => Err(error.finding(&config.broker.server)),
        Err(_) => Err(Finding::failed(
            Code::Timeout,
            format!(
                "`{}` gave no answer within {:.1} s, though the workers of `{queue}` do other tasks",
                config.celery.reporting_task,
                patience.as_secs_f64()
            ),
            "the reporting database or the way to it hangs: see `reporting-db.query` and the worker's log",
        )),
    }
}

#[async_trait]
impl Check for CeleryReportingDb {
    fn spec(&self) -> &CheckSpec {
        &self.spec
    }

    async fn look(&self, scope: &Scope) -> Vec<Finding> {
        if self.mood.is_busy() {
            let queue = &scope.config().celery.reporting_queue;
            let why = format!("not asked: the workers of `{queue}` are busy, as `celery.queue.{queue}` says");
            return vec![Finding::skipped(Code::Busy, why)];
        }
        vec![look(scope).await.unwrap_or_else(|finding| finding)]
    }
}

#[cfg(test)]
mod tests {
    use coursys_ops_core::model::Status;
    use serde_json::json;

    use super::*;

    #[test]
    fn nothing_is_good_and_anything_else_is_told() {
        assert_eq!(judge(&Value::Null, "t").status, Status::Passed);
        let finding = judge(&json!("login failed\nfor user"), "t");
        assert_eq!(finding.code, Code::WrongAnswer);
        assert_eq!(finding.message, "`t` says: login failed\\nfor user");
        assert_eq!(judge(&json!({"a": 1}), "t").code, Code::WrongAnswer);
        assert!(judge(&json!("ü".repeat(1000)), "t").message.len() < 400);
    }
}
