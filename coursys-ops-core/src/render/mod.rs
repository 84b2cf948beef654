//! Renderers: from a [`Report`](crate::model::Report), or an [`Event`](crate::model::Event), to text.
//!
//! Each is a pure function and knows nothing else: none counts again what the report has counted, and none chooses
//! an exit code. [`nagios::exit_code`] is the one exception, because the plugin API has codes of its own. Whatever
//! comes from outside is made visible before it may reach a terminal, a log or a scraper; see [`escape`].

pub mod escape;
mod figures;
pub mod html;
pub mod json;
pub mod jsonl;
pub mod junit;
pub mod nagios;
pub mod plan;
pub mod prometheus;
pub mod text;

use std::str::FromStr;

use crate::model::{CheckReport, Finding};

/// The formats that there are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Format {
    /// For people; see [`text`].
    #[default]
    Text,
    /// One document; see [`json`].
    Json,
    /// One event a line, while it happens; see [`jsonl`].
    Jsonl,
    /// For CI; see [`junit`].
    Junit,
    /// For Nagios, Icinga and their kin; see [`nagios`].
    Nagios,
    /// For Prometheus' text file collector; see [`prometheus`].
    Prometheus,
}

impl Format {
    /// Every format, the default first.
    pub const ALL: [Self; 6] =
        [Self::Text, Self::Json, Self::Jsonl, Self::Junit, Self::Nagios, Self::Prometheus];

    /// The word used on the command line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Json => "json",
            Self::Jsonl => "jsonl",
            Self::Junit => "junit",
            Self::Nagios => "nagios",
            Self::Prometheus => "prometheus",
        }
    }
}

impl std::fmt::Display for Format {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

/// A word that names no format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown format `{}`: use {}", escape::line(.0), Format::ALL.map(Format::as_str).join(", "))]
pub struct UnknownFormat(String);

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        let known = Self::ALL.into_iter().find(|format| format.as_str() == word);
        known.ok_or_else(|| UnknownFormat(word.to_owned()))
    }
}

/// Why a report could not be written down. No report is known that does this.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// Of the JSON writer.
    #[error("failed to write JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// Of the XML writer.
    #[error("failed to write XML: {0}")]
    Xml(#[from] std::io::Error),
    /// Of the metrics writer.
    #[error("failed to write metrics: {0}")]
    Metrics(#[from] std::fmt::Error),
}

/// The first of a check's findings that made it what it is.
fn decisive(check: &CheckReport) -> Option<&Finding> {
    check.findings.iter().find(|finding| finding.status == check.status)
}

/// A finding's message, behind its subject where the message does not name it. Not yet escaped.
fn sentence(finding: &Finding) -> String {
    match finding.subject.as_deref() {
        Some(subject) if !finding.message.contains(subject) => format!("{subject}: {}", finding.message),
        _ => finding.message.clone(),
    }
}

#[cfg(test)]
mod tests;
