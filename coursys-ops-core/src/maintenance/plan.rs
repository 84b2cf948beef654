//! The plans that close the site and open it again. Pure: nothing here looks or acts.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::facts::{Facts, Held, Worker};
use super::making::{Making, built_in, flag};
use super::{Bare, Flag, Lease, LeasePhase};
use crate::config::Config;
use crate::plan::{Plan, RunAs};
use crate::service::{Deed, Refusal, Service, in_order};

/// How the titles of plans that close the site begin.
pub const ENTER: &str = "enter maintenance";

/// How the titles of plans that open it again begin.
pub const LEAVE: &str = "leave maintenance";

/// How long nothing but looking may take.
pub(super) const PROOF: Duration = Duration::from_secs(90);

/// What a built-in step needs beyond the waiting that it does, to say what it waited for.
pub(super) const MARGIN: Duration = Duration::from_secs(15);

/// Names of the built-in steps, for those who register them.
#[derive(Debug)]
pub struct BuiltInStep;

impl BuiltInStep {
    /// Writes the flag: `lease`, as JSON; `over` says what may be replaced: `ours` or `anything`.
    pub const FLAG: &str = "maintenance.flag";
    /// Lets the workers take no more tasks and waits for those that run; `kill` says whether the waiting may be in vain.
    pub const QUIET: &str = "maintenance.quiet";
    /// Waits until no worker is left.
    pub const EMPTY: &str = "maintenance.empty";
    /// Waits until the site answers with its maintenance page and no request runs.
    pub const CLOSED: &str = "maintenance.closed";
    /// Lets the workers take tasks again that were told not to; `of` says which: those that `run`, or `all`.
    pub const CONSUME: &str = "maintenance.consume";
    /// Waits until nothing is left in the queues; `until` says how long, in seconds.
    pub const DRAIN: &str = "maintenance.drain";
    /// Removes the flag, whose `id` it is given, and proves that the site is open; else the flag comes back.
    pub const OPEN: &str = "maintenance.open";
}

/// What is wanted of a maintenance.
#[derive(Debug, Clone)]
pub struct Wish {
    /// What a new lease is known by.
    pub id: String,
    /// The person.
    pub who: String,
    /// The reason, if one was given.
    pub why: Option<String>,
    /// Now.
    pub now: Timestamp,
    /// When it should be over, if that was said.
    pub until: Option<Timestamp>,
    /// How long running tasks are waited for, and running requests.
    pub patience: Duration,
    /// Whether tasks that do not end are killed.
    pub kill_tasks: bool,
    /// Whether a flag may be replaced or removed that is not ours.
    pub take_over: bool,
}

/// The plan that closes the site. One without steps: it is closed, and nothing is to be changed.
///
/// # Errors
///
/// Why it cannot be done.
pub fn enter(
    config: &Config,
    services: &[Arc<dyn Service>],
    facts: &Facts,
    wish: &Wish,
) -> Result<Plan, Refusal> {
    let plan = |steps| Plan { title: ENTER.to_owned(), steps };
    let lease = lease(facts, wish)?;
    let over = over(facts);
    if let (Flag::Ours(now), super::State::On) = (&facts.flag, super::judge(facts).state) {
        let asked = wish.why.is_some() || wish.until.is_some();
        let renewed = Lease { phase: LeasePhase::On, ..lease };
        let steps =
            (asked && renewed != *now).then(|| flag("flag.renew", "renew the lease", &renewed, "ours"));
        return Ok(plan(steps.into_iter().collect()));
    }
    let mut making = Making::new(config, services, facts);
    making.add(flag("flag.entering", "refuse new requests: write the flag", &lease, over));
    making.hold();
    let mut order = in_order(&config.components);
    order.reverse();
    let (tasks, kill) = (wish.patience + MARGIN, wish.kill_tasks.to_string());
    let mut waited = false;
    for name in order.iter().filter(|name| facts.workers.iter().any(|one| one.name == **name)) {
        // The beat takes no tasks, so it needs nobody's patience.
        if !waited && making.takes_tasks(name) {
            waited = true;
            making.add(
                built_in(
                    BuiltInStep::QUIET,
                    "workers.quiet",
                    "let running tasks end",
                    [("kill", kill.as_str())],
                )
                .deadline(tasks),
            );
        }
        making.does(name, Deed::Stop)?;
    }
    making
        .add(built_in(BuiltInStep::EMPTY, "workers.gone", "see that no worker is left", []).deadline(PROOF));
    let closed =
        built_in(BuiltInStep::CLOSED, "pages.closed", "see that pages are refused and no request runs", []);
    making.add(closed.deadline(tasks));
    making.add(flag("flag.on", "note that nothing runs", &lease.in_phase(LeasePhase::On), "ours"));
    Ok(plan(making.steps))
}

/// The plan that opens the site. One without steps: it is open.
///
/// # Errors
///
/// Why it cannot be done.
pub fn leave(
    config: &Config,
    services: &[Arc<dyn Service>],
    facts: &Facts,
    wish: &Wish,
) -> Result<Plan, Refusal> {
    let mut making = Making::new(config, services, facts);
    let closed = match &facts.flag {
        Flag::Unseen(why) => return Err(unseen(why)),
        Flag::Absent if facts.is_any_held() => None,
        Flag::Absent => return Ok(Plan::new(LEAVE)),
        Flag::Bare(why) if !wish.take_over => return Err(not_ours(why)),
        Flag::Bare(_) => Some(lease(facts, wish)?),
        Flag::Ours(lease) => Some(lease.clone()),
    };
    let start = closed.as_ref().map_or_else(|| wanted(facts), |lease| lease.stopped.clone());
    if let Some(lease) = &closed {
        let leaving = lease.in_phase(LeasePhase::Leaving);
        making.add(flag("flag.leaving", "note that the site is being opened", &leaving, over(facts)));
    }
    making.lift();
    for name in in_order(&config.components).iter().filter(|name| start.contains(name)) {
        let consume = |id, title, of| built_in(BuiltInStep::CONSUME, id, title, [("of", of)]).deadline(PROOF);
        // Workers that never stopped were told to take no tasks, and are not well before that is taken back. One that died
        // is started first.
        if making.takes_tasks(name) && facts.running().contains(&name.as_str()) {
            making.add(consume("workers.rouse", "let the workers that run take tasks", "run"));
        }
        making.starts(name)?;
        if making.takes_tasks(name) {
            making.add(consume("workers.consume", "let the workers take tasks", "all"));
        }
    }
    let lease = closed.map(|lease| lease.in_phase(LeasePhase::Leaving));
    let text = lease.as_ref().map(Lease::to_text).unwrap_or_default();
    let title = "remove the flag and see that pages are served";
    let open = built_in(BuiltInStep::OPEN, "pages.open", title, [("lease", text.as_str())]);
    making.add(open.run_as(RunAs::Site).deadline(PROOF));
    Ok(Plan { title: LEAVE.to_owned(), steps: making.steps })
}

/// What a flag that is written may replace.
pub(super) fn over(facts: &Facts) -> &'static str {
    if matches!(facts.flag, Flag::Bare(_)) { "anything" } else { "ours" }
}

fn unseen(why: &str) -> Refusal {
    Refusal::new(
        format!("the flag cannot be looked at: {why}"),
        "run it as root, or mend what keeps from looking",
    )
}

fn not_ours(why: &Bare) -> Refusal {
    Refusal::new(
        format!("the site is closed by a flag that is not ours: {why}"),
        "ask who made it; `--take-over` acts all the same",
    )
}

/// The lease of a plan that closes: the one there is, with what was wished for, or a new one.
pub(super) fn lease(facts: &Facts, wish: &Wish) -> Result<Lease, Refusal> {
    let new = |stopped| Lease {
        id: wish.id.clone(),
        who: wish.who.clone(),
        why: wish.why.clone().unwrap_or_default(),
        since: wish.now,
        until: wish.until,
        phase: LeasePhase::Entering,
        stopped,
    };
    Ok(match &facts.flag {
        Flag::Unseen(why) => return Err(unseen(why)),
        Flag::Bare(why) if !wish.take_over => return Err(not_ours(why)),
        Flag::Absent if !facts.is_any_held() => new(names(facts, Worker::runs)),
        // Whoever made this flag, or removed ours, has stopped the workers too.
        Flag::Bare(_) | Flag::Absent => new(wanted(facts)),
        Flag::Ours(lease) => {
            let own = |one: &Worker| one.runs() || lease.stopped.contains(&one.name);
            Lease {
                why: wish.why.clone().unwrap_or_else(|| lease.why.clone()),
                until: wish.until.or(lease.until),
                phase: LeasePhase::Entering,
                stopped: names(facts, own),
                ..lease.clone()
            }
        }
    })
}

fn names(facts: &Facts, choose: impl Fn(&Worker) -> bool) -> Vec<String> {
    facts.workers.iter().filter(|one| choose(one)).map(|one| one.name.clone()).collect()
}

/// What should run, where nobody noted what did: what runs, and what starts with the machine.
fn wanted(facts: &Facts) -> Vec<String> {
    names(facts, |one| one.runs() || one.is_wanted() || matches!(one.held, Held::Never(_)))
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
