use super::*;
use crate::model::StepEnd;
use crate::plan::{Action, Step};

/// Three steps: `a` can be taken back, `b` too and must not be done twice, `c` may.
fn plan() -> Plan {
    let step = |id: &str| Step::run(id, id, ["true"]);
    let back = || Action::Run { argv: vec!["true".to_owned()] };
    Plan::new("p").step(step("a").undo(back())).step(step("b").undo(back())).step(step("c").repeatable())
}

fn stand(states: [(StepState, Option<StepCode>); 3]) -> Vec<StepReport> {
    let ids = ["a", "b", "c"].into_iter();
    ids.zip(states)
        .map(|(id, (state, code))| StepReport {
            id: id.to_owned(),
            title: id.to_owned(),
            started_at: None,
            end: StepEnd { state, code, ..StepEnd::default() },
        })
        .collect()
}

fn tasks(turns: &[Turn]) -> String {
    turns
        .iter()
        .map(|turn| format!("{}{:?} ", turn.step, turn.task))
        .collect::<String>()
        .trim_end()
        .to_owned()
}

const PENDING: (StepState, Option<StepCode>) = (StepState::Pending, None);
const DONE: (StepState, Option<StepCode>) = (StepState::Done, None);
const CUT_OFF: (StepState, Option<StepCode>) = (StepState::CutOff, None);

const fn failed(code: StepCode) -> (StepState, Option<StepCode>) {
    (StepState::Failed, Some(code))
}

#[track_caller]
fn resumes(states: [(StepState, Option<StepCode>); 3], decision: Option<Decision>, expected: &str) {
    let got = resume(&plan(), &stand(states), decision);
    assert_eq!(got.map_or_else(|error| format!("{error:?}"), |turns| tasks(&turns)), expected);
}

#[test]
fn a_plan_goes_on_at_the_step_that_failed() {
    resumes([PENDING; 3], None, "0Do 1Do 2Do");
    resumes([DONE, failed(StepCode::ExitCode), PENDING], None, "1Do 2Do");
    resumes([DONE; 3], None, "");
    resumes([DONE, (StepState::Past, None), PENDING], None, "2Do");
}

#[test]
fn a_step_that_may_have_been_done_is_done_again_only_when_that_is_harmless_or_decided() {
    let doubt = r#"InDoubt { id: "b", title: "b" }"#;
    for state in [CUT_OFF, failed(StepCode::Timeout), failed(StepCode::Killed), (StepState::Running, None)] {
        resumes([DONE, state, PENDING], None, doubt);
        resumes([DONE, state, PENDING], Some(Decision::Again), "1Do 2Do");
        resumes([DONE, state, PENDING], Some(Decision::Past), "1Past 2Do");
        resumes([DONE, DONE, state], None, "2Do");
    }
}

#[test]
fn a_step_whose_gate_did_not_pass_is_not_done_twice_but_its_gate_is_waited_for() {
    resumes([DONE, failed(StepCode::Gate), PENDING], None, "1Gate 2Do");
    resumes([DONE, DONE, failed(StepCode::Gate)], None, "2Do");
    resumes([DONE, DONE, failed(StepCode::GateStopped)], None, "2Gate");
}

#[test]
fn a_step_that_was_not_begun_cannot_be_passed_over() {
    resumes([DONE, PENDING, PENDING], Some(Decision::Past), "1Do 2Do");
}

#[test]
fn a_plan_that_goes_back_or_is_another_does_not_go_on() {
    resumes([DONE, (StepState::Undone, None), PENDING], None, "GoesBack");
    resumes([(StepState::UndoFailed, None), PENDING, PENDING], Some(Decision::Again), "GoesBack");
    let mut other = stand([PENDING; 3]);
    other.truncate(2);
    assert_eq!(resume(&plan(), &other, None), Err(NotSafe::OtherPlan));
}

#[test]
fn what_was_begun_is_taken_back_the_last_first() {
    let back = |states| tasks(&undo(&plan(), &stand(states)));
    assert_eq!(back([DONE, CUT_OFF, PENDING]), "1Undo 0Undo");
    assert_eq!(back([DONE, (StepState::Undone, None), DONE]), "0Undo", "nothing takes `c` back");
    assert_eq!(back([(StepState::UndoFailed, None), PENDING, PENDING]), "0Undo");
    assert_eq!(back([PENDING; 3]), "");
}
