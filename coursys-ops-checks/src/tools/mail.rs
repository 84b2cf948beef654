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

/// What the site's Python does.
const PROGRAM: &str = include_str!("mail.py");

/// By this name Python tells that a text has characters for which it knows no bytes.
const NOT_ENCODED: &str = "UnicodeEncodeError";

/// How it went.
#[derive(Debug, Deserialize)]
struct Answer {
    backend: String,
    state: String,
    error: Option<String>,
    /// What of the account at the mail server has letters outside ASCII: `user`, `password`.
    beyond_ascii: Vec<String>,
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
    let Answer { backend, state, error, beyond_ascii, seconds } = answer;
    if let Some(finding) = not_encoded(error.as_deref(), &beyond_ascii) {
        return Err(finding);
    }
    let why = error.map_or_else(String::new, |error| format!(": {}", excerpt(error.as_bytes())));
    let backend = excerpt(backend.as_bytes());
    match state.as_str() {
        "SUCCESS" => Ok(Posted { by_worker: true, backend, seconds }),
        "SENT" => Ok(Posted { by_worker: false, backend, seconds }),
        "RETRY" | "UNSENT" => Err(Finding::failed(
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
        "REFUSED" => Err(Finding::failed(
            Code::SiteFailed,
            format!("the site could not send the mail, or hand it over to a worker{why}"),
            "look at the mail server with `coursys-ops check email.smtp`, at the broker with `coursys-ops check \
             broker.connection`, and at `EMAIL_*` in the site's settings",
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

/// Python's `smtplib` has no letters outside ASCII for a login, whatever the mail server would take: the one cause that the
/// mail server's own check cannot find, because that one does.
fn not_encoded(error: Option<&str>, beyond_ascii: &[String]) -> Option<Finding> {
    let first = beyond_ascii.first().filter(|_| error.is_some_and(|error| error.contains(NOT_ENCODED)))?;
    let (what, setting) = match first.as_str() {
        "user" => ("account", "EMAIL_HOST_USER"),
        _ => ("password", "EMAIL_HOST_PASSWORD"),
    };
    Some(Finding::failed(
        Code::BadConfiguration,
        format!(
            "the mail {what} has characters that Python's smtplib cannot send: it logs in with ASCII only, so that the site \
             sends no mail"
        ),
        format!(
            "give the {what} characters of ASCII alone, at the mail server and in the site's `{setting}`"
        ),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(state: &str) -> Result<bool, Code> {
        let answer = Answer {
            backend: "x.Y".into(),
            state: state.into(),
            error: Some("no\x1b".into()),
            beyond_ascii: vec!["password".into()],
            seconds: 1.0,
        };
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
        assert_eq!(outcome("UNSENT"), Err(Code::TryLater), "the task is done, and the mail is not");
        assert_eq!(outcome("REFUSED"), Err(Code::SiteFailed));
    }

    #[test]
    fn an_account_that_python_cannot_send_is_the_cause_only_when_python_says_so() {
        let error = "UnicodeEncodeError: 'ascii' codec can't encode character";
        let password = ["password".to_owned()];
        let finding = not_encoded(Some(error), &password).unwrap();
        assert_eq!(finding.code, Code::BadConfiguration);
        assert!(
            finding.message.contains("the mail password has characters that Python's smtplib cannot send")
        );
        assert!(finding.hint.unwrap().contains("EMAIL_HOST_PASSWORD"));
        let finding = not_encoded(Some(error), &["user".to_owned(), "password".to_owned()]).unwrap();
        assert!(finding.message.contains("the mail account"), "{}", finding.message);
        assert!(not_encoded(Some("SMTPAuthenticationError: (535, ...)"), &password).is_none());
        assert!(not_encoded(Some(error), &[]).is_none(), "it is about something else");
        assert!(not_encoded(None, &password).is_none());
    }
}
