//! Which steps a go at a plan does, in which order.

use crate::model::{StepCode, StepReport, StepState};
use crate::plan::Plan;

/// What becomes of one step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Task {
    /// It is done, then its gate is waited for.
    Do,
    /// It was done already; its gate is waited for.
    Gate,
    /// Somebody takes it for done; its gate is waited for.
    Past,
    /// It is taken back.
    Undo,
}

/// A step, by its place in the plan, and what becomes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Turn {
    /// The place of the step.
    pub step: usize,
    /// What becomes of it.
    pub task: Task,
}

/// What somebody decides about the step at which a plan stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Do it again.
    Again,
    /// Take it for done.
    Past,
}

/// Why it is not safe to go on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotSafe {
    /// Nobody knows whether a step was done that must not be done twice.
    #[error(
        "nobody knows whether step `{id}` ({title}) was done, and it must not be done twice without a look"
    )]
    InDoubt {
        /// Its id.
        id: String,
        /// What it does.
        title: String,
    },
    /// Its steps are being taken back.
    #[error("the plan is being taken back")]
    GoesBack,
    /// What was noted is not about these steps.
    #[error("the journal is about another plan than the one beside it")]
    OtherPlan,
}

/// The course of a plan that was not begun.
#[must_use]
pub fn begin(plan: &Plan) -> Vec<Turn> {
    (0..plan.steps.len()).map(|step| Turn { step, task: Task::Do }).collect()
}

/// The course that finishes a plan whose steps stand like this.
///
/// # Errors
///
/// See [`NotSafe`]; a decision settles a doubt.
pub fn resume(plan: &Plan, steps: &[StepReport], decision: Option<Decision>) -> Result<Vec<Turn>, NotSafe> {
    if !plan.steps.iter().map(|step| &step.id).eq(steps.iter().map(|step| &step.id)) {
        return Err(NotSafe::OtherPlan);
    }
    if steps.iter().any(|step| matches!(step.end.state, StepState::Undone | StepState::UndoFailed)) {
        return Err(NotSafe::GoesBack);
    }
    let is_done = |step: &StepReport| matches!(step.end.state, StepState::Done | StepState::Past);
    let Some(first) = steps.iter().position(|step| !is_done(step)) else { return Ok(Vec::new()) };
    let mut turns: Vec<Turn> = begin(plan).split_off(first);
    let (Some(turn), Some(step), Some(report)) = (turns.first_mut(), plan.steps.get(first), steps.get(first))
    else {
        return Ok(turns);
    };
    let end = &report.end;
    let in_doubt = matches!(end.state, StepState::CutOff | StepState::Running)
        || end.code.is_some_and(StepCode::leaves_doubt);
    let begun = end.state != StepState::Pending;
    turn.task = match decision {
        Some(Decision::Past) if begun => Task::Past,
        Some(Decision::Again) => Task::Do,
        _ if end.code == Some(StepCode::GateStopped) => Task::Gate,
        _ if end.code == Some(StepCode::Gate) && !step.repeatable => Task::Gate,
        _ if in_doubt && !step.repeatable => {
            return Err(NotSafe::InDoubt { id: step.id.clone(), title: step.title.clone() });
        }
        _ => Task::Do,
    };
    Ok(turns)
}

/// The course that takes a plan back whose steps stand like this: what was done, or may have been, the last first. Steps
/// that nothing takes back stay as they are.
#[must_use]
pub fn undo(plan: &Plan, steps: &[StepReport]) -> Vec<Turn> {
    let begun = |step: &StepReport| !matches!(step.end.state, StepState::Pending | StepState::Undone);
    let both = plan.steps.iter().zip(steps).enumerate().rev();
    both.filter(|(_, (step, report))| step.undo.is_some() && step.id == report.id && begun(report))
        .map(|(step, _)| Turn { step, task: Task::Undo })
        .collect()
}

#[cfg(test)]
#[path = "course_tests.rs"]
mod tests;
