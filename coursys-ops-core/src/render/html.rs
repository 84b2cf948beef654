//! HTML: a fragment for a page of somebody else, with classes and without any style, script or attribute of either, so that
//! it works under a strict Content-Security-Policy. What is bad stands first; what passed is folded away.

use quick_xml::Writer;
use quick_xml::events::BytesText;

use super::{RenderError, escape, sentence};
use crate::model::{CheckReport, Finding, Report, Status};

/// The report as a `<section class="coursys-ops-report">`.
///
/// # Errors
///
/// None that is known; see [`RenderError`].
pub fn render(report: &Report) -> Result<String, RenderError> {
    let mut writer = Writer::new(Vec::new());
    let verdict = if report.run.exit_code == 0 { "good" } else { "bad" };
    let class = format!("coursys-ops-report {verdict}");
    writer.create_element("section").with_attribute(("class", class.as_str())).write_inner_content(
        |writer| {
            element(writer, "p", "summary", &summary(report))?;
            for status in Status::WORST_FIRST {
                group(writer, report, status)?;
            }
            facts(writer, report)
        },
    )?;
    let mut fragment = String::from_utf8_lossy(&writer.into_inner()).into_owned();
    fragment.push('\n');
    Ok(fragment)
}

type Html = Writer<Vec<u8>>;

/// The counts in the order of their badness, those that are none left out; then who, where and when.
fn summary(report: &Report) -> String {
    let Report { run, summary, .. } = report;
    let counts = Status::WORST_FIRST.into_iter().filter(|status| summary.of(*status) > 0);
    let counts: Vec<String> = counts.map(|status| format!("{} {status}", summary.of(status))).collect();
    let counts = if counts.is_empty() { "nothing was looked at".to_owned() } else { counts.join(", ") };
    format!("{counts} · {} on {} · {}", run.layout, run.host, run.started_at)
}

/// The checks of one status; good ones and skipped ones are folded.
fn group(writer: &mut Html, report: &Report, status: Status) -> std::io::Result<()> {
    let checks: Vec<&CheckReport> = report.checks.iter().filter(|check| check.status == status).collect();
    if checks.is_empty() {
        return Ok(());
    }
    let folded = matches!(status, Status::Passed | Status::Skipped);
    let title = format!("{} {status}", checks.len());
    let class = format!("checks {status}");
    let outer = writer.create_element(if folded { "details" } else { "div" });
    outer.with_attribute(("class", class.as_str())).write_inner_content(|writer| {
        element(writer, if folded { "summary" } else { "h3" }, "title", &title)?;
        let list = writer.create_element("ul");
        list.write_inner_content(|writer| checks.iter().try_for_each(|check| entry(writer, check)))?;
        Ok(())
    })?;
    Ok(())
}

fn entry(writer: &mut Html, check: &CheckReport) -> std::io::Result<()> {
    let id = escape::line(&check.id);
    let item = writer.create_element("li").with_attributes([("class", "check"), ("data-check", id.as_str())]);
    item.write_inner_content(|writer| {
        element(writer, "strong", "label", &check.title)?;
        element(writer, "code", "id", &check.id)?;
        // The worst first, and those that passed only when all did.
        let shown = |finding: &&Finding| finding.status == check.status || finding.status > Status::Passed;
        let mut findings: Vec<&Finding> = check.findings.iter().filter(shown).collect();
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.status));
        for finding in findings {
            let class = format!("finding {}", finding.status);
            let message = sentence(finding);
            writer.create_element("p").with_attribute(("class", class.as_str())).write_inner_content(
                |writer| {
                    element(writer, "span", "status", finding.status.as_str())?;
                    element(writer, "span", "message", &message)?;
                    finding.hint.iter().try_for_each(|hint| element(writer, "span", "hint", hint))
                },
            )?;
        }
        if !check.because.is_empty() {
            element(writer, "p", "because", &format!("because of {}", check.because.join(", ")))?;
        }
        Ok(())
    })?;
    Ok(())
}

fn facts(writer: &mut Html, report: &Report) -> std::io::Result<()> {
    if report.facts.is_empty() {
        return Ok(());
    }
    writer.create_element("dl").with_attribute(("class", "facts")).write_inner_content(|writer| {
        report.facts.iter().try_for_each(|fact| {
            element(writer, "dt", "label", &fact.label)?;
            element(writer, "dd", "value", &fact.value)
        })
    })?;
    Ok(())
}

/// An element with one line of text, followed by a space: inline elements must not stick together.
fn element(writer: &mut Html, name: &str, class: &str, text: &str) -> std::io::Result<()> {
    let text = escape::line(text);
    // HTML knows no empty elements of this kind.
    let text = if text.is_empty() { "\u{a0}" } else { &text };
    writer.create_element(name).with_attribute(("class", class)).write_text_content(BytesText::new(text))?;
    writer.write_event(quick_xml::events::Event::Text(BytesText::new(" ")))
}
