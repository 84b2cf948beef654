//! `system.swap`: the machine does not live from its swap space.

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
pub(crate) struct SystemSwap(CheckSpec);

impl SystemSwap {
    /// The check.
    pub(crate) fn new() -> Self {
        Self(
            CheckSpec::new("system.swap", "Swap space of the machine")
                .component(COMPONENT)
                .timeout(Duration::from_secs(2))
                .timeout_hint(TIMEOUT_HINT)
                .explanation(
                    "Reads from /proc/meminfo how much of the swap space is used and compares it with \
                     `system.swap_warn_percent` and `system.swap_fail_percent`. A machine without swap space \
                     passes.\n\n\
                     Some of it is always used: what nobody has touched for weeks is better there than in memory. \
                     Much of it means that memory was too small for a while, and that pages which seem free are \
                     slow to come back. Full, it is the last warning before the kernel ends a process.\n\n\
                     When it fails: `vmstat 5` shows whether the machine swaps now (columns si and so); if not, it \
                     is over, and `swapoff -a && swapon -a` brings everything back when enough memory is available. \
                     `smem -s swap -r` or `grep VmSwap /proc/*/status` shows whose it is.",
                ),
        )
    }
}

#[async_trait]
impl Check for SystemSwap {
    fn spec(&self) -> &CheckSpec {
        &self.0
    }

    async fn look(&self, scope: &Scope) -> Vec<Finding> {
        vec![swap(scope).await.unwrap_or_else(|failed| failed)]
    }
}

async fn swap(scope: &Scope) -> Result<Finding, Finding> {
    let meminfo = Meminfo::parse(&read(scope, &[meminfo::PATH]).await?);
    judge(&meminfo, &scope.config().system).ok_or_else(|| not_understood(meminfo::PATH))
}

fn judge(meminfo: &Meminfo, limits: &System) -> Option<Finding> {
    let (total, free) = (meminfo.bytes("SwapTotal")?, meminfo.bytes("SwapFree")?);
    if total <= 0.0 {
        return Some(Finding::passed("the machine has no swap space"));
    }
    let used = (total - free).max(0.0);
    let (share, warn, fail) = (percent(used, total), limits.swap_warn_percent, limits.swap_fail_percent);
    let message =
        format!("{share:.0} % of the swap space are used, {:.1} of {:.1} GiB", used / GIB, total / GIB);
    let hint = "see with `vmstat 5` whether it swaps now, and with `grep VmSwap /proc/*/status` who is there";
    let figure = Measurement::new("used_percent", share, "%").warning_at(warn).critical_at(fail);
    let finding = graded(share > warn, share > fail, Code::LowMemory, message, hint);
    Some(finding.measured(figure).measured(Measurement::new("used_bytes", used, "B")))
}

#[cfg(test)]
mod tests {
    use coursys_ops_core::model::Status;

    use super::*;
    use crate::testing::config;

    fn judged(total: u32, free: u32) -> Status {
        let text = format!("SwapTotal: {total} kB\nSwapFree: {free} kB\n");
        judge(&Meminfo::parse(&text), &config().system).unwrap().status
    }

    #[test]
    fn what_is_used_counts_and_no_swap_space_is_fine() {
        assert_eq!(judged(0, 0), Status::Passed);
        assert_eq!(judged(1000, 500), Status::Passed);
        assert_eq!(judged(1000, 499), Status::Warning);
        assert_eq!(judged(1000, 99), Status::Failed);
        assert_eq!(judge(&Meminfo::parse("MemTotal: 5 kB\n"), &config().system), None);
    }
}
