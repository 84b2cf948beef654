//! HTTP/1.1 over a connection of ours: own name look-ups, TLS with errors that say what is wrong, no proxy, no redirect,
//! and no answer larger than the caller wants to read.

use coursys_ops_core::config::Server;
use coursys_ops_core::model::Finding;
use coursys_ops_core::net::Stream;
use futures_util::FutureExt as _;
use futures_util::future::Fuse;
use http_body_util::{BodyExt as _, Empty, LengthLimitError, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{self, Connection, SendRequest};
use hyper::header::{ACCEPT, AUTHORIZATION, HOST, HeaderValue};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;

use crate::login::Login;
use crate::{garbage, wire};

/// The longest answer that is read, in bytes: what probes ask for has a few hundred.
const LONGEST_ANSWER: usize = 1 << 20;

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum HttpError {
    /// The peer closed the connection, or the network broke.
    Lost(String),
    /// Not HTTP, or more of it than anybody reads.
    Garbage(String),
}

impl HttpError {
    /// The finding about this server.
    pub(crate) fn finding(&self, server: &Server) -> Finding {
        match self {
            Self::Lost(why) => wire::lost(server, why),
            Self::Garbage(why) => garbage::finding(server, "HTTP", why),
        }
    }
}

impl From<hyper::Error> for HttpError {
    fn from(error: hyper::Error) -> Self {
        // A request that is called off carries what happened to its connection.
        let cause = std::error::Error::source(&error).and_then(|source| source.downcast_ref());
        let lost = is_lost(&error) && cause.is_none_or(is_lost);
        let why = cause.unwrap_or(&error).to_string();
        // Not HTTP, or a server that speaks before it is asked.
        if lost { Self::Lost(why) } else { Self::Garbage(why) }
    }
}

fn is_lost(error: &hyper::Error) -> bool {
    let source = std::error::Error::source(error);
    let broken = source.is_some_and(|source| source.is::<std::io::Error>());
    broken || error.is_incomplete_message() || error.is_closed() || error.is_canceled()
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Bytes,
}

/// A connection on which requests are made one after the other.
pub(crate) struct Http {
    sender: SendRequest<Empty<Bytes>>,
    connection: Fuse<Connection<TokioIo<Stream>, Empty<Bytes>>>,
    host: HeaderValue,
    authorization: Option<HeaderValue>,
}

impl Http {
    /// HTTP over this connection to `server`.
    pub(crate) async fn new(stream: Stream, server: &Server) -> Result<Self, HttpError> {
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        // A socket has no host, and HTTP wants one.
        let host = if server.host.is_some() { server.place() } else { "localhost".to_owned() };
        let host = HeaderValue::try_from(host).map_err(|error| HttpError::Garbage(error.to_string()))?;
        Ok(Self { sender, connection: connection.fuse(), host, authorization: None })
    }

    /// Sends user and password with each request.
    pub(crate) fn log_in(&mut self, login: Login<'_>) {
        self.authorization = Some(login.basic());
    }

    /// Gets a path with its query.
    pub(crate) async fn get(&mut self, path: &str) -> Result<Answer, HttpError> {
        let mut request = Request::get(path).header(HOST, &self.host).header(ACCEPT, "application/json");
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        let request = request.body(Empty::new()).map_err(|error| HttpError::Garbage(error.to_string()))?;
        let answer = async {
            self.sender.ready().await?;
            read(self.sender.send_request(request).await?).await
        };
        tokio::pin!(answer);
        let mut ended = None;
        loop {
            tokio::select! {
                biased;
                // A connection that ended before it took the request knows better why there is no answer.
                answer = &mut answer => return answer.map_err(|error| ended.unwrap_or(error)),
                result = &mut self.connection => ended = result.err().map(HttpError::from),
            }
        }
    }
}

/// Reads a whole answer, if it is not too long.
async fn read(response: Response<Incoming>) -> Result<Answer, HttpError> {
    let status = response.status();
    match Limited::new(response.into_body(), LONGEST_ANSWER).collect().await {
        Ok(body) => Ok(Answer { status, body: body.to_bytes() }),
        Err(error) if error.is::<LengthLimitError>() => {
            Err(HttpError::Garbage(format!("an answer of more than {LONGEST_ANSWER} bytes")))
        }
        Err(error) => Err(match error.downcast::<hyper::Error>() {
            Ok(error) => HttpError::from(*error),
            Err(other) => HttpError::Lost(other.to_string()),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{answers_http, config, connect, says};

    async fn get(stream: Stream) -> Result<Answer, HttpError> {
        Http::new(stream, &config().search.server).await?.get("/").await
    }

    async fn asked(answer: &[u8]) -> Result<Answer, HttpError> {
        get(connect(answers_http(answer.to_vec()).await).await).await
    }

    #[tokio::test]
    async fn an_answer_is_read_and_one_that_breaks_off_is_lost() {
        let answer = asked(b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n{}").await.unwrap();
        assert_eq!((answer.status.as_u16(), &answer.body[..]), (404, &b"{}"[..]));
        let broken = asked(b"HTTP/1.1 200 OK\r\nContent-Length: 200\r\n\r\n{}").await;
        assert!(matches!(broken, Err(HttpError::Lost(_))), "{broken:?}");
        let silent = asked(b"").await;
        assert!(matches!(silent, Err(HttpError::Lost(_))), "{silent:?}");
    }

    #[tokio::test]
    async fn what_is_not_http_or_never_ends_is_garbage() {
        for greets in
            [get(says(b"220 mail.example ESMTP\r\n".to_vec()).await).await, asked(b"-ERR\r\n").await]
        {
            assert!(matches!(greets, Err(HttpError::Garbage(_))), "{greets:?}");
        }
        let mut endless = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
        endless.resize(4 << 20, b' ');
        let endless = asked(&endless).await;
        assert!(matches!(endless, Err(HttpError::Garbage(_))), "{endless:?}");
    }
}
