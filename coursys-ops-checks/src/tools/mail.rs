//! A mail that goes the way of the site's own mails: by its settings, which hand it to Celery where they say so.

use std::time::Duration;

use coursys_ops_core::Scope;
use coursys_ops_core::model::{Code, Finding};
use serde::Deserialize;
use serde_json::json;

use crate::garbage::excerpt;
use crate::site_shell::ask_site;

/// What is left of the errand's time when the site stops waiting for the worker.
const MARGIN: Duration = Duration::from_secs(2);

/// The result of one mail is waited for by its state: a task that tries again later has none.
const PROGRAM: &str = r#"
import time
from django.core.mail import EmailMessage, get_connection
started = time.monotonic()
connection = get_connection()
sent = connection.send_messages([EmailMessage(ask["subject"], ask["body"], None, [ask["to"]])])
kind = type(connection)
answer = {"backend": kind.__module__ + "." + kind.__name__, "state": "SENT" if sent else "NOT SENT", "error": None}
if isinstance(sent, (list, tuple)):
    for result in sent:
        while True:
            state = result.state
            if state in ("SUCCESS", "FAILURE", "REVOKED", "RETRY") or time.monotonic() - started > ask["patience"]:
                break
            time.sleep(0.05)
        answer["state"] = state
        if state in ("FAILURE", "RETRY"):
            answer["error"] = str(result.result)[:300]
answer["seconds"] = time.monotonic() - started
"#;

/// How it went.
#[derive(Debug, Deserialize)]
struct Answer {
    backend: String,
    state: String,
    error: Option<String>,
    seconds: f64,
}

/// A mail that was sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Posted {
    /// Whether a worker sent it; else the site did by itself.
    pub by_worker: bool,
    /// Django's backend for mail.
    pub backend: String,
    /// From handing it over to the worker's word that it is sent, in seconds.
    pub seconds: f64,
}

/// Sends a mail through the site and waits until a worker has sent it.
///
/// # Errors
///
/// The finding that says what is wrong: the site, the queue, or the mail server as the worker sees it.
pub async fn post(scope: &Scope, to: &str) -> Result<Posted, Finding> {
    let patience = scope.remaining().saturating_sub(MARGIN).as_secs_f64();
    let body = format!(
        "Somebody ran `coursys-ops email-check` on {}, to see whether the site's mails are sent.\nThis one was. There is \
         nothing to do.\n",
        scope.context().caller.host
    );
    let question = json!({
        "to": to, "subject": "Test mail of coursys-ops, as the site sends its mails", "body": body, "patience": patience,
    });
    judge(ask_site(scope, PROGRAM, &question).await?)
}

fn judge(answer: Answer) -> Result<Posted, Finding> {
    let Answer { backend, state, error, seconds } = answer;
    let why = error.map_or_else(String::new, |error| format!(": {}", excerpt(error.as_bytes())));
    let backend = excerpt(backend.as_bytes());
    match state.as_str() {
        "SUCCESS" => Ok(Posted { by_worker: true, backend, seconds }),
        "SENT" => Ok(Posted { by_worker: false, backend, seconds }),
        "RETRY" => Err(Finding::failed(
            Code::TryLater,
            format!("the worker could not send the mail and tries again later{why}"),
            "look at the mail server with `coursys-ops check email.smtp`, and read the log of the worker of `email`",
        )),
        "FAILURE" => Err(Finding::failed(
            Code::TaskFailed,
            format!("the worker could not send the mail{why}"),
            "read the log of the worker of `email`",
        )),
        "REVOKED" => Err(Finding::failed(
            Code::TaskFailed,
            "the worker was told to throw the mail away",
            "somebody revoked the task: see who works on the site",
        )),
        "NOT SENT" => Err(Finding::failed(
            Code::Rejected,
            format!("the site's mail backend `{backend}` sent nothing and says nothing"),
            "look at `EMAIL_BACKEND` in the site's settings",
        )),
        _ => Err(Finding::failed(
            Code::Timeout,
            format!("the mail is in the queue, and no worker has sent it within {seconds:.0} s"),
            "see what holds the queue: `coursys-ops queues`, `coursys-ops check celery.queue.email`",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(state: &str) -> Result<bool, Code> {
        let answer =
            Answer { backend: "x.Y".into(), state: state.into(), error: Some("no\x1b".into()), seconds: 1.0 };
        judge(answer).map(|posted| posted.by_worker).map_err(|finding| {
            assert!(!finding.message.contains('\x1b'));
            finding.code
        })
    }

    #[test]
    fn only_what_was_sent_is_good() {
        assert_eq!(outcome("SUCCESS"), Ok(true));
        assert_eq!(outcome("SENT"), Ok(false));
        assert_eq!(outcome("PENDING"), Err(Code::Timeout));
        assert_eq!(outcome("STARTED"), Err(Code::Timeout));
        assert_eq!(outcome("RETRY"), Err(Code::TryLater));
        assert_eq!(outcome("FAILURE"), Err(Code::TaskFailed));
        assert_eq!(outcome("NOT SENT"), Err(Code::Rejected));
    }
}
