//! The runner: only here something acts and waits.
//!
//! [`supervise`] owns timeout, cancellation and panic fence of one piece of work; the graph driver runs checks on it
//! and tells what happens in events; a [`Fold`] makes the report of them. [`run`] is for those who have a runtime,
//! [`run_blocking`] for those who have not: it also survives a check that blocks its thread.

mod blocking;
mod cancel;
mod fold;
mod graph;
mod history;
mod preset;
mod supervise;
mod watch;

use std::collections::BTreeMap;
use std::time::Duration;

pub use blocking::{Observer, run_blocking};
pub use cancel::{Cancel, Canceller};
pub use fold::Fold;
pub use graph::run;
pub use history::History;
pub use preset::leave_out;
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
