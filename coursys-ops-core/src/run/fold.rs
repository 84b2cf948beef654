//! From events to a report.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{
    CheckReport, Code, Ended, Event, ExitPolicy, Fact, Finding, Interruption, Listed, Report, RunInfo,
    RunStart, SCHEMA, Status, Summary,
};

/// Makes a report of a run's events, also of a run that was cut off in the middle.
#[derive(Debug, Default)]
pub struct Fold {
    start: RunStart,
    listed: Vec<Listed>,
    facts: Vec<Fact>,
    outcomes: BTreeMap<String, Outcome>,
    ended: Option<(Ended, Option<Interruption>, f64, u32)>,
}

/// What is known about a check that is done.
#[derive(Debug, Clone, Default)]
pub(super) struct Outcome {
    pub(super) duration_ms: Option<f64>,
    pub(super) findings: Vec<Finding>,
    pub(super) because: Vec<String>,
}

impl Outcome {
    pub(super) fn status(&self) -> Status {
        Status::of(&self.findings)
    }

    /// The roots that keep a check from running that needs this one, whose id is `id`.
    pub(super) fn roots(&self, id: &str) -> Vec<String> {
        match self.status() {
            Status::Failed | Status::Unknown => vec![id.to_owned()],
            Status::Skipped => self.because.clone(),
            Status::Passed | Status::Warning => Vec::new(),
        }
    }

    /// A check that was not looked at because of these.
    pub(super) fn skipped_because(mut roots: Vec<String>) -> Self {
        roots.sort_unstable();
        roots.dedup();
        let message = format!("not looked at, because of {}", roots.join(", "));
        Self {
            duration_ms: None,
            findings: vec![Finding::skipped(Code::NeedFailed, message)],
            because: roots,
        }
    }
}

impl Fold {
    /// Takes in one event.
    pub fn push(&mut self, event: &Event) {
        match event {
            Event::RunStarted { run, checks } => {
                self.start.clone_from(run);
                self.listed.clone_from(checks);
            }
            Event::CheckStarted { .. }
            | Event::PlanStarted { .. }
            | Event::StepStarted { .. }
            | Event::StepOutput { .. }
            | Event::StepFinished { .. }
            | Event::PlanEnded { .. } => {}
            Event::Fact { label, value } => {
                let fact = Fact { label: label.clone(), value: value.clone() };
                if !self.facts.contains(&fact) {
                    self.facts.push(fact);
                }
            }
            Event::CheckFinished { id, duration_ms, findings, because } => {
                let outcome = Outcome {
                    duration_ms: *duration_ms,
                    findings: findings.clone(),
                    because: because.clone(),
                };
                self.outcomes.insert(id.clone(), outcome);
            }
            Event::RunEnded { ended, interruption, duration_ms, abandoned } => {
                self.ended = Some((*ended, *interruption, *duration_ms, *abandoned));
            }
        }
    }

    /// What is known about the checks that are done, for a run that goes on without those.
    pub(super) fn known(&self) -> BTreeMap<String, Outcome> {
        self.outcomes.clone()
    }

    /// The events that are missing for a complete account: checks that the end of the run cut off are `unknown`, and
    /// what needs them is skipped because of them, through any depth.
    #[must_use]
    pub fn missing(&self, ended: Ended) -> Vec<Event> {
        let mut missing: Vec<&Listed> =
            self.listed.iter().filter(|listed| !self.outcomes.contains_key(&listed.id)).collect();
        let mut events = Vec::new();
        // What is judged here; most runs miss nothing, and then nothing is copied.
        let mut judged: BTreeMap<&str, Outcome> = BTreeMap::new();
        while !missing.is_empty() {
            let open: BTreeSet<&str> = missing.iter().map(|listed| listed.id.as_str()).collect();
            // A need that is still open itself must be judged first; there are no circles.
            let (waiting, ready): (Vec<&Listed>, Vec<&Listed>) = missing
                .iter()
                .partition(|listed| listed.needs.iter().any(|need| open.contains(need.as_str())));
            let stuck = ready.is_empty();
            for listed in if stuck { &waiting } else { &ready } {
                let known = |need: &String| judged.get(need.as_str()).or_else(|| self.outcomes.get(need));
                let roots = listed.needs.iter().filter_map(|need| Some(known(need)?.roots(need))).flatten();
                let roots: Vec<String> = roots.collect();
                let outcome = if roots.is_empty() { cut_off(ended) } else { Outcome::skipped_because(roots) };
                events.push(Event::CheckFinished {
                    id: listed.id.clone(),
                    duration_ms: None,
                    findings: outcome.findings.clone(),
                    because: outcome.because.clone(),
                });
                judged.insert(&listed.id, outcome);
            }
            missing = if stuck { Vec::new() } else { waiting };
        }
        events
    }

    /// The report. A run without an end counts as interrupted.
    #[must_use]
    pub fn report(mut self, policy: ExitPolicy) -> Report {
        let (ended, interruption, duration_ms, abandoned) =
            self.ended.unwrap_or((Ended::Interrupted, Some(Interruption::Terminate), 0.0, 0));
        for event in self.missing(ended) {
            self.push(&event);
        }
        let start = self.start;
        let mut summary = Summary::default();
        let mut checks = Vec::with_capacity(self.listed.len());
        for listed in self.listed {
            let outcome = self.outcomes.remove(&listed.id).unwrap_or_default();
            let status = outcome.status();
            summary.add(status);
            checks.push(CheckReport {
                id: listed.id,
                title: listed.title,
                tier: listed.tier,
                location: listed.location,
                status,
                duration_ms: outcome.duration_ms,
                because: outcome.because,
                findings: outcome.findings,
            });
        }
        // They came in the order of answers, which is another in each run.
        self.facts.sort_by_cached_key(|fact| fact.label.to_lowercase());
        let run = RunInfo {
            id: start.id,
            started_at: start.started_at,
            duration_ms,
            deadline_ms: start.deadline_ms,
            host: start.host,
            user: start.user,
            layout: start.layout,
            tier: start.tier,
            version: start.version,
            ended,
            abandoned,
            exit_code: policy.exit_code(&summary, interruption),
        };
        Report { schema: SCHEMA, run, summary, facts: self.facts, checks }
    }
}

/// A check that the run's end cut off.
fn cut_off(ended: Ended) -> Outcome {
    let finding = match ended {
        Ended::Interrupted => {
            Finding::unknown(Code::Interrupted, "the run was interrupted before it answered")
        }
        Ended::Complete | Ended::Deadline => {
            Finding::unknown(Code::Deadline, "the run's deadline passed before it answered")
                .with_hint("give the run more time with --deadline, or look at what else was slow")
        }
    };
    Outcome { findings: vec![finding], ..Outcome::default() }
}

#[cfg(test)]
#[path = "fold_tests.rs"]
mod tests;
