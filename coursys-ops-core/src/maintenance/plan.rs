//! The plans that close the site and open it again. Pure: nothing here looks or acts.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::facts::{Facts, Held, Worker};
use super::{Flag, Lease, LeasePhase, hold};
use crate::config::{Config, Manager};
use crate::plan::{Action, FileChange, Plan, RunAs, Step};
use crate::service::{Deed, Look, Refusal, Service, Wanted, chain, in_order};

/// How the titles of plans that close the site begin.
pub const ENTER: &str = "enter maintenance";

/// How the titles of plans that open it again begin.
pub const LEAVE: &str = "leave maintenance";

/// How long nothing but looking may take.
const PROOF: Duration = Duration::from_secs(90);

/// What a built-in step needs beyond the waiting that it does, to say what it waited for.
const MARGIN: Duration = Duration::from_secs(15);

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
    /// Lets the workers take tasks again that were told not to.
    pub const CONSUME: &str = "maintenance.consume";
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

/// A plan in the making; a step that is in it already is not added again.
struct Making<'a> {
    config: &'a Config,
    services: &'a [Arc<dyn Service>],
    facts: &'a Facts,
    steps: Vec<Step>,
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
    let over = if matches!(facts.flag, Flag::Bare(_)) { "anything" } else { "ours" };
    if let (Flag::Ours(now), super::State::On) = (&facts.flag, super::judge(facts).state) {
        let asked = wish.why.is_some() || wish.until.is_some();
        let renewed = Lease { phase: LeasePhase::On, ..lease };
        let steps =
            (asked && renewed != *now).then(|| flag("flag.renew", "renew the lease", &renewed, "ours"));
        return Ok(plan(steps.into_iter().collect()));
    }
    let mut making = Making { config, services, facts, steps: Vec::new() };
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
    let mut making = Making { config, services, facts, steps: Vec::new() };
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
        let over = if matches!(facts.flag, Flag::Bare(_)) { "anything" } else { "ours" };
        let leaving = lease.in_phase(LeasePhase::Leaving);
        making.add(flag("flag.leaving", "note that the site is being opened", &leaving, over));
    }
    making.lift();
    for name in in_order(&config.components).iter().filter(|name| start.contains(name)) {
        let consume = || {
            let title = "let the workers take tasks";
            built_in(BuiltInStep::CONSUME, "workers.consume", title, []).deadline(PROOF)
        };
        // Workers that never stopped were told to take no tasks, and are not well before that is taken back.
        if making.takes_tasks(name) && facts.running().contains(&name.as_str()) {
            making.add(consume());
        }
        making.starts(name)?;
        if making.takes_tasks(name) {
            making.add(consume());
        }
    }
    let lease = closed.map(|lease| lease.in_phase(LeasePhase::Leaving));
    let text = lease.as_ref().map(Lease::to_text).unwrap_or_default();
    let title = "remove the flag and see that pages are served";
    let open = built_in(BuiltInStep::OPEN, "pages.open", title, [("lease", text.as_str())]);
    making.add(open.run_as(RunAs::Site).deadline(PROOF));
    Ok(Plan { title: LEAVE.to_owned(), steps: making.steps })
}

fn unseen(why: &str) -> Refusal {
    Refusal::new(
        format!("the flag cannot be looked at: {why}"),
        "run it as root, or mend what keeps from looking",
    )
}

fn not_ours(why: &str) -> Refusal {
    Refusal::new(
        format!("the site is closed by a flag that is not ours: {why}"),
        "ask who made it; `--take-over` acts all the same",
    )
}

/// The lease of a plan that closes: the one there is, with what was wished for, or a new one.
fn lease(facts: &Facts, wish: &Wish) -> Result<Lease, Refusal> {
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
    names(facts, |one| one.runs() || one.is_wanted() || matches!(one.held, Held::Never))
}

fn built_in<const N: usize>(name: &str, id: &str, title: &str, arguments: [(&str, &str); N]) -> Step {
    let arguments: BTreeMap<String, String> =
        arguments.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    Step::new(id, title, Action::BuiltIn { name: name.to_owned(), arguments }).repeatable()
}

/// A step that writes the flag; the program becomes the site's user for it.
fn flag(id: &str, title: &str, lease: &Lease, over: &str) -> Step {
    let text = lease.to_text();
    built_in(BuiltInStep::FLAG, id, title, [("lease", text.as_str()), ("over", over)]).run_as(RunAs::Site)
}

impl Making<'_> {
    fn add(&mut self, step: Step) {
        if !self.steps.iter().any(|other| other.id == step.id) {
            self.steps.push(step);
        }
    }

    fn looks(&self) -> Vec<Look> {
        self.facts.workers.iter().map(|one| one.look.clone()).collect()
    }

    /// Whether a component takes tasks, as those do that its queues' health tells of.
    fn takes_tasks(&self, name: &str) -> bool {
        self.config
            .components
            .get(name)
            .is_some_and(|one| one.health.iter().any(|id| id.starts_with("celery.")))
    }

    fn does(&mut self, name: &str, deed: Deed) -> Result<(), Refusal> {
        let service = self.services.iter().find(|service| service.name() == name);
        let look = self.facts.workers.iter().find(|one| one.name == name).map(|one| &one.look);
        if let (Some(service), Some(look)) = (service, look) {
            service.steps(deed, look)?.into_iter().for_each(|step| self.add(step));
        }
        Ok(())
    }

    /// Starts a component when what it needs answers.
    fn starts(&mut self, name: &str) -> Result<(), Refusal> {
        if !self.facts.workers.iter().any(|one| one.name == name) {
            return Ok(());
        }
        let wanted = Wanted { name, deed: Deed::Start };
        let plan = chain(self.config, self.services, &self.looks(), wanted)?;
        plan.steps.into_iter().for_each(|step| self.add(step));
        Ok(())
    }

    /// The units that can be held.
    fn units(&self) -> Vec<String> {
        let ours =
            |name: &str| self.config.components.get(name).is_some_and(|one| one.manager == Manager::Systemd);
        let workers = self.facts.workers.iter().filter(|one| ours(&one.name));
        let units: BTreeSet<String> =
            workers.flat_map(|one| &one.look.parts).map(|part| part.unit.clone()).collect();
        units.into_iter().collect()
    }

    fn hold(&mut self) {
        let units = self.units();
        if units.is_empty() {
            return;
        }
        let directories = units.iter().map(|unit| hold::directory(unit).display().to_string());
        let argv = ["mkdir", "-p", "--"].map(ToOwned::to_owned).into_iter().chain(directories);
        self.add(Step::run("hold.directories", "make room for drop-ins", argv).repeatable());
        for unit in &units {
            let change =
                FileChange { path: hold::path(unit), content: Some(hold::content(unit)), mode: 0o644 };
            let title = format!("keep others from starting {unit}");
            self.add(Step::new(format!("hold.{unit}"), title, Action::File { change }).repeatable());
        }
        self.add(Self::reload("hold.reload"));
    }

    fn lift(&mut self) {
        let units = self.units();
        for unit in &units {
            let change = FileChange { path: hold::path(unit), content: None, mode: 0o644 };
            let title = format!("let others start {unit} again");
            self.add(Step::new(format!("lift.{unit}"), title, Action::File { change }).repeatable());
        }
        if !units.is_empty() {
            self.add(Self::reload("lift.reload"));
        }
    }

    fn reload(id: &str) -> Step {
        Step::run(id, "read the unit files anew", ["systemctl", "daemon-reload"]).repeatable()
    }
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
