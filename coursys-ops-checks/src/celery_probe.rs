//! A task that proves a queue's workers alive.

use coursys_ops_core::model::Finding;
use jiff::SignedDuration;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::celery_call::{Call, wrong_answer};

/// How long a probe lives.
const LIFETIME: SignedDuration = SignedDuration::from_secs(5);

/// Built into every Celery worker; touches nothing and returns its arguments.
pub const TASK: &str = "celery.accumulate";

/// One probe: a task with arguments that nobody can guess.
#[derive(Debug, Clone)]
pub struct Probe(Call);

impl Probe {
    /// A new one.
    #[must_use]
    pub fn new() -> Self {
        let token = Uuid::new_v4();
        Self(Call::new(TASK, vec![json!(token.to_string()), json!(token.as_fields().0)], LIFETIME))
    }

    /// What to send.
    #[must_use]
    pub const fn call(&self) -> &Call {
        &self.0
    }

    /// Judges what the task returned.
    ///
    /// # Errors
    ///
    /// The finding that says that it is something else.
    pub fn judge(&self, value: &Value) -> Result<(), Finding> {
        match value {
            Value::Array(values) if values == self.0.arguments() => Ok(()),
            _ => Err(wrong_answer(&format!("`{TASK}` returned other values than it was given"))),
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
        assert_eq!(probe.judge(&json!(probe.0.arguments())), Ok(()));
        for wrong in [json!(other.0.arguments()), json!([]), json!(null)] {
            assert_eq!(probe.judge(&wrong).map_err(|finding| finding.code), Err(Code::WrongAnswer));
        }
    }
}
