//! Plans and how they went: as a document, and as text for whoever waits for the end.

use std::fmt::Write as _;

use jiff::Timestamp;
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;

use super::text::duration;
use super::{RenderError, escape};
use crate::model::{PlanEnded, PlanReport, StepReport, StepState};
use crate::plan::{Action, Plan, PlanDocument, RunAs, Step};

/// A plan as a document: the one that a dry run prints and that the journal keeps.
///
/// # Errors
///
/// None that is known; see [`RenderError`].
pub fn document(plan: &Plan) -> Result<String, RenderError> {
    pretty(&PlanDocument::new(plan.clone()))
}

/// A report as a document. Its schema is `docs/plan-report.schema.json`.
///
/// # Errors
///
/// None that is known; see [`RenderError`].
pub fn json(report: &PlanReport) -> Result<String, RenderError> {
    pretty(report)
}

fn pretty(value: &impl serde::Serialize) -> Result<String, RenderError> {
    let mut document = escape::json(&serde_json::to_string_pretty(value)?);
    document.push('\n');
    Ok(document)
}

/// The JSON Schema of what [`document`] writes.
///
/// # Errors
///
/// None that is known; see [`RenderError`].
pub fn plan_schema() -> Result<String, RenderError> {
    schema::<PlanDocument>()
}

/// The JSON Schema of what [`json`] writes.
///
/// # Errors
///
/// None that is known; see [`RenderError`].
pub fn report_schema() -> Result<String, RenderError> {
    schema::<PlanReport>()
}

fn schema<T: JsonSchema>() -> Result<String, RenderError> {
    // For writing, because every key is always present then, those that may be null too.
    let generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
    let mut document = serde_json::to_string_pretty(&generator.into_root_schema_for::<T>())?;
    document.push('\n');
    Ok(document)
}

/// A plan for people: each step with what it does, as whom, and what would be lost.
#[must_use]
pub fn text(plan: &Plan) -> String {
    let count = plan.steps.len();
    let mut text = format!("{}: {}\n", escape::line(&plan.title), steps(count));
    for (number, step) in plan.steps.iter().enumerate() {
        let place = format!("{}/{count}", number + 1);
        let _ = writeln!(text, "\n{place:>7}  {}", escape::line(&step.title));
        for line in details(step) {
            let _ = writeln!(text, "         {}", escape::line(&line));
        }
    }
    text
}

fn details(step: &Step) -> Vec<String> {
    let user = if step.run_as == RunAs::Site { "as the site's user" } else { "as root" };
    let place = step.directory.as_ref().map_or_else(String::new, |dir| format!(", in {}", dir.display()));
    let mut lines = vec![action(&step.action), format!("{user}{place}, at most {}", duration(limit(step)))];
    if !step.gate.is_empty() && step.action != Action::Gate {
        let steady = if step.steady_ms == 0 {
            String::new()
        } else {
            format!(", for {} on end", duration(milliseconds(step.steady_ms)))
        };
        lines.push(format!("then waits for {}{steady}", step.gate.join(", ")));
    }
    if step.action == Action::Gate {
        lines = vec![format!("waits for {}, at most {}", step.gate.join(", "), duration(limit(step)))];
    }
    lines.extend(step.undo.as_ref().map(|undo| format!("taken back by: {}", action(undo))));
    lines.extend(step.loses.as_ref().map(|what| format!("LOSES {what}")));
    lines
}

const fn limit(step: &Step) -> f64 {
    milliseconds(step.deadline_ms)
}

#[allow(clippy::cast_precision_loss, reason = "milliseconds for people")]
const fn milliseconds(whole: u64) -> f64 {
    whole as f64
}

/// What an action does, in a line.
fn action(action: &Action) -> String {
    match action {
        Action::Run { argv } => argv.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" "),
        Action::File { change } => match &change.content {
            Some(content) => {
                format!(
                    "writes {} bytes to {}, mode {:04o}",
                    content.len(),
                    change.path.display(),
                    change.mode
                )
            }
            None => format!("removes {}", change.path.display()),
        },
        Action::Gate => "waits for its checks".to_owned(),
        Action::BuiltIn { name, arguments } => {
            let arguments = arguments.iter().map(|(name, value)| format!(" {name}={}", quoted(value)));
            format!("built in: {name}{}", arguments.collect::<String>())
        }
    }
}

/// An argument as one would type it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

fn steps(count: usize) -> String {
    if count == 1 { "1 step".to_owned() } else { format!("{count} steps") }
}

/// How a plan ended, in a line or, when it did not end well, in a few: where it stopped and why, and what was said there
/// last.
#[must_use]
pub fn outcome(report: &PlanReport) -> String {
    let run = &report.run;
    let title = escape::line(&run.start.title);
    let took = run.duration_ms.map_or_else(String::new, |took| format!(" in {}", duration(took)));
    let whole = report.steps.len();
    let good = report.count(StepState::Done) + report.count(StepState::Past);
    let what = match run.ended {
        PlanEnded::Complete => format!("done, {}{took}", steps(whole)),
        PlanEnded::Abandoned => format!("given up; {good} of {} stay done", steps(whole)),
        PlanEnded::Undone => {
            let left = report.count(StepState::Done) + report.count(StepState::Past);
            let stay = if left == 0 { String::new() } else { format!("; {left} cannot be and stay done") };
            format!("taken back, {}{took}{stay}", steps(report.count(StepState::Undone)))
        }
        PlanEnded::Failed => format!("failed, {good} of {} done{took}", steps(whole)),
        PlanEnded::Interrupted => format!("stopped, {good} of {} done{took}", steps(whole)),
        PlanEnded::CutOff => format!("not ended, {good} of {} done", steps(whole)),
    };
    let mut text = format!("{title}: {what}\n");
    if let Some(step) = report.culprit() {
        text.push_str(&culprit(step, report));
    }
    text
}

fn culprit(step: &StepReport, report: &PlanReport) -> String {
    let message = step.end.message.as_deref().unwrap_or("nobody knows whether it was done");
    let state = step.end.state.as_str();
    let mut text = format!("  {} ({state}): {}\n", escape::line(&step.id), escape::line(message));
    let mut quote = |head: &str, lines: &[String]| {
        if !lines.is_empty() {
            let _ = writeln!(text, "  {head}");
        }
        for line in lines {
            let _ = writeln!(text, "    {}", escape::line(line));
        }
    };
    quote("its last output:", &step.end.output);
    quote("the last lines of its component:", &step.end.component_log);
    if let Some(log) = &report.run.start.log {
        let _ = writeln!(text, "  all output: {}", escape::line(log));
    }
    text
}

/// A run with all its steps, for people.
#[must_use]
pub fn account(report: &PlanReport) -> String {
    let start = &report.run.start;
    let mut text = format!("run {}\n", escape::line(&start.id));
    let _ = writeln!(text, "  by       {}", escape::line(&start.who.person));
    let _ = writeln!(text, "  at       {}", escape::line(&moment(&start.started_at)));
    let _ = writeln!(text, "  command  {}", escape::line(&start.command.join(" ")));
    for step in &report.steps {
        let took = match step.end.state {
            StepState::Pending | StepState::Running => String::new(),
            _ => format!(", {}", duration(step.end.duration_ms)),
        };
        let state = step.end.state.as_str();
        let _ = writeln!(text, "  {state:<11}  {}{took}", escape::line(&step.title));
    }
    text + &outcome(report)
}

/// A time as people read it: without fractions of a second.
#[must_use]
pub fn moment(time: &str) -> String {
    time.parse::<Timestamp>()
        .map_or_else(|_| time.to_owned(), |time| time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string())
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
