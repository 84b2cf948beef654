//! The piece of memcached's plain text protocol that the library `memcache` lacks: the statistics, and the three commands
//! of the probes for servers older than 1.6.

use std::collections::BTreeMap;
use std::io;

use memcache::exp::{Error, Result};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

use crate::garbage;

/// The longest line that is read, in bytes: longer than any key with its value's flags and length.
const LONGEST_LINE: u64 = 4096;

/// The longest value that is read, in bytes; probes write far shorter ones.
const LONGEST_VALUE: usize = 64 << 10;

/// More statistics than this are no statistics; memcached 1.6 has about 90.
const MOST_STATISTICS: usize = 1000;

/// A value with the client's flags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Item {
    pub(crate) flags: u32,
    pub(crate) value: Vec<u8>,
}

/// A connection on which plain text is spoken.
pub(crate) struct Text(BufReader<TcpStream>);

impl Text {
    /// Speaks over this connection.
    pub(crate) fn new(stream: TcpStream) -> Self {
        Self(BufReader::new(stream))
    }

    /// The connection, for other commands. Between two answers nothing is in the buffer.
    pub(crate) fn into_stream(self) -> TcpStream {
        self.0.into_inner()
    }

    /// Whether something begins like an answer to `stats`.
    pub(crate) fn is_answer(said: &[u8]) -> bool {
        [&b"STAT "[..], b"END\r\n", b"ERROR", b"CLIENT_ERROR ", b"SERVER_ERROR "]
            .iter()
            .any(|begin| said.starts_with(begin))
    }

    /// What the server says about itself.
    pub(crate) async fn statistics(&mut self) -> Result<BTreeMap<String, String>> {
        self.list(b"stats\r\n").await
    }

    /// With which options it runs.
    pub(crate) async fn settings(&mut self) -> Result<BTreeMap<String, String>> {
        self.list(b"stats settings\r\n").await
    }

    /// Names and values, up to the end of the answer.
    async fn list(&mut self, command: &[u8]) -> Result<BTreeMap<String, String>> {
        self.send(command).await?;
        let mut statistics = BTreeMap::new();
        for _ in 0..MOST_STATISTICS {
            let line = self.answer().await?;
            if line == b"END" {
                return Ok(statistics);
            }
            let (name, value) = statistic(&line).ok_or_else(|| unexpected(&line))?;
            statistics.insert(name, value);
        }
        Err(Error::Protocol(format!("more than {MOST_STATISTICS} statistics")))
    }

    /// Stores a value for `seconds`.
    pub(crate) async fn set(&mut self, key: &str, item: &Item, seconds: u32) -> Result<()> {
        let head = format!("set {key} {} {seconds} {}\r\n", item.flags, item.value.len());
        self.send(&[head.as_bytes(), &item.value, b"\r\n"].concat()).await?;
        match self.answer().await?.as_slice() {
            b"STORED" => Ok(()),
            other => Err(unexpected(other)),
        }
    }

    /// Reads a value.
    pub(crate) async fn get(&mut self, key: &str) -> Result<Option<Item>> {
        self.send(format!("get {key}\r\n").as_bytes()).await?;
        let head = self.answer().await?;
        if head == b"END" {
            return Ok(None);
        }
        let (flags, length) = value_head(&head, key).ok_or_else(|| unexpected(&head))?;
        let mut value = vec![0; length + 2];
        self.0.read_exact(&mut value).await?;
        let end = (value.split_off(length), self.answer().await?);
        if end != (b"\r\n".to_vec(), b"END".to_vec()) {
            return Err(unexpected(&end.1));
        }
        Ok(Some(Item { flags, value }))
    }

    /// Removes a value; one that is gone already is fine.
    pub(crate) async fn delete(&mut self, key: &str) -> Result<()> {
        self.send(format!("delete {key}\r\n").as_bytes()).await?;
        match self.answer().await?.as_slice() {
            b"DELETED" | b"NOT_FOUND" => Ok(()),
            other => Err(unexpected(other)),
        }
    }

    /// Lets the server forget everything.
    pub(crate) async fn flush(&mut self) -> Result<()> {
        self.send(b"flush_all\r\n").await?;
        match self.answer().await?.as_slice() {
            b"OK" => Ok(()),
            other => Err(unexpected(other)),
        }
    }

    async fn send(&mut self, bytes: &[u8]) -> Result<()> {
        Ok(self.0.write_all(bytes).await?)
    }

    /// The next line, without its end, unless it is an error.
    async fn answer(&mut self) -> Result<Vec<u8>> {
        let mut line = Vec::new();
        let mut bounded = (&mut self.0).take(LONGEST_LINE);
        bounded.read_until(b'\n', &mut line).await?;
        if !line.ends_with(b"\n") {
            let cut = bounded.limit() == 0;
            return Err(if cut {
                unexpected(&line)
            } else {
                io::Error::from(io::ErrorKind::UnexpectedEof).into()
            });
        }
        line.truncate(line.trim_ascii_end().len());
        let said = || garbage::excerpt(&line);
        match line.split(|byte| *byte == b' ').next() {
            Some(b"SERVER_ERROR") => Err(Error::Server(said())),
            Some(b"ERROR" | b"CLIENT_ERROR" | b"NOT_STORED") => Err(Error::Rejected(said())),
            _ => Ok(line),
        }
    }
}

fn unexpected(line: &[u8]) -> Error {
    Error::Protocol(garbage::it_said(line))
}

/// Flags and length from `VALUE KEY FLAGS LENGTH`.
fn value_head(line: &[u8], key: &str) -> Option<(u32, usize)> {
    let mut words = std::str::from_utf8(line).ok()?.split(' ');
    if (words.next()?, words.next()?) != ("VALUE", key) {
        return None;
    }
    let (flags, length) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    (length <= LONGEST_VALUE).then_some((flags, length))
}

/// Name and value from `STAT NAME VALUE`; a setting may have an empty one.
fn statistic(line: &[u8]) -> Option<(String, String)> {
    let stat = std::str::from_utf8(line).ok()?.strip_prefix("STAT ")?;
    let (name, value) = stat.split_once(' ').unwrap_or((stat, ""));
    Some((name.to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::serves;

    async fn answered(bytes: &[u8]) -> Result<Vec<u8>> {
        let port = serves(bytes.to_vec()).await;
        Text::new(TcpStream::connect(("127.0.0.1", port)).await.unwrap()).answer().await
    }

    #[tokio::test]
    async fn a_line_without_end_is_not_waited_for_and_one_that_breaks_off_is_lost() {
        assert_eq!(answered(b"STORED\r\nmore").await.unwrap(), b"STORED");
        assert!(matches!(answered(&[b'x'; 1 << 16]).await, Err(Error::Protocol(_))));
        assert!(matches!(answered(b"STOR").await, Err(Error::Io(_))));
        assert!(matches!(answered(b"SERVER_ERROR out of memory\r\n").await, Err(Error::Server(_))));
    }

    #[test]
    fn a_value_for_another_key_or_of_a_gigabyte_is_not_taken() {
        assert_eq!(value_head(b"VALUE k 16 5", "k"), Some((16, 5)));
        assert_eq!(value_head(b"VALUE k 16 5 77", "k"), Some((16, 5)));
        for line in ["VALUE other 16 5", "VALUE k 16 1073741824", "VALUE k 16 -1", "VALUE k 16", "STORED"] {
            assert_eq!(value_head(line.as_bytes(), "k"), None, "{line}");
        }
    }

    proptest! {
        #[test]
        fn no_line_from_a_stranger_takes_the_parsers_down(line in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = value_head(&line, "k");
            let _ = statistic(&line);
        }
    }
}
