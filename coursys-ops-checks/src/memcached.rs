//! The part of memcached's text protocol that probes need: the one that the site's own client speaks, known to every
//! memcached since 1.2.
//!
//! Written here, because the libraries take a server's word for the length of a value and read lines without end: a
//! stranger on that port could make the run allocate a gigabyte.

use std::collections::BTreeMap;

use coursys_ops_core::Scope;
use coursys_ops_core::config::Server;
use coursys_ops_core::model::{Code, Finding};

use crate::wire::{Wire, WireError};

/// The longest value that is read, in bytes; probes write far shorter ones.
const LONGEST_VALUE: usize = 64 << 10;

/// More statistics than this are no statistics; memcached 1.6 has about 90.
const MOST_STATISTICS: usize = 1000;

/// The longest key that memcached takes, in bytes.
const LONGEST_KEY: usize = 250;

/// What Django writes as client flags of a text.
pub(crate) const DJANGO_TEXT: u32 = 16;

/// What Django writes as client flags of bytes.
pub(crate) const DJANGO_BYTES: u32 = 0;

/// Why memcached did not do what it was asked.
#[derive(Debug)]
pub(crate) enum MemcachedError {
    /// The conversation ended.
    Wire(WireError),
    /// It refused, and said so.
    Refused(String),
}

impl From<WireError> for MemcachedError {
    fn from(error: WireError) -> Self {
        Self::Wire(error)
    }
}

impl MemcachedError {
    /// The finding about this server.
    pub(crate) fn finding(&self, server: &Server) -> Finding {
        match self {
            Self::Wire(error) => error.finding(server, "memcached"),
            Self::Refused(said) if said.contains("unauthenticated") => Finding::failed(
                Code::AccessDenied,
                format!("memcached at {} wants a login: `{said}`", server.place()),
                "start memcached without `-Y` and `-S`: the site's own client does not log in",
            ),
            Self::Refused(said) => Finding::failed(
                Code::ServerError,
                format!("memcached at {} refused: `{said}`", server.place()),
                "look at its memory limit (`-m`), its options and its log, then restart it",
            ),
        }
    }
}

/// A value with the client's flags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Item {
    pub(crate) flags: u32,
    pub(crate) value: Vec<u8>,
}

/// A connection to memcached.
#[derive(Debug)]
pub(crate) struct Memcached(Wire);

impl Memcached {
    /// Connects to the configured server.
    ///
    /// # Errors
    ///
    /// The finding that says why not.
    pub(crate) async fn connect(scope: &Scope) -> Result<Self, Finding> {
        let server = &scope.config().cache.server;
        let stream = scope.dial(server).await.map_err(|error| error.finding(server))?;
        Ok(Self(Wire::new(stream)))
    }

    /// Stores a value for `seconds`.
    pub(crate) async fn set(&mut self, key: &str, item: &Item, seconds: u32) -> Result<(), MemcachedError> {
        let head = format!("set {key} {} {seconds} {}\r\n", item.flags, item.value.len());
        self.0.send(&[head.as_bytes(), &item.value, b"\r\n"].concat()).await?;
        match self.answer().await?.as_slice() {
            b"STORED" => Ok(()),
            other => Err(WireError::garbage(other).into()),
        }
    }

    /// Reads a value.
    pub(crate) async fn get(&mut self, key: &str) -> Result<Option<Item>, MemcachedError> {
        self.0.send(format!("get {key}\r\n").as_bytes()).await?;
        let head = self.answer().await?;
        if head == b"END" {
            return Ok(None);
        }
        let (flags, length) = value_head(&head, key).ok_or_else(|| WireError::garbage(&head))?;
        let mut value = self.0.exactly(length + 2).await?;
        let end = (value.split_off(length), self.0.line().await?);
        if end != (b"\r\n".to_vec(), b"END".to_vec()) {
            return Err(WireError::garbage(&end.1).into());
        }
        Ok(Some(Item { flags, value }))
    }

    /// Removes a value; one that is gone already is fine.
    pub(crate) async fn delete(&mut self, key: &str) -> Result<(), MemcachedError> {
        self.0.send(format!("delete {key}\r\n").as_bytes()).await?;
        match self.answer().await?.as_slice() {
            b"DELETED" | b"NOT_FOUND" => Ok(()),
            other => Err(WireError::garbage(other).into()),
        }
    }

    /// What the server says about itself.
    pub(crate) async fn statistics(&mut self) -> Result<BTreeMap<String, String>, MemcachedError> {
        self.0.send(b"stats\r\n").await?;
        let mut statistics = BTreeMap::new();
        for _ in 0..MOST_STATISTICS {
            let line = self.answer().await?;
            if line == b"END" {
                return Ok(statistics);
            }
            let (name, value) = statistic(&line).ok_or_else(|| WireError::garbage(&line))?;
            statistics.insert(name, value);
        }
        Err(WireError::Garbage(format!("more than {MOST_STATISTICS} statistics")).into())
    }

    /// Writes a value under a key of its own, reads it back and removes it. When this future is dropped in between, the
    /// value is gone `seconds` later.
    pub(crate) async fn round_trip(
        &mut self,
        item: &Item,
        seconds: u32,
    ) -> Result<Option<Item>, MemcachedError> {
        let key = unique_key();
        self.set(&key, item, seconds).await?;
        let back = self.get(&key).await?;
        self.delete(&key).await?;
        Ok(back)
    }

    /// An answer that is no error.
    async fn answer(&mut self) -> Result<Vec<u8>, MemcachedError> {
        let line = self.0.line().await?;
        let refused = [&b"CLIENT_ERROR "[..], b"SERVER_ERROR "].iter().any(|error| line.starts_with(error));
        if refused || line == b"NOT_STORED" || line == b"ERROR" {
            return Err(MemcachedError::Refused(crate::garbage::excerpt(&line)));
        }
        Ok(line)
    }
}

/// A key that nobody else has.
pub(crate) fn unique_key() -> String {
    format!("coursys-ops-{}", uuid::Uuid::new_v4().simple())
}

/// Whether memcached takes this key as one word.
pub(crate) fn is_key(key: &str) -> bool {
    (1..=LONGEST_KEY).contains(&key.len()) && key.bytes().all(|byte| byte > b' ' && byte != 0x7f)
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

/// Name and value from `STAT NAME VALUE`.
fn statistic(line: &[u8]) -> Option<(String, String)> {
    let (name, value) = std::str::from_utf8(line).ok()?.strip_prefix("STAT ")?.split_once(' ')?;
    Some((name.to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_value_for_another_key_or_of_a_gigabyte_is_not_taken() {
        assert_eq!(value_head(b"VALUE k 16 5", "k"), Some((16, 5)));
        assert_eq!(value_head(b"VALUE k 16 5 77", "k"), Some((16, 5)));
        for line in ["VALUE other 16 5", "VALUE k 16 1073741824", "VALUE k 16 -1", "VALUE k 16", "STORED"] {
            assert_eq!(value_head(line.as_bytes(), "k"), None, "{line}");
        }
    }

    #[test]
    fn a_key_is_one_word_of_at_most_250_bytes() {
        assert!(is_key(&unique_key()) && is_key(&"k".repeat(250)) && is_key(":1:ü"));
        for key in ["", "two words", "line\r\nbreak", "tab\t", &"k".repeat(251)] {
            assert!(!is_key(key), "{key}");
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
