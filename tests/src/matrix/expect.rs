//! What *every* id must say while a fault is there, and how that differs from what they say.

use std::collections::{BTreeMap, BTreeSet};

use coursys_ops_core::model::{CheckReport, Report, Status, Tier};
use serde::Deserialize;

use super::{Fault, baseline};
use crate::Program;

/// What `check --list --format json` tells of the checks.
#[derive(Debug, Deserialize)]
pub(super) struct Listing {
    checks: Vec<Listed>,
}

#[derive(Debug, Deserialize)]
struct Listed {
    id: String,
    tier: Tier,
    needs: Vec<String>,
}

impl Listing {
    /// Asks the program, whose arguments decide which checks there are.
    pub(super) fn of(program: &Program) -> Self {
        let run = program.clone().bare().args(["check", "--list", "--format", "json"]).run();
        serde_json::from_str(&run.stdout)
            .unwrap_or_else(|error| panic!("no list of checks ({error}): {}", run.stderr))
    }

    /// What every id of a run must say: without a fault, or with one.
    pub(super) fn expected(&self, fault: Option<&Fault>, slow: bool) -> BTreeMap<String, String> {
        let explicit: BTreeMap<&str, &str> = fault
            .iter()
            .flat_map(|fault| &fault.expected)
            .map(|expectation| (expectation.id.as_str(), expectation.says.as_str()))
            .collect();
        let selected = self.checks.iter().filter(|check| slow || check.tier <= Tier::Deploy);
        let mut expected: BTreeMap<String, String> =
            selected.map(|check| (check.id.clone(), self.of_one(&check.id, &explicit))).collect();
        // One that is in no list is missed in the report.
        expected.extend(explicit.into_iter().map(|(id, says)| (id.to_owned(), says.to_owned())));
        expected
    }

    fn of_one(&self, id: &str, explicit: &BTreeMap<&str, &str>) -> String {
        if let Some(says) = explicit.get(id) {
            return (*says).to_owned();
        }
        let healthy = baseline::healthy(id);
        // Where the layout has no such component, nobody asks what the check needs.
        let roots =
            if healthy == "skipped not_in_layout" { BTreeSet::new() } else { self.needed(id, explicit) };
        if roots.is_empty() {
            return healthy.to_owned();
        }
        format!("skipped need_failed {}", roots.into_iter().collect::<Vec<_>>().join(" "))
    }

    /// The roots that keep a check from being looked at.
    fn needed(&self, id: &str, explicit: &BTreeMap<&str, &str>) -> BTreeSet<String> {
        let found = self.checks.iter().find(|check| check.id == id);
        let needs = found.into_iter().flat_map(|check| &check.needs);
        needs.flat_map(|need| self.roots(need, explicit)).collect()
    }

    /// What a check says of its dependents' roots: itself when it is bad, its own roots when it was skipped for one.
    fn roots(&self, id: &str, explicit: &BTreeMap<&str, &str>) -> BTreeSet<String> {
        let Some(says) = explicit.get(id) else { return self.needed(id, explicit) };
        if let Some(because) = says.strip_prefix("skipped need_failed ") {
            return because.split(' ').map(ToOwned::to_owned).collect();
        }
        let bad = says.starts_with("failed") || says.starts_with("unknown");
        if bad { BTreeSet::from([id.to_owned()]) } else { BTreeSet::new() }
    }
}

/// Every difference between a report and what was expected of it, one line each.
pub(super) fn differences(report: &Report, expected: &BTreeMap<String, String>) -> Vec<String> {
    let mut wrong = Vec::new();
    for check in &report.checks {
        let is = says(check);
        match expected.get(&check.id) {
            Some(should) if baseline::is_one_of(&is, should) => {}
            Some(should) => {
                wrong.push(format!("{}: is `{is}`, should be `{should}`{}", check.id, told(check)))
            }
            None => wrong.push(format!("{}: is in no list, and says `{is}`", check.id)),
        }
    }
    let missing = expected.keys().filter(|id| !report.checks.iter().any(|check| check.id == **id));
    wrong.extend(missing.map(|id| format!("{id}: is not in the report")));
    wrong
}

/// Texts that a culprit should have told and has not.
pub(super) fn untold(report: &Report, fault: &Fault) -> Vec<String> {
    let mut wrong = Vec::new();
    for expectation in &fault.expected {
        let Some(check) = report.checks.iter().find(|check| check.id == expectation.id) else { continue };
        let texts = check.findings.iter().flat_map(|finding| {
            [Some(&finding.message), finding.hint.as_ref(), finding.subject.as_ref()].into_iter().flatten()
        });
        let all: String = texts.map(|text| format!("{text}\n")).collect();
        for text in expectation.telling.iter().filter(|text| !all.contains(*text)) {
            wrong.push(format!("{}: does not tell `{text}`{}", check.id, told(check)));
        }
    }
    wrong
}

/// What is not as on the healthy site, each with what it says, apart from what was skipped for another one's sake. What the
/// machine decides counts where a row pins it.
pub(super) fn found(report: &Report, fault: &Fault) -> Vec<String> {
    let healthy = |check: &CheckReport| {
        let pinned = fault.culprits().any(|culprit| culprit.id == check.id);
        let usual = if pinned { "passed ok" } else { baseline::healthy(&check.id) };
        baseline::is_one_of(&says(check), usual)
    };
    let skipped = |check: &CheckReport| check.status == Status::Skipped && !check.because.is_empty();
    let bad = report.checks.iter().filter(|check| !healthy(check) && !skipped(check));
    bad.map(|check| format!("{} {}", check.id, says(check))).collect()
}

/// A check in a few words: its status, the codes of its worst findings, and why it was skipped.
pub(crate) fn says(check: &CheckReport) -> String {
    let mut codes: Vec<&str> = Vec::new();
    for finding in check.findings.iter().filter(|finding| finding.status == check.status) {
        if !codes.contains(&finding.code.as_str()) {
            codes.push(finding.code.as_str());
        }
    }
    let codes = if codes.is_empty() { "no finding".to_owned() } else { codes.join("+") };
    let mut words = vec![check.status.as_str(), &codes];
    words.extend(check.because.iter().map(String::as_str));
    words.join(" ")
}

/// The messages of a check's findings, for a row that went wrong.
fn told(check: &CheckReport) -> String {
    let lines = check.findings.iter().map(|finding| format!("\n      {}", finding.message.escape_debug()));
    lines.take(5).collect()
}
