//! A task that proves a queue's workers alive.

use coursys_ops_core::model::Finding;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::amqp::{Message, Request};
use crate::celery_call::{Call, Reply, wrong_answer};

/// How long a probe lives.
const LIFETIME: SignedDuration = SignedDuration::from_secs(5);

/// Built into every Celery worker; touches nothing and returns its arguments.
pub const TASK: &str = "celery.accumulate";

/// One probe: a task with arguments that nobody can guess.
#[derive(Debug, Clone)]
pub struct Probe(Call);

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

impl Probe {
    /// A new one.
    #[must_use]
    pub fn new() -> Self {
        let token = Uuid::new_v4();
        Self(Call::new(TASK, vec![json!(token.to_string()), json!(token.as_fields().0)], LIFETIME))
    }

    /// The message to send.
    #[must_use]
    pub fn request(&self, now: Timestamp) -> Request {
        self.0.request(now)
    }

    /// Judges an answer.
    #[must_use]
    pub fn judge(&self, message: &Message) -> Verdict {
        match self.0.read(message) {
            Reply::Returned(Value::Array(values)) if values == self.0.arguments() => Verdict::Right,
            Reply::Returned(_) => {
                Verdict::Wrong(wrong_answer(&format!("`{TASK}` returned other values than it was given")))
            }
            Reply::NotYet => Verdict::NotYet,
            Reply::Stray => Verdict::Stray,
            Reply::Failed(finding) => Verdict::Wrong(finding),
        }
    }
}

impl Default for Probe {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use coursys_ops_core::model::Code;

    use super::*;

    #[test]
    fn only_its_own_arguments_come_back_right() {
        let (probe, other) = (Probe::new(), Probe::new());
        let answer = |result: &[Value]| Message {
            correlation_id: Some(probe.request(Timestamp::UNIX_EPOCH).correlation_id),
            body: json!({"status": "SUCCESS", "result": result}).to_string().into_bytes(),
            ..Message::default()
        };
        assert_eq!(probe.judge(&answer(probe.0.arguments())), Verdict::Right);
        let verdict = probe.judge(&answer(other.0.arguments()));
        assert!(
            matches!(&verdict, Verdict::Wrong(finding) if finding.code == Code::WrongAnswer),
            "{verdict:?}"
        );
        assert_eq!(other.judge(&answer(other.0.arguments())), Verdict::Stray);
    }
}
