//! The built-in steps of a maintenance that wait and prove. Each may be done again; each says what it waits for, and ends
//! before its deadline, to name it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use coursys_ops_core::Scope;
use coursys_ops_core::maintenance::{
    BuiltInStep, Flag, FlagStep, Lease, Page, Witness as _, read_flag, strays, workers, write_flag,
};
use coursys_ops_core::run::{BuiltIn, BuiltIns, Doing};
use coursys_ops_core::service::{Service, Surveyor, services};

use crate::broker_patience::is_down;
use crate::maintenance_drain::Drain;
use crate::maintenance_requests::requests;
use crate::maintenance_tasks::{Holds, PATIENCE, Whose, consume, hush};
use crate::maintenance_witness::{SiteWitness, bypass, consumers};
use crate::words::told;

/// From the end of one look to the start of the next.
const PAUSE: Duration = Duration::from_millis(700);

/// What is left of a step's deadline when it gives up waiting, to say what it waited for.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// The same where something has to be put back.
const PUT_BACK: Duration = Duration::from_secs(25);

/// How long the workers must have been at rest: a message may just be on its way.
const CALM: u32 = 2;

/// What is said when the last that held was gone in the last look.
const JUST_NOW: &str =
    "the last that held was gone a moment ago only, which is not taken for the end; do it again";

/// How often something is told again that only grew older.
const REMINDER: Duration = Duration::from_secs(15);

/// A look takes no longer; the next one may.
const LOOK: Duration = Duration::from_secs(30);

/// What is left of a step's deadline when a look is given up, to say so.
const GIVES_UP: Duration = Duration::from_secs(1);

/// More processes than this are not named.
const NAMED: usize = 8;

/// The handlers of every built-in step of a maintenance.
#[must_use]
pub fn built_ins() -> BuiltIns {
    let all: [(&str, Arc<dyn BuiltIn>); 7] = [
        (BuiltInStep::FLAG, Arc::new(FlagStep)),
        (BuiltInStep::QUIET, Arc::new(Quiet)),
        (BuiltInStep::EMPTY, Arc::new(Empty)),
        (BuiltInStep::CLOSED, Arc::new(Closed)),
        (BuiltInStep::DRAIN, Arc::new(Drain)),
        (BuiltInStep::CONSUME, Arc::new(Consume)),
        (BuiltInStep::OPEN, Arc::new(Open)),
    ];
    all.into_iter().map(|(name, handler)| (name.to_owned(), handler)).collect()
}

/// Waits and tells what for.
struct Wait<'a, 'b> {
    doing: &'a Doing<'b>,
    reserve: Duration,
    told: String,
    said: Instant,
    calm: u32,
}

impl<'a, 'b> Wait<'a, 'b> {
    fn new(doing: &'a Doing<'b>, reserve: Duration) -> Self {
        Self { doing, reserve, told: String::new(), said: Instant::now(), calm: 0 }
    }

    /// Looks once. A look that does not come back holds too, so that it is told and looked again.
    ///
    /// # Errors
    ///
    /// Those of the look.
    async fn look(&self, work: impl Future<Output = Result<Holds, String>>) -> Result<Holds, String> {
        let patience = LOOK.min(self.doing.remaining().saturating_sub(GIVES_UP));
        let late = || vec![format!("a look does not come back within {:.0} s", patience.as_secs_f64())];
        tokio::time::timeout(patience, work).await.unwrap_or_else(|_| Ok(late()))
    }

    /// Takes in what holds: true when nothing has for `calm` looks. Pauses otherwise.
    ///
    /// # Errors
    ///
    /// The time is over, or somebody stops it; what holds is told.
    async fn over(&mut self, holds: &Holds, calm: u32) -> Result<bool, String> {
        self.calm = if holds.is_empty() { self.calm + 1 } else { 0 };
        if self.calm >= calm {
            return Ok(true);
        }
        let text = holds.join("; ");
        // What only grows older is told now and then.
        let same = without_numbers(&text) == without_numbers(&self.told) && self.said.elapsed() < REMINDER;
        if !text.is_empty() && !same {
            self.doing.say(format!("waiting: {text}"));
            self.said = Instant::now();
        }
        self.told = text;
        let told = if self.told.is_empty() { JUST_NOW } else { &self.told };
        if self.doing.remaining() <= self.reserve {
            return Err(format!("it did not end in time: {told}"));
        }
        tokio::select! {
            () = tokio::time::sleep(PAUSE) => Ok(false),
            _ = self.doing.to_stop().cancelled() => Err(format!("stopped while it waited: {told}")),
        }
    }
}

fn without_numbers(text: &str) -> String {
    text.chars().filter(|c| !c.is_ascii_digit()).collect()
}

/// Lets the workers take no more tasks and waits for those that run.
struct Quiet;

#[async_trait]
impl BuiltIn for Quiet {
    async fn carry_out(&self, arguments: &BTreeMap<String, String>, doing: &Doing<'_>) -> Result<(), String> {
        let kill = arguments.get("kill").is_some_and(|kill| kill == "true");
        let scope = doing.scope();
        let services = services(scope.config(), &Surveyor::default());
        let mut wait = Wait::new(doing, LAST_WORDS);
        let mut known = BTreeSet::new();
        loop {
            let asked = async {
                Ok(match hush(scope, &mut known).await {
                    Ok(holds) => holds,
                    // Nobody can ask workers that are not there, and nobody must.
                    Err(_) if nobody_works(scope, &services).await => Vec::new(),
                    Err(why) => vec![format!("the workers cannot be asked: {why}")],
                })
            };
            let holds = wait.look(asked).await?;
            match wait.over(&holds, CALM).await {
                Ok(true) => return Ok(()),
                Ok(false) => {}
                Err(why) if kill && doing.to_stop().reason().is_none() => {
                    doing.say(format!("{why}; they are killed, as was asked for"));
                    return Ok(());
                }
                Err(why) => return Err(format!("{why}. `--kill-tasks` does not wait for ever")),
            }
        }
    }
}

/// Whether no worker is left, as far as this machine tells.
async fn nobody_works(scope: &Scope, all: &[Arc<dyn Service>]) -> bool {
    strays(scope).await.is_ok_and(|strays| strays.is_empty())
        && workers(scope, all).await.iter().all(|one| one.is_seen() && !one.runs())
}

/// Waits until no worker is left.
struct Empty;

#[async_trait]
impl BuiltIn for Empty {
    async fn carry_out(&self, _: &BTreeMap<String, String>, doing: &Doing<'_>) -> Result<(), String> {
        let scope = doing.scope();
        let services = services(scope.config(), &Surveyor::default());
        let mut wait = Wait::new(doing, LAST_WORDS);
        loop {
            let holds = wait.look(remains(scope, &services, doing)).await?;
            if wait.over(&holds, 1).await? {
                return Ok(());
            }
        }
    }
}

async fn remains(scope: &Scope, services: &[Arc<dyn Service>], doing: &Doing<'_>) -> Result<Holds, String> {
    let mut holds: Holds = Vec::new();
    for worker in workers(scope, services).await {
        if worker.runs() {
            holds.push(format!("{} runs", worker.name));
        } else if !worker.is_seen() {
            holds.push(format!("{} cannot be seen", worker.name));
        }
    }
    let strays = strays(scope).await?;
    holds.extend(strays.iter().take(NAMED).map(|one| format!("process {}: {}", one.pid, one.command)));
    match consumers(scope, PATIENCE).await {
        Ok(queues) => {
            let busy = queues.iter().filter(|(_, count)| **count > 0);
            holds.extend(busy.map(|(queue, count)| format!("`{queue}` has {count} consumers")));
        }
        // Through a broker that does not run nobody gets a task; any other one may have consumers that we cannot see.
        Err(finding) if is_down(&finding) => {
            if holds.is_empty() {
                doing.say(format!("nobody consumes, because there is no broker: {}", finding.message));
            }
        }
        Err(finding) => holds.push(format!("whether somebody consumes is not known: {}", told(finding))),
    }
    Ok(holds)
}

/// Waits until the site answers with its maintenance page and no request runs.
struct Closed;

#[async_trait]
impl BuiltIn for Closed {
    async fn carry_out(&self, _: &BTreeMap<String, String>, doing: &Doing<'_>) -> Result<(), String> {
        let scope = doing.scope();
        let mut wait = Wait::new(doing, LAST_WORDS);
        loop {
            let looked = async {
                let (mut holds, shut_out) = tokio::join!(refused(scope), shut_out(scope));
                holds.extend(shut_out);
                holds.extend(requests(scope).await?);
                Ok(holds)
            };
            let holds = wait.look(looked).await?;
            if wait.over(&holds, CALM).await? {
                return Ok(());
            }
        }
    }
}

/// Why pages are not refused, as far as they are not.
async fn refused(scope: &Scope) -> Holds {
    match SiteWitness.page(scope).await {
        Page::Maintenance => Vec::new(),
        Page::Served(status) => vec![format!("the site still serves pages: it answers {status}")],
        Page::Other(what) | Page::Silent(what) => vec![what],
    }
}

/// Why somebody does not pass who may.
async fn shut_out(scope: &Scope) -> Option<String> {
    let address = scope.config().maintenance.bypass.as_ref()?;
    match bypass(scope, address).await {
        // What the site makes of the page does not matter, an error of its own neither; nginx says 502 or 504 when the site
        // does not answer at all.
        Ok(status @ 502..=504) => {
            Some(format!("who comes from {address} should pass and is answered {status}"))
        }
        Ok(_) => None,
        Err(why) => Some(format!("who comes from {address} should pass: {why}")),
    }
}

/// Lets the workers take tasks again.
struct Consume;

#[async_trait]
impl BuiltIn for Consume {
    async fn carry_out(&self, arguments: &BTreeMap<String, String>, doing: &Doing<'_>) -> Result<(), String> {
        let whose =
            if arguments.get("of").is_some_and(|of| of == "run") { Whose::Running } else { Whose::All };
        let mut wait = Wait::new(doing, LAST_WORDS);
        loop {
            let told = async { Ok(consume(doing.scope(), whose).await.unwrap_or_else(|why| vec![why])) };
            let holds = wait.look(told).await?;
            if wait.over(&holds, 1).await? {
                return Ok(());
            }
        }
    }
}

/// Removes the flag and proves that the site is open; else the flag comes back.
struct Open;

#[async_trait]
impl BuiltIn for Open {
    async fn carry_out(&self, arguments: &BTreeMap<String, String>, doing: &Doing<'_>) -> Result<(), String> {
        let scope = doing.scope();
        let Some(path) = scope.config().maintenance.flag.clone() else { return Ok(()) };
        let text = arguments.get("lease").map(String::as_bytes).unwrap_or_default();
        // Without one somebody else has removed the flag.
        let lease = if text.is_empty() { None } else { Some(Lease::read(text, |_| true)?) };
        let user = scope.site_user().await.map_err(|finding| finding.message)?;
        match (read_flag(scope, &path).await, &lease) {
            (Flag::Absent, _) => {}
            (Flag::Ours(there), Some(lease)) if there.id == lease.id => {
                write_flag(scope, &path, None, user.clone()).await?;
            }
            _ => {
                return Err(format!(
                    "somebody else has changed `{}` meanwhile; it is left as it is",
                    path.display()
                ));
            }
        }
        let mut wait = Wait::new(doing, PUT_BACK);
        let why = loop {
            let holds = match SiteWitness.page(scope).await {
                Page::Served(200..=399) => Vec::new(),
                Page::Served(status) => vec![format!("the site answers {status}")],
                Page::Maintenance => vec!["the site still answers with its maintenance page".to_owned()],
                Page::Other(what) | Page::Silent(what) => vec![what],
            };
            match wait.over(&holds, 1).await {
                Ok(true) => return Ok(()),
                Ok(false) => {}
                Err(why) => break why,
            }
        };
        let Some(lease) = lease else { return Err(format!("pages are not served: {why}")) };
        Err(match write_flag(scope, &path, Some(&lease), user).await {
            Ok(()) => format!("pages are not served, so the flag is back: {why}"),
            Err(error) => format!("pages are not served: {why}; and the flag could not be put back: {error}"),
        })
    }
}

#[cfg(test)]
#[path = "maintenance_steps_tests.rs"]
mod tests;
