//! A connection of a protocol of lines, like memcached's and SMTP, that no peer can make grow without bound.

use coursys_ops_core::config::Server;
use coursys_ops_core::model::{Code, Finding};
use coursys_ops_core::net::Stream;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};

use crate::garbage;

/// The longest line that is read, in bytes. SMTP allows 512, memcached's longest are far shorter.
const LONGEST_LINE: u64 = 4096;

/// Why a conversation ended.
#[derive(Debug)]
pub(crate) enum WireError {
    /// The peer closed the connection, or the network broke.
    Lost(std::io::Error),
    /// Something that the protocol does not know, and how that was seen.
    Garbage(String),
}

impl WireError {
    /// Something that the protocol does not know.
    pub(crate) fn garbage(said: &[u8]) -> Self {
        Self::Garbage(garbage::it_said(said))
    }

    /// The finding, for a server that should speak `protocol`.
    pub(crate) fn finding(&self, server: &Server, protocol: &str) -> Finding {
        match self {
            Self::Lost(error) => lost(server, error),
            Self::Garbage(why) => garbage::finding(server, protocol, why),
        }
    }
}

/// The peer hung up in the middle of the conversation.
pub(crate) fn lost(server: &Server, error: &dyn std::fmt::Display) -> Finding {
    Finding::failed(
        Code::ConnectionLost,
        format!("the connection to {} broke in the middle of the conversation: {error}", server.place()),
        "look at the server's log: it crashed, is being restarted, wants TLS, or does not let this machine in",
    )
}

/// A connection on which lines are exchanged.
#[derive(Debug)]
pub(crate) struct Wire(BufReader<Stream>);

impl Wire {
    /// A conversation over this connection.
    pub(crate) fn new(stream: Stream) -> Self {
        Self(BufReader::new(stream))
    }

    /// The connection below, unless the peer said more than it was asked: that would be taken for an answer later.
    pub(crate) fn into_stream(self) -> Result<Stream, WireError> {
        match self.0.buffer() {
            [] => Ok(self.0.into_inner()),
            early => Err(WireError::garbage(early)),
        }
    }

    /// Says something.
    pub(crate) async fn send(&mut self, bytes: &[u8]) -> Result<(), WireError> {
        self.0.write_all(bytes).await.map_err(WireError::Lost)?;
        self.0.flush().await.map_err(WireError::Lost)
    }

    /// The next line, without its end.
    pub(crate) async fn line(&mut self) -> Result<Vec<u8>, WireError> {
        let mut line = Vec::new();
        let mut bounded = (&mut self.0).take(LONGEST_LINE);
        bounded.read_until(b'\n', &mut line).await.map_err(WireError::Lost)?;
        if line.pop_if(|last| *last == b'\n').is_some() {
            line.pop_if(|last| *last == b'\r');
            Ok(line)
        } else if bounded.limit() == 0 {
            Err(WireError::garbage(&line))
        } else {
            Err(WireError::Lost(std::io::ErrorKind::UnexpectedEof.into()))
        }
    }

    /// So many bytes. The caller bounds the number.
    pub(crate) async fn exactly(&mut self, count: usize) -> Result<Vec<u8>, WireError> {
        let mut bytes = vec![0; count];
        self.0.read_exact(&mut bytes).await.map_err(WireError::Lost)?;
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::says;

    #[tokio::test]
    async fn lines_end_in_either_way_and_nothing_is_lost_between_them() {
        let mut wire = Wire::new(says(b"one\r\ntwo\nabc".to_vec()).await);
        assert_eq!(wire.line().await.unwrap(), b"one");
        assert_eq!(wire.line().await.unwrap(), b"two");
        assert_eq!(wire.exactly(3).await.unwrap(), b"abc");
        assert!(matches!(wire.line().await, Err(WireError::Lost(_))));
    }

    #[tokio::test]
    async fn a_line_without_end_is_garbage_and_costs_a_few_kilobytes() {
        let mut wire = Wire::new(says(vec![b'x'; 1 << 20]).await);
        assert!(matches!(wire.line().await, Err(WireError::Garbage(_))));
    }
}
