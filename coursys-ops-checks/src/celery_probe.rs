//! A task that proves a queue's workers alive, as Celery's messages are (protocol 2).

use coursys_ops_core::model::{Code, Finding};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::amqp::{Message, Request};
use crate::garbage::excerpt;

/// After so long nobody waits for the answer any more: the broker drops the probe at the head of its queue, and
/// a worker that took it before discards it.
const LIFETIME: SignedDuration = SignedDuration::from_secs(5);

/// Built into every Celery worker; touches nothing and returns its arguments.
const TASK: &str = "celery.accumulate";

/// One probe: a task with arguments that nobody can guess.
#[derive(Debug, Clone)]
pub struct Probe {
    id: String,
    token: String,
    number: u32,
}

/// What an answer says.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// It is the right answer.
    Right,
    /// The task goes on.
    NotYet,
    /// It answers another request.
    Stray,
    /// It is wrong, and this is why.
    Wrong(Finding),
}

/// A result as Celery's `rpc://` backend sends it.
#[derive(Deserialize)]
struct Answer {
    task_id: Option<String>,
    status: String,
    #[serde(default)]
    result: Value,
}

impl Probe {
    /// A new one.
    #[must_use]
    pub fn new() -> Self {
        let (id, token) = (Uuid::new_v4(), Uuid::new_v4());
        let number = token.as_fields().0;
        Self { id: id.to_string(), token: token.to_string(), number }
    }

    /// The message to send.
    #[must_use]
    pub fn request(&self, now: Timestamp) -> Request {
        let expires = now.checked_add(LIFETIME).unwrap_or(now);
        // Python's `fromisoformat` before 3.11 knows no `Z`.
        let expires = format!("{}+00:00", expires.strftime("%Y-%m-%dT%H:%M:%S.%6f"));
        let embed = json!({"callbacks": null, "errbacks": null, "chain": null, "chord": null});
        Request {
            headers: vec![
                ("lang", "py".to_owned()),
                ("task", TASK.to_owned()),
                ("id", self.id.clone()),
                ("expires", expires),
            ],
            correlation_id: self.id.clone(),
            expiration_ms: u32::try_from(LIFETIME.as_millis()).unwrap_or(u32::MAX),
            body: json!([self.arguments(), {}, embed]).to_string().into_bytes(),
        }
    }

    fn arguments(&self) -> Value {
        json!([self.token, self.number])
    }

    /// Judges an answer.
    #[must_use]
    pub fn judge(&self, message: &Message) -> Verdict {
        if message.correlation_id.as_deref() != Some(self.id.as_str()) {
            return Verdict::Stray;
        }
        let Ok(answer) = serde_json::from_slice::<Answer>(&message.body) else {
            return Verdict::Wrong(self.garbage(message));
        };
        if answer.task_id.is_some_and(|id| id != self.id) {
            return Verdict::Stray;
        }
        match answer.status.as_str() {
            "SUCCESS" if answer.result == self.arguments() => Verdict::Right,
            "SUCCESS" => {
                Verdict::Wrong(wrong_answer(&format!("`{TASK}` returned other values than it was given")))
            }
            "PENDING" | "RECEIVED" | "STARTED" | "RETRY" => Verdict::NotYet,
            "FAILURE" => Verdict::Wrong(failure(&answer.result)),
            "REVOKED" => Verdict::Wrong(Finding::failed(
                Code::ClockOff,
                "the worker discarded the probe as expired, within seconds of its sending",
                "compare the clock of the worker's machine with this one's",
            )),
            status => Verdict::Wrong(Finding::failed(
                Code::Garbage,
                format!(
                    "the answer has the status `{}`, which Celery does not know",
                    excerpt(status.as_bytes())
                ),
                CONSUMERS,
            )),
        }
    }

    fn garbage(&self, message: &Message) -> Finding {
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
}

impl Default for Probe {
    fn default() -> Self {
        Self::new()
    }
}

/// What to do about an answer that no worker of Celery's gives.
const CONSUMERS: &str = "see who consumes this queue (`rabbitmqctl list_consumers`), and that the workers' `result_serializer` is `json`";

/// An answer came, but not to what was asked.
#[must_use]
pub fn wrong_answer(what: &str) -> Finding {
    Finding::failed(Code::WrongAnswer, what, CONSUMERS)
}

fn failure(result: &Value) -> Finding {
    let text = |key: &str| result.get(key).and_then(Value::as_str).unwrap_or_default();
    let kind = text("exc_type");
    if kind == "NotRegistered" {
        return Finding::failed(
            Code::NotRegistered,
            format!("the worker does not know the task `{TASK}`, which every Celery worker has"),
            CONSUMERS,
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
        format!("the probe's task failed: {}: {}", excerpt(kind.as_bytes()), excerpt(message.as_bytes())),
        "read the worker's log",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(probe: &Probe, body: &str) -> Message {
        Message {
            content_type: Some("application/json".to_owned()),
            correlation_id: Some(probe.id.clone()),
            body: body.as_bytes().to_vec(),
        }
    }

    fn code(probe: &Probe, body: &str) -> Code {
        match probe.judge(&message(probe, body)) {
            Verdict::Wrong(finding) => finding.code,
            verdict => panic!("{verdict:?}"),
        }
    }

    #[test]
    fn only_the_right_values_to_the_right_message_are_right() {
        let probe = Probe::new();
        let good = json!({"task_id": probe.id, "status": "SUCCESS", "result": probe.arguments()}).to_string();
        assert_eq!(probe.judge(&message(&probe, &good)), Verdict::Right);
        let other = Probe::new();
        let stray = Message { correlation_id: Some(other.id.clone()), ..message(&probe, &good) };
        assert_eq!(probe.judge(&stray), Verdict::Stray);
        let stray =
            json!({"task_id": other.id, "status": "SUCCESS", "result": probe.arguments()}).to_string();
        assert_eq!(probe.judge(&message(&probe, &stray)), Verdict::Stray);
        let values =
            json!({"task_id": probe.id, "status": "SUCCESS", "result": other.arguments()}).to_string();
        assert_eq!(code(&probe, &values), Code::WrongAnswer);
    }

    #[test]
    fn a_task_that_only_began_is_waited_for() {
        let probe = Probe::new();
        for status in ["STARTED", "RETRY", "RECEIVED"] {
            let body = json!({"task_id": probe.id, "status": status, "result": {"pid": 1}}).to_string();
            assert_eq!(probe.judge(&message(&probe, &body)), Verdict::NotYet);
        }
    }

    #[test]
    fn failures_are_told_apart() {
        let probe = Probe::new();
        for (body, expected) in [
            (
                json!({"status": "FAILURE", "result": {"exc_type": "NotRegistered", "exc_message": ["x"]}}),
                Code::NotRegistered,
            ),
            (
                json!({"status": "FAILURE", "result": {"exc_type": "KeyError", "exc_message": "x"}}),
                Code::TaskFailed,
            ),
            (json!({"status": "FAILURE", "result": null}), Code::TaskFailed),
            (json!({"status": "REVOKED", "result": {"exc_type": "TaskRevokedError"}}), Code::ClockOff),
            (json!({"status": "DANCING"}), Code::Garbage),
            (json!([1, 2]), Code::Garbage),
        ] {
            assert_eq!(code(&probe, &body.to_string()), expected, "{body}");
        }
        assert_eq!(code(&probe, "\u{80}\u{4}not json"), Code::Garbage);
    }

    #[test]
    fn the_message_is_one_that_celery_runs_and_forgets() {
        let probe = Probe::new();
        let request = probe.request("2026-11-22T10:00:00.5Z".parse().unwrap());
        assert_eq!(request.correlation_id, probe.id);
        assert_eq!(request.expiration_ms, 5000);
        let header = |name: &str| request.headers.iter().find(|(key, _)| *key == name).unwrap().1.clone();
        assert_eq!(header("expires"), "2026-11-22T10:00:05.500000+00:00");
        assert_eq!(
            (header("lang"), header("task"), header("id")),
            ("py".into(), TASK.into(), probe.id.clone())
        );
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        assert_eq!(body[0], probe.arguments());
        assert_eq!(body[1], json!({}));
        assert_eq!(body[2]["chord"], Value::Null);
    }
}
