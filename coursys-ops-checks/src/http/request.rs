//! What to ask.

use bytes::Bytes;
use coursys_ops_core::model::{Code, Finding};
use coursys_ops_core::secret::Secret;
use http_body_util::Full;
use hyper::header::{ACCEPT, CONNECTION, CONTENT_TYPE, HOST, HeaderName, HeaderValue, USER_AGENT};
use hyper::{HeaderMap, Method};

/// How much of an answer's body is read unless told otherwise, in bytes: a page of the site has some ten thousand.
const MOST: usize = 256 << 10;

/// A request. What may be secret in it is never shown.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    method: Method,
    path: String,
    query: Option<Secret>,
    headers: HeaderMap,
    body: Bytes,
    most: usize,
    /// What was no header, for the finding.
    spoilt: Option<&'static str>,
}

impl Request {
    /// Asks for a page. `path` begins with a slash and may have a query that is no secret.
    pub(crate) fn get(path: impl Into<String>) -> Self {
        Self {
            method: Method::GET,
            path: path.into(),
            query: None,
            headers: HeaderMap::new(),
            body: Bytes::new(),
            most: MOST,
            spoilt: None,
        }
    }

    /// Sends something.
    pub(crate) fn post(path: impl Into<String>, content_type: &'static str, body: impl Into<Bytes>) -> Self {
        let mut request = Self { method: Method::POST, body: body.into(), ..Self::get(path) };
        request.headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        request
    }

    /// Another method than those two.
    #[must_use]
    pub(crate) fn method(mut self, method: Method) -> Self {
        self.method = method;
        self
    }

    /// A query that nobody may see, without the question mark, encoded as it is to be sent.
    #[must_use]
    pub(crate) fn secret_query(mut self, query: Secret) -> Self {
        self.query = Some(query);
        self
    }

    /// The header `Host`, when it is to be another than the server's own name.
    #[must_use]
    pub(crate) fn host(self, host: &str) -> Self {
        self.header(HOST, host)
    }

    /// A header. A text that cannot be one spoils the request.
    #[must_use]
    pub(crate) fn header(mut self, name: HeaderName, value: &str) -> Self {
        match HeaderValue::from_str(value) {
            Ok(value) => {
                self.headers.insert(name, value);
            }
            Err(_) => self.spoilt = Some("a header holds what no header may hold"),
        }
        self
    }

    /// A header that nobody may see.
    #[must_use]
    pub(crate) fn secret_header(mut self, name: HeaderName, value: &Secret) -> Self {
        match HeaderValue::from_str(value.expose()) {
            Ok(mut value) => {
                value.set_sensitive(true);
                self.headers.insert(name, value);
            }
            Err(_) => self.spoilt = Some("a secret holds what no header may hold"),
        }
        self
    }

    /// Reads so many bytes of the answer's body at most, instead of 256 KiB. Beyond 4 MiB the connection is cut in any case.
    #[must_use]
    pub(crate) const fn at_most(mut self, bytes: usize) -> Self {
        self.most = bytes;
        self
    }

    /// How many bytes of the answer's body are read at most.
    pub(super) const fn most(&self) -> usize {
        self.most
    }

    /// The request as the library wants it. `absolute` stands before the path for a proxy.
    ///
    /// # Errors
    ///
    /// A finding when path, query or a header cannot be sent.
    pub(super) fn build(
        &self,
        absolute: Option<&str>,
        host: &str,
        agent: &str,
    ) -> Result<hyper::Request<Full<Bytes>>, Finding> {
        let mut uri = format!("{}{}", absolute.unwrap_or_default(), self.path);
        if let Some(query) = &self.query {
            uri.push(if self.path.contains('?') { '&' } else { '?' });
            uri.push_str(query.expose());
        }
        if let Some(why) = self.spoilt {
            return Err(unsendable(why));
        }
        let request = hyper::Request::builder().method(self.method.clone()).uri(uri);
        // The library's error could quote the address.
        let body = Full::new(self.body.clone());
        let mut request = request.body(body).map_err(|_| unsendable("its path or query is no address"))?;
        let headers = request.headers_mut();
        for (name, text) in [(HOST, host), (USER_AGENT, agent), (ACCEPT, "*/*"), (CONNECTION, "close")] {
            let value = HeaderValue::from_str(text).map_err(|_| unsendable("a name in it is no name"))?;
            headers.insert(name, value);
        }
        headers.extend(self.headers.clone());
        Ok(request)
    }
}

fn unsendable(why: &str) -> Finding {
    Finding::failed(
        Code::NotConfigured,
        format!("the request cannot be sent: {why}"),
        "correct the address and the names in the configuration",
    )
}
