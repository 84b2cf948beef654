//! `cache.health`: memcached has room, connections and a version that suit the site.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use coursys_ops_core::config::Cache;
use coursys_ops_core::model::{CheckSpec, Code, Finding, Measurement};
use coursys_ops_core::{Check, Scope};

use crate::grade::percent;
use crate::memcached::account;
use crate::version::Version;

/// Bytes in a MiB.
const MIB: f64 = (1_u64 << 20) as f64;

/// Seconds in an hour. A server that is younger counts as old as this: a burst after a restart is no rate.
const HOUR: f64 = 3600.0;

/// The check.
pub(crate) struct CacheHealth(CheckSpec);

impl CacheHealth {
    /// The check.
    pub(crate) fn new() -> Self {
        Self(
            CheckSpec::new("cache.health", "Cache health")
                .needs("cache.connection")
                .component("memcached")
                .timeout(Duration::from_secs(3))
                .timeout_hint("memcached hangs: look at its process and its log, then restart it")
                .explanation(
                    "Reads memcached's own statistics and settings (`stats`, `stats settings`) and compares them \
                     with `cache.*`: how many values it throws away before they expire, how often it has an answer, \
                     how many connections are taken and whether any were turned away, the largest value that it \
                     takes, and its version. Counters count from its start, so a rate is that of its whole life; \
                     in its first hour they count as if it were an hour old, and how often it has an answer is \
                     judged only after `cache.min_gets` questions: a cache that was just emptied is cold, not \
                     ill.\n\n\
                     Nothing breaks visibly when a cache is too small: sessions end early, locks are lost and every \
                     page is made anew, which shows as a slow site on its busiest day. A value that is larger than \
                     the limit is silently not kept at all. And each process of gunicorn and Celery holds \
                     connections, so more workers can need more than memcached takes.\n\n\
                     When it fails: memcached is started with its limits on the command line (`command:` of its \
                     service): `-m` is the memory in MiB, `-c` the connections, `-I` the largest value. A restart \
                     with other limits loses nothing but warmth. If values are thrown away though there is memory, \
                     look for a loop in the site that writes keys which nobody reads (`stats items`).",
                ),
        )
    }
}

#[async_trait]
impl Check for CacheHealth {
    fn spec(&self) -> &CheckSpec {
        &self.0
    }

    async fn look(&self, scope: &Scope) -> Vec<Finding> {
        match account(scope).await {
            Ok((statistics, settings)) => {
                let said = Said { statistics, settings };
                if let Some(seconds) = said.statistic("uptime") {
                    scope.fact("cache has run for", age(seconds));
                }
                judge(&said, &scope.config().cache)
            }
            Err(failed) => vec![failed],
        }
    }
}

/// What memcached says about itself.
struct Said {
    statistics: BTreeMap<String, String>,
    settings: BTreeMap<String, String>,
}

impl Said {
    /// A counter; nothing where this version has none of that name.
    fn statistic(&self, name: &str) -> Option<f64> {
        number(self.statistics.get(name)?)
    }

    fn setting(&self, name: &str) -> Option<f64> {
        number(self.settings.get(name)?)
    }
}

/// Counters have 64 bits; none of those that are judged comes near the 2^53 that a float holds exactly.
#[allow(clippy::cast_precision_loss, reason = "see above")]
fn number(text: &str) -> Option<f64> {
    text.parse::<u64>().ok().map(|number| number as f64)
}

/// One finding for each thing there is a figure of.
fn judge(said: &Said, wanted: &Cache) -> Vec<Finding> {
    let findings = [
        evictions(said, wanted),
        hits(said, wanted),
        connections(said, wanted),
        refused(said),
        largest(said, wanted),
        memory(said),
        version(said, wanted),
    ];
    let findings: Vec<Finding> = findings.into_iter().flatten().collect();
    if findings.is_empty() {
        return vec![Finding::failed(
            Code::WrongServer,
            "memcached tells nothing about itself that can be judged",
            "a proxy may stand between: point `cache.host` and `cache.port` at memcached itself",
        )];
    }
    findings
}

fn evictions(said: &Said, wanted: &Cache) -> Option<Finding> {
    let (evicted, uptime) = (said.statistic("evictions")?, said.statistic("uptime")?);
    let rate = evicted / (uptime / HOUR).max(1.0);
    let most = wanted.max_evictions_per_hour;
    let message = format!("{rate:.0} values an hour were thrown away before they expired");
    let finding = if rate > most {
        Finding::warning(
            Code::Evicting,
            format!("{message}, more than {most:.0}"),
            "give memcached more memory (`-m`), or raise `cache.max_evictions_per_hour`",
        )
    } else {
        Finding::passed(message)
    };
    let measured = Measurement::new("evictions_per_hour", rate, "").warning_at(most);
    Some(finding.about("evictions").measured(measured))
}

fn hits(said: &Said, wanted: &Cache) -> Option<Finding> {
    let (hits, misses) = (said.statistic("get_hits")?, said.statistic("get_misses")?);
    let (gets, least) = (hits + misses, wanted.min_hit_percent);
    #[allow(clippy::cast_precision_loss, reason = "a threshold of 2^53 questions is never reached")]
    let enough = wanted.min_gets as f64;
    let rate = percent(hits, gets);
    let finding = if gets < enough {
        Finding::passed(format!("{gets:.0} questions so far, too few to tell how many it can answer"))
    } else if rate < least {
        Finding::warning(
            Code::LowHitRate,
            format!("only {rate:.1} % of {gets:.0} questions had an answer, {least:.0} % should"),
            "see whether values are thrown away or expire too early, and whether `KEY_PREFIX` or `VERSION` changed",
        )
    } else {
        Finding::passed(format!("{rate:.1} % of {gets:.0} questions had an answer"))
    };
    let finding = finding.about("hits").measured(Measurement::new("gets", gets, ""));
    Some(if gets < enough {
        finding
    } else {
        finding.measured(Measurement::new("hit_percent", rate, "%").warning_at(least))
    })
}

fn connections(said: &Said, wanted: &Cache) -> Option<Finding> {
    let used = said.statistic("curr_connections")?;
    let possible = said.setting("maxconns").or_else(|| said.statistic("max_connections"))?;
    // Newer versions keep some of them for their own threads.
    let possible = (possible - said.statistic("reserved_fds").unwrap_or(0.0)).max(0.0);
    let (share, most) = (percent(used, possible), wanted.max_connections_percent);
    let message = format!("{used:.0} of {possible:.0} connections are taken");
    let finding = if share > most {
        Finding::warning(
            Code::TooManyConnections,
            format!("{message}, more than {most:.0} %"),
            "start memcached with a higher `-c`, or see who holds so many (`ss -tnp`)",
        )
    } else {
        Finding::passed(message)
    };
    let measured = Measurement::new("connections_percent", share, "%").warning_at(most);
    Some(finding.about("connections").measured(Measurement::new("connections", used, "")).measured(measured))
}

/// Connections that were turned away or made to wait since the start: by either name, as it was started.
fn refused(said: &Said) -> Option<Finding> {
    let rejected = said.statistic("rejected_connections");
    let waited = said.statistic("listen_disabled_num");
    if rejected.is_none() && waited.is_none() {
        return None;
    }
    let count = rejected.unwrap_or(0.0).max(waited.unwrap_or(0.0));
    let finding = if count > 0.0 {
        Finding::warning(
            Code::TooManyConnections,
            format!("{count:.0} times since its start all connections were taken"),
            "start memcached with a higher `-c`; the restart sets this counter back",
        )
    } else {
        Finding::passed("nobody was turned away since its start")
    };
    let measured = Measurement::new("refused_connections", count, "").warning_at(1.0);
    Some(finding.about("refused connections").measured(measured))
}

fn largest(said: &Said, wanted: &Cache) -> Option<Finding> {
    let (limit, least) = (said.setting("item_size_max")?, wanted.item_size_mib * MIB);
    let message = format!("values may have up to {:.2} MiB", limit / MIB);
    let finding = if limit < least {
        Finding::failed(
            Code::LimitTooLow,
            format!("{message}, the site needs {:.2} MiB", wanted.item_size_mib),
            "start memcached with a larger `-I`, or correct `cache.item_size_mib`",
        )
    } else {
        Finding::passed(message)
    };
    let measured = Measurement::new("item_size_max", limit, "B").critical_at(least);
    Some(finding.about("largest value").measured(measured))
}

/// A full cache is as it should be, so nothing is too much.
fn memory(said: &Said) -> Option<Finding> {
    let (used, limit) = (said.statistic("bytes")?, said.statistic("limit_maxbytes")?);
    let message = format!("{:.1} of {:.0} MiB are filled", used / MIB, limit / MIB);
    Some(
        Finding::passed(message)
            .about("memory")
            .measured(Measurement::new("bytes", used, "B"))
            .measured(Measurement::new("limit_bytes", limit, "B")),
    )
}

fn version(said: &Said, wanted: &Cache) -> Option<Finding> {
    let (text, least) = (said.statistics.get("version")?, Version::parse(&wanted.min_version)?);
    let shown = crate::garbage::excerpt(text.as_bytes());
    let finding = match Version::parse(text) {
        Some(version) if version < least => Finding::warning(
            Code::TooOld,
            format!("memcached {shown} is older than {}", wanted.min_version),
            "take a newer image or package; or lower `cache.min_version`",
        ),
        Some(_) => Finding::passed(format!("memcached {shown} is new enough")),
        None => Finding::passed(format!("memcached calls its version `{shown}`, which has no number")),
    };
    Some(finding.about("version"))
}

/// Seconds as people say them.
fn age(seconds: f64) -> String {
    let hours = seconds / HOUR;
    if hours < 1.0 {
        format!("{:.0} min", seconds / 60.0)
    } else if hours < 48.0 {
        format!("{hours:.0} h")
    } else {
        format!("{:.0} days", hours / 24.0)
    }
}

#[cfg(test)]
#[path = "cache_health_tests.rs"]
mod tests;
