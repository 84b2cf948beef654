//! `cache.unicode`: any text and any bytes survive memcached.

use async_trait::async_trait;
use coursys_ops_core::model::{CheckSpec, Effects, Finding};
use coursys_ops_core::{Check, Scope};

use crate::cache_connection::{PROBE_SECONDS, came_back};
use crate::memcached::{DJANGO_BYTES, DJANGO_TEXT, Item, Memcached, converse};

/// Characters of one to four bytes in UTF-8: the last is outside the Basic Multilingual Plane.
const TEXT: &str = "a\u{e9}\u{4e2d}\u{1f600}";

/// The check.
pub(crate) struct CacheUnicode(CheckSpec);

impl CacheUnicode {
    /// The check.
    pub(crate) fn new() -> Self {
        Self(
            CheckSpec::new("cache.unicode", "Cache keeps any text")
                .needs("cache.connection")
                .component("memcached")
                .effects(Effects::SelfCleaning)
                .timeout_hint("memcached hangs: look at its process and its log, then restart it")
                .explanation(
                    "Writes a text with a character outside the Basic Multilingual Plane and a value that holds \
                     every byte there is, reads both back and removes them.\n\n\
                     Names of students hold any character, and pickled objects any byte. Memcached itself does \
                     not care; a proxy in between, or a server that only looks like memcached, may.\n\n\
                     When it fails, look at what stands between this machine and memcached.",
                ),
        )
    }
}

#[async_trait]
impl Check for CacheUnicode {
    fn spec(&self) -> &CheckSpec {
        &self.0
    }

    async fn look(&self, scope: &Scope) -> Vec<Finding> {
        let found = converse(scope, |memcached| unicode(scope, memcached)).await;
        vec![found.unwrap_or_else(|failed| failed)]
    }
}

async fn unicode(scope: &Scope, mut memcached: Memcached<'_>) -> Result<Finding, Finding> {
    let place = scope.config().cache.server.place();
    let text = Item { flags: DJANGO_TEXT, value: TEXT.as_bytes().to_vec() };
    let bytes = Item { flags: DJANGO_BYTES, value: (0..=u8::MAX).collect() };
    for sent in [text, bytes] {
        let back = memcached.round_trip(&sent, PROBE_SECONDS).await?;
        came_back(back.as_ref(), &sent, &place)?;
    }
    Ok(Finding::passed("a non-BMP text and a value of every byte survive"))
}
