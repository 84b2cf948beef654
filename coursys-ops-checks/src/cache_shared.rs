//! `cache.shared`: the site's cache is the memcached that was checked.

use std::time::Duration;

use async_trait::async_trait;
use coursys_ops_core::config::Cache;
use coursys_ops_core::model::{CheckSpec, Code, Effects, Finding, Tier};
use coursys_ops_core::{Check, Scope};
use serde::{Deserialize, Serialize};

use crate::memcached::{DJANGO_TEXT, Item, Memcached, converse, is_key, unique_key};
use crate::site_python::ID as SITE_PYTHON;
use crate::site_shell::ask_site;

/// How long the site's Python may take: a real site needs 3 s to start, and 9 s of `site.python` and these are below the
/// default deadline of 15 s.
const TIMEOUT: Duration = Duration::from_millis(5_900);

/// How long a value outlives an interrupted probe.
const SECONDS: u8 = 10;

/// What both sides write: a text, so that Django's serialiser is part of what is proved.
const TEXT: &str = "coursys-ops \u{e9} \u{1f600}";

/// Reads what we wrote, and writes only when that succeeds: what is not memcached would keep it.
const PROGRAM: &str = r#"
from django.conf import settings
from django.core.cache import cache
_backend = settings.CACHES["default"]
answer = {"backend": str(_backend.get("BACKEND")), "location": None, "key": None, "read": None, "error": None}
if "memcached" in answer["backend"].lower():
    # Other backends keep passwords in it.
    answer["location"] = str(_backend.get("LOCATION"))
try:
    answer["key"] = str(cache.make_key(ask["ours"]))
    _read = cache.get(ask["ours"])
    if _read is not None:
        answer["read"] = _read if isinstance(_read, str) else type(_read).__name__
    if _read == ask["text"]:
        cache.set(ask["theirs"], ask["text"], ask["seconds"])
except Exception as _error:
    answer["error"] = type(_error).__name__ + ": " + str(getattr(_error, "strerror", None) or "")
"#;

/// What the site is asked.
#[derive(Debug, Serialize)]
struct Question<'a> {
    ours: &'a str,
    theirs: &'a str,
    text: &'a str,
    seconds: u8,
}

/// What the site says.
#[derive(Debug, Deserialize)]
struct Answer {
    /// The Python path of Django's backend.
    backend: String,
    /// Where its memcached is.
    location: Option<String>,
    /// What Django makes of our key.
    key: Option<String>,
    /// What it read there.
    read: Option<String>,
    /// What went wrong.
    error: Option<String>,
}

/// The check.
pub(crate) struct CacheShared(CheckSpec);

impl CacheShared {
    /// The check.
    pub(crate) fn new() -> Self {
        Self(
            CheckSpec::new("cache.shared", "Cache is shared with the site")
                .tier(Tier::Slow)
                .needs("cache.connection")
                .needs(SITE_PYTHON)
                .component("memcached")
                .timeout(TIMEOUT)
                .effects(Effects::SelfCleaning)
                .timeout_hint(
                    "the site's Python hangs: run `manage.py check` as the site's user and see where it waits",
                )
                .explanation(
                    "Writes a value into memcached the way Django would, lets the site's own Python (`site.python \
                     manage.py shell`, as the site's user) read it through `django.core.cache` and write one, and \
                     reads that one. Both values are removed, or expire after ten seconds.\n\n\
                     That memcached works says nothing about whether the site uses it: a settings file for \
                     development has a cache in each process's own memory, and then locks do not lock and logouts \
                     do not log out.\n\n\
                     When it fails: the message names the site's backend, its place and its key. Correct the \
                     site's `CACHES`, or `cache.*` here: `key_prefix` and `version` must be the site's.",
                ),
        )
    }
}

#[async_trait]
impl Check for CacheShared {
    fn spec(&self) -> &CheckSpec {
        &self.0
    }

    async fn look(&self, scope: &Scope) -> Vec<Finding> {
        let found = converse(scope, |memcached| shared(scope, memcached)).await;
        vec![found.unwrap_or_else(|failed| failed)]
    }
}

async fn shared(scope: &Scope, mut memcached: Memcached<'_>) -> Result<Finding, Finding> {
    let cache = &scope.config().cache;
    let (ours, theirs) = (unique_key(), unique_key());
    let (our_key, their_key) = (django_key(cache, &ours)?, django_key(cache, &theirs)?);
    let item = Item { flags: DJANGO_TEXT, value: TEXT.as_bytes().to_vec() };
    memcached.set(&our_key, &item, SECONDS.into()).await?;
    let question = Question { ours: &ours, theirs: &theirs, text: TEXT, seconds: SECONDS };
    let asked = ask_site::<Answer>(scope, PROGRAM, &question).await;
    let back = memcached.get(&their_key).await?;
    for key in [&our_key, &their_key] {
        memcached.delete(key).await?;
    }
    judge(cache, &our_key, &asked?, back.as_ref())
}

/// The key that Django makes of ours.
fn django_key(cache: &Cache, key: &str) -> Result<String, Finding> {
    let key = format!("{}:{}:{key}", cache.key_prefix, cache.version);
    if is_key(&key) {
        return Ok(key);
    }
    Err(Finding::failed(
        Code::NotConfigured,
        "`cache.key_prefix` cannot begin a key of memcached: it has spaces or is too long",
        "set `cache.key_prefix` to the site's `KEY_PREFIX`",
    ))
}

/// What the two directions say together.
fn judge(cache: &Cache, our_key: &str, site: &Answer, back: Option<&Item>) -> Result<Finding, Finding> {
    let place = cache.server.place();
    let not_shared = |message: String, hint: &str| Err(Finding::failed(Code::NotShared, message, hint));
    let backend = site.backend.rsplit('.').next().unwrap_or_default();
    let location = site.location.as_deref().unwrap_or("a place of its own");
    if let Some(error) = &site.error {
        return not_shared(
            format!("the site cannot use its cache ({backend} at {location}): {error}"),
            "correct `LOCATION` in the site's `CACHES`, or start the memcached that it names",
        );
    }
    match site.read.as_deref() {
        Some(TEXT) => {}
        Some(_) => {
            return Err(Finding::failed(
                Code::Mangled,
                format!("the site reads another value from memcached at {place} than was written there"),
                "look at the serialiser (`OPTIONS`) in the site's `CACHES`",
            ));
        }
        None if kind(&site.backend) != Kind::Memcached => {
            return not_shared(
                format!("the site does not use memcached: its cache is {} ({backend})", kind(&site.backend)),
                "set `BACKEND` in the site's `CACHES` to `PyMemcacheCache` and `LOCATION` to this memcached",
            );
        }
        None if site.key.as_deref() != Some(our_key) => {
            let key = site.key.as_deref().unwrap_or_default();
            return not_shared(
                format!("the site's keys are other ones: it looks for `{key}`, here it is `{our_key}`"),
                "set `cache.key_prefix` and `cache.version` to the site's `KEY_PREFIX` and `VERSION`",
            );
        }
        None => {
            return not_shared(
                format!("the site uses another memcached ({location}) than the one at {place}"),
                "correct `LOCATION` in the site's `CACHES`, or `cache.host` and `cache.port` here",
            );
        }
    }
    match back {
        Some(back) if back.value == TEXT.as_bytes() => Ok(Finding::passed(format!(
            "the site and memcached at {place} read each other's values ({backend})"
        ))),
        Some(_) => Err(Finding::failed(
            Code::Mangled,
            format!("what the site wrote to memcached at {place} is not what it was given"),
            "look at the serialiser (`OPTIONS`) in the site's `CACHES`",
        )),
        None => not_shared(
            format!("the site reads from memcached at {place} and writes elsewhere ({location})"),
            "look for a second server in `LOCATION` of the site's `CACHES`",
        ),
    }
}

/// Kinds of Django's backends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Memcached,
    Memory,
    Dummy,
    File,
    Database,
    Redis,
    Other,
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Memcached => "memcached",
            Self::Memory => "in each process's own memory",
            Self::Dummy => "a dummy that keeps nothing",
            Self::File => "in files",
            Self::Database => "in the database",
            Self::Redis => "in Redis",
            Self::Other => "of another kind",
        })
    }
}

fn kind(backend: &str) -> Kind {
    const KINDS: [(&str, Kind); 6] = [
        // Not `memcache`: that is in `LocMemCache`, too.
        ("memcached", Kind::Memcached),
        ("locmem", Kind::Memory),
        ("dummy", Kind::Dummy),
        ("filebased", Kind::File),
        (".db.", Kind::Database),
        ("redis", Kind::Redis),
    ];
    let backend = backend.to_lowercase();
    KINDS.into_iter().find(|(word, _)| backend.contains(word)).map_or(Kind::Other, |(_, kind)| kind)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::config;

    fn answer(backend: &str, key: &str, read: Option<&str>) -> Answer {
        Answer {
            backend: format!("django.core.cache.backends.{backend}"),
            location: None,
            key: Some(key.to_owned()),
            read: read.map(ToOwned::to_owned),
            error: None,
        }
    }

    fn judged(site: &Answer, back: Option<&Item>) -> (Code, String) {
        let finding = judge(&config().cache, ":1:k", site, back).unwrap_or_else(|failed| failed);
        (finding.code, finding.message)
    }

    #[test]
    fn each_way_not_to_share_is_told_apart() {
        let memcached = "memcached.PyMemcacheCache";
        for (site, expected) in [
            (answer("locmem.LocMemCache", ":1:k", None), "own memory"),
            (answer("dummy.DummyCache", ":1:k", None), "keeps nothing"),
            (answer("filebased.FileBasedCache", ":1:k", None), "in files"),
            (answer("db.DatabaseCache", ":1:k", None), "in the database"),
            (answer("redis.RedisCache", ":1:k", None), "in Redis"),
            (answer(memcached, "other:1:k", None), "looks for `other:1:k`"),
            (answer(memcached, ":1:k", None), "another memcached"),
            (answer(memcached, ":1:k", Some(TEXT)), "writes elsewhere"),
            (
                Answer {
                    error: Some("ConnectionRefusedError: ".to_owned()),
                    ..answer(memcached, ":1:k", None)
                },
                "cannot use its cache",
            ),
        ] {
            let (code, message) = judged(&site, None);
            assert_eq!(code, Code::NotShared, "{message}");
            assert!(message.contains(expected), "{message} should say {expected}");
        }
    }

    #[test]
    fn only_both_directions_together_pass() {
        let site = answer("memcached.PyMemcacheCache", ":1:k", Some(TEXT));
        let back = Item { flags: DJANGO_TEXT, value: TEXT.as_bytes().to_vec() };
        assert_eq!(judged(&site, Some(&back)).0, Code::Ok);
        assert_eq!(judged(&site, Some(&Item { value: b"?".to_vec(), ..back })).0, Code::Mangled);
        assert_eq!(judged(&answer("memcached.PyMemcacheCache", ":1:k", Some("?")), None).0, Code::Mangled);
    }

    #[test]
    fn a_prefix_that_would_break_the_protocol_is_not_sent() {
        let mut cache = config().cache;
        cache.key_prefix = "a\r\nflush_all\r\n".to_owned();
        assert!(django_key(&cache, "k").is_err());
    }
}
