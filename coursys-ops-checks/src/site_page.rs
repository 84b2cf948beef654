//! Asking the site for a page, as checks do it: with a word who asks, and with little patience.

use std::time::Duration;

use coursys_ops_core::Scope;
use coursys_ops_core::model::{Code, Finding};
use hyper::Uri;
use hyper::header::HeaderName;

use crate::http::{Request, Response, Target, send};

/// By which the log of a request is found again.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Asks `target` for `path` of `host`.
///
/// # Errors
///
/// The finding that says why there is no answer; after `patience`, that there is none.
pub(crate) async fn ask(
    scope: &Scope,
    target: &Target,
    host: &str,
    path: &str,
    patience: Duration,
) -> Result<Response, Finding> {
    let id = format!("coursys-ops-{}", uuid::Uuid::new_v4());
    let request = Request::get(path).host(host).header(REQUEST_ID, &id);
    let answer = tokio::time::timeout(patience, send(scope, target, &request)).await;
    answer.unwrap_or_else(|_| {
        Err(Finding::failed(
            Code::Timeout,
            format!(
                "no answer from {} within {} s to {path} of `{host}`",
                target.place(),
                patience.as_secs()
            ),
            "it hangs, or all of its workers are busy: look at its log and its processes, then restart it",
        ))
    })
}

/// Whether an answer sends its reader to `path` of `host`. An address without a host stays where it is.
pub(crate) fn leads_to(answer: &Response, host: &str, path: &str) -> bool {
    let uri = answer.location().and_then(|location| location.parse::<Uri>().ok());
    uri.is_some_and(|uri| {
        uri.path() == path && uri.host().is_none_or(|named| named.eq_ignore_ascii_case(host))
    })
}
