//! The driver: one fault after the other, each undone before the next.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use coursys_ops_core::model::Ended;
use serde::Serialize;

use super::expect::{self, Listing};
use super::{Fault, Scene, check_things};
use crate::{Leftovers, Run, Servers, Traces};

/// How long the site may take to be healthy again: workers need a moment to find their broker.
const RECOVERY: Duration = Duration::from_secs(60);

/// How long something may stay behind that expires by itself: probe messages and cache keys, 5 s.
const EXPIRY: Duration = Duration::from_secs(12);

/// How often a state that should come is looked for.
const PAUSE: Duration = Duration::from_millis(500);

/// What came of one row.
#[derive(Debug, Serialize)]
pub struct Verdict {
    /// The row.
    pub name: String,
    /// The file that it is in.
    pub area: &'static str,
    /// How the fault was brought about.
    pub mechanism: &'static str,
    /// What was expected of the culprits.
    pub culprits: Vec<String>,
    /// What was found, apart from what was skipped for its sake.
    pub found: Vec<String>,
    /// How long the run took.
    pub ms: u64,
    /// Whether all is as it should be.
    pub right: bool,
    /// What is not.
    pub wrong: Vec<String>,
}

/// A set of servers on which rows can happen, healthy between them.
pub struct Stage {
    servers: Servers,
    /// The interpreter that has the Python package, when that is asked, too.
    python: Option<PathBuf>,
    left: Leftovers,
    traces: Traces,
    /// In how many rows the site's own command was asked.
    asked_the_site: usize,
}

impl Stage {
    /// Waits until the servers are healthy, and remembers what they hold.
    ///
    /// # Errors
    /// They do not get healthy: what is wrong with them.
    pub fn new(servers: Servers, python: Option<PathBuf>) -> Result<Self, Vec<String>> {
        healthy(&servers, true)?;
        let left = Leftovers::now(&servers);
        let traces = traces(&servers);
        Ok(Self { servers, python, left, traces, asked_the_site: 0 })
    }

    /// Lets one fault happen, looks, undoes it, and sees that nothing is left of it.
    pub fn row(&mut self, fault: &Fault) -> Verdict {
        let mut verdict = Verdict {
            name: fault.name.clone(),
            area: fault.area,
            mechanism: fault.mechanism,
            culprits: fault.culprits().map(|culprit| format!("{} {}", culprit.id, culprit.says)).collect(),
            found: Vec::new(),
            ms: 0,
            right: false,
            wrong: Vec::new(),
        };
        // A panic of a row undoes it like its end does, and costs this row only.
        let looked = catch_unwind(AssertUnwindSafe(|| self.look(fault, &mut verdict)));
        if let Err(panic) = looked {
            verdict.wrong.push(format!("the row panicked: {}", message(&*panic)));
        }
        let after = catch_unwind(AssertUnwindSafe(|| self.afterwards(fault)));
        verdict.wrong.extend(after.unwrap_or_else(|panic| vec![message(&*panic)]));
        verdict.right = verdict.wrong.is_empty();
        verdict
    }

    /// In how many rows the site's own `check_things` was asked, too.
    #[must_use]
    pub const fn asked_the_site(&self) -> usize {
        self.asked_the_site
    }

    fn look(&mut self, fault: &Fault, verdict: &mut Verdict) {
        let mut scene = Scene::new(&self.servers);
        fault.inject(&mut scene);
        let tier: &[&str] = if fault.slow { &["--tier", "slow"] } else { &[] };
        let expected = Listing::of(&scene.program()).expected(Some(fault), fault.slow);
        let program = scene.program().args(["check", "--format", "json"]).args(tier.iter().copied());
        let program = program.args(scene.check_args.iter());
        let run = program.run();
        let report = run.report();
        verdict.ms = u64::try_from(run.took.as_millis()).unwrap_or(u64::MAX);
        verdict.found = expect::found(&report, fault);
        verdict.wrong.extend(expect::differences(&report, &expected));
        verdict.wrong.extend(expect::untold(&report, fault));
        verdict.wrong.extend(run.offences());
        if report.run.ended != Ended::Complete {
            verdict.wrong.push(format!("the run ended by {:?}", report.run.ended));
        }
        if let Some(python) = &self.python {
            let report = program.run_in_python(python).report();
            let differences = expect::differences(&report, &expected);
            verdict.wrong.extend(differences.into_iter().map(|line| format!("in Python, {line}")));
            // Where the site's code cannot be loaded, none of its commands can.
            let can_start = fault.culprits().all(|culprit| culprit.id != "site.python");
            if can_start && !scene.for_the_program_alone {
                let differences = check_things::differences(&self.servers, python, &scene.program(), tier);
                verdict.wrong.extend(differences.into_iter().map(|line| format!("in check_things, {line}")));
                self.asked_the_site += 1;
            }
        }
    }

    /// What is wrong after the fault was undone: the site is not healthy again, or something stayed behind.
    fn afterwards(&mut self, fault: &Fault) -> Vec<String> {
        if let Err(wrong) = healthy(&self.servers, fault.slow) {
            let wrong = wrong.into_iter().map(|line| format!("afterwards, {line}"));
            return wrong.collect();
        }
        let ends = Instant::now() + EXPIRY;
        loop {
            let (left, traces) = (Leftovers::now(&self.servers), traces(&self.servers));
            let mut wrong = left.new_since(&self.left);
            wrong.extend(traces.new_since(&self.traces));
            if wrong.is_empty() {
                self.left = left;
                return wrong;
            }
            if Instant::now() > ends {
                // The next row is not to blame for it.
                (self.left, self.traces) = (left, traces);
                return wrong.into_iter().map(|what| format!("left behind: {what}")).collect();
            }
            std::thread::sleep(PAUSE);
        }
    }

    /// The servers, to be taken down.
    #[must_use]
    pub fn servers(self) -> Servers {
        self.servers
    }
}

/// Waits until every id says what it says on the healthy site.
fn healthy(servers: &Servers, slow: bool) -> Result<(), Vec<String>> {
    let ends = Instant::now() + RECOVERY;
    let program = servers.program();
    let expected = Listing::of(&program).expected(None, slow);
    loop {
        let tier: &[&str] = if slow { &["--tier", "slow"] } else { &[] };
        let run: Run = program.clone().args(["check", "--format", "json"]).args(tier.iter().copied()).run();
        let wrong = expect::differences(&run.report(), &expected);
        if wrong.is_empty() {
            return Ok(());
        }
        if Instant::now() > ends {
            return Err(wrong);
        }
        std::thread::sleep(PAUSE);
    }
}

/// Processes of the program, and files where a probe could leave some.
fn traces(servers: &Servers) -> Traces {
    let root = servers.root();
    let directories = ["site", "files", "home", "tmp"].map(|name| root.join(name));
    Traces::now(&directories.each_ref().map(PathBuf::as_path))
}

/// What a panic says.
fn message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("it panicked").to_owned()
}
