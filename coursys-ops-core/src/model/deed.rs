//! What is told of a plan while it is carried out: who, which steps, and how each ended.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The head of one go at a plan: its first, or one that resumes it or takes it back.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlanStart {
    /// The run's id: unique, and later runs sort behind earlier ones. All goes at one plan share it.
    pub id: String,
    /// What the plan is, a few words.
    pub title: String,
    /// What this go is for.
    pub course: CourseKind,
    /// RFC 3339, UTC.
    pub started_at: String,
    /// The machine.
    pub host: String,
    /// Who acts.
    pub who: Who,
    /// The command line, without secrets.
    pub command: Vec<String>,
    /// The layout of the deployment.
    pub layout: String,
    /// Of the program.
    pub version: String,
    /// The file that gets all output of the steps.
    pub log: Option<String>,
}

/// What a go at a plan is for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CourseKind {
    /// To carry it out.
    #[default]
    Begin,
    /// To go on where it stopped.
    Resume,
    /// To give it up, its steps left as they are.
    Abandon,
    /// To give it up and take its steps back.
    Undo,
}

/// Who acts: the person, also behind `sudo`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Who {
    /// The person as far as the system knows: who logged in, else who called `sudo`, else the account.
    pub person: String,
    /// The account that acts.
    pub account: String,
    /// Who logged in, as the kernel's audit remembers it; nothing when it does not.
    pub login: Option<String>,
    /// Who called `sudo`.
    pub sudo: Option<String>,
}

/// A step as it is listed before anything is done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ListedStep {
    /// Its id.
    pub id: String,
    /// For people.
    pub title: String,
    /// How long it may take, in milliseconds.
    pub deadline_ms: u64,
}

/// Whether a step is done or taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// It is done.
    Do,
    /// It is taken back.
    Undo,
}

/// Which of a program's two outputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OutputStream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
    /// The tool itself: what a gate waits for, what a built-in step tells.
    Note,
    /// The tool itself: how far a step is that counts what it does, as `3 of 10 done, about 5 s left`.
    Progress,
}

/// Where a step stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StepState {
    /// Not begun.
    #[default]
    Pending,
    /// Begun.
    Running,
    /// Done, its gate passed.
    Done,
    /// Somebody took it for done and went on.
    Past,
    /// It did not work.
    Failed,
    /// Begun, and nobody knows whether it was done.
    CutOff,
    /// Taken back.
    Undone,
    /// Taking it back did not work.
    UndoFailed,
}

impl StepState {
    /// The word used in JSON and on the terminal.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Done => "done",
            Self::Past => "past",
            Self::Failed => "failed",
            Self::CutOff => "cut_off",
            Self::Undone => "undone",
            Self::UndoFailed => "undo_failed",
        }
    }
}

/// Why a step did not end well, for scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StepCode {
    /// Its program exited with another code than 0.
    ExitCode,
    /// Its program was killed by somebody else.
    Killed,
    /// Its program could not be started.
    NotStarted,
    /// It took longer than it may, and was ended.
    Timeout,
    /// It was done, but the checks of its gate did not pass in time.
    Gate,
    /// It was done; waiting for the checks of its gate was stopped.
    GateStopped,
    /// It was stopped from outside in the middle.
    Interrupted,
    /// A file could not be changed, and is as it was.
    File,
    /// The account to act as does not exist.
    NoSuchUser,
    /// This caller may not act as that account.
    NotPermitted,
    /// A built-in step says that it did not work.
    BuiltIn,
    /// A crash: a bug worth reporting.
    Panicked,
    /// The journal could not be written: before the step, which was then not begun, or after it.
    Journal,
}

impl StepCode {
    /// The word used in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ExitCode => "exit_code",
            Self::Killed => "killed",
            Self::NotStarted => "not_started",
            Self::Timeout => "timeout",
            Self::Gate => "gate",
            Self::GateStopped => "gate_stopped",
            Self::Interrupted => "interrupted",
            Self::File => "file",
            Self::NoSuchUser => "no_such_user",
            Self::NotPermitted => "not_permitted",
            Self::BuiltIn => "built_in",
            Self::Panicked => "panicked",
            Self::Journal => "journal",
        }
    }

    /// Whether the step may have been done all the same.
    #[must_use]
    pub const fn leaves_doubt(self) -> bool {
        matches!(self, Self::Killed | Self::Timeout | Self::Interrupted | Self::Panicked)
    }
}

/// How a step ended.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StepEnd {
    /// Where it stands now.
    pub state: StepState,
    /// Why it did not end well.
    pub code: Option<StepCode>,
    /// What its program exited with.
    pub exit_code: Option<i32>,
    /// What happened, for people; nothing when all went well.
    pub message: Option<String>,
    /// The last lines of its output, when it did not end well.
    pub output: Vec<String>,
    /// The last lines that its component logged, when it did not end well.
    pub component_log: Vec<String>,
    /// Monotonic milliseconds.
    pub duration_ms: f64,
}

/// How a go at a plan ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PlanEnded {
    /// Every step is done.
    Complete,
    /// A step did not work.
    Failed,
    /// Somebody stopped it.
    Interrupted,
    /// Somebody gave it up; its steps are left as they are.
    Abandoned,
    /// Its steps are taken back.
    Undone,
    /// It was killed, or runs still: its end is not known.
    #[default]
    CutOff,
}

impl PlanEnded {
    /// The word used in JSON and on the terminal.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Failed => "failed",
            Self::Interrupted => "interrupted",
            Self::Abandoned => "abandoned",
            Self::Undone => "undone",
            Self::CutOff => "cut_off",
        }
    }

    /// Whether something is left to be done.
    #[must_use]
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Failed | Self::Interrupted | Self::CutOff)
    }
}
