//! `cache.connection`: memcached is there, is memcached, and keeps a value.

use std::time::{Duration, Instant};

use async_trait::async_trait;
use coursys_ops_core::model::{CheckSpec, Code, Effects, Finding, Measurement, Tier};
use coursys_ops_core::service::check_id;
use coursys_ops_core::{Check, Scope};

use crate::memcached::{DJANGO_BYTES, Item, Memcached, converse};

/// How long a probe's value may outlive an interrupted probe, in seconds.
pub(crate) const PROBE_SECONDS: u32 = 5;

/// What is written.
const VALUE: &str = "coursys-ops looks whether a value survives";

/// The check.
pub(crate) struct CacheConnection(CheckSpec);

impl CacheConnection {
    /// The check.
    pub(crate) fn new() -> Self {
        Self(
            CheckSpec::new("cache.connection", "Cache connection")
                .tier(Tier::Sanity)
                .component("memcached")
                .needs(check_id("memcached"))
                .timeout(Duration::from_secs(3))
                .effects(Effects::SelfCleaning)
                .timeout_hint("memcached hangs: look at its process and its log, then restart it")
                .explanation(
                    "Connects to memcached at `cache.host` and `cache.port` (or `cache.socket`), asks for its \
                     statistics, writes a small value under a key of its own, reads it back and removes it. \
                     An interrupted probe's value expires by itself after five seconds.\n\n\
                     The site keeps sessions, locks and rendered pages there; without it pages are slow or fail.\n\n\
                     When it fails: is the process there (`docker compose ps memcached` in layout `vm`)? Does it \
                     listen on that port? What it holds may be lost at any time, so a restart costs nothing but \
                     some warming up.",
                ),
        )
    }
}

#[async_trait]
impl Check for CacheConnection {
    fn spec(&self) -> &CheckSpec {
        &self.0
    }

    async fn look(&self, scope: &Scope) -> Vec<Finding> {
        let found = converse(scope, |memcached| connection(scope, memcached)).await;
        vec![found.unwrap_or_else(|failed| failed)]
    }
}

async fn connection(scope: &Scope, mut memcached: Memcached<'_>) -> Result<Finding, Finding> {
    let place = scope.config().cache.server.place();
    let statistics = memcached.statistics();
    let is_number = |name: &str| statistics.get(name).is_some_and(|value| value.parse::<u64>().is_ok());
    let version = match statistics.get("version") {
        Some(version) if is_number("pid") && is_number("uptime") => version.clone(),
        _ => {
            return Err(Finding::failed(
                Code::WrongServer,
                format!("what answers at {place} has no statistics of a memcached"),
                "another server or a proxy listens there: correct `cache.host` and `cache.port`",
            ));
        }
    };
    scope.fact("cache", format!("memcached {version}"));
    let sent = Item { flags: DJANGO_BYTES, value: VALUE.as_bytes().to_vec() };
    let started = Instant::now();
    let back = memcached.round_trip(&sent, PROBE_SECONDS).await?;
    let took = started.elapsed();
    came_back(back.as_ref(), &sent, &place)?;
    Ok(Finding::passed(format!("memcached {version} at {place} keeps a value")).measured(Measurement::new(
        "round_trip",
        took.as_secs_f64() * 1000.0,
        "ms",
    )))
}

/// Whether what was read is what was written.
pub(crate) fn came_back(back: Option<&Item>, sent: &Item, place: &str) -> Result<(), Finding> {
    let what = match back {
        Some(back) if back == sent => return Ok(()),
        Some(_) => "came back as another one",
        None => "was gone at once",
    };
    Err(Finding::failed(
        Code::Mangled,
        format!("a value that was just written to memcached at {place} {what}"),
        "look at memcached's memory limit (`-m`) and evictions; a proxy between may send reads elsewhere",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{config, converses, look, serves};

    async fn code_at(port: u16) -> (Code, String) {
        let mut config = config();
        config.cache.server.port = port;
        let mut findings = look(CacheConnection::new(), config).await;
        let finding = findings.remove(0);
        (finding.code, finding.message)
    }

    #[tokio::test]
    async fn a_stranger_is_garbage_and_one_that_hangs_up_is_a_lost_connection() {
        assert_eq!(code_at(serves(b"220 mail.example ESMTP\r\n".to_vec()).await).await.0, Code::Garbage);
        assert_eq!(code_at(serves(vec![0xff; 1 << 20]).await).await.0, Code::Garbage);
        assert_eq!(code_at(serves(Vec::new()).await).await.0, Code::ConnectionLost);
    }

    #[tokio::test]
    async fn a_server_of_the_same_protocol_that_is_no_memcached_is_the_wrong_server() {
        let port = converses("", |_| "STAT version 1.0\r\nEND\r\n".to_owned()).await;
        assert_eq!(code_at(port).await.0, Code::WrongServer);
    }

    /// What a server of this version says to `stats`.
    fn statistics(version: &str) -> String {
        format!("STAT pid 7\r\nSTAT uptime 1\r\nSTAT version {version}\r\nEND\r\n")
    }

    #[tokio::test]
    async fn what_memcached_refuses_is_told_in_its_own_words() {
        let full = |line: &str| match line.split(' ').next() {
            Some("stats") => statistics("1.6.18"),
            Some("ms") => String::new(),
            _ => "SERVER_ERROR out of memory storing object\r\n".to_owned(),
        };
        let (code, message) = code_at(converses("", full).await).await;
        assert_eq!(code, Code::ServerError);
        assert!(message.contains("out of memory"), "{message}");
        let locked = |_: &str| "CLIENT_ERROR unauthenticated\r\n".to_owned();
        assert_eq!(code_at(converses("", locked).await).await.0, Code::AccessDenied);
    }

    #[tokio::test]
    async fn a_value_that_is_gone_at_once_is_mangled() {
        let forgets = |line: &str| match line.split(' ').next() {
            Some("stats") => statistics("1.6.18"),
            Some("ms") => "HD\r\n".to_owned(),
            Some("mg") => "EN\r\n".to_owned(),
            Some("md") => "NF\r\n".to_owned(),
            _ => String::new(),
        };
        assert_eq!(code_at(converses("", forgets).await).await.0, Code::Mangled);
    }

    #[tokio::test]
    async fn an_old_memcached_is_spoken_to_in_plain_text() {
        let old = |line: &str| match line.split(' ').collect::<Vec<_>>()[..] {
            ["stats"] => statistics("1.5.22"),
            ["set", ..] => String::new(),
            ["get", key] => format!("VALUE {key} {DJANGO_BYTES} {}\r\n{VALUE}\r\nEND\r\n", VALUE.len()),
            ["delete", _] => "DELETED\r\n".to_owned(),
            _ if line == VALUE => "STORED\r\n".to_owned(),
            _ => "ERROR\r\n".to_owned(),
        };
        assert_eq!(code_at(converses("", old).await).await.0, Code::Ok);
    }

    #[tokio::test]
    async fn a_value_that_is_announced_with_a_gigabyte_does_not_cost_one() {
        let endless = |line: &str| match line.split(' ').next() {
            Some("stats") => statistics("1.6.18"),
            Some("ms") => "HD\r\n".to_owned(),
            Some("mg") => format!("VA {} f0\r\n{}", 1 << 30, "x".repeat(5 << 20)),
            _ => String::new(),
        };
        let (code, message) = code_at(converses("", endless).await).await;
        assert_eq!(code, Code::Garbage, "{message}");
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        let peak: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
        assert!(peak < 300 << 10, "the tests needed {peak} kB");
    }
}
