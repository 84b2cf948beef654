//! From what was seen to a state, a code and the evidence for both. Pure.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::facts::{Facts, Held, Page, Worker};
use super::{Flag, Lease, LeasePhase};

/// The schema of [`Judged`] as JSON.
pub const SCHEMA: u32 = 1;

/// How the site is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It is open.
    Up,
    /// It is being closed or drained: new requests are refused, and what runs is not proven to be over.
    Entering,
    /// It is closed, and nothing runs.
    On,
    /// What ran before is being started; the flag is there still.
    Leaving,
    /// What was seen does not fit together, or nobody can tell.
    Inconsistent,
}

impl State {
    /// The word of JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Entering => "entering",
            Self::On => "on",
            Self::Leaving => "leaving",
            Self::Inconsistent => "inconsistent",
        }
    }
}

macro_rules! troubles {
    ($($(#[doc = $doc:literal])+ $name:ident = $text:literal, $hint:literal,)+) => {
        /// What is not as the state says it should be, or not yet. The list is closed.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
        #[serde(rename_all = "snake_case")]
        pub enum Trouble {
            $($(#[doc = $doc])+ $name,)+
        }

        impl Trouble {
            /// Every code.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// The word of JSON.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text),+ }
            }

            /// What it means, one sentence.
            #[must_use]
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$name => concat!($($doc),+).trim_ascii()),+ }
            }

            /// What to do.
            #[must_use]
            pub const fn hint(self) -> &'static str {
                match self { $(Self::$name => $hint),+ }
            }
        }
    };
}

troubles! {
    /// Something lies in the flag's place that is not ours: nobody knows who wants it, and nothing is proven.
    FlagWithoutLease = "flag_without_lease",
        "ask who made it; `coursys-ops 503 --take-over` makes it a maintenance that can be told, `coursys-ops rm503 --take-over` ends it",
    /// The flag's place could not be looked at.
    FlagUnseen = "flag_unseen", "run it as root, or mend what keeps from looking",
    /// The flag says that nothing runs, and workers do.
    FlagButWorkers = "flag_but_workers",
        "find out who started them; `coursys-ops 503` stops them and proves it",
    /// The flag is there, and the site serves pages.
    FlagButServed = "flag_but_served",
        "see whether nginx reads the flag's place, and whether its configuration was changed; then `coursys-ops 503`",
    /// The flag says that nothing runs, and others can start workers.
    NotHeld = "not_held", "`coursys-ops 503` holds them again and proves that nothing runs",
    /// The site is closed and nothing runs, but nobody can be kept from starting the workers.
    CannotHold = "cannot_hold",
        "tell everybody who might start them, a deployment among them; `coursys-ops maintenance status` says why they cannot be kept \
         from it",
    /// Entering was not finished, though nothing was seen to run: that is not proven.
    NotProven = "not_proven", "`coursys-ops 503` goes on, `coursys-ops rm503` opens the site again",
    /// The site is closed, and its workers do what is left in the queues: this is no maintenance yet.
    Draining = "draining",
        "`coursys-ops queues` shows what is left; `coursys-ops drain` waits for it, `coursys-ops 503` goes on to a maintenance, \
         `coursys-ops rm503` opens the site",
    /// Leaving was not finished: something that ran before does not run yet.
    NotStarted = "not_started", "`coursys-ops rm503` goes on, `coursys-ops 503` closes the site again",
    /// Leaving was not finished: everything runs, and the flag is there still.
    FlagLeft = "flag_left", "`coursys-ops rm503` finishes it",
    /// The time that was asked for is over. The site stays closed until somebody opens it.
    LeaseExpired = "lease_expired",
        "`coursys-ops rm503` opens the site; `coursys-ops 503 --for 30m` asks for more time",
    /// There is no flag, and the workers do not run.
    WorkersStoppedNoFlag = "workers_stopped_no_flag",
        "`coursys-ops start-all` starts them; `coursys-ops status` shows why they do not run",
    /// There is no flag, and what kept others from starting the workers is there still.
    HeldNoFlag = "held_no_flag",
        "somebody removed the flag by hand: `coursys-ops rm503` starts what was stopped",
    /// There is no flag, and the maintenance page is shown.
    NoFlagButClosed = "no_flag_but_closed", "look at nginx's configuration; or correct `maintenance.flag`",
}

/// One thing that was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Evidence {
    /// `flag`, `workers`, `hold`, `page` or `consumers`.
    pub about: String,
    /// For people.
    pub message: String,
}

/// A lease, as it is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LeaseView {
    /// The person.
    pub who: String,
    /// The reason.
    pub why: String,
    /// RFC 3339, UTC.
    pub since: String,
    /// RFC 3339, UTC.
    pub until: Option<String>,
    /// How far it is.
    pub phase: LeasePhase,
    /// What is to run again.
    pub stopped: Vec<String>,
}

/// What `maintenance status --format json` prints.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Judged {
    /// [`SCHEMA`].
    pub schema: u32,
    /// See [`State`].
    pub state: State,
    /// See [`Trouble`].
    pub code: Option<Trouble>,
    /// What was seen.
    pub evidence: Vec<Evidence>,
    /// Of our own flag.
    pub lease: Option<LeaseView>,
}

impl From<&Lease> for LeaseView {
    fn from(lease: &Lease) -> Self {
        Self {
            who: lease.who.clone(),
            why: lease.why.clone(),
            since: lease.since.to_string(),
            until: lease.until.map(|until| until.to_string()),
            phase: lease.phase,
            stopped: lease.stopped.clone(),
        }
    }
}

/// Judges what was seen.
#[must_use]
pub fn judge(facts: &Facts) -> Judged {
    let (state, code) = verdict(facts);
    let lease = if let Flag::Ours(lease) = &facts.flag { Some(lease.into()) } else { None };
    Judged { schema: SCHEMA, state, code, evidence: evidence(facts), lease }
}

fn verdict(facts: &Facts) -> (State, Option<Trouble>) {
    let odd = |code| (State::Inconsistent, Some(code));
    let served = matches!(facts.page, Some(Page::Served(_)));
    match &facts.flag {
        Flag::Unseen(_) => odd(Trouble::FlagUnseen),
        Flag::Bare(_) => odd(Trouble::FlagWithoutLease),
        Flag::Absent if facts.is_any_held() => odd(Trouble::HeldNoFlag),
        Flag::Absent if facts.page == Some(Page::Maintenance) => odd(Trouble::NoFlagButClosed),
        Flag::Absent if facts.workers.iter().any(|one| one.is_seen() && !one.runs()) => {
            odd(Trouble::WorkersStoppedNoFlag)
        }
        Flag::Absent => (State::Up, None),
        Flag::Ours(lease) => {
            let held = !facts.workers.iter().any(|one| matches!(one.held, Held::No | Held::Partly));
            match lease.phase {
                LeasePhase::Entering if served => (State::Entering, Some(Trouble::FlagButServed)),
                LeasePhase::Entering if !held => (State::Entering, Some(Trouble::NotHeld)),
                LeasePhase::Entering if work(facts) => (State::Entering, Some(Trouble::FlagButWorkers)),
                LeasePhase::Entering => (State::Entering, Some(Trouble::NotProven)),
                LeasePhase::Draining if served => (State::Entering, Some(Trouble::FlagButServed)),
                LeasePhase::Draining if lease.is_expired(facts.now) => {
                    (State::Entering, Some(Trouble::LeaseExpired))
                }
                LeasePhase::Draining => (State::Entering, Some(Trouble::Draining)),
                LeasePhase::On if served => odd(Trouble::FlagButServed),
                LeasePhase::On if work(facts) => odd(Trouble::FlagButWorkers),
                LeasePhase::On if !held => odd(Trouble::NotHeld),
                LeasePhase::On if lease.is_expired(facts.now) => (State::On, Some(Trouble::LeaseExpired)),
                LeasePhase::On if facts.workers.iter().any(|one| one.unheld().is_some()) => {
                    (State::On, Some(Trouble::CannotHold))
                }
                LeasePhase::On => (State::On, None),
                LeasePhase::Leaving => {
                    let runs = |name: &String| facts.running().contains(&name.as_str());
                    let all = !facts.is_any_held() && lease.stopped.iter().all(runs);
                    (State::Leaving, Some(if all { Trouble::FlagLeft } else { Trouble::NotStarted }))
                }
            }
        }
    }
}

/// Whether any worker was seen: a component that runs, a process, a consumer.
fn work(facts: &Facts) -> bool {
    let strays = facts.strays.as_ref().is_ok_and(|strays| !strays.is_empty());
    let consumers = facts.consumers.as_ref().and_then(|consumers| consumers.as_ref().ok());
    facts.workers.iter().any(Worker::runs)
        || strays
        || consumers.is_some_and(|queues| queues.values().any(|count| *count > 0))
}

fn evidence(facts: &Facts) -> Vec<Evidence> {
    let say = |about: &str, message: String| Evidence { about: about.to_owned(), message };
    let mut evidence = vec![say("flag", flag(&facts.flag))];
    let closed = facts.flag != Flag::Absent;
    let draining = matches!(&facts.flag, Flag::Ours(lease) if lease.phase == LeasePhase::Draining);
    for worker in &facts.workers {
        let parts = worker.look.parts.iter().map(|part| {
            let detail = if part.detail.is_empty() { String::new() } else { format!(", {}", part.detail) };
            format!("`{}` is {}{detail}", part.unit, part.state.as_str())
        });
        evidence.push(say("workers", parts.collect::<Vec<_>>().join("; ")));
        let name = &worker.name;
        evidence.extend(match &worker.held {
            Held::Yes if draining && worker.runs() => {
                Some(say("hold", format!("nothing but coursys-ops stops `{name}`")))
            }
            Held::Yes => Some(say("hold", format!("nothing but coursys-ops starts `{name}`"))),
            Held::Partly => Some(say("hold", format!("the hold of `{name}` is written, but not in force"))),
            Held::Unseen(why) => Some(say("hold", format!("the hold of `{name}` cannot be seen: {why}"))),
            Held::Never(_) if closed => worker.unheld().map(|words| say("hold", words)),
            Held::No | Held::Never(_) => None,
        });
    }
    match &facts.strays {
        Ok(strays) if strays.is_empty() => {
            evidence.push(say("workers", "no process of Celery's workers".to_owned()));
        }
        Ok(strays) => {
            let count = strays.len();
            let first = strays.first().map(|one| format!("process {}: {}", one.pid, one.command));
            let first = first.unwrap_or_default();
            evidence.push(say("workers", format!("{count} processes of Celery's workers, {first}")));
        }
        Err(why) => evidence.push(say("workers", format!("their processes cannot be seen: {why}"))),
    }
    if let Some(page) = &facts.page {
        evidence.push(say(
            "page",
            match page {
                Page::Maintenance => "the site answers 503 with the maintenance page".to_owned(),
                Page::Served(status) => format!("the site serves pages: it answers {status}"),
                Page::Other(what) | Page::Silent(what) => what.clone(),
            },
        ));
    }
    match &facts.consumers {
        Some(Ok(queues)) => {
            let busy: Vec<String> = queues
                .iter()
                .filter(|(_, count)| **count > 0)
                .map(|(queue, count)| format!("`{queue}` has {count}"))
                .collect();
            let text =
                if busy.is_empty() { "no queue of Celery has one".to_owned() } else { busy.join(", ") };
            evidence.push(say("consumers", text));
        }
        Some(Err(why)) => evidence.push(say("consumers", format!("not known: {why}"))),
        None => {}
    }
    evidence
}

fn flag(flag: &Flag) -> String {
    match flag {
        Flag::Absent => "it is not there".to_owned(),
        Flag::Bare(why) => format!("it is there, and not ours: {why}"),
        Flag::Unseen(why) => format!("it cannot be looked at: {why}"),
        Flag::Ours(lease) => {
            let phase = match lease.phase {
                LeasePhase::Entering => "entering",
                LeasePhase::Draining => "draining",
                LeasePhase::On => "on",
                LeasePhase::Leaving => "leaving",
            };
            format!("it is ours, by `{}`, in phase `{phase}`", lease.who)
        }
    }
}

#[cfg(test)]
#[path = "judge_tests.rs"]
mod tests;
