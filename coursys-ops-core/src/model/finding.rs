//! What a check says: findings with a status, a code, a message and a hint.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Code;

/// How bad a finding, a check or a run is.
///
/// The order is the order of severity: a check's status is the greatest of its findings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Not looked at: a need failed, or it does not apply here. The code says which.
    Skipped,
    /// As it should be.
    Passed,
    /// Works, but somebody should look.
    Warning,
    /// Could not find out: the run's deadline, a panic, an interruption, contradictory evidence.
    Unknown,
    /// Bad, or no answer within the check's own timeout.
    Failed,
}

impl Status {
    /// Every status, worst first: the order in which people want to read them.
    pub const WORST_FIRST: [Self; 5] =
        [Self::Failed, Self::Unknown, Self::Warning, Self::Skipped, Self::Passed];

    /// The word used in JSON and in text.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Skipped => "skipped",
            Self::Passed => "passed",
            Self::Warning => "warning",
            Self::Unknown => "unknown",
            Self::Failed => "failed",
        }
    }

    /// The status of a check with these findings. A check that found nothing found nothing out.
    #[must_use]
    pub fn of(findings: &[Finding]) -> Self {
        findings.iter().map(|finding| finding.status).max().unwrap_or(Self::Unknown)
    }
}

impl std::fmt::Display for Status {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

/// One thing a check found, good or bad.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// How bad it is.
    pub status: Status,
    /// For scripts: one of a closed list, so that nobody needs to parse the message.
    pub code: Code,
    /// What the finding is about when a check looks at several things: a path, a table, a host.
    pub subject: Option<String>,
    /// For people: what was found, one line, no trailing period.
    pub message: String,
    /// For people: what to do. Failed and warning findings always have one.
    pub hint: Option<String>,
    /// Figures behind the finding, with the thresholds that judged them.
    pub measurements: Vec<Measurement>,
}

impl Finding {
    fn new(status: Status, code: Code, message: impl Into<String>, hint: Option<String>) -> Self {
        Self { status, code, subject: None, message: message.into(), hint, measurements: Vec::new() }
    }

    /// All is well.
    #[must_use]
    pub fn passed(message: impl Into<String>) -> Self {
        Self::new(Status::Passed, Code::Ok, message, None)
    }

    /// It works, but somebody should look.
    #[must_use]
    pub fn warning(code: Code, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(Status::Warning, code, message, Some(hint.into()))
    }

    /// It is broken.
    #[must_use]
    pub fn failed(code: Code, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(Status::Failed, code, message, Some(hint.into()))
    }

    /// It could not be found out.
    #[must_use]
    pub fn unknown(code: Code, message: impl Into<String>) -> Self {
        Self::new(Status::Unknown, code, message, None)
    }

    /// It was not looked at.
    #[must_use]
    pub fn skipped(code: Code, message: impl Into<String>) -> Self {
        Self::new(Status::Skipped, code, message, None)
    }

    /// A key that no layer of the configuration gives; the hint names it.
    #[must_use]
    pub fn not_configured(key: &str) -> Self {
        Self::failed(
            Code::NotConfigured,
            format!("`{key}` is not configured"),
            format!("set `{key}` in the configuration file, or run `coursys-ops config import-django`"),
        )
    }

    /// Says what the finding is about.
    #[must_use]
    pub fn about(mut self, subject: impl Into<String>) -> Self {
        self.subject = Some(subject.into());
        self
    }

    /// Adds or replaces the hint.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds a figure. One whose value is no finite number, which JSON could not hold, is left out.
    #[must_use]
    pub fn measured(mut self, measurement: Measurement) -> Self {
        if measurement.value.is_finite() {
            self.measurements.push(measurement);
        }
        self
    }

    /// Applies `edit` to every text a person can read in the finding.
    #[must_use]
    pub fn map_text(mut self, edit: impl Fn(String) -> String) -> Self {
        self.message = edit(self.message);
        self.hint = self.hint.map(&edit);
        self.subject = self.subject.map(&edit);
        self
    }
}

/// A figure with its unit and the thresholds that judged it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Measurement {
    /// What was measured, in snake case: `offset`, `free_bytes`.
    pub name: String,
    /// The value, in `unit`.
    pub value: f64,
    /// `s`, `ms`, `B`, `%`, or `` for a count.
    pub unit: String,
    /// From here on it is a warning.
    pub warn: Option<f64>,
    /// From here on it is a failure.
    pub crit: Option<f64>,
}

impl Measurement {
    /// A figure without thresholds.
    #[must_use]
    pub fn new(name: &str, value: f64, unit: &str) -> Self {
        Self { name: name.to_owned(), value, unit: unit.to_owned(), warn: None, crit: None }
    }

    /// Adds the value from which on it is a failure.
    #[must_use]
    pub const fn critical_at(mut self, limit: f64) -> Self {
        self.crit = Some(limit);
        self
    }

    /// Adds the value from which on it is a warning.
    #[must_use]
    pub const fn warning_at(mut self, limit: f64) -> Self {
        self.warn = Some(limit);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_finding_decides_and_no_finding_is_unknown() {
        let hint = "do something";
        let failed = Finding::failed(Code::Refused, "", hint);
        let unknown = Finding::unknown(Code::Deadline, "");
        let warning = Finding::warning(Code::Busy, "", hint);
        let passed = Finding::passed("");
        let skipped = Finding::skipped(Code::NotInLayout, "");
        let all = [skipped, passed, warning, unknown, failed];
        for (count, expected) in [
            Status::Unknown,
            Status::Skipped,
            Status::Passed,
            Status::Warning,
            Status::Unknown,
            Status::Failed,
        ]
        .into_iter()
        .enumerate()
        {
            assert_eq!(Status::of(all.get(..count).unwrap_or_default()), expected, "{count} findings");
        }
    }
}
