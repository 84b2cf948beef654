//! How a plan went, as one value: a fold of its events.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{PlanEnded, PlanStart, StepEnd, StepState};

/// The number of the shape of [`PlanReport`].
pub const PLAN_REPORT_SCHEMA: u32 = 1;

/// The report of a plan that was carried out, or of as much of it as was.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PlanReport {
    /// The shape's number; see [`PLAN_REPORT_SCHEMA`].
    pub schema: u32,
    /// Who, what, when, and how it ended.
    pub run: PlanRun,
    /// The step that stopped it, where one did.
    pub stopped_at: Option<String>,
    /// Every step.
    pub steps: Vec<StepReport>,
}

/// The head of a report: the latest go at the plan.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PlanRun {
    /// Who, what and when.
    #[serde(flatten)]
    pub start: PlanStart,
    /// Monotonic milliseconds; nothing when its end is not known.
    pub duration_ms: Option<f64>,
    /// How it ended.
    pub ended: PlanEnded,
    /// Processes and threads that could not be stopped in time.
    pub abandoned: u32,
    /// What the program exits with.
    pub exit_code: u8,
}

/// One step of a report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StepReport {
    /// Its id.
    pub id: String,
    /// For people.
    pub title: String,
    /// When it was begun: RFC 3339, UTC.
    pub started_at: Option<String>,
    /// Where it stands.
    #[serde(flatten)]
    pub end: StepEnd,
}

impl PlanReport {
    /// Whether something is left to be done: then `resume` or `abandon` has to follow before another plan. A plan of which
    /// no step was begun has done nothing and needs neither.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.run.ended.is_open() && self.steps.iter().any(|step| step.end.state != StepState::Pending)
    }

    /// The step that stopped it.
    #[must_use]
    pub fn culprit(&self) -> Option<&StepReport> {
        let id = self.stopped_at.as_ref()?;
        self.steps.iter().find(|step| step.id == *id)
    }

    /// How many of its steps are in this state.
    #[must_use]
    pub fn count(&self, state: StepState) -> usize {
        self.steps.iter().filter(|step| step.end.state == state).count()
    }
}
