//! The plugin API of Nagios, Icinga and their kin: one line, a bar, and the measurements behind it.

use std::collections::BTreeSet;

use super::figures::{Figure, Side, figures, first_new};
use super::{decisive, escape, sentence};
use crate::model::{CheckReport, Ended, ExitPolicy, Report, Status};

/// How many culprits are named. Pagers show about this much, and some agents cut the line at 1 KiB.
const CULPRITS: usize = 3;

/// How much of a culprit's message is shown, in characters.
const MESSAGE: usize = 160;

/// Units that the plugin API knows, as they are written in a [`Measurement`](crate::model::Measurement).
const UNITS: [&str; 8] = ["s", "ms", "us", "%", "B", "KB", "MB", "TB"];

/// The plugin's exit code: 2 (critical) when something failed, 3 (unknown) when something could not be found out or
/// nothing was looked at, 1 (warning), or 0. A strict policy makes a warning critical.
#[must_use]
pub const fn exit_code(report: &Report, policy: ExitPolicy) -> u8 {
    let summary = &report.summary;
    let interrupted = matches!(report.run.ended, Ended::Interrupted);
    if summary.failed > 0 {
        2
    } else if summary.unknown > 0 || interrupted || report.checks.is_empty() {
        3
    } else if summary.warning > 0 {
        if policy.strict { 2 } else { 1 }
    } else {
        0
    }
}

/// The report as the one line of a plugin, with its newline.
#[must_use]
pub fn render(report: &Report, policy: ExitPolicy) -> String {
    let state = match exit_code(report, policy) {
        0 => "OK",
        1 => "WARNING",
        2 => "CRITICAL",
        _ => "UNKNOWN",
    };
    let mut line = format!("COURSYS {state} - {}", counts(report));
    let culprits = [Status::Failed, Status::Unknown, Status::Warning]
        .into_iter()
        .flat_map(|status| report.checks.iter().filter(move |check| check.status == status));
    let culprits: Vec<String> = culprits.map(culprit).collect();
    if !culprits.is_empty() {
        let shown: Vec<&str> = culprits.iter().take(CULPRITS).map(String::as_str).collect();
        line.push_str(": ");
        line.push_str(&shown.join("; "));
        if let more @ 1.. = culprits.len().saturating_sub(CULPRITS) {
            line.push_str(&format!("; and {more} more"));
        }
    }
    let figures = perfdata(report);
    if !figures.is_empty() {
        line.push('|');
        line.push_str(&figures.join(" "));
    }
    line.push('\n');
    line
}

fn counts(report: &Report) -> String {
    let counts: Vec<String> =
        [Status::Failed, Status::Unknown, Status::Warning, Status::Passed, Status::Skipped]
            .into_iter()
            .filter(|status| report.summary.of(*status) > 0)
            .map(|status| format!("{} {status}", report.summary.of(status)))
            .collect();
    let counts = if counts.is_empty() { "nothing was looked at".to_owned() } else { counts.join(", ") };
    match report.run.ended {
        Ended::Complete => counts,
        Ended::Deadline => format!("{counts}, cut off by the deadline"),
        Ended::Interrupted => format!("{counts}, interrupted"),
    }
}

/// The id of a check and the worst that it found.
fn culprit(check: &CheckReport) -> String {
    let message = decisive(check).map(sentence).unwrap_or_default();
    let text = |text: &str| escape::line(text).replace('|', "/");
    let message = text(&message);
    let mut shown: String = message.chars().take(MESSAGE).collect();
    if shown.len() < message.len() {
        shown.push_str("...");
    }
    format!("{}: {shown}", text(&check.id))
}

/// `'label'=value[UOM];warn;crit` for every measurement, each label once.
fn perfdata(report: &Report) -> Vec<String> {
    let mut seen = BTreeSet::new();
    figures(report)
        .filter_map(|figure| {
            let parts = [figure.check, figure.subject, &figure.measurement.name];
            let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
            let label = escape::line(&parts.join(".")).replace(['\'', '=', '|'], "_");
            let labels = (1_usize..).map(|n| if n == 1 { label.clone() } else { format!("{label} #{n}") });
            Some(perfdatum(&first_new(&mut seen, labels)?, figure))
        })
        .collect()
}

fn perfdatum(label: &str, figure: Figure<'_>) -> String {
    let measurement = figure.measurement;
    // `U` is the API's word for a value that could not be determined.
    let value = if measurement.value.is_finite() { measurement.value.to_string() } else { "U".to_owned() };
    let unit = UNITS.into_iter().find(|unit| *unit == measurement.unit && value != "U").unwrap_or_default();
    // A range is the good one: `10` is 0 to 10 and `10:` is 10 and above. A wrong one is worse than none.
    let range = |limit: Option<f64>| match (limit.filter(|limit| limit.is_finite()), figure.good) {
        (Some(limit), Some(Side::Below)) => limit.to_string(),
        (Some(limit), Some(Side::Above)) => format!("{limit}:"),
        _ => String::new(),
    };
    let datum = format!("'{label}'={value}{unit};{};{}", range(measurement.warn), range(measurement.crit));
    datum.trim_end_matches(';').to_owned()
}
