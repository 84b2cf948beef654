//! `system.memory`: enough memory is available.

use std::time::Duration;

use async_trait::async_trait;
use coursys_ops_core::config::System;
use coursys_ops_core::model::{CheckSpec, Code, Finding, Measurement};
use coursys_ops_core::{Check, Scope};

use crate::grade::{graded, percent};
use crate::machine::{COMPONENT, TIMEOUT_HINT, not_understood, read};
use crate::meminfo::{self, Meminfo};

/// Bytes in a GiB.
const GIB: f64 = (1_u64 << 30) as f64;

/// The check.
pub(crate) struct SystemMemory(CheckSpec);

impl SystemMemory {
    /// The check.
    pub(crate) fn new() -> Self {
        Self(
            CheckSpec::new("system.memory", "Memory of the machine")
                .component(COMPONENT)
                .timeout(Duration::from_secs(2))
                .timeout_hint(TIMEOUT_HINT)
                .explanation(
                    "Reads from /proc/meminfo how much memory is available (`MemAvailable`): what programs could \
                     still get, which is what is free and what is only used to remember files. Compares its share \
                     with `system.memory_warn_percent` and `system.memory_fail_percent`.\n\n\
                     When nothing is available the machine first becomes slow, because it reads programs from disk \
                     again and again, and then the kernel ends a process of its choice: mostly the largest one, \
                     which here is Elasticsearch or a worker with somebody's report.\n\n\
                     When it fails: `ps -eo rss,pid,user,args --sort=-rss | head` shows who has it. Workers of \
                     gunicorn that grew are replaced by a reload; a worker of Celery by a restart of `celery`; \
                     Elasticsearch never takes more than its `-Xmx` and about as much again for its files.",
                ),
        )
    }
}

#[async_trait]
impl Check for SystemMemory {
    fn spec(&self) -> &CheckSpec {
        &self.0
    }

    async fn look(&self, scope: &Scope) -> Vec<Finding> {
        vec![memory(scope).await.unwrap_or_else(|failed| failed)]
    }
}

async fn memory(scope: &Scope) -> Result<Finding, Finding> {
    let meminfo = Meminfo::parse(&read(scope, &[meminfo::PATH]).await?);
    judge(&meminfo, &scope.config().system).ok_or_else(|| not_understood(meminfo::PATH))
}

fn judge(meminfo: &Meminfo, limits: &System) -> Option<Finding> {
    let total = meminfo.bytes("MemTotal").filter(|total| *total > 0.0)?;
    let available = meminfo.bytes("MemAvailable")?;
    let (share, warn, fail) =
        (percent(available, total), limits.memory_warn_percent, limits.memory_fail_percent);
    let message =
        format!("{share:.0} % of the memory are available, {:.1} of {:.1} GiB", available / GIB, total / GIB);
    let hint = "see with `ps -eo rss,pid,user,args --sort=-rss | head` who has it, and restart what grew";
    let figure = Measurement::new("available_percent", share, "%").warning_at(warn).critical_at(fail);
    let finding = graded(share < warn, share < fail, Code::LowMemory, message, hint);
    Some(finding.measured(figure).measured(Measurement::new("available_bytes", available, "B")))
}

#[cfg(test)]
mod tests {
    use coursys_ops_core::model::Status;

    use super::*;
    use crate::testing::config;

    fn judged(text: &str) -> Option<Status> {
        judge(&Meminfo::parse(text), &config().system).map(|finding| finding.status)
    }

    #[test]
    fn what_is_available_counts_and_not_what_is_free() {
        let with = |available: u32| {
            judged(&format!("MemTotal: 1000 kB\nMemFree: 1 kB\nMemAvailable: {available} kB\n"))
        };
        assert_eq!(with(100), Some(Status::Passed));
        assert_eq!(with(99), Some(Status::Warning));
        assert_eq!(with(29), Some(Status::Failed));
    }

    #[test]
    fn a_file_without_the_figures_is_not_judged() {
        for text in ["", "MemTotal: 0 kB\nMemAvailable: 0 kB\n", "MemTotal: 1000 kB\n"] {
            assert_eq!(judged(text), None, "{text}");
        }
    }
}
