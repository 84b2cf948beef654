//! What a run found, as one value.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Ended, Finding, Interruption, Location, Status, Tier};

/// The number of the report's shape.
pub const SCHEMA: u32 = 1;

/// The report of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Report {
    /// The shape's number; see [`SCHEMA`].
    pub schema: u32,
    /// Who, where, when, and how it ended.
    pub run: RunInfo,
    /// How many checks have which status.
    pub summary: Summary,
    /// Things worth knowing that are neither good nor bad.
    pub facts: Vec<Fact>,
    /// Every selected check.
    pub checks: Vec<CheckReport>,
}

/// The head of a report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunInfo {
    /// Unique.
    pub id: String,
    /// RFC 3339, UTC.
    pub started_at: String,
    /// Monotonic milliseconds.
    pub duration_ms: f64,
    /// How long it could have taken, in milliseconds.
    pub deadline_ms: u64,
    /// The machine.
    pub host: String,
    /// The user that ran it.
    pub user: String,
    /// The layout of the deployment.
    pub layout: String,
    /// The latest tier that was asked for.
    pub tier: Tier,
    /// Of the program.
    pub version: String,
    /// Why it ended.
    pub ended: Ended,
    /// Threads and processes that could not be stopped in time.
    pub abandoned: u32,
    /// What the program exits with.
    pub exit_code: u8,
}

/// How many checks have which status.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[allow(missing_docs, reason = "each is the count of checks with the status of its name")]
pub struct Summary {
    pub passed: usize,
    pub warning: usize,
    pub failed: usize,
    pub unknown: usize,
    pub skipped: usize,
}

impl Summary {
    /// Counts one more check.
    pub const fn add(&mut self, status: Status) {
        match status {
            Status::Passed => self.passed += 1,
            Status::Warning => self.warning += 1,
            Status::Failed => self.failed += 1,
            Status::Unknown => self.unknown += 1,
            Status::Skipped => self.skipped += 1,
        }
    }

    /// The count of one status.
    #[must_use]
    pub const fn of(&self, status: Status) -> usize {
        match status {
            Status::Passed => self.passed,
            Status::Warning => self.warning,
            Status::Failed => self.failed,
            Status::Unknown => self.unknown,
            Status::Skipped => self.skipped,
        }
    }
}

/// Something worth knowing that is neither good nor bad.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Fact {
    /// What it is.
    pub label: String,
    /// Its value.
    pub value: String,
}

/// One check of a report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CheckReport {
    /// Its id.
    pub id: String,
    /// For people.
    pub title: String,
    /// See [`Tier`].
    pub tier: Tier,
    /// Where it ran.
    pub location: Location,
    /// The worst of its findings.
    pub status: Status,
    /// Monotonic milliseconds; nothing for a check that was never started.
    pub duration_ms: Option<f64>,
    /// The roots, when it was skipped because of what it needs.
    pub because: Vec<String>,
    /// What it found.
    pub findings: Vec<Finding>,
}

/// What counts as bad.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ExitPolicy {
    /// Warnings are bad too.
    pub strict: bool,
}

impl ExitPolicy {
    /// 0 when all is well, 1 when something is bad, 128 plus the signal when interrupted.
    #[must_use]
    pub const fn exit_code(self, summary: &Summary, interruption: Option<Interruption>) -> u8 {
        if let Some(interruption) = interruption {
            return interruption.exit_code();
        }
        let bad = summary.failed > 0 || summary.unknown > 0 || (self.strict && summary.warning > 0);
        if bad { 1 } else { 0 }
    }
}
