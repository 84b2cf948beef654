use super::*;
use crate::model::{Location, Tier};
use crate::testing::outline;

fn listed(id: &str, needs: &[&str]) -> Listed {
    let needs = needs.iter().map(ToString::to_string).collect();
    Listed { id: id.to_owned(), title: id.to_owned(), tier: Tier::Deploy, location: Location::Local, needs }
}

fn started(checks: Vec<Listed>) -> Event {
    Event::RunStarted { run: RunStart::default(), checks }
}

fn finished(id: &str, finding: Finding) -> Event {
    Event::CheckFinished {
        id: id.to_owned(),
        duration_ms: Some(1.0),
        findings: vec![finding],
        because: vec![],
    }
}

fn ended(ended: Ended, interruption: Option<Interruption>) -> Event {
    Event::RunEnded { ended, interruption, duration_ms: 5.0, abandoned: 0 }
}

fn fold(events: &[Event]) -> Report {
    let mut fold = Fold::default();
    events.iter().for_each(|event| fold.push(event));
    fold.report(ExitPolicy::default())
}

#[test]
fn what_needs_something_cut_off_is_skipped_because_of_it_whatever_the_order() {
    let report = fold(&[
        started(vec![listed("c", &["b"]), listed("b", &["a"]), listed("a", &[]), listed("d", &[])]),
        finished("d", Finding::passed("")),
        ended(Ended::Deadline, None),
    ]);
    assert_eq!(
        outline(&report),
        "c=skipped/need_failed(a) b=skipped/need_failed(a) a=unknown/deadline d=passed/ok"
    );
}

#[test]
fn an_interrupted_run_exits_with_its_signal_and_calls_the_rest_unknown() {
    for (signal, code) in [(Interruption::Interrupt, 130), (Interruption::Terminate, 143)] {
        let report = fold(&[started(vec![listed("a", &[])]), ended(Ended::Interrupted, Some(signal))]);
        assert_eq!(outline(&report), "a=unknown/interrupted");
        assert_eq!(report.run.exit_code, code);
    }
}

#[test]
fn a_stream_that_breaks_off_still_gives_a_report() {
    let report =
        fold(&[started(vec![listed("a", &[]), listed("b", &["a"])]), finished("a", Finding::passed(""))]);
    assert_eq!(outline(&report), "a=passed/ok b=unknown/interrupted");
    assert_eq!(fold(&[]).checks, []);
}

#[test]
fn strict_makes_a_warning_bad() {
    let warning = Finding::warning(Code::Busy, "", "");
    let mut fold = Fold::default();
    for event in [started(vec![listed("a", &[])]), finished("a", warning), ended(Ended::Complete, None)] {
        fold.push(&event);
    }
    assert_eq!(fold.report(ExitPolicy { strict: true }).run.exit_code, 1);
}

#[test]
fn facts_stand_in_the_same_order_whoever_answered_first() {
    let fact = |label: &str| Event::Fact { label: label.to_owned(), value: "1".to_owned() };
    let report = fold(&[started(vec![]), fact("search"), fact("Broker"), fact("database"), fact("Broker")]);
    let labels: Vec<_> = report.facts.iter().map(|fact| fact.label.as_str()).collect();
    assert_eq!(labels, ["Broker", "database", "search"]);
}

#[test]
fn a_report_survives_its_way_as_json() {
    let report = fold(&[started(vec![listed("a", &[])]), ended(Ended::Complete, None)]);
    let text = serde_json::to_string(&report).unwrap();
    assert_eq!(serde_json::from_str::<Report>(&text).unwrap(), report);
}
