//! What a peer said, for telling garbage from a hang-up when a client library only says that something went wrong.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::Stream;

/// How many of the first bytes are kept: a broker's whole greeting, which has about 500.
const KEPT: usize = 2048;

/// More than this, in bytes, no answer to a check is: the peer floods us, and what a library would keep of it is memory.
const MOST: u64 = 4 << 20;

/// What a peer has said so far.
#[derive(Debug, Clone, Default)]
pub struct Heard {
    /// Its first bytes, 2048 at most.
    pub first: Vec<u8>,
    /// How many bytes it has sent.
    pub bytes: u64,
    /// It has hung up, in an orderly way or not.
    pub hung_up: bool,
    /// It was cut off, after 4 MiB unless told otherwise.
    pub flooded: bool,
}

/// Listens in on a peer.
#[derive(Debug, Clone, Default)]
pub struct Overheard(Arc<Mutex<Heard>>);

impl Overheard {
    /// What the peer has said so far.
    #[must_use]
    pub fn heard(&self) -> Heard {
        self.lock().clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Heard> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection that is listened in on, and cut off when the peer floods it.
#[derive(Debug)]
pub struct Listened {
    stream: Stream,
    most: u64,
    overheard: Overheard,
}

impl Listened {
    /// Listens in on a connection.
    #[must_use]
    pub fn new(stream: Stream) -> (Self, Overheard) {
        let overheard = Overheard::default();
        (Self { stream, most: MOST, overheard: overheard.clone() }, overheard)
    }

    /// The connection, for what comes after the conversation that was listened to.
    #[must_use]
    pub fn into_inner(self) -> Stream {
        self.stream
    }

    /// Cuts the peer off after so many bytes instead of 4 MiB.
    pub(super) const fn at_most(&mut self, bytes: u64) {
        self.most = bytes;
    }
}

impl AsyncRead for Listened {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.overheard.lock().bytes > self.most {
            self.overheard.lock().flooded = true;
            return Poll::Ready(Ok(()));
        }
        let before = buf.filled().len();
        let result = ready!(Pin::new(&mut self.stream).poll_read(cx, buf));
        let new = buf.filled().get(before..).unwrap_or_default();
        let mut heard = self.overheard.lock();
        let room = KEPT.saturating_sub(heard.first.len());
        heard.first.extend(new.iter().take(room));
        heard.bytes = heard.bytes.saturating_add(u64::try_from(new.len()).unwrap_or(u64::MAX));
        heard.hung_up |= new.is_empty() || result.is_err();
        Poll::Ready(result)
    }
}

impl AsyncWrite for Listened {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
