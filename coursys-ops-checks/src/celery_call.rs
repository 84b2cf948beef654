//! A call of a task, as Celery's messages are (protocol 2), and what its result says.

use coursys_ops_core::model::{Code, Finding};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::amqp::{AmqpError, Connection, Incoming, Message, Request};
use crate::garbage::excerpt;

/// One call of a task.
#[derive(Debug, Clone)]
pub struct Call {
    id: String,
    task: String,
    arguments: Vec<Value>,
    /// After so long nobody waits for the result any more: the broker drops the call at the head of its queue, and a
    /// worker that took it before discards it.
    lifetime: SignedDuration,
}

/// What a message says about a call.
#[derive(Debug, Clone, PartialEq)]
pub enum Reply {
    /// The task returned this.
    Returned(Value),
    /// The task goes on.
    NotYet,
    /// It answers another request.
    Stray,
    /// There will be no value, and this is why.
    Failed(Finding),
}

/// A result as Celery's `rpc://` backend sends it.
#[derive(Deserialize)]
struct Answer {
    task_id: Option<String>,
    status: String,
    #[serde(default)]
    result: Value,
}

impl Call {
    /// A call that nobody has made yet.
    #[must_use]
    pub fn new(task: &str, arguments: Vec<Value>, lifetime: SignedDuration) -> Self {
        Self { id: Uuid::new_v4().to_string(), task: task.to_owned(), arguments, lifetime }
    }

    /// By which id the nodes know it.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What it is called with.
    #[must_use]
    pub fn arguments(&self) -> &[Value] {
        &self.arguments
    }

    /// The message to send.
    #[must_use]
    pub fn request(&self, now: Timestamp) -> Request {
        let expires = now.checked_add(self.lifetime).unwrap_or(now);
        // Python's `fromisoformat` before 3.11 knows no `Z`.
        let expires = format!("{}+00:00", expires.strftime("%Y-%m-%dT%H:%M:%S.%6f"));
        let embed = json!({"callbacks": null, "errbacks": null, "chain": null, "chord": null});
        Request {
            headers: vec![
                ("lang", "py".to_owned()),
                ("task", self.task.clone()),
                ("id", self.id.clone()),
                ("expires", expires),
            ],
            correlation_id: self.id.clone(),
            expiration_ms: u32::try_from(self.lifetime.as_millis()).unwrap_or(u32::MAX),
            body: json!([self.arguments, {}, embed]).to_string().into_bytes(),
        }
    }

    /// Sends it to a queue and waits for what comes of it, for ever if need be. `stray` is told of answers to others.
    ///
    /// # Errors
    ///
    /// See [`AmqpError`]. That there will be no value is no error of the broker's: it is told as a finding.
    pub async fn make(
        &self,
        connection: &mut Connection,
        queue: &str,
        now: Timestamp,
        mut stray: impl FnMut(),
    ) -> Result<Result<Value, Finding>, AmqpError> {
        connection.request(queue, &self.request(now)).await?;
        loop {
            let incoming = connection.next().await?;
            if let Some(trouble) = incoming.trouble(queue) {
                return Ok(Err(trouble));
            }
            let Incoming::Message(message) = incoming else { continue };
            match self.read(&message) {
                Reply::Returned(value) => return Ok(Ok(value)),
                Reply::Failed(finding) => return Ok(Err(finding)),
                Reply::NotYet => {}
                Reply::Stray => stray(),
            }
        }
    }

    /// Reads an answer.
    #[must_use]
    pub fn read(&self, message: &Message) -> Reply {
        if message.correlation_id.as_deref() != Some(self.id.as_str()) {
            return Reply::Stray;
        }
        let Ok(answer) = serde_json::from_slice::<Answer>(&message.body) else {
            return Reply::Failed(garbage(message));
        };
        if answer.task_id.is_some_and(|id| id != self.id) {
            return Reply::Stray;
        }
        match answer.status.as_str() {
            "SUCCESS" => Reply::Returned(answer.result),
            "PENDING" | "RECEIVED" | "STARTED" | "RETRY" => Reply::NotYet,
            "FAILURE" => Reply::Failed(self.failure(&answer.result)),
            "REVOKED" => Reply::Failed(Finding::failed(
                Code::ClockOff,
                format!("the worker discarded `{}` as expired, within seconds of its sending", self.task),
                "compare the clock of the worker's machine with this one's",
            )),
            status => Reply::Failed(Finding::failed(
                Code::Garbage,
                format!(
                    "the answer has the status `{}`, which Celery does not know",
                    excerpt(status.as_bytes())
                ),
                CONSUMERS,
            )),
        }
    }

    fn failure(&self, result: &Value) -> Finding {
        let text = |key: &str| result.get(key).and_then(Value::as_str).unwrap_or_default();
        let kind = text("exc_type");
        if kind == "NotRegistered" {
            return Finding::failed(
                Code::NotRegistered,
                format!("the worker does not know the task `{}`", self.task),
                "restart the worker, which may run other code than the site; if that does not help, see who else \
                 consumes this queue (`rabbitmqctl list_consumers`)",
            );
        }
        // Older workers send the arguments of the exception as a list.
        let message = match result.get("exc_message") {
            Some(Value::String(message)) => message.clone(),
            Some(other) => other.to_string(),
            None => String::new(),
        };
        Finding::failed(
            Code::TaskFailed,
            format!(
                "the task `{}` failed: {}: {}",
                self.task,
                excerpt(kind.as_bytes()),
                excerpt(message.as_bytes())
            ),
            "read the worker's log",
        )
    }
}

fn garbage(message: &Message) -> Finding {
    let kind = message.content_type.as_deref().unwrap_or("an unknown type");
    Finding::failed(
        Code::Garbage,
        format!(
            "the answer, of {} bytes and {}, is no result of Celery's",
            message.body.len(),
            excerpt(kind.as_bytes())
        ),
        CONSUMERS,
    )
}

/// What to do about an answer that no worker of Celery's gives.
const CONSUMERS: &str = "see who consumes this queue (`rabbitmqctl list_consumers`), and that the workers' `result_serializer` is `json`";

/// An answer came, but not to what was asked.
#[must_use]
pub fn wrong_answer(what: &str) -> Finding {
    Finding::failed(Code::WrongAnswer, what, CONSUMERS)
}

#[cfg(test)]
#[path = "celery_call_tests.rs"]
mod tests;
