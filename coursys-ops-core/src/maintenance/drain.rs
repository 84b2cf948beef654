//! The plan that lets the workers do what is left, while the site takes nothing new. Pure: nothing here looks or acts.

use std::sync::Arc;
use std::time::Duration;

use super::facts::{Facts, Worker};
use super::making::{Making, built_in, flag};
use super::plan::{BuiltInStep, MARGIN, lease, over};
use super::{LeasePhase, Wish, judge};
use crate::config::Config;
use crate::plan::Plan;
use crate::service::{Deed, Refusal, Service, State, in_order};

/// How the titles of plans that drain the queues begin.
pub const DRAIN: &str = "drain the queues";

/// What is wanted of a draining, beside what is wanted of every maintenance.
#[derive(Debug, Clone, Copy)]
pub struct Draining {
    /// How long the queues are waited for.
    pub timeout: Duration,
    /// Whether workers are started that do not run.
    pub start_workers: bool,
}

/// The plan that drains the queues: it closes the site, stops the beat, and waits until the workers have nothing left to
/// do. The site stays closed.
///
/// In a maintenance that is on, workers that nobody wants started stay stopped, and what waits for them is counted only.
///
/// # Errors
///
/// Why it cannot be done.
pub fn drain(
    config: &Config,
    services: &[Arc<dyn Service>],
    facts: &Facts,
    wish: &Wish,
    draining: Draining,
) -> Result<Plan, Refusal> {
    let lease = lease(facts, wish)?.in_phase(LeasePhase::Draining);
    // What runs now is noted, to run again in the end.
    if let Some(unseen) = facts.workers.iter().find(|one| !one.is_seen()) {
        let why = unseen.look.parts.iter().find(|part| part.state == State::Unseen);
        let why = why.map(|part| part.detail.as_str()).unwrap_or_default();
        return Err(Refusal::new(
            format!("the state of `{}` could not be seen: {why}", unseen.name),
            "run it as root, or mend what keeps from looking",
        ));
    }
    let mut making = Making::new(config, services, facts);
    let seconds = draining.timeout.as_secs().to_string();
    let title = "wait until nothing is left in the queues";
    let wait = built_in(BuiltInStep::DRAIN, "queues.drain", title, [("until", seconds.as_str())]);
    let wait = wait.deadline(draining.timeout + MARGIN);
    let closed = judge(facts).state == super::State::On;
    if closed && !draining.start_workers {
        making.add(wait);
        return Ok(Plan { title: DRAIN.to_owned(), steps: making.steps });
    }
    making.add(flag("flag.draining", "refuse new requests: write the flag", &lease, over(facts)));
    making.hold_and_steady();
    let mut order = in_order(&config.components);
    let ours = |name: &str| facts.workers.iter().find(|one| one.name == name);
    if draining.start_workers {
        let down = |name: &&String| ours(name).is_some_and(|one| !one.is_whole());
        for name in order.iter().filter(down) {
            if making.takes_tasks(name) {
                making.starts(name)?;
            }
        }
        // Whether they are well is seen by what they do: with all that waits for them their checks may not pass.
        making.steps.iter_mut().for_each(|step| step.gate.retain(|id| !id.starts_with("celery.")));
    }
    order.reverse();
    for name in order.iter().filter(|name| ours(name).is_some_and(Worker::runs)) {
        if !making.takes_tasks(name) {
            making.does(name, Deed::Stop)?;
        }
    }
    // A request that runs may still send tasks.
    let title = "see that pages are refused and no request runs";
    let patience = wish.patience.min(draining.timeout);
    making.add(built_in(BuiltInStep::CLOSED, "pages.closed", title, []).deadline(patience + MARGIN));
    making.add(wait);
    making.lift_steady();
    Ok(Plan { title: DRAIN.to_owned(), steps: making.steps })
}

#[cfg(test)]
#[path = "drain_tests.rs"]
mod tests;
