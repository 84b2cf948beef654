//! `cas.login`: users can log in.

use std::time::Duration;

use async_trait::async_trait;
use coursys_ops_core::model::{CheckSpec, Code, Finding, Measurement};
use coursys_ops_core::{Check, Scope};
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use crate::garbage;
use crate::http::{Request, send};
use crate::outside::{INTERVAL, Service, Way, form};

/// Two requests to a server that redirects nobody in between.
const TIMEOUT: Duration = Duration::from_secs(8);

/// A ticket that no CAS server has given out; what it looks like, `ST-` and 32 characters at most, is in CAS' protocol.
const TICKET: &str = "ST-0-coursysopsprobe";

/// What a login page has that asks for a password.
const FORM: [&str; 2] = ["<form", "password"];

const EXPLANATION: &str = "\
Asks the CAS server at `web.cas_url` for its login page, which must come with status 200 and a form for a password, and then \
lets it validate a ticket that does not exist: it must answer `INVALID_TICKET`, in XML, as the protocol of CAS 2 and 3 says. \
So both halves of a login are tried without anybody's password: the page that users see, and the question that the site asks \
behind their backs. Redirects are not followed, and no environment variable sends the requests through a proxy; `cas.proxy` \
does.

Who is logged in already stays so. Without CAS nobody else gets in.

When it fails: whoever runs CAS knows best; look first whether a browser gets the page. `rejected` means that the server does \
not know the site: it compares the address in `cas.service`, or `/login/` of the first of `web.hosts`, with its list of \
services. `wrong_answer` at the login page means that users are sent somewhere else to log in; then `web.cas_url` and the \
site's `CAS_SERVER_URL` may be out of date. TLS errors are the site's, too: its Python would refuse the same certificate.";

/// The check.
pub(crate) struct CasLogin(CheckSpec);

impl CasLogin {
    /// The check.
    pub(crate) fn new() -> Self {
        Self(
            CheckSpec::new("cas.login", "CAS login")
                .component("cas")
                .timeout(TIMEOUT)
                .interval(INTERVAL)
                .timeout_hint("the CAS server does not answer in time: ask whoever runs it, and look at firewalls between")
                .explanation(EXPLANATION),
        )
    }
}

#[async_trait]
impl Check for CasLogin {
    fn spec(&self) -> &CheckSpec {
        &self.0
    }

    async fn look(&self, scope: &Scope) -> Vec<Finding> {
        look(scope).await.unwrap_or_else(|failed| vec![failed])
    }
}

async fn look(scope: &Scope) -> Result<Vec<Finding>, Finding> {
    let config = scope.config();
    let cas = Service::new(Way {
        name: "the CAS server",
        key: "web.cas_url",
        url: config.web.cas_url.as_deref(),
        proxy_key: "cas.proxy",
        proxy: config.cas.proxy.as_deref(),
        tls_ca_file: config.cas.tls_ca_file.as_deref(),
    })?;
    let page = page(scope, &cas).await?.about("login page");
    let site = config.cas.service.clone();
    let first = || config.web.hosts.first().map(|host| format!("https://{host}/login/"));
    let validated = match site.or_else(first) {
        Some(site) => validation(scope, &cas, &site).await.unwrap_or_else(|failed| failed),
        None => Finding::not_configured("cas.service"),
    };
    Ok(vec![page, validated.about("validation")])
}

/// The page that users see.
async fn page(scope: &Scope, cas: &Service) -> Result<Finding, Finding> {
    const ASKED: &str = "its login page";
    let answer = send(scope, &cas.target, &Request::get(cas.url.below("login").path())).await?;
    if answer.status != 200 {
        return Ok(cas.refused(&answer, ASKED));
    }
    let text = answer.text().to_lowercase();
    let took = Measurement::new("login_page", answer.took_ms(), "ms");
    if FORM.iter().all(|word| text.contains(word)) {
        return Ok(Finding::passed("the CAS server has a login page").measured(took));
    }
    Ok(Finding::failed(
        Code::WrongAnswer,
        "the login page of the CAS server has no form for a password",
        "look at it with a browser; if it is another page, correct `web.cas_url`",
    )
    .measured(took))
}

/// The question that the site asks when a user comes back.
async fn validation(scope: &Scope, cas: &Service, site: &str) -> Result<Finding, Finding> {
    const ASKED: &str = "the validation of a ticket";
    let query = form(&[("service", site), ("ticket", TICKET)]);
    let path = format!("{}?{query}", cas.url.below("serviceValidate").path());
    let answer = send(scope, &cas.target, &Request::get(path)).await?;
    if answer.status != 200 {
        return Ok(cas.refused(&answer, ASKED));
    }
    let verdict = verdict(&answer.body).map_err(|why| cas.garbage(ASKED, &why))?;
    let took = Measurement::new("validation", answer.took_ms(), "ms");
    Ok(judge(&verdict, site).measured(took))
}

/// What a CAS server says about a ticket.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    /// It is good.
    Success,
    /// It is not; the code says why.
    Failure(String),
}

/// Reads the XML of a validation.
fn verdict(body: &[u8]) -> Result<Verdict, String> {
    let text = std::str::from_utf8(body).map_err(|_| "it is not UTF-8".to_owned())?;
    let mut reader = Reader::from_str(text);
    loop {
        match reader.read_event() {
            Ok(Event::Start(element) | Event::Empty(element)) => match element.local_name().as_ref() {
                b"authenticationSuccess" => return Ok(Verdict::Success),
                b"authenticationFailure" => return code(&element).map(Verdict::Failure),
                b"serviceResponse" => {}
                _ => return Err(garbage::it_said(body)),
            },
            Ok(Event::Eof) => return Err(garbage::it_said(body)),
            Ok(_) => {}
            Err(error) => return Err(garbage::excerpt(error.to_string().as_bytes())),
        }
    }
}

fn code(element: &BytesStart<'_>) -> Result<String, String> {
    let attributes = element.attributes().flatten();
    let mut codes = attributes.filter(|attribute| attribute.key.local_name().as_ref() == b"code");
    let code = codes.next().ok_or_else(|| "a failure without its code".to_owned())?;
    Ok(String::from_utf8_lossy(&code.value).into_owned())
}

fn judge(verdict: &Verdict, site: &str) -> Finding {
    match verdict {
        Verdict::Success => Finding::failed(
            Code::WrongAnswer,
            "the CAS server takes a ticket for good that nobody has given out",
            "tell whoever runs it at once: anybody can log in as anybody, or it is no CAS server",
        ),
        Verdict::Failure(code) => match code.as_str() {
            "INVALID_TICKET" | "INVALID_TICKET_SPEC" => {
                Finding::passed("the CAS server validates tickets, and refuses one that does not exist")
            }
            "INVALID_SERVICE" | "UNAUTHORIZED_SERVICE" | "UNAUTHORIZED_SERVICE_PROXY" => Finding::failed(
                Code::Rejected,
                format!("the CAS server does not know the site as {site}: `{code}`"),
                "let whoever runs it add the site to its services, or correct `cas.service`",
            ),
            "INTERNAL_ERROR" => Finding::failed(
                Code::ServerError,
                "the CAS server cannot validate tickets: `INTERNAL_ERROR`",
                "ask whoever runs it",
            ),
            other => Finding::failed(
                Code::WrongAnswer,
                format!("the CAS server refuses a ticket with `{}`", garbage::excerpt(other.as_bytes())),
                "ask whoever runs it what that means",
            ),
        },
    }
}

#[cfg(test)]
#[path = "cas_login_tests.rs"]
mod tests;
