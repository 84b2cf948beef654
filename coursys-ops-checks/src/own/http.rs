//! Kind `http`: a web server answers as it should.

use std::time::Instant;

use coursys_ops_core::Scope;
use coursys_ops_core::config::{OwnHttp, OwnUrl};
use coursys_ops_core::model::{Code, Finding, Measurement};
use coursys_ops_core::secret::Secret;
use hyper::Method;
use hyper::header::HeaderName;

use super::judge::{Looked, timed};
use crate::garbage;
use crate::http::{Request, Response, Target, send};

/// How much of a body is compared, in bytes.
const MOST: usize = 1 << 20;

/// A day, in seconds.
const DAY: f64 = 86_400.0;

/// What is asked, ready to be sent.
pub(super) struct Prepared {
    target: Target,
    request: Request,
}

impl Prepared {
    pub(super) fn new(http: &OwnHttp) -> Self {
        let OwnUrl { target, authority, .. } = &http.url;
        let (path, query) =
            target.split_once('?').map_or((target.as_str(), None), |(path, query)| (path, Some(query)));
        let mut request =
            Request::get(path).host(authority).at_most(if http.body.is_some() { MOST } else { 0 });
        if let Some(query) = query {
            request = request.secret_query(Secret::new(query));
        }
        if http.method == "HEAD" {
            request = request.method(Method::HEAD);
        }
        Self { target: Target::server(&http.server), request }
    }
}

pub(super) async fn look(scope: &Scope, http: &OwnHttp, ready: &Prepared) -> Looked {
    let started = Instant::now();
    let response = send(scope, &ready.target, &ready.request).await?;
    let shown = http.url.shown();
    if let Some(wrong) = status(http, &response, &shown)
        .or_else(|| redirect(http, &response, &shown))
        .or_else(|| headers(http, &response, &shown))
        .or_else(|| body(http, &response, &shown))
    {
        return Err(wrong);
    }
    let mut findings = vec![timed(format!("{shown} answers {}", response.status), started, &http.latency)];
    if http.certificate.warn.or(http.certificate.crit).is_some() {
        findings.push(certificate(scope, http).await?);
    }
    Ok(findings)
}

fn status(http: &OwnHttp, response: &Response, shown: &str) -> Option<Finding> {
    if http.status.contains(&response.status) {
        return None;
    }
    let wanted = http.status.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or ");
    let to = response.location().map(|to| format!(", to `{}`", without_query(to))).unwrap_or_default();
    let hint = match response.status {
        300..=399 => "expect the redirect (`redirect`), or correct `url`",
        401 | 403 => "the server wants a login or does not let this machine in: look at its configuration",
        404 | 410 => "there is no such page: correct `url`, or look whether the right server answers",
        500..=599 => "the server, or what is behind it, fails: read its log",
        _ => "look at the server's log, or correct `status`",
    };
    let message = format!("{shown} answers {}{to}, expected {wanted}", response.status);
    Some(Finding::failed(Code::WrongStatus, message, hint))
}

/// An address without its query, which may hold a secret, and no longer than helps.
fn without_query(address: &str) -> String {
    garbage::excerpt(address.split(['?', '#']).next().unwrap_or(address).as_bytes())
}

fn redirect(http: &OwnHttp, response: &Response, shown: &str) -> Option<Finding> {
    let wanted = http.redirect.as_ref()?;
    let message = match response.location() {
        Some(to) if wanted.is_match(to.as_bytes()) => return None,
        Some(to) => format!(
            "{shown} redirects to `{}`, which does not match `{}`",
            without_query(to),
            wanted.as_str()
        ),
        None => format!("{shown} answers {} without a `Location`", response.status),
    };
    Some(Finding::failed(Code::WrongAnswer, message, "look at the server's redirects, or correct `redirect`"))
}

fn headers(http: &OwnHttp, response: &Response, shown: &str) -> Option<Finding> {
    http.header.iter().find_map(|(name, wanted)| {
        // A name that can be none is none of the answer's.
        let known = HeaderName::from_bytes(name.as_bytes()).ok();
        let mut values = known.iter().flat_map(|name| response.headers.get_all(name));
        if values.any(|value| wanted.is_match(value.as_bytes())) {
            return None;
        }
        let first = known.as_ref().and_then(|name| response.headers.get(name));
        let is = first.map_or_else(
            || "is missing".to_owned(),
            |value| format!("is `{}`", garbage::excerpt(value.as_bytes())),
        );
        let message =
            format!("the header `{name}` of {shown} {is}, which does not match `{}`", wanted.as_str());
        Some(Finding::failed(
            Code::WrongAnswer,
            message,
            "look at the server's configuration, or correct `header`",
        ))
    })
}

fn body(http: &OwnHttp, response: &Response, shown: &str) -> Option<Finding> {
    let wanted = http.body.as_ref()?;
    if wanted.is_match(&response.body) {
        return None;
    }
    let part = if response.truncated { "the first MiB of " } else { "" };
    let begins = garbage::excerpt(&response.body);
    let message = format!("{part}{shown} does not match `{}`; it begins `{begins}`", wanted.as_str());
    Some(Finding::failed(
        Code::WrongAnswer,
        message,
        "look at the page in a browser: another one answers, or correct `body`",
    ))
}

/// How long the certificate is valid still: the connection before has shown that it is good.
async fn certificate(scope: &Scope, http: &OwnHttp) -> Result<Finding, Finding> {
    let server = &http.server;
    let presented = scope.certificates(server).await.map_err(|error| error.finding(server))?;
    let days = presented.chain.first().and_then(|certificate| {
        let end: i64 =
            x509_parser::parse_x509_certificate(certificate).ok()?.1.validity().not_after.timestamp();
        #[allow(clippy::cast_precision_loss, reason = "seconds of this era have 31 bits")]
        Some((end - scope.context().clock.now().as_second()) as f64 / DAY)
    });
    let Some(days) = days else {
        let message = format!("the certificate of {} cannot be read", server.place());
        return Err(Finding::unknown(Code::TlsFailed, message));
    };
    let message = format!("the certificate of {} is valid for {days:.0} days", server.place());
    let hint = "renew it now, and look why what should renew it by itself has not";
    let limits = &http.certificate;
    let finding = if limits.crit.is_some_and(|limit| days < limit) {
        Finding::failed(Code::ExpiresSoon, message, hint)
    } else if limits.warn.is_some_and(|limit| days < limit) {
        Finding::warning(Code::ExpiresSoon, message, hint)
    } else {
        Finding::passed(message)
    };
    let figure = Measurement::new("certificate_days", days, "days");
    Ok(finding.measured(Measurement { warn: limits.warn, crit: limits.crit, ..figure }))
}
