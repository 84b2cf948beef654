//! `system.load`: the machine is not asked for more than it can do.

use std::time::Duration;

use async_trait::async_trait;
use coursys_ops_core::config::System;
use coursys_ops_core::model::{CheckSpec, Code, Finding, Measurement};
use coursys_ops_core::{Check, Scope};

use crate::grade::graded;
use crate::machine::{COMPONENT, TIMEOUT_HINT, not_understood, read};

/// The load of the last minutes.
const LOAD: &str = "/proc/loadavg";

/// The cores that run.
const CORES: &str = "/sys/devices/system/cpu/online";

/// The check.
pub(crate) struct SystemLoad(CheckSpec);

impl SystemLoad {
    /// The check.
    pub(crate) fn new() -> Self {
        Self(
            CheckSpec::new("system.load", "Load of the machine")
                .component(COMPONENT)
                .timeout(Duration::from_secs(2))
                .timeout_hint(TIMEOUT_HINT)
                .explanation(
                    "Reads the load from /proc/loadavg and divides it by the number of cores: how many processes of \
                     each core run, wait to run, or wait for a disk. What counts is the lower of the averages over \
                     5 and 15 minutes, compared with `system.load_warn` and `system.load_fail`: a short burst does \
                     not count yet, and one that is over does not count any more.\n\n\
                     From about one on, somebody always waits. At two every page takes twice as long as it should, \
                     and beyond five health checks run into their time-outs, so that load balancers and supervisors \
                     make it worse by starting things again.\n\n\
                     When it fails: `top` shows who computes; if nobody does, `ps -eo stat,pid,wchan:20,args` shows \
                     processes in state D, which wait for a disk or for network storage. On this machine the usual \
                     ones are a rebuild of the search index, a dump, or a report on the queue `sims`.",
                ),
        )
    }
}

#[async_trait]
impl Check for SystemLoad {
    fn spec(&self) -> &CheckSpec {
        &self.0
    }

    async fn look(&self, scope: &Scope) -> Vec<Finding> {
        vec![load(scope).await.unwrap_or_else(|failed| failed)]
    }
}

async fn load(scope: &Scope) -> Result<Finding, Finding> {
    let text = read(scope, &[LOAD, CORES]).await?;
    let (load, cores) = text.split_once('\n').unwrap_or((&text, ""));
    let load = averages(load).ok_or_else(|| not_understood(LOAD))?;
    let cores = count(cores).ok_or_else(|| not_understood(CORES))?;
    Ok(judge(load, cores, &scope.config().system))
}

/// The averages over 1, 5 and 15 minutes.
fn averages(line: &str) -> Option<[f64; 3]> {
    let mut words = line.split_whitespace().map(str::parse::<f64>);
    let mut next = || words.next()?.ok().filter(|load| load.is_finite() && *load >= 0.0);
    Some([next()?, next()?, next()?])
}

/// How many are in a list such as `0-3,6`.
fn count(list: &str) -> Option<u32> {
    let mut sum = 0_u32;
    for range in list.trim().split(',') {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (first, last) = (first.parse::<u32>().ok()?, last.parse::<u32>().ok()?);
        sum = sum.checked_add(last.checked_sub(first)?.checked_add(1)?)?;
    }
    Some(sum)
}

fn judge([one, five, fifteen]: [f64; 3], cores: u32, limits: &System) -> Finding {
    let each = |load: f64| load / f64::from(cores.max(1));
    let lasting = each(five.min(fifteen));
    let (warn, fail) = (limits.load_warn, limits.load_fail);
    let message = format!(
        "the load is {one:.2}, {five:.2} and {fifteen:.2} over 1, 5 and 15 minutes on {cores} cores, {lasting:.2} for each"
    );
    let hint = "see with `top` who computes, and with `ps -eo stat,pid,wchan:20,args` who waits for a disk (state D)";
    graded(lasting >= warn, lasting >= fail, Code::Overloaded, message, hint)
        .measured(Measurement::new("load_1", each(one), ""))
        .measured(Measurement::new("load_5", each(five), ""))
        .measured(Measurement::new("load_15", each(fifteen), ""))
        .measured(Measurement::new("load_lasting", lasting, "").warning_at(warn).critical_at(fail))
}

#[cfg(test)]
mod tests {
    use coursys_ops_core::model::Status;
    use proptest::prelude::*;

    use super::*;
    use crate::testing::config;

    #[test]
    fn the_files_are_read_as_the_kernel_writes_them() {
        assert_eq!(averages("1.99 1.74 1.62 3/350 32424"), Some([1.99, 1.74, 1.62]));
        for line in ["", "1.0 2.0", "1.0 two 3.0", "nan nan nan", "-1 0 0"] {
            assert_eq!(averages(line), None, "{line}");
        }
        assert_eq!((count("0-3,6\n"), count("0\n"), count("0-1,4-7")), (Some(5), Some(1), Some(6)));
        for list in ["", "3-1", "a", "0-4294967295", "0,"] {
            assert_eq!(count(list), None, "{list}");
        }
    }

    #[test]
    fn only_what_lasts_and_is_not_over_counts_for_each_core() {
        let status = |load| judge(load, 4, &config().system).status;
        assert_eq!(status([40.0, 40.0, 7.9]), Status::Passed, "it has just begun");
        assert_eq!(status([0.1, 7.9, 40.0]), Status::Passed, "it is over");
        assert_eq!(status([0.1, 8.0, 8.0]), Status::Warning);
        assert_eq!(status([9.0, 20.0, 20.0]), Status::Failed);
    }

    proptest! {
        #[test]
        fn any_text_is_a_load_or_none(text in "\\PC{0,60}|[0-9. /-]{0,60}|[0-9,-]{0,30}") {
            if let Some(load) = averages(&text) {
                let _ = judge(load, count(&text).unwrap_or(0), &config().system);
            }
            let _ = count(&text);
        }

        #[test]
        fn as_many_cores_are_counted_as_are_listed(cores in proptest::collection::btree_set(0_u32..300, 1..40)) {
            let list = cores.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
            prop_assert_eq!(count(&list), u32::try_from(cores.len()).ok());
        }
    }
}
