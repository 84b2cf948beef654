//! What the cache checks ask memcached, by the library `memcache` in memcached's meta commands, and of servers that are too
//! old for those in plain text.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use coursys_ops_core::Scope;
use coursys_ops_core::config::Server;
use coursys_ops_core::model::{Code, Finding};
use coursys_ops_core::net::{Overheard, Relay};
use memcache::exp::{
    AsyncMetaConnection, DeleteOptions, Error, GetOptions, MetaCommand, MetaCommandResult, ReturnCode,
    SetOptions, build_delete, build_get, build_set, parse_meta_result,
};
use tokio::net::TcpStream;

pub(crate) use crate::memcached_text::Item;
use crate::memcached_text::Text;
use crate::{broken, garbage};

/// The longest key that memcached takes, in bytes.
const LONGEST_KEY: usize = 250;

/// The first version whose meta commands are those of the library.
const FIRST_META: (u32, u32) = (1, 6);

/// What Django writes as client flags of a text.
pub(crate) const DJANGO_TEXT: u32 = 16;

/// What Django writes as client flags of bytes.
pub(crate) const DJANGO_BYTES: u32 = 0;

/// A conversation with memcached.
pub(crate) struct Memcached<'a> {
    server: &'a Server,
    overheard: Overheard,
    commands: Commands,
    statistics: BTreeMap<String, String>,
}

/// How a server is commanded.
enum Commands {
    /// In meta commands. A value may be announced with 1 GiB; only what the relay lets through is ever written to memory.
    Meta(AsyncMetaConnection),
    /// In plain text, before version 1.6.
    Text(Text),
}

/// Talks with the configured memcached.
///
/// # Errors
///
/// The finding that says why not, or that of the conversation.
pub(crate) async fn converse<'a, T, F>(
    scope: &'a Scope,
    conversation: impl FnOnce(Memcached<'a>) -> F,
) -> Result<T, Finding>
where
    F: Future<Output = Result<T, Finding>>,
{
    let server = &scope.config().cache.server;
    let stream = scope.dial(server).await.map_err(|error| error.finding(server))?;
    let (relay, address) = Relay::tcp(stream).await.map_err(broken::no_relay)?;
    let overheard = relay.overhear();
    relay.during(async { conversation(Memcached::open(server, address, overheard).await?).await }).await
}

/// What a memcached says about itself: its statistics, and the settings it runs with.
///
/// # Errors
///
/// The finding that says why it says nothing.
pub(crate) async fn account(
    scope: &Scope,
) -> Result<(BTreeMap<String, String>, BTreeMap<String, String>), Finding> {
    let server = &scope.config().cache.server;
    let stream = scope.dial(server).await.map_err(|error| error.finding(server))?;
    let (relay, address) = Relay::tcp(stream).await.map_err(broken::no_relay)?;
    let overheard = relay.overhear();
    let ask = async {
        let mut text = Text::new(TcpStream::connect(address).await.map_err(broken::no_relay)?);
        let fail = |error: Error| finding(server, &overheard, &error);
        let statistics = text.statistics().await.map_err(fail)?;
        let settings = text.settings().await.map_err(fail)?;
        Ok((statistics, settings))
    };
    relay.during(ask).await
}

/// What a flush did.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Flush {
    /// How many items there were before the marker.
    pub(crate) items: u64,
    /// Whether the marker was there before.
    pub(crate) there: bool,
    /// Whether it is gone afterwards.
    pub(crate) gone: bool,
}

/// Lets the server forget everything, in plain text, because meta commands have no word for it; a marker under this key is
/// written before and looked for afterwards.
///
/// # Errors
///
/// The finding that says why it does not.
pub(crate) async fn flush(scope: &Scope, marker: &str) -> Result<Flush, Finding> {
    const MARKER: &[u8] = b"coursys-ops looks whether this goes";
    // It goes by itself should this be stopped in the middle.
    const SECONDS: u32 = 60;
    let server = &scope.config().cache.server;
    let stream = scope.dial(server).await.map_err(|error| error.finding(server))?;
    let (relay, address) = Relay::tcp(stream).await.map_err(broken::no_relay)?;
    let overheard = relay.overhear();
    let talk = async {
        let mut text = Text::new(TcpStream::connect(address).await.map_err(broken::no_relay)?);
        let fail = |error: Error| finding(server, &overheard, &error);
        let items = text.statistics().await.map_err(fail)?;
        let items = items.get("curr_items").and_then(|items| items.parse().ok()).unwrap_or(0);
        let item = Item { flags: DJANGO_BYTES, value: MARKER.to_vec() };
        text.set(marker, &item, SECONDS).await.map_err(fail)?;
        let there = text.get(marker).await.map_err(fail)? == Some(item);
        text.flush().await.map_err(fail)?;
        let gone = text.get(marker).await.map_err(fail)?.is_none();
        Ok(Flush { items, there, gone })
    };
    relay.during(talk).await
}

impl<'a> Memcached<'a> {
    /// Asks for the statistics first: they tell strangers from a memcached, and an old one from a new one.
    async fn open(server: &'a Server, relay: SocketAddr, overheard: Overheard) -> Result<Self, Finding> {
        let fail = |error: Error| finding(server, &overheard, &error);
        let stream = TcpStream::connect(relay).await.map_err(broken::no_relay)?;
        let mut text = Text::new(stream);
        let statistics = text.statistics().await.map_err(fail)?;
        let commands = if statistics.get("version").is_some_and(|version| is_meta(version)) {
            Commands::Meta(AsyncMetaConnection::from_stream(text.into_stream()))
        } else {
            Commands::Text(text)
        };
        Ok(Self { server, overheard, commands, statistics })
    }

    /// What the server says about itself.
    pub(crate) const fn statistics(&self) -> &BTreeMap<String, String> {
        &self.statistics
    }

    /// Stores a value for `seconds`.
    pub(crate) async fn set(&mut self, key: &str, item: &Item, seconds: u32) -> Result<(), Finding> {
        let stored = match &mut self.commands {
            Commands::Meta(connection) => {
                let mut options = SetOptions::default();
                options.client_flags = Some(item.flags);
                options.ttl = Some(seconds);
                execute(connection, build_set(key, item.value.clone(), &options)).await.and_then(stored)
            }
            Commands::Text(text) => text.set(key, item, seconds).await,
        };
        stored.map_err(|error| self.finding(&error))
    }

    /// Reads a value.
    pub(crate) async fn get(&mut self, key: &str) -> Result<Option<Item>, Finding> {
        let item = match &mut self.commands {
            Commands::Meta(connection) => {
                let mut options = GetOptions::default();
                options.value = true;
                options.return_client_flags = true;
                execute(connection, build_get(key, &options)).await.map(item)
            }
            Commands::Text(text) => text.get(key).await,
        };
        item.map_err(|error| self.finding(&error))
    }

    /// Removes a value; one that is gone already is fine.
    pub(crate) async fn delete(&mut self, key: &str) -> Result<(), Finding> {
        let deleted = match &mut self.commands {
            Commands::Meta(connection) => {
                execute(connection, build_delete(key, &DeleteOptions::default())).await.map(drop)
            }
            Commands::Text(text) => text.delete(key).await,
        };
        deleted.map_err(|error| self.finding(&error))
    }

    /// Writes a value under a key of its own, reads it back and removes it. When this future is dropped in between, the
    /// value is gone `seconds` later.
    pub(crate) async fn round_trip(&mut self, item: &Item, seconds: u32) -> Result<Option<Item>, Finding> {
        let key = unique_key();
        self.set(&key, item, seconds).await?;
        let back = self.get(&key).await?;
        self.delete(&key).await?;
        Ok(back)
    }

    fn finding(&self, error: &Error) -> Finding {
        finding(self.server, &self.overheard, error)
    }
}

async fn execute(
    connection: &mut AsyncMetaConnection,
    command: Result<MetaCommand, Error>,
) -> Result<MetaCommandResult, Error> {
    parse_meta_result(connection.execute(&command?).await?)
}

/// Whether a value was stored.
fn stored(answer: MetaCommandResult) -> Result<(), Error> {
    if answer.rc == ReturnCode::Hd { Ok(()) } else { Err(Error::Rejected("not stored".to_owned())) }
}

/// The value in an answer, if there is one.
fn item(answer: MetaCommandResult) -> Option<Item> {
    Some(Item { flags: answer.client_flags.unwrap_or(0), value: answer.value? })
}

/// The finding about a conversation that ended with an error.
fn finding(server: &Server, overheard: &Overheard, error: &Error) -> Finding {
    let place = server.place();
    match error {
        Error::Rejected(said) if said.contains("unauthenticated") => Finding::failed(
            Code::AccessDenied,
            format!("memcached at {place} wants a login: `{}`", garbage::excerpt(said.as_bytes())),
            "start memcached without `-Y` and `-S`: the site's own client does not log in",
        ),
        Error::Rejected(said) | Error::Server(said) => Finding::failed(
            Code::ServerError,
            format!("memcached at {place} refused: `{}`", garbage::excerpt(said.as_bytes())),
            "look at its memory limit (`-m`), its options and its log, then restart it",
        ),
        _ => broken::finding(server, "memcached", &overheard.heard(), Text::is_answer, error),
    }
}

/// Whether a server of this version knows the meta commands; one of which nobody can tell knows plain text.
fn is_meta(version: &str) -> bool {
    let mut numbers = version.split('.').map(str::parse);
    matches!((numbers.next(), numbers.next()), (Some(Ok(major)), Some(Ok(minor))) if (major, minor) >= FIRST_META)
}

/// A key that nobody else has.
pub(crate) fn unique_key() -> String {
    format!("coursys-ops-{}", uuid::Uuid::new_v4().simple())
}

/// Whether memcached takes this key as one word.
pub(crate) fn is_key(key: &str) -> bool {
    (1..=LONGEST_KEY).contains(&key.len()) && key.bytes().all(|byte| byte > b' ' && byte != 0x7f)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn meta_commands_are_for_servers_that_surely_know_them() {
        for version in ["1.6.18", "1.6.0_beta1", "1.10.1", "2.0"] {
            assert!(is_meta(version), "{version}");
        }
        for version in ["1.5.22", "1.4.4-14-g9c660c0", "1", "", "one.six"] {
            assert!(!is_meta(version), "{version}");
        }
    }

    #[test]
    fn a_key_is_one_word_of_at_most_250_bytes() {
        assert!(is_key(&unique_key()) && is_key(&"k".repeat(250)) && is_key(":1:ü"));
        for key in ["", "two words", "line\r\nbreak", "tab\t", &"k".repeat(251)] {
            assert!(!is_key(key), "{key}");
        }
    }
}
