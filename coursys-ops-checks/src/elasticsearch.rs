//! What both search checks ask Elasticsearch, 5.6 and 7.17 alike.

use coursys_ops_core::Scope;
use coursys_ops_core::config::Server;
use coursys_ops_core::model::{Code, Finding};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use crate::garbage;
use crate::http::{Answer, Http};
use crate::login::Login;

/// A connection to Elasticsearch.
pub(crate) struct Elasticsearch<'a> {
    http: Http,
    server: &'a Server,
}

impl<'a> Elasticsearch<'a> {
    /// Connects to the configured server.
    ///
    /// # Errors
    ///
    /// The finding that says why not.
    pub(crate) async fn connect(scope: &'a Scope) -> Result<Self, Finding> {
        let server = &scope.config().search.server;
        let login = Login::of(server)?;
        let stream = scope.dial(server).await.map_err(|error| error.finding(server))?;
        let mut http = Http::new(stream, server).await.map_err(|error| error.finding(server))?;
        if let Some(login) = login {
            http.log_in(login);
        }
        Ok(Self { http, server })
    }

    /// Gets a path with its query: the status and the JSON that came back.
    ///
    /// # Errors
    ///
    /// The finding, also when the user may not see it.
    pub(crate) async fn get(&mut self, path: &str) -> Result<(u16, Value), Finding> {
        let answer = self.http.get(path).await.map_err(|error| error.finding(self.server))?;
        understand(&answer, self.server)
    }

    /// What it says when it could not do what it was asked.
    pub(crate) fn server_error(&self, status: u16, body: &Value) -> Finding {
        let place = self.server.place();
        Finding::failed(
            Code::ServerError,
            format!("Elasticsearch at {place} answers {status}: {}", reason(body)),
            "look at its log; it may still be starting, or have no master, no memory or no disk space",
        )
    }
}

/// The JSON of an answer, unless it is a refusal.
fn understand(answer: &Answer, server: &Server) -> Result<(u16, Value), Finding> {
    let status = answer.status.as_u16();
    if matches!(status, 401 | 403) {
        let who = server.user.as_ref().map_or("nobody".to_owned(), |user| format!("`{user}`"));
        return Err(Finding::failed(
            Code::AccessDenied,
            format!("Elasticsearch at {} does not let {who} in ({status})", server.place()),
            "set `search.user` and `search.password` (or `password_file`) to those of the site",
        ));
    }
    match serde_json::from_slice(&answer.body) {
        Ok(json @ Value::Object(_)) => Ok((status, json)),
        _ => Err(garbage::finding(server, "Elasticsearch", &garbage::it_said(&answer.body))),
    }
}

/// A piece of a path or query, with everything encoded that could end it.
pub(crate) fn encode(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
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
    use hyper::StatusCode;
    use hyper::body::Bytes;
    use serde_json::json;

    use super::*;
    use crate::testing::config;

    fn code(status: u16, body: &'static str) -> Option<Code> {
        let answer = Answer {
            status: StatusCode::from_u16(status).unwrap(),
            body: Bytes::from_static(body.as_bytes()),
        };
        understand(&answer, &config().search.server).err().map(|finding| finding.code)
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

    #[test]
    fn no_name_of_an_index_leaves_its_place_in_the_path() {
        assert_eq!(encode("a/../_all?x=1#ü"), "a%2F%2E%2E%2F%5Fall%3Fx%3D1%23%C3%BC");
    }
}
