//! What a worker answers, of which nothing is believed that was not asked for.

use std::collections::BTreeSet;

use coursys_ops_core::model::{CheckReport, CheckSpec, Code, Finding, Measurement, SCHEMA, Status};
use serde::Deserialize;
use serde_json::Value;

use crate::celery_call::wrong_answer;
use crate::garbage::excerpt;

/// The shape of the task's answer; that of its report is [`SCHEMA`].
const SHAPE: u64 = 1;

/// More findings than this no check of ours makes: one for each column of the site's tables would be as many.
const FINDINGS: usize = 2000;

/// The longest text of a finding, in characters.
const LONGEST: usize = 1000;

/// What was asked of a worker.
pub(super) struct Asked<'a> {
    pub(super) spec: &'a CheckSpec,
    pub(super) queue: &'a str,
    /// What the check needs, through any depth.
    pub(super) needs: &'a BTreeSet<String>,
    /// Ours.
    pub(super) version: &'a str,
}

/// What the task returns.
#[derive(Deserialize)]
struct Answer {
    worker: Option<String>,
    report: Option<Value>,
    error: Option<String>,
}

/// As much of a worker's report as counts.
#[derive(Deserialize)]
struct Report {
    run: Run,
    checks: Vec<Value>,
}

#[derive(Deserialize)]
struct Run {
    version: String,
}

impl Asked<'_> {
    /// The findings of the check, each with the name of the worker.
    pub(super) fn read(&self, value: &Value) -> Result<Vec<Finding>, Finding> {
        let shape = value.get("schema").and_then(Value::as_u64);
        let shape =
            shape.ok_or_else(|| wrong_answer("the answer is not that of a worker with `coursys_ops`"))?;
        if shape != SHAPE {
            return Err(self.other_version(&format!("its answer is of schema {shape}, not {SHAPE}")));
        }
        let Ok(Answer { worker, report, error }) = Answer::deserialize(value) else {
            return Err(wrong_answer("the worker's answer is not of the shape that it says"));
        };
        let worker = worker.as_deref().map_or_else(|| format!("a worker of {}", self.queue), name);
        let Some(report) = report else { return Err(self.refused(&worker, error.as_deref())) };
        let findings = self.findings(&report)?;
        Ok(findings.into_iter().map(|finding| tidy(finding, &worker)).collect())
    }

    fn findings(&self, report: &Value) -> Result<Vec<Finding>, Finding> {
        let schema = report.get("schema").and_then(Value::as_u64);
        if schema != Some(u64::from(SCHEMA)) {
            let schema = schema.map_or_else(|| "none".to_owned(), |schema| schema.to_string());
            return Err(self.other_version(&format!("its report is of schema {schema}, not {SCHEMA}")));
        }
        let Ok(Report { run, checks }) = Report::deserialize(report) else {
            return Err(wrong_answer("the worker's report is not of the shape that it says"));
        };
        let own = self.one(&checks, &self.spec.id, &run)?;
        let Some(own) = own else {
            return Err(wrong_answer(&format!("the worker's report does not have `{}`", self.spec.id)));
        };
        if own.findings.is_empty() || own.findings.len() > FINDINGS {
            let message = format!("the worker's report has {} findings of the check", own.findings.len());
            return Err(wrong_answer(&message));
        }
        if own.because.is_empty() {
            return Ok(own.findings.into_iter().map(|finding| self.in_time(finding)).collect());
        }
        self.roots(&own, &checks, &run)
    }

    /// The report of one check, if there is exactly one.
    fn one(&self, checks: &[Value], id: &str, run: &Run) -> Result<Option<CheckReport>, Finding> {
        let mut own = checks.iter().filter(|check| check.get("id").and_then(Value::as_str) == Some(id));
        let (Some(first), None) = (own.next(), own.next()) else { return Ok(None) };
        match CheckReport::deserialize(first) {
            Ok(check) => Ok(Some(check)),
            // It may know codes that we do not.
            Err(_) if run.version != self.version => {
                let version = excerpt(run.version.as_bytes());
                Err(self.other_version(&format!("it has {version}, this is {}", self.version)))
            }
            Err(_) => Err(wrong_answer("what the worker says of the check is not of the shape that it says")),
        }
    }

    /// Why the worker could not look: what the check needs failed there, which nobody else may have seen.
    fn roots(&self, own: &CheckReport, checks: &[Value], run: &Run) -> Result<Vec<Finding>, Finding> {
        let mut findings = Vec::new();
        for root in own.because.iter().filter(|root| self.needs.contains(*root)) {
            let found = self.one(checks, root, run)?.map(|check| check.findings).unwrap_or_default();
            let bad = |finding: &Finding| matches!(finding.status, Status::Failed | Status::Unknown);
            findings.extend(found.into_iter().filter(bad).take(FINDINGS).map(|finding| {
                let message = format!("not looked at, because of `{root}` there: {}", finding.message);
                Finding { message, ..finding }
            }));
        }
        if findings.is_empty() {
            return Err(wrong_answer("the worker does not say why it did not look"));
        }
        Ok(findings)
    }

    /// A check that had all of its time and was cut off by the worker's deadline has given no answer within its own.
    fn in_time(&self, finding: Finding) -> Finding {
        if (finding.status, finding.code) != (Status::Unknown, Code::Deadline) {
            return finding;
        }
        let message = format!("no answer within {} s", self.spec.timeout.as_secs_f64());
        Finding::failed(Code::Timeout, message, self.spec.timeout_hint.clone())
    }

    /// The worker's package could not make the check.
    fn refused(&self, worker: &str, error: Option<&str>) -> Finding {
        let why = error.map_or_else(|| "it does not say why".to_owned(), short);
        Finding::failed(
            Code::TaskFailed,
            format!("{worker} could not look: {why}"),
            format!(
                "correct the worker's own configuration (`COURSYS_OPS` in the site's settings there), or install \
                 coursys_ops {} there, and restart the worker",
                self.version
            ),
        )
    }

    fn other_version(&self, why: &str) -> Finding {
        Finding::failed(
            Code::WrongVersion,
            format!("the workers of `{}` have another version of `coursys_ops`: {why}", self.queue),
            format!("install version {} there, and restart them", self.version),
        )
    }
}

/// A worker's finding, fit for our report: texts on one line and not too long, figures that renderers understand.
fn tidy(finding: Finding, worker: &str) -> Finding {
    let mut finding = finding.map_text(|text| short(&text));
    finding.message = format!("{} (seen by {worker})", finding.message);
    if finding.hint.is_none() && matches!(finding.status, Status::Failed | Status::Warning) {
        finding.hint = Some(format!("see with `coursys-ops` what is wrong where {worker} is"));
    }
    finding.measurements.retain(is_sound);
    finding
}

/// Whether a figure has a name and a unit of ours.
fn is_sound(figure: &Measurement) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let finite = |limit: Option<f64>| limit.is_none_or(f64::is_finite);
    (1..=64).contains(&figure.name.len())
        && figure.name.chars().all(plain)
        && ["", "s", "ms", "B", "%"].contains(&figure.unit.as_str())
        && figure.value.is_finite()
        && finite(figure.warn)
        && finite(figure.crit)
}

/// A text without control characters, and no more of it than anybody reads.
fn short(text: &str) -> String {
    let plain = |c: char| if c.is_control() { ' ' } else { c };
    let mut short: String = text.chars().take(LONGEST).map(plain).collect();
    if text.chars().nth(LONGEST).is_some() {
        short.push('…');
    }
    short
}

/// The name of a node, as far as it looks like one.
pub(super) fn name(node: &str) -> String {
    excerpt(node.as_bytes())
}

#[cfg(test)]
#[path = "answer_tests.rs"]
mod tests;
