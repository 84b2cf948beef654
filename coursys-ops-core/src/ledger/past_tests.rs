use proptest::prelude::*;

use super::*;
use crate::model::{ListedStep, Phase, PlanStart, StepEnd, StepState};

fn lines(events: &[Event]) -> Vec<u8> {
    let line = |event: &Event| serde_json::to_string(event).unwrap() + "\n";
    events.iter().map(line).collect::<String>().into_bytes()
}

fn listed(ids: &[String]) -> Vec<ListedStep> {
    ids.iter().map(|id| ListedStep { id: id.clone(), title: id.clone(), deadline_ms: 1 }).collect()
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let text = || "\\PC{0,12}";
    let id = || "[abc]";
    let state = prop_oneof![Just(StepState::Done), Just(StepState::Failed), Just(StepState::CutOff)];
    let event = prop_oneof![
        (text(), text()).prop_map(|(title, id)| {
            let run = PlanStart { title, id, ..PlanStart::default() };
            Event::PlanStarted { run, steps: listed(&["a".into(), "b".into(), "c".into()]) }
        }),
        (id(), text()).prop_map(|(id, at)| Event::StepStarted { id, phase: Phase::Do, at }),
        (id(), state, text()).prop_map(|(id, state, message)| {
            let end = StepEnd { state, message: Some(message), ..StepEnd::default() };
            Event::StepFinished { id, phase: Phase::Do, at: String::new(), end }
        }),
        Just(Event::PlanEnded {
            ended: PlanEnded::Complete,
            interruption: None,
            duration_ms: 1.5,
            abandoned: 0
        }),
    ];
    prop::collection::vec(event, 0..12)
}

proptest! {
    #[test]
    fn whatever_is_cut_off_at_the_end_the_lines_before_it_are_read(events in events(), keep in 0.0..=1.0_f64) {
        let bytes = lines(&events);
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
        let cut = &bytes[..(bytes.len() as f64 * keep) as usize];
        let parsed = parse(cut);
        let whole = cut.iter().filter(|byte| **byte == b'\n').count();
        prop_assert_eq!(&parsed.events[..], &events[..whole]);
        prop_assert_eq!(parsed.damaged, None);
    }

    #[test]
    fn no_garbage_makes_the_parser_or_the_fold_fail(bytes: Vec<u8>, events in events(), at in 0..4000_usize) {
        let mut mixed = lines(&events);
        mixed.splice(at.min(mixed.len())..at.min(mixed.len()), bytes);
        let parsed = parse(&mixed);
        let past = Past::new("r".into(), "/".into(), Err(String::new()), parsed);
        let _ = (past.report(), past.is_open());
    }

    #[test]
    fn a_journal_in_which_a_step_is_begun_and_not_ended_says_that_it_was_cut_off(events in events()) {
        let mut events = events;
        events.insert(0, Event::PlanStarted { run: PlanStart::default(), steps: listed(&["a".into()]) });
        events.push(Event::StepStarted { id: "a".into(), phase: Phase::Do, at: String::new() });
        let past = Past::new("r".into(), "/".into(), Err(String::new()), parse(&lines(&events)));
        let report = past.report();
        prop_assert_eq!(report.steps[0].end.state, StepState::CutOff);
        // One that ended before is not open again by a line that no driver writes.
        prop_assert!(past.is_open() || report.run.ended == PlanEnded::Complete);
    }
}

#[test]
fn garbage_in_the_middle_is_damage_and_what_follows_is_read() {
    let ended =
        Event::PlanEnded { ended: PlanEnded::Abandoned, interruption: None, duration_ms: 0.0, abandoned: 0 };
    let mut bytes = lines(&[Event::PlanStarted { run: PlanStart::default(), steps: listed(&["a".into()]) }]);
    bytes.extend(b"{\"event\":\"dance\"}\n\xff\xfe\n");
    let before = Past::new("r".into(), "/".into(), Err(String::new()), parse(&bytes));
    assert_eq!((before.damaged, before.is_open()), (Some(2), true));
    bytes.extend(lines(&[ended]));
    let after = Past::new("r".into(), "/".into(), Err(String::new()), parse(&bytes));
    assert_eq!((after.damaged, after.is_open()), (Some(2), false), "somebody gave it up");
}
