//! JUnit's XML, for CI servers.
//!
//! There is no official schema, and the usual ones (Ant's, Jenkins' and its xUnit plugin's) contradict each other. What
//! is written here is valid for each of them: hence no attributes on the root, the message of a skipped check as text,
//! and the warnings in the output of the suite, because a test case of Ant's has none.

use jiff::Timestamp;
use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};

use super::{RenderError, decisive, escape, sentence};
use crate::model::{CheckReport, Code, Ended, Finding, Report, Status};

/// The report as a document: failed checks are failures, unknown ones errors.
///
/// # Errors
///
/// None that is known; see [`RenderError`].
pub fn render(report: &Report) -> Result<String, RenderError> {
    let mut writer = Writer::new_with_indent(Vec::new(), b' ', 2);
    writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    writer.create_element("testsuites").write_inner_content(|writer| suite(writer, report))?;
    let mut document = String::from_utf8_lossy(&writer.into_inner()).into_owned();
    document.push('\n');
    Ok(document)
}

type Xml = Writer<Vec<u8>>;

fn suite(writer: &mut Xml, report: &Report) -> std::io::Result<()> {
    let Report { run, summary, .. } = report;
    let host = if run.host.trim().is_empty() { "localhost".to_owned() } else { escape::line(&run.host) };
    let attributes = [
        ("name", "coursys-ops check".to_owned()),
        ("package", "coursys-ops".to_owned()),
        ("id", "0".to_owned()),
        ("hostname", host),
        ("timestamp", timestamp(&run.started_at)),
        ("time", seconds(Some(run.duration_ms))),
        ("tests", report.checks.len().to_string()),
        ("failures", summary.failed.to_string()),
        ("errors", summary.unknown.to_string()),
        ("skipped", summary.skipped.to_string()),
    ];
    let attributes = attributes.iter().map(|(name, value)| (*name, value.as_str()));
    writer.create_element("testsuite").with_attributes(attributes).write_inner_content(|writer| {
        properties(writer, report)?;
        report.checks.iter().try_for_each(|check| case(writer, check))?;
        element(writer, "system-out", &[], &warnings(report))?;
        element(writer, "system-err", &[], "")
    })?;
    Ok(())
}

/// What is known about the run beside its checks.
fn properties(writer: &mut Xml, report: &Report) -> std::io::Result<()> {
    let run = &report.run;
    let ended = match run.ended {
        Ended::Complete => "complete",
        Ended::Deadline => "deadline",
        Ended::Interrupted => "interrupted",
    };
    let (tier, abandoned) = (run.tier.to_string(), run.abandoned.to_string());
    let of_run = [
        ("run", run.id.as_str()),
        ("user", run.user.as_str()),
        ("layout", run.layout.as_str()),
        ("tier", tier.as_str()),
        ("version", run.version.as_str()),
        ("ended", ended),
        ("abandoned", abandoned.as_str()),
    ];
    let facts = report.facts.iter().filter(|fact| !fact.label.trim().is_empty());
    let facts = facts.map(|fact| (fact.label.as_str(), fact.value.as_str()));
    writer.create_element("properties").write_inner_content(|writer| {
        of_run.into_iter().chain(facts).try_for_each(|(name, value)| {
            let (name, value) = (escape::line(name), escape::line(value));
            let attributes = [("name", name.as_str()), ("value", value.as_str())];
            writer.create_element("property").with_attributes(attributes).write_empty().map(|_| ())
        })
    })?;
    Ok(())
}

fn case(writer: &mut Xml, check: &CheckReport) -> std::io::Result<()> {
    let id = escape::line(&check.id);
    let group = id.split('.').next().unwrap_or_default();
    let class = format!("coursys-ops.{group}");
    let time = seconds(check.duration_ms);
    let attributes = [("name", id.as_str()), ("classname", class.as_str()), ("time", time.as_str())];
    let case = writer.create_element("testcase").with_attributes(attributes);
    let outcome = match check.status {
        Status::Failed => "failure",
        Status::Unknown => "error",
        Status::Skipped => "skipped",
        Status::Warning | Status::Passed => return case.write_empty().map(|_| ()),
    };
    let worst = decisive(check);
    let message = worst.map_or_else(|| Code::NoFinding.meaning().to_owned(), told);
    case.write_inner_content(|writer| {
        if check.status == Status::Skipped {
            return element(writer, outcome, &[], &message);
        }
        let code = worst.map_or(Code::NoFinding, |finding| finding.code);
        element(writer, outcome, &[("message", &message), ("type", code.as_str())], &details(check))
    })?;
    Ok(())
}

/// Everything that a check found and that is not well, with its hints.
fn details(check: &CheckReport) -> String {
    let mut lines = vec![escape::line(&check.title)];
    for finding in check.findings.iter().filter(|finding| finding.status != Status::Passed) {
        lines.push(format!("{} ({}): {}", finding.status, finding.code, told(finding)));
        lines.extend(finding.hint.iter().map(|hint| format!("hint: {}", escape::line(hint))));
    }
    lines.join("\n")
}

fn warnings(report: &Report) -> String {
    let warned = report.checks.iter().filter(|check| check.status == Status::Warning);
    let warned = warned.map(|check| format!("{}: {}", escape::line(&check.id), details(check)));
    warned.collect::<Vec<_>>().join("\n\n")
}

/// What was found, on one line.
fn told(finding: &Finding) -> String {
    escape::line(&sentence(finding))
}

fn element(writer: &mut Xml, name: &str, attributes: &[(&str, &str)], text: &str) -> std::io::Result<()> {
    let element = writer.create_element(name).with_attributes(attributes.iter().copied());
    if text.is_empty() { element.write_empty() } else { element.write_text_content(BytesText::new(text)) }?;
    Ok(())
}

/// A time in UTC as Ant's schema wants it: to the second, and without saying that it is UTC.
fn timestamp(started_at: &str) -> String {
    let started: Timestamp = started_at.parse().unwrap_or_default();
    started.strftime("%Y-%m-%dT%H:%M:%S").to_string()
}

/// Milliseconds as seconds; a check that was never started took none.
fn seconds(duration_ms: Option<f64>) -> String {
    format!("{:.3}", (duration_ms.unwrap_or_default() / 1000.0).max(0.0))
}
