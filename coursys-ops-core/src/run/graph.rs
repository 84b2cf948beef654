//! The driver of checks: a graph, in which the others go on when one fails.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use tokio::sync::mpsc;

use super::fold::{Fold, Outcome};
use super::watch::Watch;
use super::{Cancel, Options, STOP_GRACE, Supervised, supervise};
use crate::check::{Check, Scope};
use crate::context::Context;
use crate::errands::Errands;
use crate::model::{
    CheckSpec, Code, Ended, Event, ExitPolicy, Fact, Finding, Interruption, Listed, Report, RunStart,
};
use crate::process::Children;

/// How long a process may go on after TERM when its check has ended before the run.
const CHILD_GRACE: Duration = Duration::from_millis(500);

/// Runs checks on the caller's runtime, which may be a `current_thread` one, and tells `sink` what happens.
///
/// It keeps the deadline as long as no check blocks its thread; [`run_blocking`](super::run_blocking) keeps it then too.
pub async fn run(
    checks: &[Arc<dyn Check>],
    context: &Arc<Context>,
    options: &Options,
    cancel: &Cancel,
    policy: ExitPolicy,
    sink: &mut (dyn FnMut(Event) + Send),
) -> Report {
    let started = Instant::now();
    let mut fold = Fold::default();
    let mut tell = |event: Event| {
        fold.push(&event);
        sink(event);
    };
    tell(run_started(checks, context, options));
    let attempt =
        Attempt { checks, context, known: known_outcomes(options), ends: started + options.deadline, cancel };
    let end = attempt.drive(&Watch::default(), &mut tell).await;
    for event in fold.missing(end.ended) {
        fold.push(&event);
        sink(event);
    }
    let last = end.event(started);
    fold.push(&last);
    sink(last);
    fold.report(policy)
}

/// The first event of a run.
pub(super) fn run_started(checks: &[Arc<dyn Check>], context: &Context, options: &Options) -> Event {
    let started_at = context.clock.now();
    let listed = checks.iter().map(|check| check.spec()).map(|spec| Listed {
        id: spec.id.clone(),
        title: spec.title.clone(),
        tier: spec.tier,
        location: spec.location.clone(),
        needs: spec.needs.clone(),
    });
    let run = RunStart {
        id: format!("{:x}-{:x}", started_at.as_microsecond(), std::process::id()),
        started_at: started_at.to_string(),
        deadline_ms: u64::try_from(options.deadline.as_millis()).unwrap_or(u64::MAX),
        host: context.caller.host.clone(),
        user: context.caller.user.clone(),
        layout: context.config.site.layout.clone(),
        tier: options.tier,
        version: context.version.clone(),
    };
    Event::RunStarted { run, checks: listed.collect() }
}

pub(super) fn known_outcomes(options: &Options) -> BTreeMap<String, Outcome> {
    let outcome = |findings: &Vec<Finding>| Outcome { findings: findings.clone(), ..Outcome::default() };
    options.known.iter().map(|(id, findings)| (id.clone(), outcome(findings))).collect()
}

/// A duration in the report's unit: milliseconds, to the hundredth.
pub(super) fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 100_000.0).round() / 100.0
}

/// How an attempt to run all checks ended.
#[derive(Debug, Clone, Copy)]
pub(super) struct End {
    pub(super) ended: Ended,
    pub(super) interruption: Option<Interruption>,
    pub(super) abandoned: u32,
}

impl End {
    /// The last event of a run that began at `started`.
    pub(super) fn event(self, started: Instant) -> Event {
        let Self { ended, interruption, abandoned } = self;
        Event::RunEnded { ended, interruption, duration_ms: milliseconds(started.elapsed()), abandoned }
    }
}

/// One attempt to run all checks but those whose outcome is known.
pub(super) struct Attempt<'a> {
    pub(super) checks: &'a [Arc<dyn Check>],
    pub(super) context: &'a Arc<Context>,
    pub(super) known: BTreeMap<String, Outcome>,
    pub(super) ends: Instant,
    pub(super) cancel: &'a Cancel,
}

/// Which checks wait for which.
struct Graph<'a> {
    specs: Vec<&'a CheckSpec>,
    /// How many needs of each check are open.
    open: Vec<usize>,
    /// Which checks need each.
    dependents: BTreeMap<&'a str, Vec<usize>>,
    ready: VecDeque<usize>,
}

impl<'a> Graph<'a> {
    fn new(checks: &'a [Arc<dyn Check>]) -> Self {
        let specs: Vec<_> = checks.iter().map(|check| check.spec()).collect();
        let mut dependents: BTreeMap<&str, Vec<usize>> =
            specs.iter().map(|spec| (spec.id.as_str(), vec![])).collect();
        let mut open = vec![0; specs.len()];
        for (index, (spec, open)) in specs.iter().zip(&mut open).enumerate() {
            for need in &spec.needs {
                // A need that is not part of the run cannot be waited for.
                if let Some(dependents) = dependents.get_mut(need.as_str()) {
                    dependents.push(index);
                    *open += 1;
                }
            }
        }
        let ready = open.iter().enumerate().filter(|(_, open)| **open == 0).map(|(index, _)| index).collect();
        Self { specs, open, dependents, ready }
    }

    /// Takes note that a check is done.
    fn done(&mut self, id: &str) {
        for index in self.dependents.get(id).into_iter().flatten() {
            if let Some(open) = self.open.get_mut(*index) {
                *open -= 1;
                if *open == 0 {
                    self.ready.push_back(*index);
                }
            }
        }
    }
}

impl Attempt<'_> {
    /// Looks at everything, until all is known, the deadline passes or the run is cancelled.
    pub(super) async fn drive(mut self, watch: &Watch, tell: &mut (dyn FnMut(Event) + Send)) -> End {
        let (facts, mut told) = mpsc::unbounded_channel();
        let children = Children::default();
        // Nobody listens any more once the run has ended.
        let fact_sink = Arc::new(move |fact: Fact| drop(facts.send(fact)));
        let (errands, clerk) = Errands::new(self.context.helper.clone(), children.clone());
        let mut clerk = Box::pin(clerk.work());
        let scope = Scope::new(Arc::clone(self.context), self.ends, children.clone(), errands, fact_sink);
        let mut graph = Graph::new(self.checks);
        let mut running: FuturesUnordered<BoxFuture<'_, Looked>> = FuturesUnordered::new();
        let mut reaping: FuturesUnordered<BoxFuture<'_, u32>> = FuturesUnordered::new();
        let mut abandoned = 0;
        let bound = self.context.config.checks.concurrency.max(1);
        let known = std::mem::take(&mut self.known);
        let mut outcomes: BTreeMap<String, Outcome> = BTreeMap::new();
        let end = loop {
            while running.len() < bound
                && let Some(index) = graph.ready.pop_front()
            {
                let (Some(spec), Some(check)) = (graph.specs.get(index), self.checks.get(index)) else {
                    continue;
                };
                match known.get(&spec.id).cloned().or_else(|| self.foregone(spec, &outcomes)) {
                    Some(outcome) => {
                        tell(finished(&spec.id, &outcome));
                        let id = spec.id.clone();
                        graph.done(&id);
                        outcomes.insert(id, outcome);
                    }
                    None => {
                        tell(Event::CheckStarted { id: spec.id.clone() });
                        let scope = scope.clone().until(Instant::now() + spec.timeout);
                        running.push(Box::pin(look(index, check, scope, watch, self.cancel)));
                    }
                }
            }
            if running.is_empty() {
                break End { ended: Ended::Complete, interruption: None, abandoned: 0 };
            }
            tokio::select! {
                biased;
                reason = self.cancel.cancelled() => {
                    break End { ended: Ended::Interrupted, interruption: Some(reason), abandoned: 0 };
                }
                () = tokio::time::sleep_until(self.ends.into()) => {
                    break End { ended: Ended::Deadline, interruption: None, abandoned: 0 };
                }
                Some(fact) = told.recv() => tell(self.fact(fact)),
                Some((index, took, ended)) = running.next() => {
                    let Some(spec) = graph.specs.get(index).copied() else { continue };
                    while let Ok(fact) = told.try_recv() {
                        tell(self.fact(fact));
                    }
                    if let Supervised::Cancelled(reason) = ended {
                        break End { ended: Ended::Interrupted, interruption: Some(reason), abandoned: 0 };
                    }
                    let outcome = self.outcome(spec, took, ended);
                    tell(finished(&spec.id, &outcome));
                    outcomes.insert(spec.id.clone(), outcome);
                    graph.done(&spec.id);
                }
                () = children.arrival() => {
                    let children = children.clone();
                    reaping.push(Box::pin(async move { children.end(CHILD_GRACE).await }));
                }
                never = &mut clerk => match never {},
                Some(lost) = reaping.next(), if !reaping.is_empty() => abandoned += lost,
            }
        };
        drop(running);
        drop(clerk);
        // What is being ended gets the time that the run has left: a large process is not gone at once, killed or not.
        let grace = match end.ended {
            Ended::Complete => (self.ends.saturating_duration_since(Instant::now()) / 2).min(CHILD_GRACE),
            _ => Duration::ZERO,
        };
        let grace = grace.max(STOP_GRACE);
        let (rest, last) = tokio::join!(
            tokio::time::timeout(grace * 2, reaping.fold(0, |sum, lost| async move { sum + lost })),
            children.end(grace)
        );
        End { abandoned: abandoned + rest.unwrap_or(1) + last, ..end }
    }

    /// What is known about a check without looking.
    fn foregone(&self, spec: &CheckSpec, outcomes: &BTreeMap<String, Outcome>) -> Option<Outcome> {
        // First, because it would not be looked at either if what it needs were well.
        let config = &self.context.config;
        let missing = spec.component.as_ref().filter(|name| !config.components.contains_key(*name));
        if let Some(component) = missing {
            let message =
                format!("not in this layout: `{}` has no component `{component}`", config.site.layout);
            let findings = vec![Finding::skipped(Code::NotInLayout, message)];
            return Some(Outcome { findings, ..Outcome::default() });
        }
        let roots = spec.needs.iter().filter_map(|need| Some(outcomes.get(need)?.roots(need))).flatten();
        let roots: Vec<String> = roots.collect();
        (!roots.is_empty()).then(|| Outcome::skipped_because(roots))
    }

    fn outcome(&self, spec: &CheckSpec, took: Duration, ended: Supervised<Vec<Finding>>) -> Outcome {
        let redactor = &self.context.redactor;
        let findings = match ended {
            Supervised::Done(findings) if findings.is_empty() => {
                vec![
                    Finding::unknown(Code::NoFinding, "the check ended without a finding")
                        .with_hint("please report this"),
                ]
            }
            Supervised::Done(findings) => findings,
            Supervised::Panicked(message) => {
                vec![
                    Finding::unknown(Code::Panicked, format!("the check crashed: {message}"))
                        .with_hint("please report this"),
                ]
            }
            Supervised::TimedOut => vec![timed_out(spec)],
            Supervised::Cancelled(_) => Vec::new(),
        };
        let findings = findings.into_iter().map(|finding| finding.map_text(|text| redactor.redact(text)));
        Outcome { duration_ms: Some(milliseconds(took)), findings: findings.collect(), because: Vec::new() }
    }

    fn fact(&self, fact: Fact) -> Event {
        Event::Fact { label: fact.label, value: self.context.redactor.redact(fact.value) }
    }
}

/// No answer within the check's own timeout.
pub(super) fn timed_out(spec: &CheckSpec) -> Finding {
    let message = format!("no answer within {} s", spec.timeout.as_secs_f64());
    Finding::failed(Code::Timeout, message, spec.timeout_hint.clone())
}

pub(super) fn finished(id: &str, outcome: &Outcome) -> Event {
    Event::CheckFinished {
        id: id.to_owned(),
        duration_ms: outcome.duration_ms,
        findings: outcome.findings.clone(),
        because: outcome.because.clone(),
    }
}

/// Which check it was, how long it took, and how it ended.
type Looked = (usize, Duration, Supervised<Vec<Finding>>);

/// Looks at one check under supervision.
async fn look(index: usize, check: &Arc<dyn Check>, scope: Scope, watch: &Watch, cancel: &Cancel) -> Looked {
    let spec = check.spec();
    let started = Instant::now();
    let work = watch.over(&spec.id, spec.timeout, async { check.look(&scope).await });
    let ended = supervise(work, spec.timeout, cancel).await;
    (index, started.elapsed(), ended)
}

#[cfg(test)]
#[path = "graph_tests.rs"]
mod tests;
