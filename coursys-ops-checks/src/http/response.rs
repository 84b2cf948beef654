//! What came back.

use std::time::Duration;

use hyper::HeaderMap;
use hyper::header::{HeaderName, LOCATION};

/// An answer.
#[derive(Debug, Clone)]
pub(crate) struct Response {
    /// 100 to 999.
    pub(crate) status: u16,
    /// Its headers.
    pub(crate) headers: HeaderMap,
    /// Its body, as far as it was read.
    pub(crate) body: Vec<u8>,
    /// Whether there was more than was read.
    pub(crate) truncated: bool,
    /// From the first attempt to connect to the last byte that was read.
    pub(crate) took: Duration,
}

impl Response {
    /// A header's text; nothing when it is missing or no text.
    pub(crate) fn header(&self, name: &HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Where it sends the reader.
    pub(crate) fn location(&self) -> Option<&str> {
        self.header(&LOCATION)
    }

    /// The body as text; what is not UTF-8 is replaced.
    pub(crate) fn text(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.body)
    }

    /// How long it took, in milliseconds, for measurements.
    pub(crate) fn took_ms(&self) -> f64 {
        self.took.as_secs_f64() * 1000.0
    }
}
