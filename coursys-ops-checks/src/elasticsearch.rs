//! What both search checks ask Elasticsearch, 5.6 and 7.17 alike, by its own client library.

use coursys_ops_core::Scope;
use coursys_ops_core::config::Server;
use coursys_ops_core::model::{Code, Finding};
use coursys_ops_core::net::Relay;
use elasticsearch::auth::Credentials;
use elasticsearch::http::Url;
use elasticsearch::http::headers::{HOST, HeaderValue};
use elasticsearch::http::response::Response;
use elasticsearch::http::transport::{SingleNodeConnectionPool, TransportBuilder};
use elasticsearch::{Elasticsearch, Error};
use serde_json::Value;

use crate::login::Login;
use crate::{broken, garbage};

/// How long a node may wait for a master; by itself it does for half a minute.
pub(crate) const MASTER_TIMEOUT: &str = "1s";

/// The longest answer that is read, in bytes: what probes ask for has a few hundred. The library unpacks what is packed,
/// a thousandfold at most, before anybody sees it.
const LONGEST_ANSWER: u64 = 64 << 10;

/// Makes one request, over a connection of its own: what stands between may close it after each answer. Returns the status
/// and the JSON that came back.
///
/// # Errors
///
/// The finding that says why there is no answer, also when the user may not see it.
pub(crate) async fn ask<F>(
    scope: &Scope,
    request: impl FnOnce(Elasticsearch) -> F,
) -> Result<(u16, Value), Finding>
where
    F: Future<Output = Result<Response, Error>>,
{
    let server = &scope.config().search.server;
    let login = Login::of(server)?;
    let stream = scope.dial(server).await.map_err(|error| error.finding(server))?;
    let (relay, address) = Relay::tcp(stream).await.map_err(broken::no_relay)?;
    let (overheard, relay) = (relay.overhear(), relay.at_most(LONGEST_ANSWER));
    let here = format!("http://{address}/");
    let client = client(&here, server, login).map_err(|why| {
        Finding::unknown(Code::HelperFailed, format!("cannot make a client for Elasticsearch: {why}"))
    })?;
    let answer = relay.during(async { read(request(client).await?).await }).await;
    let heard = overheard.heard();
    if is_redirect(&heard.first) {
        return Err(garbage::finding(server, "Elasticsearch", "it sends us to another place"));
    }
    let is_http = |said: &[u8]| said.starts_with(b"HTTP/1.");
    let (status, body) = answer.map_err(|error| broken::finding(server, "HTTP", &heard, is_http, &error))?;
    understand(status, &body, server)
}

/// Whether an answer sends its reader away. The library follows and tells only where it ended.
fn is_redirect(said: &[u8]) -> bool {
    matches!(
        said.get(..12),
        Some([b'H', b'T', b'T', b'P', b'/', b'1', b'.', _, b' ', b'3', b'0', b'1'..=b'8'])
    )
}

/// The status of an answer, and all of the rest.
async fn read(response: Response) -> Result<(u16, Vec<u8>), Error> {
    let status = response.status_code().as_u16();
    Ok((status, response.bytes().await?.to_vec()))
}

/// A client of the relay at `here`, in plain HTTP: TLS is between the relay and the server. It has no time-out of its own,
/// which would race with the check's.
fn client(here: &str, server: &Server, login: Option<Login<'_>>) -> Result<Elasticsearch, String> {
    let here = Url::parse(here).map_err(|error| error.to_string())?;
    // A socket has no host, and HTTP wants one.
    let host = if server.host.is_some() { server.place() } else { "localhost".to_owned() };
    let host = HeaderValue::try_from(host).map_err(|error| error.to_string())?;
    let mut transport = TransportBuilder::new(SingleNodeConnectionPool::new(here))
        .disable_proxy()
        .enable_meta_header(false)
        .header(HOST, host);
    if let Some(Login { user, password }) = login {
        transport = transport.auth(Credentials::Basic(user.to_owned(), password.expose().to_owned()));
    }
    Ok(Elasticsearch::new(transport.build().map_err(|error| error.to_string())?))
}

/// The JSON of an answer, unless it is a refusal.
fn understand(status: u16, body: &[u8], server: &Server) -> Result<(u16, Value), Finding> {
    if matches!(status, 401 | 403) {
        let who = server.user.as_ref().map_or("nobody".to_owned(), |user| format!("`{user}`"));
        return Err(Finding::failed(
            Code::AccessDenied,
            format!("Elasticsearch at {} does not let {who} in ({status})", server.place()),
            "set `search.user` and `search.password` (or `password_file`) to those of the site",
        ));
    }
    match serde_json::from_slice(body) {
        Ok(json @ Value::Object(_)) => Ok((status, json)),
        _ => Err(garbage::finding(server, "Elasticsearch", &garbage::it_said(body))),
    }
}

/// What Elasticsearch says when it could not do what it was asked.
pub(crate) fn server_error(server: &Server, status: u16, body: &Value) -> Finding {
    Finding::failed(
        Code::ServerError,
        format!("Elasticsearch at {} answers {status}: {}", server.place(), reason(body)),
        "look at its log; it may still be starting, or have no master, no memory or no disk space",
    )
}

/// The type of error: `index_not_found_exception`.
pub(crate) fn error_type(body: &Value) -> Option<&str> {
    body.pointer("/error/type")?.as_str()
}

/// Why something failed, in its words.
fn reason(body: &Value) -> String {
    let reason = body.pointer("/error/reason").or_else(|| body.get("error")).and_then(Value::as_str);
    garbage::excerpt(reason.unwrap_or("no reason given").as_bytes())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::config;

    fn code(status: u16, body: &str) -> Option<Code> {
        understand(status, body.as_bytes(), &config().search.server).err().map(|finding| finding.code)
    }

    #[test]
    fn a_refusal_is_told_from_garbage_and_from_an_answer() {
        assert_eq!(code(401, "{}"), Some(Code::AccessDenied));
        assert_eq!(code(403, "<html>"), Some(Code::AccessDenied));
        assert_eq!(code(200, "<html>it works</html>"), Some(Code::Garbage));
        assert_eq!(code(200, "[]"), Some(Code::Garbage));
        assert_eq!(code(404, "{}"), None);
    }

    #[test]
    fn reasons_are_found_where_either_version_has_them() {
        let new =
            json!({"error": {"type": "index_not_found_exception", "reason": "no such index"}, "status": 404});
        assert_eq!(
            (error_type(&new), reason(&new).as_str()),
            (Some("index_not_found_exception"), "no such index")
        );
        assert_eq!(reason(&json!({"error": "Incorrect HTTP method"})), "Incorrect HTTP method");
        assert_eq!(reason(&json!({})), "no reason given");
    }
}
