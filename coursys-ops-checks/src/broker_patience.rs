//! How long those wait for RabbitMQ who have more to do than to ask it: it may take connections and say nothing.

use std::time::Duration;

use coursys_ops_core::Scope;
use coursys_ops_core::model::{Code, Finding};

/// What is left of the time of whoever asks when the broker is given up, to say so.
const LAST_WORDS: Duration = Duration::from_secs(3);

/// Has a conversation with the broker, in this time at most, and never until the end of the caller's.
///
/// # Errors
///
/// Those of the conversation, or the finding that says that the broker does not answer, code `timeout`.
pub(crate) async fn in_time<T>(
    scope: &Scope,
    most: Duration,
    conversation: impl Future<Output = Result<T, Finding>>,
) -> Result<T, Finding> {
    let patience = most.min(scope.remaining().saturating_sub(LAST_WORDS));
    let ended = tokio::time::timeout(patience, conversation).await;
    ended.unwrap_or_else(|_| Err(silent(scope, patience)))
}

fn silent(scope: &Scope, patience: Duration) -> Finding {
    let place = scope.config().broker.server.place();
    let message = format!("RabbitMQ at {place} gives no answer within {:.0} s", patience.as_secs_f64());
    Finding::failed(
        Code::Timeout,
        message,
        "`coursys-ops service rabbitmq logs` shows what it says; restart it",
    )
}

/// Whether a broker does not run, so that nobody gets anything through it. One that is silent, or does not let us in, may
/// serve others.
#[must_use]
pub(crate) const fn is_down(finding: &Finding) -> bool {
    matches!(finding.code, Code::Refused | Code::NoSocket | Code::NotRunning)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_broker_that_does_not_run_serves_nobody() {
        let is_down = |code| is_down(&Finding::failed(code, "what", "hint"));
        for code in [Code::Refused, Code::NoSocket, Code::NotRunning] {
            assert!(is_down(code), "{code:?}");
        }
        for code in [
            Code::Timeout,
            Code::AccessDenied,
            Code::Garbage,
            Code::ConnectionLost,
            Code::NoSuchVhost,
            Code::TryLater,
            Code::UnknownHost,
            Code::Unreachable,
            Code::NotConfigured,
        ] {
            assert!(!is_down(code), "{code:?}");
        }
    }
}
