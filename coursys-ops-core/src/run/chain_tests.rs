use std::collections::BTreeMap;
use std::io;

use async_trait::async_trait;

use super::*;
use crate::model::PlanReport;
use crate::plan::Action;
use crate::registry::Registry;
use crate::run::{Cancel, Canceller, PlanFold};
use crate::testing::{context, fails, passes};

/// A handler that does as its argument says.
struct Handler;

#[async_trait]
impl BuiltIn for Handler {
    async fn carry_out(&self, arguments: &BTreeMap<String, String>, doing: &Doing<'_>) -> Result<(), String> {
        doing.say("at work");
        match arguments.get("do").map(String::as_str) {
            Some("fail") => Err("it does not want to".to_owned()),
            Some("panic") => panic!("oh no"),
            Some("hang") => std::future::pending().await,
            _ => Ok(()),
        }
    }
}

/// Means of a root who is none: steps of the site's user run as the caller.
fn means() -> Means {
    let checks = Registry::new(vec![passes("good", &[]), fails("bad", &[])]).unwrap();
    let mut built_ins = BuiltIns::new();
    built_ins.insert("work".to_owned(), Arc::new(Handler));
    Means { context: context(), checks: Arc::new(checks), built_ins: Arc::new(built_ins), last_words: None }
}

fn run(id: &str, script: &str) -> Step {
    Step::run(id, id, ["sh", "-c", script]).run_as(crate::plan::RunAs::Site)
}

fn built_in(id: &str, what: &str) -> Step {
    let arguments = BTreeMap::from([("do".to_owned(), what.to_owned())]);
    Step::new(id, id, Action::BuiltIn { name: "work".to_owned(), arguments })
}

async fn carried(plan: Plan, record: &mut dyn Record, stops: &Stops) -> PlanReport {
    let mut fold = PlanFold::default();
    let job = Job { start: PlanStart::default(), turns: begin(&plan), plan };
    carry_out(&job, &means(), stops, record, &mut |event| fold.push(&event)).await;
    fold.report()
}

fn outline(report: &PlanReport) -> String {
    let step = |step: &crate::model::StepReport| {
        let code = step.end.code.map_or_else(String::new, |code| format!("/{}", code.as_str()));
        format!("{}={}{code}", step.id, step.end.state.as_str())
    };
    let steps: Vec<_> = report.steps.iter().map(step).collect();
    format!("{} {}: {}", report.run.ended.as_str(), report.run.exit_code, steps.join(" "))
}

async fn outcome(plan: Plan) -> String {
    outline(&carried(plan, &mut (), &Stops::never()).await)
}

#[tokio::test]
async fn a_chain_stops_at_the_step_that_fails_and_shows_what_it_said() {
    let plan = Plan::new("p")
        .step(run("a", "true"))
        .step(run("b", "for i in $(seq 30); do echo $i; done; exit 7"))
        .step(run("c", "true"));
    let report = carried(plan, &mut (), &Stops::never()).await;
    assert_eq!(outline(&report), "failed 1: a=done b=failed/exit_code c=pending");
    let b = report.culprit().unwrap();
    assert_eq!(
        (b.end.exit_code, b.end.output.len(), b.end.output.last().unwrap().as_str()),
        (Some(7), 20, "30")
    );
}

#[tokio::test]
async fn each_way_to_fail_has_its_code() {
    let short = Duration::from_millis(300);
    let one = |step: Step| outcome(Plan::new("p").step(step));
    assert_eq!(one(run("a", "kill -9 $$")).await, "failed 1: a=failed/killed");
    assert_eq!(one(run("a", "sleep 60").deadline(short)).await, "failed 1: a=failed/timeout");
    assert_eq!(one(built_in("a", "fail")).await, "failed 1: a=failed/built_in");
    assert_eq!(one(built_in("a", "panic")).await, "failed 1: a=failed/panicked");
    assert_eq!(one(built_in("a", "hang").deadline(short)).await, "failed 1: a=failed/timeout");
    assert_eq!(one(Step::run("a", "a", ["true"])).await, "failed 1: a=failed/not_permitted");
    assert_eq!(one(run("a", "true").gate(["good"])).await, "complete 0: a=done");
    assert_eq!(one(run("a", "true").gate(["bad"]).deadline(short)).await, "failed 1: a=failed/gate");
}

#[tokio::test]
async fn a_step_that_ignores_term_is_killed_with_all_its_children() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("alive");
    let script =
        format!("trap '' TERM; (trap '' TERM; sleep 9; touch {}) & sleep 60; sleep 60", file.display());
    let started = Instant::now();
    let plan = Plan::new("p").step(run("a", &script).deadline(Duration::from_millis(300)));
    let report = carried(plan, &mut (), &Stops::never()).await;
    assert_eq!(outline(&report), "failed 1: a=failed/timeout");
    assert_eq!(report.run.abandoned, 0);
    assert!(started.elapsed() < STEP_GRACE * 2, "{:?}", started.elapsed());
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert!(!file.exists(), "a child lived on");
}

#[tokio::test]
async fn a_flood_of_output_costs_neither_memory_nor_the_deadline() {
    let started = Instant::now();
    let plan = Plan::new("p").step(run("a", "exec yes").deadline(Duration::from_secs(1)));
    assert_eq!(outcome(plan).await, "failed 1: a=failed/timeout");
    assert!(started.elapsed() < Duration::from_secs(4), "{:?}", started.elapsed());
}

/// A journal that is full from this event on.
struct Full(usize);

impl Record for Full {
    fn record(&mut self, event: &Event) -> io::Result<()> {
        if matches!(event, Event::StepOutput { .. }) {
            return Ok(());
        }
        self.0 = self.0.checked_sub(1).ok_or(io::ErrorKind::StorageFull)?;
        Ok(())
    }
}

#[tokio::test]
async fn a_journal_that_cannot_be_written_stops_the_plan_before_the_step_acts() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("acted");
    for (room, expected) in [
        (0, "failed 1: a=pending/journal b=pending"),
        (1, "failed 1: a=pending/journal b=pending"),
        (3, "failed 1: a=done b=pending/journal"),
    ] {
        let plan = Plan::new("p").step(run("a", "true")).step(run("b", &format!("touch {}", file.display())));
        let report = carried(plan, &mut Full(room), &Stops::never()).await;
        assert_eq!(outline(&report), expected, "{room}");
        assert!(!file.exists(), "{room}");
    }
}

#[tokio::test]
async fn the_first_stop_waits_for_the_step_and_the_second_does_not() {
    let plan = || Plan::new("p").step(run("a", "sleep 0.5")).step(run("b", "true"));
    let ((pull, soon), (_keep, now)) = (Canceller::new(), Canceller::new());
    pull.cancel(Interruption::Interrupt);
    let stops = Stops { soon, now };
    assert_eq!(
        outline(&carried(plan(), &mut (), &stops).await),
        "interrupted 130: a=pending b=pending",
        "between steps"
    );
    let ((pull, now), never) = (Canceller::new(), Cancel::never());
    let stops = Stops { soon: never, now };
    let mut record = ();
    let (report, ()) = tokio::join!(carried(plan(), &mut record, &stops), async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        pull.cancel(Interruption::Terminate);
    });
    assert_eq!(outline(&report), "interrupted 143: a=cut_off/interrupted b=pending");
}

#[tokio::test]
async fn waiting_for_a_gate_ends_at_the_first_stop_and_is_no_doubt() {
    let ((pull, soon), now) = (Canceller::new(), Cancel::never());
    let stops = Stops { soon, now };
    let mut record = ();
    let plan = Plan::new("p").step(run("a", "true").gate(["bad"]));
    let (report, ()) = tokio::join!(carried(plan, &mut record, &stops), async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        pull.cancel(Interruption::Interrupt);
    });
    assert_eq!(outline(&report), "interrupted 130: a=failed/gate_stopped");
}

#[test]
fn a_caller_without_a_runtime_gets_the_events_and_the_report() {
    let plan = Plan::new("p").step(run("a", "echo said"));
    let job = Job { start: PlanStart::default(), turns: begin(&plan), plan };
    let mut lines = Vec::new();
    let mut look = |event: &Event| {
        if let Event::StepOutput { line, .. } = event {
            lines.push(line.clone());
        }
    };
    let report =
        carry_out_blocking(job, &means(), &Stops::never(), Box::new(()), PlanFold::default(), &mut look);
    assert_eq!((outline(&report).as_str(), lines), ("complete 0: a=done", vec!["said".to_owned()]));
}

#[tokio::test]
async fn what_a_program_says_when_it_is_told_to_end_is_heard() {
    let script = "trap 'echo it waited for Godot; exit 1' TERM; echo begins; sleep 60 & wait";
    let plan = Plan::new("p").step(run("a", script).deadline(Duration::from_millis(500)));
    let report = carried(plan, &mut (), &Stops::never()).await;
    assert_eq!(outline(&report), "failed 1: a=failed/timeout");
    assert_eq!(report.culprit().unwrap().end.output, ["begins", "it waited for Godot"]);
}

/// A check that passes the first time and never again.
struct Flickers(crate::model::CheckSpec, AtomicBool);

#[async_trait]
impl crate::Check for Flickers {
    fn spec(&self) -> &crate::model::CheckSpec {
        &self.0
    }

    async fn look(&self, _scope: &Scope) -> Vec<crate::model::Finding> {
        let seen_before = self.1.swap(true, Ordering::Relaxed);
        vec![if seen_before {
            crate::model::Finding::failed(crate::model::Code::NotRunning, "it ended", "look why")
        } else {
            crate::model::Finding::passed("it runs")
        }]
    }
}

#[tokio::test]
async fn what_comes_up_for_a_moment_only_is_not_up() {
    let ends_so = async |steady: Duration| {
        let flickers = Flickers(crate::model::CheckSpec::new("flickers", "Flickers"), AtomicBool::new(false));
        let means = Means { checks: Arc::new(Registry::new(vec![Arc::new(flickers)]).unwrap()), ..means() };
        let step = run("a", "true").gate(["flickers"]).steady(steady).deadline(Duration::from_secs(2));
        let plan = Plan::new("p").step(step);
        let mut fold = PlanFold::default();
        let job = Job { start: PlanStart::default(), turns: begin(&plan), plan };
        carry_out(&job, &means, &Stops::never(), &mut (), &mut |event| fold.push(&event)).await;
        outline(&fold.report())
    };
    assert_eq!(ends_so(Duration::ZERO).await, "complete 0: a=done");
    assert_eq!(ends_so(Duration::from_millis(200)).await, "failed 1: a=failed/gate");
}
