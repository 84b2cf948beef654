//! HTTP/1.1, one request a connection.

use std::fmt::Write as _;

use anyhow::{Context, Result};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Serialize};

use super::wire::Wire;
use super::{Login, wire};

/// A request.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Request {
    /// Where the server listens.
    pub wire: Wire,
    /// `GET`, `PUT`, …
    pub method: String,
    /// Path and query.
    pub path: String,
    /// The header `Host`.
    pub host: String,
    /// Basic authentication.
    pub login: Option<Login>,
    /// JSON to send.
    pub body: Option<String>,
}

/// What came back.
#[derive(Debug, PartialEq, Eq)]
pub struct Answer {
    /// Status code.
    pub status: u16,
    /// Everything after the headers, as it came.
    pub body: String,
}

impl Request {
    /// Asks for a page.
    pub fn get(wire: Wire, host: &str, path: &str) -> Self {
        Self { wire, method: "GET".into(), path: path.into(), host: host.into(), login: None, body: None }
    }

    /// Sends it and reads the answer.
    ///
    /// # Errors
    /// No connection, or what came back is not HTTP.
    pub fn send(&self) -> Result<Answer> {
        let mut stream: Box<dyn wire::Stream> = self.wire.connect()?;
        stream.write_all(self.text().as_bytes())?;
        let mut bytes = Vec::new();
        // Some servers end TLS without a closing alert; what was read until then counts.
        if let Err(error) = stream.read_to_end(&mut bytes)
            && error.kind() != std::io::ErrorKind::UnexpectedEof
        {
            return Err(error.into());
        }
        parse(&String::from_utf8_lossy(&bytes))
    }

    fn text(&self) -> String {
        let Self { method, path, host, .. } = self;
        let body = self.body.as_deref().unwrap_or_default();
        let mut text = format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n");
        if let Some(Login { user, password }) = &self.login {
            let credentials = BASE64_STANDARD.encode(format!("{user}:{password}"));
            let _ = write!(text, "Authorization: Basic {credentials}\r\n");
        }
        if self.body.is_some() {
            let _ = write!(text, "Content-Type: application/json\r\nContent-Length: {}\r\n", body.len());
        }
        text + "\r\n" + body
    }
}

fn parse(text: &str) -> Result<Answer> {
    let (head, body) = text.split_once("\r\n\r\n").context("the answer is not HTTP")?;
    let status = head.strip_prefix("HTTP/1.").and_then(|line| line.split(' ').nth(1));
    let status = status.and_then(|code| code.parse().ok()).context("the answer is not HTTP")?;
    Ok(Answer { status, body: body.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_and_body_are_told_apart() {
        let answer = parse("HTTP/1.1 404 Not Found\r\nA: b\r\n\r\nno such page").unwrap();
        assert_eq!(answer, Answer { status: 404, body: "no such page".into() });
        assert!(parse("220 mail.test ESMTP\r\n\r\n").is_err());
        assert!(parse("").is_err());
    }

    #[test]
    fn a_request_carries_utf_8_credentials_and_the_length_in_bytes() {
        let mut request = Request::get(Wire::Plain(([127, 0, 0, 1], 80).into()), "x.test", "/_count?q=a");
        request.login = Some(Login { user: "elastic".into(), password: "p@ss/w%rd ü'".into() });
        request.body = Some("{\"ü\":1}".into());
        let text = request.text();
        assert!(text.starts_with("GET /_count?q=a HTTP/1.1\r\nHost: x.test\r\n"));
        assert!(text.contains("Authorization: Basic ZWxhc3RpYzpwQHNzL3clcmQgw7wn\r\n"), "{text}");
        assert!(text.ends_with("Content-Length: 8\r\n\r\n{\"ü\":1}"));
    }
}
