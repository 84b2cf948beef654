use std::time::Duration;

use super::*;
use crate::model::{CourseKind, Event, ListedStep, Phase, PlanStart, StepCode, StepEnd};
use crate::plan::FileChange;
use crate::run::PlanFold;

fn plan() -> Plan {
    let flag = |content: Option<&str>| Action::File {
        change: FileChange { path: "/coursys/503".into(), content: content.map(Into::into), mode: 0o644 },
    };
    let broker = Step::run("rabbitmq.recreate", "make it anew", ["docker-compose", "up", "it's new"])
        .run_as(RunAs::Site)
        .directory("/coursys")
        .deadline(Duration::from_secs(120))
        .gate(["service.rabbitmq", "broker.connection"])
        .loses("every message");
    Plan::new("try everything")
        .step(Step::new("flag", "set the flag", flag(Some("off"))).undo(flag(None)))
        .step(broker)
        .step(
            Step::run("beat.start", "start beat", ["systemctl", "start", "celerybeat"])
                .gate(["service.celerybeat"])
                .steady(Duration::from_secs(3)),
        )
        .step(
            Step::new("answers", "wait for the site", Action::Gate)
                .gate(["web.serving"])
                .deadline(Duration::from_secs(30)),
        )
}

#[test]
fn a_plan_shows_of_each_step_what_it_does_as_whom_for_how_long_and_what_is_lost() {
    let expected = "\
try everything: 4 steps

    1/4  set the flag
         writes 3 bytes to /coursys/503, mode 0644
         as root, at most 60.0 s
         taken back by: removes /coursys/503

    2/4  make it anew
         docker-compose up 'it'\\''s new'
         as the site's user, in /coursys, at most 120.0 s
         then waits for service.rabbitmq, broker.connection
         LOSES every message

    3/4  start beat
         systemctl start celerybeat
         as root, at most 60.0 s
         then waits for service.celerybeat, for 3.0 s on end

    4/4  wait for the site
         waits for web.serving, at most 30.0 s
";
    assert_eq!(text(&plan()), expected);
}

/// The report of a plan of two steps, the second of which ended like this.
fn report(course: CourseKind, ended: PlanEnded, end: StepEnd) -> PlanReport {
    let step = |id: &str| ListedStep { id: id.into(), title: format!("step {id}"), deadline_ms: 1 };
    let start = PlanStart {
        id: "20261123-010203".into(),
        title: "try it".into(),
        course,
        started_at: "2026-11-23T01:02:03.5Z".into(),
        command: vec!["coursys-ops".into(), "restart-all".into()],
        log: Some("/var/log/\u{1b}[31mred".into()),
        ..PlanStart::default()
    };
    let mut fold = PlanFold::default();
    let at = || "2026-11-23T01:02:04Z".to_owned();
    let done = StepEnd { state: StepState::Done, duration_ms: 1500.0, ..StepEnd::default() };
    fold.push(&Event::PlanStarted { run: start, steps: vec![step("a"), step("b")] });
    for (id, end) in [("a", done), ("b", end)] {
        fold.push(&Event::StepStarted { id: id.into(), phase: Phase::Do, at: at() });
        fold.push(&Event::StepFinished { id: id.into(), phase: Phase::Do, at: at(), end });
    }
    fold.push(&Event::PlanEnded { ended, interruption: None, duration_ms: 2500.0, abandoned: 0 });
    fold.report()
}

#[test]
fn what_stopped_a_plan_is_told_with_its_last_lines_and_no_escape_sequence() {
    let end = StepEnd {
        state: StepState::Failed,
        code: Some(StepCode::ExitCode),
        exit_code: Some(7),
        message: Some("`b` exited with 7".into()),
        output: vec!["oh \u{1b}[2Jno".into()],
        component_log: vec!["it was the disk".into()],
        duration_ms: 1000.0,
    };
    let failed = report(CourseKind::Begin, PlanEnded::Failed, end);
    let told = outcome(&failed);
    assert!(!told.contains('\u{1b}'), "{told}");
    let lines: Vec<&str> = told.lines().collect();
    assert_eq!(
        lines[..3],
        [
            "try it: failed, 1 of 2 steps done in 2.5 s",
            "  b (failed): `b` exited with 7",
            "  its last output:"
        ]
    );
    assert!(lines[3].starts_with("    oh "), "{told}");
    assert_eq!(lines[4..6], ["  the last lines of its component:", "    it was the disk"]);
    assert!(lines[6].starts_with("  all output: /var/log/"), "{told}");
}

#[test]
fn how_a_plan_ended_is_the_first_line() {
    let done = || StepEnd { state: StepState::Done, duration_ms: 1000.0, ..StepEnd::default() };
    let first =
        |course, ended, end| outcome(&report(course, ended, end)).lines().next().map(ToOwned::to_owned);
    let line = |course, ended| first(course, ended, done()).unwrap();
    assert_eq!(line(CourseKind::Begin, PlanEnded::Complete), "try it: done, 2 steps in 2.5 s");
    assert_eq!(line(CourseKind::Abandon, PlanEnded::Abandoned), "try it: given up; 2 of 2 steps stay done");
    assert_eq!(
        line(CourseKind::Begin, PlanEnded::Interrupted),
        "try it: stopped, 2 of 2 steps done in 2.5 s"
    );
}

#[test]
fn an_account_names_who_when_and_each_step() {
    let end = StepEnd { state: StepState::CutOff, ..StepEnd::default() };
    let told = account(&report(CourseKind::Begin, PlanEnded::CutOff, end));
    for line in [
        "run 20261123-010203",
        "  at       2026-11-23 01:02:03 UTC",
        "  command  coursys-ops restart-all",
        "  done         step a, 1.5 s",
    ] {
        assert!(told.lines().any(|told| told == line), "`{line}` is not in {told}");
    }
    assert!(told.contains("cut_off"), "{told}");
}
