//! A connection for lettre that hands over one line at a time.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use coursys_ops_core::net::Listened;
use lettre::transport::smtp::client::AsyncTokioStream;
use tokio::io::{AsyncBufRead as _, AsyncRead, AsyncWrite, BufReader, ReadBuf};

/// More lines no answer has. lettre reads an answer again from its beginning with each line that comes, so one without end
/// would keep the thread busy for minutes.
const MOST_LINES: u32 = 200;

/// A connection of which no read gets more than the rest of a line, and no answer is too long.
///
/// lettre reads into a buffer that outlives STARTTLS: what a stranger in between adds to the plain answer would be taken
/// for the first words in TLS. Here it stays behind, and spoils the handshake.
#[derive(Debug)]
pub(crate) struct LineByLine {
    stream: BufReader<Listened>,
    /// How many lines have come since something was said.
    lines: u32,
}

impl LineByLine {
    /// Hands over line by line what comes from `stream`.
    pub(crate) fn new(stream: Listened) -> Self {
        Self { stream: BufReader::new(stream), lines: 0 }
    }
}

impl AsyncTokioStream for LineByLine {
    /// Nobody asks, and it may be a Unix socket.
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

impl AsyncRead for LineByLine {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.lines > MOST_LINES {
            let why = format!("an answer of more than {MOST_LINES} lines");
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, why)));
        }
        let available = ready!(Pin::new(&mut self.stream).poll_fill_buf(cx))?;
        let line = available.split_inclusive(|byte| *byte == b'\n').next().unwrap_or_default();
        let count = line.len().min(buf.remaining());
        buf.put_slice(line.get(..count).unwrap_or_default());
        let ended = line.ends_with(b"\n") && count == line.len();
        self.lines += u32::from(ended);
        Pin::new(&mut self.stream).consume(count);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for LineByLine {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.lines = 0;
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt as _;

    use super::*;
    use crate::testing::says;

    #[tokio::test]
    async fn an_answer_without_end_is_cut_off() {
        let (stream, _) = Listened::new(says(b"220-\r\n".repeat(1000)).await);
        let mut said = Vec::new();
        let error = LineByLine::new(stream).read_to_end(&mut said).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        assert_eq!(said.len(), 6 * 201);
    }

    #[tokio::test]
    async fn no_read_reaches_into_the_next_line() {
        let (stream, _) = Listened::new(says(b"220 go\r\n250 injected\r\nrest".to_vec()).await);
        let mut stream = LineByLine::new(stream);
        let mut buffer = [0; 100];
        for expected in ["220 go\r\n", "250 injected\r\n", "rest", ""] {
            let count = stream.read(&mut buffer).await.unwrap();
            assert_eq!(&buffer[..count], expected.as_bytes());
        }
    }
}
