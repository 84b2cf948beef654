//! The connection as lapin's thread holds it.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use coursys_ops_core::net::{Listened, Overheard, Stream};
use futures_util::io::{AsyncRead, AsyncWrite};
use futures_util::task::AtomicWaker;
use tokio::io::{AsyncRead as _, AsyncWrite as _, ReadBuf};
use tokio::sync::oneshot;

use super::stranger::{Nesting, Refusal, stranger};

/// A connection that can be cut off from outside: lapin's thread ends when its line fails, and only then.
#[derive(Debug)]
pub(super) struct Line {
    stream: Listened,
    ear: Overheard,
    /// Whether the peer's first words have been judged.
    judged: bool,
    nesting: Nesting,
    scissors: Arc<Scissors>,
    /// Tells by its end that the thread has let go of the line.
    _held: oneshot::Sender<()>,
}

/// What cuts a line.
#[derive(Debug, Default)]
pub(super) struct Scissors {
    cut: AtomicBool,
    reader: AtomicWaker,
}

impl Scissors {
    /// Fails whatever is done with the line from now on, and wakes who waits for it.
    pub(super) fn cut(&self) {
        self.cut.store(true, Ordering::Release);
        self.reader.wake();
    }

    fn is_whole(&self) -> io::Result<()> {
        if self.cut.load(Ordering::Acquire) { Err(io::ErrorKind::ConnectionAborted.into()) } else { Ok(()) }
    }
}

/// What remains here of a line that was handed over.
pub(super) struct Remains {
    pub(super) ear: Overheard,
    pub(super) scissors: Arc<Scissors>,
    /// Resolves when nobody holds the line any more.
    pub(super) let_go: oneshot::Receiver<()>,
}

impl Line {
    /// Makes a line of a connection.
    pub(super) fn new(stream: Stream) -> (Self, Remains) {
        let (stream, ear) = Listened::new(stream);
        let scissors = Arc::<Scissors>::default();
        let (held, let_go) = oneshot::channel();
        let remains = Remains { ear: ear.clone(), scissors: Arc::clone(&scissors), let_go };
        let nesting = Nesting::default();
        (Self { stream, ear, judged: false, nesting, scissors, _held: held }, remains)
    }

    /// Refuses a stranger by its first words: lapin would wait for the end of a frame of gigabytes.
    fn judge(&mut self) -> io::Result<()> {
        const ENOUGH: usize = 8;
        if self.judged {
            return Ok(());
        }
        let first = self.ear.heard().first;
        self.judged = first.len() >= ENOUGH;
        stranger(&first).map_or(Ok(()), |why| Err(Refusal(why).into()))
    }
}

impl AsyncRead for Line {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        self.scissors.reader.register(cx.waker());
        self.scissors.is_whole()?;
        let mut buffer = ReadBuf::new(buffer);
        ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buffer))?;
        self.judge()?;
        self.nesting.watch(buffer.filled())?;
        Poll::Ready(Ok(buffer.filled().len()))
    }
}

impl AsyncWrite for Line {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.scissors.is_whole()?;
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    /// lapin flushes whenever it wakes, also when it neither reads nor writes: here it hears of a cut.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.scissors.is_whole()?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.scissors.is_whole()?;
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
