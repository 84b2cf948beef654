//! A plan that is killed anywhere is resumed as if nothing had happened, and two are never carried out at once.

use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use coursys_ops_core::ledger::Ledger;
use coursys_ops_core::model::{Event, ListedStep, Phase, PlanEnded, PlanReport, PlanStart, StepState};
use coursys_ops_core::plan::{Plan, Step};
use coursys_ops_core::run::Record as _;
use coursys_ops_tests::{Program, Run};
use jiff::Timestamp;
use rustix::process::{Pid, Signal};

/// How many steps the plan has.
const STEPS: usize = 4;

/// What is waited for happens long before.
const PATIENCE: Duration = Duration::from_secs(20);

/// When the plan is killed.
#[derive(Debug, Clone, Copy)]
enum Moment {
    /// A step has just begun.
    Begun(usize),
    /// A step has just ended.
    Ended(usize),
}

/// A state directory of its own, in which a plan was cut off at its first step.
struct Place(tempfile::TempDir);

impl Place {
    fn new(change: impl Fn(Step) -> Step) -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        let plan = place.plan(change);
        let listed = plan.steps.iter().map(|step| ListedStep {
            id: step.id.clone(),
            title: step.title.clone(),
            deadline_ms: step.deadline_ms,
        });
        let started = Event::PlanStarted { run: PlanStart::default(), steps: listed.collect() };
        let begun =
            Event::StepStarted { id: "step.0".into(), phase: Phase::Do, at: Timestamp::now().to_string() };
        let mut journal = Ledger::new(&place.path("state"), 9).begin(&plan, Timestamp::now()).unwrap();
        journal.record(&started).unwrap();
        journal.record(&begun).unwrap();
        place
    }

    /// Each step tells that it begins, takes its time, and leaves a file.
    fn plan(&self, change: impl Fn(Step) -> Step) -> Plan {
        let dir = self.0.path().display();
        let step = |number: usize| {
            let script = format!("echo {number} >> {dir}/trace; sleep 0.4; touch {dir}/done-{number}");
            change(Step::run(format!("step.{number}"), format!("step {number}"), ["/bin/sh", "-c", &script]))
        };
        (0..STEPS).map(step).fold(Plan::new("leave files"), Plan::step)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn program(&self, args: &[&str]) -> Program {
        Program::new()
            .args(["--layout", "devel"])
            .set("site.dir", self.0.path().display())
            .set("plans.state_dir", self.path("state").display())
            .set("plans.lock", self.path("lock").display())
            .set("plans.audit_log", self.path("audit.jsonl").display())
            .args(args)
    }

    fn resume(&self) -> Child {
        let mut command = self.program(&["resume"]).command();
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }

    fn journal(&self) -> String {
        let runs = std::fs::read_dir(self.path("state/runs")).unwrap();
        let run = runs.map(|run| run.unwrap().path()).find(|run| run.join("journal.jsonl").exists());
        std::fs::read_to_string(run.expect("a run").join("journal.jsonl")).unwrap()
    }

    /// Whether the journal of the second go has come so far.
    fn has_come_to(&self, moment: Moment) -> bool {
        let journal = self.journal();
        let second = journal.lines().skip(2);
        let (event, number) = match moment {
            Moment::Begun(number) => ("step_started", number),
            Moment::Ended(number) => ("step_finished", number),
        };
        let (event, id) = (format!("\"event\":\"{event}\""), format!("\"id\":\"step.{number}\""));
        second.into_iter().any(|line| line.contains(&event) && line.contains(&id))
    }

    fn report(&self) -> PlanReport {
        let run = self.program(&["history", "show", "--format", "json"]).run();
        serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {run:?}"))
    }

    /// How often each step was begun.
    fn trace(&self) -> Vec<usize> {
        let trace = std::fs::read_to_string(self.path("trace")).unwrap_or_default();
        (0..STEPS).map(|step| trace.lines().filter(|line| *line == step.to_string()).count()).collect()
    }

    fn assert_complete(&self, run: &Run) {
        assert_eq!(run.code, 0, "{run:?}");
        let report = self.report();
        assert_eq!(report.run.ended, PlanEnded::Complete, "{report:?}");
        assert_eq!(report.count(StepState::Done), STEPS, "{report:?}");
        let left = (0..STEPS).filter(|step| !self.path(&format!("done-{step}")).exists());
        assert_eq!(left.collect::<Vec<_>>(), [0; 0], "every step has left its file");
    }
}

fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let ends = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < ends, "{what} does not come");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Whether a process knows of a directory.
fn somebody_works_for(dir: &Path) -> bool {
    let needle = dir.to_string_lossy().into_owned();
    let own = std::process::id().to_string();
    std::fs::read_dir("/proc").unwrap().flatten().any(|entry| {
        let command = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        entry.file_name() != *own && String::from_utf8_lossy(&command).contains(&needle)
    })
}

/// Plans are of root.
fn can_run() -> bool {
    let root = rustix::process::geteuid().is_root();
    assert!(root || std::env::var("CI").as_deref() != Ok("true"), "CI runs this as root");
    if !root {
        eprintln!("skipped: only root carries plans out");
    }
    root
}

#[test]
fn a_plan_that_is_killed_before_or_after_any_step_ends_as_an_undisturbed_one() {
    if !can_run() {
        return;
    }
    for moment in (0..STEPS).flat_map(|step| [Moment::Begun(step), Moment::Ended(step)]) {
        let place = Place::new(Step::repeatable);
        let mut child = place.resume();
        wait_until("the moment", || place.has_come_to(moment));
        child.kill().unwrap();
        child.wait().unwrap();
        wait_until("the end of its children", || !somebody_works_for(place.0.path()));

        let report = place.report();
        let last = matches!(moment, Moment::Ended(step) if step == STEPS - 1);
        if last && report.run.ended == PlanEnded::Complete {
            // It was quicker than we.
            continue;
        }
        assert_eq!(report.run.ended, PlanEnded::CutOff, "{moment:?}: {report:?}");
        let states: Vec<StepState> = report.steps.iter().map(|step| step.end.state).collect();
        let (done, at) = match moment {
            Moment::Begun(step) => (step, StepState::CutOff),
            Moment::Ended(step) => (step, StepState::Done),
        };
        assert!(states[..done].iter().all(|state| *state == StepState::Done), "{moment:?}: {states:?}");
        assert_eq!(states[done], at, "{moment:?}: {states:?}");

        // The lock is free, or this would be refused.
        place.assert_complete(&place.program(&["resume"]).run());
        let twice: Vec<usize> =
            place.trace().iter().enumerate().filter(|(_, count)| **count > 1).map(|(step, _)| step).collect();
        let cut_off = states.iter().position(|state| *state == StepState::CutOff);
        assert!(twice.iter().all(|step| Some(*step) == cut_off), "{moment:?}: {:?} begun", place.trace());
    }
}

#[test]
fn of_two_at_once_exactly_one_runs_and_the_other_is_told_who() {
    if !can_run() {
        return;
    }
    let place = Place::new(Step::repeatable);
    let mut first = place.resume();
    wait_until("the first step", || place.has_come_to(Moment::Begun(0)));
    let second = place.program(&["resume"]).run();
    assert_eq!(second.code, 3, "{second:?}");
    assert!(second.stderr.contains("another plan is being carried out: by `"), "{}", second.stderr);
    assert!(second.stderr.contains(&format!("(process {}", first.id())), "{}", second.stderr);
    let third = place.program(&["resume", "--wait=1"]).run();
    assert_eq!(third.code, 3, "it waits for a second: {third:?}");
    assert!(third.took >= Duration::from_secs(1), "{:?}", third.took);
    assert!(first.wait().unwrap().success());
    assert_eq!(place.trace(), [1; STEPS]);
}

#[test]
fn a_step_that_must_not_be_repeated_is_left_to_whoever_looks() {
    if !can_run() {
        return;
    }
    let place = Place::new(|step| step);
    let refused = place.program(&["resume"]).run();
    assert_eq!(refused.code, 3, "{refused:?}");
    for word in ["step.0", "--again", "--past"] {
        assert!(refused.stderr.contains(word), "`{word}` is not in {}", refused.stderr);
    }
    assert_eq!(place.trace(), [0; STEPS], "nothing was done");
    let past = place.program(&["resume", "--past"]).run();
    assert_eq!(past.code, 0, "{past:?}");
    assert_eq!(place.trace(), [0, 1, 1, 1]);
    let again = place.program(&["resume"]).run();
    assert_eq!(again.code, 3, "nothing is left to resume: {again:?}");
}

#[test]
fn a_plan_that_is_given_up_lets_the_next_one_begin() {
    if !can_run() {
        return;
    }
    let place = Place::new(Step::repeatable);
    let abandoned = place.program(&["abandon"]).run();
    assert_eq!(abandoned.code, 0, "{abandoned:?}");
    assert_eq!(place.report().run.ended, PlanEnded::Abandoned);
    assert_eq!(place.trace(), [0; STEPS]);
    let audit = std::fs::read_to_string(place.path("audit.jsonl")).unwrap();
    assert_eq!(audit.lines().count(), 2, "its begin and its end: {audit}");
}

#[test]
fn the_first_signal_stops_before_the_next_step_and_the_second_in_the_middle() {
    if !can_run() {
        return;
    }
    for (signals, code, state) in [
        (&[Signal::INT][..], 130, StepState::Done),
        (&[Signal::TERM], 143, StepState::Done),
        // The terminal has gone.
        (&[Signal::HUP], 143, StepState::Done),
        (&[Signal::INT, Signal::INT], 130, StepState::CutOff),
    ] {
        let place = Place::new(Step::repeatable);
        let mut child = place.resume();
        wait_until("the second step", || place.has_come_to(Moment::Begun(1)));
        for signal in signals {
            rustix::process::kill_process(Pid::from_child(&child), *signal).unwrap();
            // Two of a kind that come at once are one.
            std::thread::sleep(Duration::from_millis(50));
        }
        assert_eq!(child.wait().unwrap().code(), Some(code), "{signals:?}");
        let report = place.report();
        assert_eq!(report.run.ended, PlanEnded::Interrupted, "{signals:?}: {report:?}");
        let states: Vec<StepState> = report.steps.iter().map(|step| step.end.state).collect();
        let pending = StepState::Pending;
        assert_eq!(states, [StepState::Done, state, pending, pending], "{signals:?}");
        place.assert_complete(&place.program(&["resume"]).run());
    }
}
