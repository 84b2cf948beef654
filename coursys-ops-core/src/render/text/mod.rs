//! Text for people: what is wrong and what to do about it comes first, what is well comes last and briefly.
//!
//! A word in the margin tells the status, so that colour is never the only signal. Written for whoever is woken up at
//! three in the morning and has 80 columns and no patience.

mod layout;
mod page;
mod quantity;

pub use layout::wrap;
pub use quantity::{duration, quantity};

use jiff::Timestamp;

use self::page::{Ink, Page};
use super::{decisive, escape, sentence};
use crate::model::{CheckReport, Code, Ended, Finding, Report, Status};

/// How the text should look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// With ANSI colours.
    pub colour: bool,
    /// Columns of the terminal. Only what cannot be broken, as a path, goes beyond it.
    pub width: usize,
    /// With codes, all measurements, and what the passed checks found.
    pub verbose: bool,
    /// A check whose findings are told even if it passed, because its answer was asked for.
    pub asked: Option<&'static str>,
}

impl Default for Style {
    fn default() -> Self {
        Self { colour: false, width: 80, verbose: false, asked: None }
    }
}

/// The report as text, with a newline at its end. Nothing in it but [`Style::colour`] controls a terminal.
#[must_use]
pub fn render(report: &Report, style: Style) -> String {
    let mut page = Page::new(style);
    entries(&mut page, report, Status::Failed);
    entries(&mut page, report, Status::Unknown);
    together(&mut page, Status::Unknown, with(report, Status::Unknown).filter(|check| is_cut_off(check)));
    entries(&mut page, report, Status::Warning);
    together(&mut page, Status::Skipped, with(report, Status::Skipped));
    passed(&mut page, report);
    facts(&mut page, report);
    page.gap();
    if report.run.abandoned > 0 {
        let left = format!(
            "threads or processes that could not be stopped and were left behind: {}",
            report.run.abandoned
        );
        page.prose(0, &left, Ink::Plain);
    }
    page.prose(0, &run_line(report), Ink::Dim);
    page.line(&summary(report, &page));
    page.finish()
}

fn with(report: &Report, status: Status) -> impl Iterator<Item = &CheckReport> {
    report.checks.iter().filter(move |check| check.status == status)
}

/// Whether all that is known of a check is that the run ended before it did.
fn is_cut_off(check: &CheckReport) -> bool {
    matches!(check.findings.as_slice(), [only] if matches!(only.code, Code::Deadline | Code::Interrupted))
}

/// An entry for each check of this status, but for those that were cut off: they are told together.
fn entries(page: &mut Page, report: &Report, status: Status) {
    for check in with(report, status).filter(|check| !is_cut_off(check)) {
        entry(page, check);
    }
}

/// A check with everything it found that is worth reading.
fn entry(page: &mut Page, check: &CheckReport) {
    let style = page.style();
    page.gap();
    page.heading(
        check.status,
        &escape::line(&check.id),
        &escape::line(&check.title),
        &check.duration_ms.map(duration).unwrap_or_default(),
    );
    let mut findings: Vec<&Finding> = check
        .findings
        .iter()
        .filter(|finding| style.verbose || finding.status != Status::Passed || check.status == Status::Passed)
        .collect();
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.status));
    for finding in findings {
        let mut text = sentence(finding);
        if finding.status != check.status {
            text = format!("{}: {text}", finding.status);
        }
        if style.verbose && finding.code != Code::Ok {
            text = format!("{text} ({})", finding.code);
        }
        for line in escape::lines(&text) {
            page.prose(page::MARGIN, &line, Ink::Plain);
        }
        let figures = figures(finding, style.verbose);
        if !figures.is_empty() {
            page.labelled("measured:", &escape::line(&figures.join(", ")), Ink::Dim);
        }
        if let Some(hint) = &finding.hint {
            for (n, line) in escape::lines(hint).iter().enumerate() {
                page.labelled(if n == 0 { "hint:" } else { "" }, line, Ink::Strong);
            }
        }
    }
}

/// The measurements that help: those that were judged and that the message does not tell, or all.
fn figures(finding: &Finding, all: bool) -> Vec<String> {
    let told = finding.measurements.iter().filter_map(|measurement| {
        let value = quantity(measurement.value, &measurement.unit);
        let limits = [measurement.warn, measurement.crit].into_iter().flatten();
        let limits: Vec<String> = limits.map(|limit| quantity(limit, &measurement.unit)).collect();
        let news = || [&value].into_iter().chain(&limits).any(|figure| !finding.message.contains(figure));
        if !all && (limits.is_empty() || !news()) {
            return None;
        }
        let limits = match limits.as_slice() {
            [] => String::new(),
            [limit] => format!(" (limit {limit})"),
            _ => format!(" (limits {})", limits.join(" and ")),
        };
        Some(format!("{} {value}{limits}", measurement.name.replace('_', " ")))
    });
    told.collect()
}

/// Checks that are told together: below the root that kept them from running, or below another reason.
fn together<'a>(page: &mut Page, status: Status, checks: impl Iterator<Item = &'a CheckReport>) {
    let mut groups: Vec<(String, Option<&str>, Vec<String>)> = Vec::new();
    for check in checks {
        let finding = decisive(check);
        let reason = if check.because.is_empty() {
            finding.map(sentence).unwrap_or_default()
        } else {
            format!("because of {}", check.because.join(" and "))
        };
        let (reason, hint) = (escape::line(&reason), finding.and_then(|finding| finding.hint.as_deref()));
        let id = escape::line(&check.id);
        match groups.iter_mut().find(|group| group.0 == reason && group.1 == hint) {
            Some(group) => group.2.push(id),
            None => groups.push((reason, hint, vec![id])),
        }
    }
    for (n, (reason, hint, ids)) in groups.iter().enumerate() {
        if n == 0 {
            page.gap();
        }
        page.reason((n == 0).then_some(status), reason);
        page.list(ids);
        if let Some(hint) = hint {
            page.labelled("hint:", &escape::line(hint), Ink::Strong);
        }
    }
}

/// Passed checks: a compact table, but all that they found where that was asked for.
fn passed(page: &mut Page, report: &Report) {
    let style = page.style();
    let (told, counted): (Vec<_>, Vec<_>) = with(report, Status::Passed)
        .partition(|check| style.verbose || style.asked == Some(check.id.as_str()));
    for check in told {
        entry(page, check);
    }
    let cells: Vec<(String, String)> = counted
        .into_iter()
        .map(|check| (escape::line(&check.id), check.duration_ms.map(duration).unwrap_or_default()))
        .collect();
    if !cells.is_empty() {
        page.gap();
        page.table(Status::Passed, &cells);
    }
}

fn facts(page: &mut Page, report: &Report) {
    for (n, fact) in report.facts.iter().enumerate() {
        if n == 0 {
            page.gap();
        }
        let text = format!("{}: {}", escape::line(&fact.label), escape::line(&fact.value));
        page.fact(n == 0, &text);
    }
}

/// Which run this was: reports get pasted into tickets and mailed by cron.
fn run_line(report: &Report) -> String {
    let run = &report.run;
    let started = run.started_at.parse::<Timestamp>().map_or_else(
        |_| run.started_at.clone(),
        |started| started.strftime("%Y-%m-%d %H:%M:%S UTC").to_string(),
    );
    escape::line(&format!(
        "{} as {}, layout {}, tier {}, {started}, version {}",
        run.host, run.user, run.layout, run.tier, run.version
    ))
}

/// The counts, and how the run came to its end.
fn summary(report: &Report, page: &Page) -> String {
    let run = &report.run;
    let counts: Vec<String> =
        [Status::Passed, Status::Failed, Status::Unknown, Status::Warning, Status::Skipped]
            .into_iter()
            .filter(|status| report.summary.of(*status) > 0)
            .map(|status| {
                let count = report.summary.of(status);
                let plural = if status == Status::Warning && count != 1 { "s" } else { "" };
                page.paint(Ink::Status(status), &format!("{count} {status}{plural}"))
            })
            .collect();
    let counts = if counts.is_empty() { "nothing was looked at".to_owned() } else { counts.join(", ") };
    let ended = match run.ended {
        Ended::Complete => "",
        Ended::Deadline => ", cut off by the deadline",
        Ended::Interrupted => ", interrupted",
    };
    format!("{counts} in {:.1} s{ended}", run.duration_ms / 1000.0)
}
