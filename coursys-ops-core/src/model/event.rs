//! One enum between doing and telling.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Finding, ListedStep, Location, OutputStream, Phase, PlanEnded, PlanStart, StepEnd, Tier};

/// What the runner tells while it works, of checks and of plans. A report is a fold of these.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// First of all; lists every selected check.
    RunStarted {
        /// Who, where, when.
        run: RunStart,
        /// Every selected check, in the order of the report.
        checks: Vec<Listed>,
    },
    /// A check is being looked at.
    CheckStarted {
        /// Its id.
        id: String,
    },
    /// Something worth knowing that is neither good nor bad.
    Fact {
        /// What it is.
        label: String,
        /// Its value.
        value: String,
    },
    /// A check is done, or will not be looked at.
    CheckFinished {
        /// Its id.
        id: String,
        /// Monotonic milliseconds; nothing for a check that was never started.
        duration_ms: Option<f64>,
        /// What it found.
        findings: Vec<Finding>,
        /// The roots, when it was skipped because of what it needs.
        because: Vec<String>,
    },
    /// Last of all.
    RunEnded {
        /// Why it ended.
        ended: Ended,
        /// By which signal, when it was interrupted.
        interruption: Option<Interruption>,
        /// Monotonic milliseconds.
        duration_ms: f64,
        /// Threads and processes that could not be stopped in time.
        abandoned: u32,
    },
    /// First of all of a plan, and of each later go at it; lists every step.
    PlanStarted {
        /// Who, what, when.
        run: PlanStart,
        /// Every step, in their order.
        steps: Vec<ListedStep>,
    },
    /// A step is about to be done or taken back. It is on disk before anything happens.
    StepStarted {
        /// Its id.
        id: String,
        /// Which of the two.
        phase: Phase,
        /// RFC 3339, UTC.
        at: String,
    },
    /// A line of what a step printed, without secrets. Some are left out when there are more than anybody reads.
    StepOutput {
        /// The step's id.
        id: String,
        /// Where it was printed.
        stream: OutputStream,
        /// Without its end.
        line: String,
    },
    /// A step has ended, well or not, or was passed over. It is on disk before the next one begins.
    StepFinished {
        /// Its id.
        id: String,
        /// Which of the two.
        phase: Phase,
        /// RFC 3339, UTC.
        at: String,
        /// How.
        end: StepEnd,
    },
    /// Last of all of a go at a plan.
    PlanEnded {
        /// How.
        ended: PlanEnded,
        /// By which signal, when it was interrupted.
        interruption: Option<Interruption>,
        /// Monotonic milliseconds.
        duration_ms: f64,
        /// Processes and threads that could not be stopped in time.
        abandoned: u32,
    },
}

/// The head of a run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunStart {
    /// Unique.
    pub id: String,
    /// RFC 3339, UTC.
    pub started_at: String,
    /// How long the whole run may take, in milliseconds.
    pub deadline_ms: u64,
    /// The machine.
    pub host: String,
    /// The user that runs it.
    pub user: String,
    /// The layout of the deployment.
    pub layout: String,
    /// The latest tier that was asked for.
    pub tier: Tier,
    /// Of the program.
    pub version: String,
}

/// A check as the report lists it before it is known what it finds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Listed {
    /// Its id.
    pub id: String,
    /// For people.
    pub title: String,
    /// See [`Tier`].
    pub tier: Tier,
    /// See [`Location`].
    pub location: Location,
    /// What it needs.
    pub needs: Vec<String>,
}

/// Why a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// Everything was looked at.
    Complete,
    /// The deadline passed.
    Deadline,
    /// Somebody stopped it.
    Interrupted,
}

/// By which signal a run was stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Interruption {
    /// SIGINT: Ctrl-C.
    Interrupt,
    /// SIGTERM.
    Terminate,
}

impl Interruption {
    /// The exit code by convention: 128 plus the signal's number.
    #[must_use]
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Interrupt => 130,
            Self::Terminate => 143,
        }
    }
}
