//! The runner: only here something acts and waits.
//!
//! [`supervise`] owns timeout, cancellation and panic fence of one piece of work. Two drivers stand on it and tell what
//! happens in events: a graph for checks, where the others go on when one fails, and a chain for plans, which stops there.
//! A [`Fold`] or [`PlanFold`] makes the report of the events. [`run`] and [`carry_out`] are for those who have a runtime,
//! [`run_blocking`] and [`carry_out_blocking`] for those who have not: they also survive what blocks its thread.

mod blocking;
mod cancel;
mod chain;
pub mod errand;
mod fold;
mod graph;
mod history;
mod plan_fold;
mod preset;
mod progress;
mod supervise;
mod watch;

use std::collections::BTreeMap;
use std::time::Duration;

pub use blocking::{Observer, run_blocking};
pub use cancel::{Cancel, Canceller};
pub use chain::{
    BuiltIn, BuiltIns, Decision, Doing, Job, LastWords, Means, NOW_GRACE, NotSafe, Record, STEP_GRACE, Stops,
    Task, Turn, carry_out, carry_out_blocking,
};
pub use fold::Fold;
pub use graph::run;
pub use history::History;
pub use plan_fold::PlanFold;
pub use preset::leave_out;
pub use progress::{NoProgress, Progress};

/// The courses that a go at a plan can take.
pub mod course {
    pub use super::chain::{begin, resume, undo};
}

pub use supervise::{Supervised, supervise};

use crate::model::{DEFAULT_DEADLINE, Finding, Tier};

/// What is left of the run's 200 ms after its deadline when processes have had their chance to end.
pub const STOP_GRACE: Duration = Duration::from_millis(50);

/// How to run.
#[derive(Debug, Clone)]
pub struct Options {
    /// How long the whole run may take.
    pub deadline: Duration,
    /// The tier that the report shows.
    pub tier: Tier,
    /// What is known before anything is looked at: checks left out, or looked at a moment ago.
    pub known: BTreeMap<String, Vec<Finding>>,
}

impl Default for Options {
    fn default() -> Self {
        Self { deadline: DEFAULT_DEADLINE, tier: Tier::Deploy, known: BTreeMap::new() }
    }
}
