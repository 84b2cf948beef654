//! `emplid.api`: the student number of a user can be had.

use std::time::Duration;

use async_trait::async_trait;
use coursys_ops_core::glob::glob_matches;
use coursys_ops_core::model::{CheckSpec, Code, Finding, Measurement};
use coursys_ops_core::secret::Secret;
use coursys_ops_core::{Check, Scope};
use serde_json::Value;

use crate::garbage;
use crate::http::{Request, send};
use crate::outside::{INTERVAL, Service, Way, form, secret};

/// One request.
const TIMEOUT: Duration = Duration::from_secs(6);

const EXPLANATION: &str = "\
Asks the API at `emplid.url` for the student number of the user `emplid.probe_user`, who is known there, and compares what \
comes with `emplid.expected`. The secret by which the API knows the site goes in the query of the address, as the site itself \
sends it; so that address is never shown, not even in an error.

The site asks it when somebody logs in whom it does not know yet, and when staff add people by their user name. Without it \
they are unknown, or worse: with a wrong answer they are somebody else.

When it fails: `access_denied` is about the secret (`emplid.secret_file`), which is the site's `EMPLID_API_SECRET`; compare \
the two. `not_found` means that user or path are unknown there: correct `emplid.probe_user`, or `emplid.url`. \
`wrong_answer` with a good status means that the number has another form than it had: look at the answer before you change \
`emplid.expected`, because the site stores it.";

/// The check.
pub(crate) struct EmplidApi(CheckSpec);

impl EmplidApi {
    /// The check.
    pub(crate) fn new() -> Self {
        Self(
            CheckSpec::new("emplid.api", "Emplid API")
                .component("emplid")
                .timeout(TIMEOUT)
                .interval(INTERVAL)
                .timeout_hint(
                    "the API does not answer in time: ask whoever runs it, and look at firewalls between",
                )
                .explanation(EXPLANATION),
        )
    }
}

#[async_trait]
impl Check for EmplidApi {
    fn spec(&self) -> &CheckSpec {
        &self.0
    }

    async fn look(&self, scope: &Scope) -> Vec<Finding> {
        vec![look(scope).await.unwrap_or_else(|failed| failed)]
    }
}

async fn look(scope: &Scope) -> Result<Finding, Finding> {
    const ASKED: &str = "a number";
    let emplid = &scope.config().emplid;
    let service = Service::new(Way {
        name: "the emplid API",
        key: "emplid.url",
        url: emplid.url.as_deref(),
        proxy_key: "emplid.proxy",
        proxy: emplid.proxy.as_deref(),
        tls_ca_file: emplid.tls_ca_file.as_deref(),
    })?;
    let secret = secret(&emplid.secret, "emplid.secret")?;
    let query = form(&[("art", secret.expose()), ("username", &emplid.probe_user)]);
    let request = Request::get(service.url.path()).secret_query(Secret::new(query));
    let answer = send(scope, &service.target, &request).await?;
    if answer.status != 200 {
        return Err(service.refused(&answer, ASKED));
    }
    let number = number(&answer.body).map_err(|why| service.garbage(ASKED, why))?;
    let took = Measurement::new("answer", answer.took_ms(), "ms");
    Ok(judge(number.as_deref(), &emplid.probe_user, &emplid.expected).measured(took))
}

/// The number in an answer; nothing when it has none.
fn number(body: &[u8]) -> Result<Option<String>, &'static str> {
    let Ok(Value::Object(answer)) = serde_json::from_slice(body) else {
        return Err("it is no object in JSON");
    };
    match answer.get("sfuid") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(number)) => Ok(Some(number.clone())),
        Some(Value::Number(number)) => Ok(Some(number.to_string())),
        Some(_) => Err("its `sfuid` is no number"),
    }
}

fn judge(number: Option<&str>, user: &str, expected: &str) -> Finding {
    match number {
        Some(number) if glob_matches(expected, number) => {
            Finding::passed(format!("the emplid API knows the number of `{user}`"))
        }
        Some(number) => Finding::failed(
            Code::WrongAnswer,
            format!(
                "the emplid API says that the number of `{user}` is `{}`, which is not like `{expected}`",
                garbage::excerpt(number.as_bytes())
            ),
            "find out which is right before anybody logs in; then correct `emplid.expected`, or tell whoever runs the API",
        ),
        None => Finding::failed(
            Code::NotFound,
            format!("the emplid API has no number of `{user}`"),
            "set `emplid.probe_user` to somebody who is known there",
        ),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn code(body: &[u8]) -> Code {
        number(body).map_or(Code::Garbage, |number| judge(number.as_deref(), "ggbaker", "2000*").code)
    }

    #[test]
    fn a_number_is_a_number_or_a_text_and_looks_as_expected() {
        assert_eq!(code(br#"{"sfuid": "200012345"}"#), Code::Ok);
        assert_eq!(code(br#"{"sfuid": 200012345}"#), Code::Ok);
        assert_eq!(code(br#"{"sfuid": "301000000"}"#), Code::WrongAnswer);
        assert_eq!(code(br#"{"sfuid": ""}"#), Code::WrongAnswer);
        assert_eq!(code(br#"{"error": "no such user"}"#), Code::NotFound);
        assert_eq!(code(br#"{"sfuid": null}"#), Code::NotFound);
        for garbage in [&b""[..], b"[]", b"<html>", br#"{"sfuid": []}"#, b"\xff"] {
            assert_eq!(code(garbage), Code::Garbage, "{}", garbage.escape_ascii());
        }
    }

    proptest! {
        #[test]
        fn no_answer_makes_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), text in ".*") {
            code(&bytes);
            code(format!(r#"{{"sfuid": {text:?}}}"#).as_bytes());
        }
    }
}
