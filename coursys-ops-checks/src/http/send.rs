//! Asking.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Instant;

use bytes::Bytes;
use coursys_ops_core::Scope;
use coursys_ops_core::model::Finding;
use coursys_ops_core::net::{Listened, Overheard, Stream};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;

use super::request::Request;
use super::response::Response;
use super::target::Target;
use crate::broken;

/// The longest head of an answer, in bytes, and how much is held of a body at a time. nginx sends 4 KiB at most.
const BUFFER: usize = 32 << 10;

/// More headers than this nobody sends.
const MOST_HEADERS: usize = 100;

/// A connection on which the library is ready to ask, and what its peer is heard to say.
pub(super) struct Line {
    pub(super) sender: http1::SendRequest<Full<Bytes>>,
    pub(super) connection: http1::Connection<TokioIo<Listened>, Full<Bytes>>,
    pub(super) overheard: Overheard,
}

impl Line {
    /// Makes a connection ready. Nothing is sent yet.
    ///
    /// # Errors
    ///
    /// What the library says.
    pub(super) async fn over(stream: Stream) -> hyper::Result<Self> {
        let (stream, overheard) = Listened::new(stream);
        let mut builder = http1::Builder::new();
        builder.max_buf_size(BUFFER).max_headers(MOST_HEADERS);
        let (sender, connection) = builder.handshake(TokioIo::new(stream)).await?;
        Ok(Self { sender, connection, overheard })
    }
}

/// Asks, and reads the answer as far as the request wants it. A status of any kind is an answer.
///
/// # Errors
///
/// The finding that says why there is no answer: there is no connection, it breaks, or what comes is not HTTP.
pub(crate) async fn send(scope: &Scope, target: &Target, request: &Request) -> Result<Response, Finding> {
    let started = Instant::now();
    let agent = format!("coursys-ops/{}", scope.context().version);
    let asked = request.build(target.absolute().as_deref(), &target.host(), &agent)?;
    let stream = target.connect(scope).await?;
    let broke = |overheard: &Overheard, error: &hyper::Error| not_http(target, overheard, error);
    let Line { mut sender, connection, overheard } =
        Line::over(stream).await.map_err(|error| broke(&Overheard::default(), &error))?;
    let answer = async {
        let answer = sender.send_request(asked).await?;
        read(answer, request.most()).await
    };
    let answer = beside(connection, answer).await;
    let (head, body, truncated) = answer.map_err(|error| broke(&overheard, &error))?;
    let took = started.elapsed();
    Ok(Response { status: head.status.as_u16(), headers: head.headers, body, truncated, took })
}

/// What to say when the library gives a conversation up.
pub(super) fn not_http(target: &Target, overheard: &Overheard, error: &hyper::Error) -> Finding {
    let is_http = |said: &[u8]| said.starts_with(b"HTTP/1.");
    target.hinted(broken::finding(target.as_server(), "HTTP", &overheard.heard(), is_http, error))
}

/// The head of an answer, and no more of its body than `most`; the last says whether there was more.
async fn read(
    answer: hyper::Response<Incoming>,
    most: usize,
) -> hyper::Result<(hyper::http::response::Parts, Vec<u8>, bool)> {
    let (head, mut incoming) = answer.into_parts();
    let mut body = Vec::new();
    while let Some(frame) = incoming.frame().await {
        let Ok(data) = frame?.into_data() else { continue };
        let room = most.saturating_sub(body.len());
        body.extend_from_slice(data.get(..room).unwrap_or(&data));
        if data.len() > room {
            return Ok((head, body, true));
        }
    }
    Ok((head, body, false))
}

/// Drives a connection while somebody waits for its answer. The connection may end first: what it has brought is still there
/// to be read, and the answer says how it ended.
async fn beside<T>(connection: impl Future, answer: impl Future<Output = T>) -> T {
    let (mut connection, mut answer, mut ended) = (pin!(connection), pin!(answer), false);
    poll_fn(|cx| {
        ended = ended || connection.as_mut().poll(cx).is_ready();
        match answer.as_mut().poll(cx) {
            Poll::Ready(answer) => Poll::Ready(answer),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}
