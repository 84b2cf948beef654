//! The driver of plans: a chain, which stops at the step that does not work.
//!
//! It acts only after its [`Record`] has taken note of what it is about to do, and goes on only after the outcome is noted
//! too. So whatever ends it, somebody can tell where it was.

mod act;
mod blocking;
mod course;
mod gate;
mod means;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use self::act::{Hands, Mishap};
use super::graph::milliseconds;
use super::{STOP_GRACE, Supervised, supervise};
use crate::check::Scope;
use crate::context::Context;
use crate::errands::Errands;
use crate::model::{
    CourseKind, Event, Fact, Interruption, ListedStep, OutputStream, Phase, PlanEnded, PlanStart, StepCode,
    StepEnd, StepState,
};
use crate::plan::{Plan, Step};
use crate::process::{Children, Line};

pub use blocking::carry_out_blocking;
pub use course::{Decision, NotSafe, Task, Turn, begin, resume, undo};
pub use means::{BuiltIn, BuiltIns, Doing, LastWords, Means, Record, Stops};

/// How long a program may go on after TERM when its step took too long. Then it gets KILL.
pub const STEP_GRACE: Duration = Duration::from_secs(5);

/// The same when somebody stops the plan now.
pub const NOW_GRACE: Duration = Duration::from_secs(1);

/// How long reading a component's log may take.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// How many of the last lines of a step's output are told when it did not end well.
const TAIL: usize = 20;

/// How many lines may wait to be told before a program that prints has to wait.
const LINES: usize = 256;

/// One go at a plan.
#[derive(Debug, Clone)]
pub struct Job {
    /// Who, what, when.
    pub start: PlanStart,
    /// The plan.
    pub plan: Plan,
    /// What becomes of which of its steps.
    pub turns: Vec<Turn>,
}

impl Job {
    /// The first event of this go.
    fn started(&self) -> Event {
        let listed = self.plan.steps.iter().map(|step| ListedStep {
            id: step.id.clone(),
            title: step.title.clone(),
            deadline_ms: step.deadline_ms,
        });
        Event::PlanStarted { run: self.start.clone(), steps: listed.collect() }
    }

    /// How it ends when every turn was good.
    const fn aim(&self) -> PlanEnded {
        match self.start.course {
            CourseKind::Begin | CourseKind::Resume => PlanEnded::Complete,
            CourseKind::Abandon => PlanEnded::Abandoned,
            CourseKind::Undo => PlanEnded::Undone,
        }
    }
}

/// Carries a plan out on the caller's runtime, which may be a `current_thread` one, and tells `sink` what happens.
///
/// The plan is one that [`Means::judge`] has nothing against. A [`PlanFold`](super::PlanFold) makes the report.
pub async fn carry_out(
    job: &Job,
    means: &Means,
    stops: &Stops,
    record: &mut dyn Record,
    sink: &mut (dyn FnMut(Event) + Send),
) {
    let started = Instant::now();
    let teller = Teller { record, sink, context: &means.context, tail: VecDeque::new() };
    let (lines, incoming) = mpsc::channel(LINES);
    let children = Children::default();
    let (errands, clerk) = Errands::new(means.context.helper.clone(), children.clone());
    let facts = lines.clone();
    let fact_sink = Arc::new(move |fact: Fact| {
        // More than anybody reads is left out.
        drop(facts.try_send((OutputStream::Note, format!("{}: {}", fact.label, fact.value))));
    });
    let far = Instant::now() + Step::DEFAULT_DEADLINE;
    let scope = Scope::new(Arc::clone(&means.context), far, children.clone(), errands, fact_sink);
    let mut chain = Chain { job, means, stops, teller, scope, children, lines, incoming, abandoned: 0 };
    let (ended, interruption) = tokio::select! {
        end = chain.drive() => end,
        never = clerk.work() => match never {},
    };
    let abandoned = chain.abandoned + chain.children.end(STOP_GRACE).await;
    let duration_ms = milliseconds(started.elapsed());
    let end = |ended| Event::PlanEnded { ended, interruption, duration_ms, abandoned };
    if chain.teller.tell(end(ended)).is_err() {
        // Whoever reads the journal takes it for cut off, so that is how it has to be told.
        (chain.teller.sink)(end(PlanEnded::Failed));
    }
}

/// Who takes note and tells.
struct Teller<'a> {
    record: &'a mut dyn Record,
    sink: &'a mut (dyn FnMut(Event) + Send),
    context: &'a Context,
    /// The last lines of the step.
    tail: VecDeque<String>,
}

impl Teller<'_> {
    /// Tells what was noted.
    fn tell(&mut self, event: Event) -> std::io::Result<()> {
        self.record.record(&event)?;
        (self.sink)(event);
        Ok(())
    }

    fn line(&mut self, id: &str, (stream, line): Line) {
        let line = self.context.redactor.redact(line);
        // How far it was is no reason why it did not end well.
        if stream != OutputStream::Progress {
            if self.tail.len() >= TAIL {
                self.tail.pop_front();
            }
            self.tail.push_back(line.clone());
        }
        let event = Event::StepOutput { id: id.to_owned(), stream, line };
        // The log of the output is good to have; the plan does not depend on it.
        let _ = self.record.record(&event);
        (self.sink)(event);
    }

    fn now(&self) -> String {
        self.context.clock.now().to_string()
    }
}

/// A plan on its way.
struct Chain<'a> {
    job: &'a Job,
    means: &'a Means,
    stops: &'a Stops,
    teller: Teller<'a>,
    scope: Scope,
    children: Children,
    lines: mpsc::Sender<Line>,
    incoming: mpsc::Receiver<Line>,
    abandoned: u32,
}

impl Chain<'_> {
    async fn drive(&mut self) -> (PlanEnded, Option<Interruption>) {
        let job = self.job;
        if let Err(error) = self.teller.tell(job.started()) {
            (self.teller.sink)(job.started());
            if let Some(step) = job.turns.first().and_then(|turn| job.plan.steps.get(turn.step)) {
                self.not_begun(step, Phase::Do, &error);
            }
            return (PlanEnded::Failed, None);
        }
        for turn in &job.turns {
            let Some(step) = job.plan.steps.get(turn.step) else { continue };
            if let Some(reason) = self.stops.now.reason().or_else(|| self.stops.soon.reason()) {
                return (PlanEnded::Interrupted, Some(reason));
            }
            let phase = if turn.task == Task::Undo { Phase::Undo } else { Phase::Do };
            let begun = Event::StepStarted { id: step.id.clone(), phase, at: self.teller.now() };
            if let Err(error) = self.teller.tell(begun) {
                self.not_begun(step, phase, &error);
                return (PlanEnded::Failed, None);
            }
            let end = self.step(step, turn.task).await;
            let code = end.code;
            if !self.finished(step, phase, end) {
                return (PlanEnded::Failed, None);
            }
            match code {
                None => {}
                Some(StepCode::Interrupted | StepCode::GateStopped) => {
                    let reason = self.stops.now.reason().or_else(|| self.stops.soon.reason());
                    return (PlanEnded::Interrupted, reason);
                }
                Some(_) => return (PlanEnded::Failed, None),
            }
        }
        (job.aim(), None)
    }

    /// Tells that a step was not begun, because nobody could take note of it.
    fn not_begun(&mut self, step: &Step, phase: Phase, error: &std::io::Error) {
        let end = StepEnd {
            code: Some(StepCode::Journal),
            message: Some(format!("cannot write the journal: {error}; it was not begun")),
            ..StepEnd::default()
        };
        let at = self.teller.now();
        (self.teller.sink)(Event::StepFinished { id: step.id.clone(), phase, at, end });
    }

    /// Tells how a step ended; false when nobody could take note of it.
    fn finished(&mut self, step: &Step, phase: Phase, end: StepEnd) -> bool {
        let at = self.teller.now();
        let event = Event::StepFinished { id: step.id.clone(), phase, at, end };
        let Err(error) = self.teller.record.record(&event) else {
            (self.teller.sink)(event);
            return true;
        };
        if let Event::StepFinished { id, phase, at, mut end } = event {
            let message = format!("cannot write the journal: {error}; it stands at `{}`", end.state.as_str());
            end.message =
                Some(end.message.map_or_else(|| message.clone(), |first| format!("{first}; {message}")));
            end.code = end.code.or(Some(StepCode::Journal));
            (self.teller.sink)(Event::StepFinished { id, phase, at, end });
        }
        false
    }

    /// Does one step under supervision.
    async fn step(&mut self, step: &Step, task: Task) -> StepEnd {
        let started = Instant::now();
        self.teller.tail.clear();
        let allowed = step.allowed();
        let scope = self.scope.clone().until(started + allowed);
        let (acted, waits_for) = (AtomicBool::new(false), Mutex::new(String::new()));
        let hands = Hands {
            means: self.means,
            children: &self.children,
            scope: &scope,
            soon: &self.stops.soon,
            lines: &self.lines,
        };
        let work = async {
            match (task, &step.undo) {
                (Task::Do, _) => hands.act(step, &step.action).await?,
                (Task::Undo, Some(undo)) => return hands.act(step, undo).await,
                (Task::Undo, None) => return Ok(()),
                (Task::Gate | Task::Past, _) => {}
            }
            acted.store(true, Ordering::Relaxed);
            if step.gate.is_empty() {
                return Ok(());
            }
            let open = |what| *waits_for.lock().unwrap_or_else(PoisonError::into_inner) = what;
            let stopped = || Mishap::new(StepCode::GateStopped, "stopped while it waited for its checks");
            tokio::select! {
                () = gate::wait(step, self.means, || scope.remaining(), &self.lines, open) => Ok(()),
                _ = self.stops.soon.cancelled() => Err(stopped()),
            }
        };
        let ended = {
            let supervised = supervise(work, allowed, &self.stops.now);
            tokio::pin!(supervised);
            loop {
                tokio::select! {
                    biased;
                    Some(line) = self.incoming.recv() => self.teller.line(&step.id, line),
                    ended = &mut supervised => break ended,
                }
            }
        };
        let waits_for = waits_for.into_inner().unwrap_or_else(PoisonError::into_inner);
        let acted = acted.into_inner();
        let grace = if matches!(ended, Supervised::Cancelled(_)) { NOW_GRACE } else { STEP_GRACE };
        let unended = {
            let end = self.children.end(grace);
            tokio::pin!(end);
            loop {
                // What a program says when it is told to end often tells why it did not end before.
                tokio::select! {
                    biased;
                    Some(line) = self.incoming.recv() => self.teller.line(&step.id, line),
                    unended = &mut end => break unended,
                }
            }
        };
        self.abandoned += unended;
        while let Ok(line) = self.incoming.try_recv() {
            self.teller.line(&step.id, line);
        }
        let mishap = mishap(ended, acted, &waits_for, allowed);
        self.end(step, task, mishap, started).await
    }

    /// How a step ended, in the words of the report.
    async fn end(&mut self, step: &Step, task: Task, mishap: Option<Mishap>, started: Instant) -> StepEnd {
        let state = match (task, mishap.as_ref().map(|mishap| mishap.code)) {
            (Task::Undo, None) => StepState::Undone,
            (Task::Undo, Some(_)) => StepState::UndoFailed,
            (Task::Past, None) => StepState::Past,
            (Task::Do | Task::Gate, None) => StepState::Done,
            (_, Some(StepCode::Interrupted)) => StepState::CutOff,
            (_, Some(_)) => StepState::Failed,
        };
        let Some(mishap) = mishap else {
            return StepEnd { state, duration_ms: milliseconds(started.elapsed()), ..StepEnd::default() };
        };
        let redactor = &self.means.context.redactor;
        let mut end = StepEnd {
            state,
            code: Some(mishap.code),
            exit_code: mishap.exit_code,
            message: Some(redactor.redact(mishap.message)),
            output: self.teller.tail.drain(..).collect(),
            component_log: Vec::new(),
            duration_ms: milliseconds(started.elapsed()),
        };
        let silent = matches!(mishap.code, StepCode::Interrupted | StepCode::GateStopped);
        if let (Some(reader), Some(component), false) = (&self.means.last_words, &step.component, silent) {
            let scope = self.scope.clone().until(Instant::now() + LAST_WORDS);
            let words = supervise(reader.last_words(component, &scope), LAST_WORDS, &self.stops.now).await;
            if let Supervised::Done(words) = words {
                end.component_log = words.into_iter().map(|line| redactor.redact(line)).collect();
            }
            self.abandoned += self.children.end(STOP_GRACE).await;
        }
        end
    }
}

/// Why a step did not end well.
fn mishap(
    ended: Supervised<Result<(), Mishap>>,
    acted: bool,
    waits_for: &str,
    allowed: Duration,
) -> Option<Mishap> {
    let seconds = allowed.as_secs_f64();
    Some(match ended {
        Supervised::Done(Ok(())) => return None,
        Supervised::Done(Err(mishap)) => mishap,
        Supervised::Panicked(message) => {
            Mishap::new(StepCode::Panicked, format!("it crashed: {message}; please report this"))
        }
        Supervised::TimedOut if acted => {
            let waits_for = if waits_for.is_empty() { "its checks give no answer" } else { waits_for };
            let message = format!("it was done, but is not well within {seconds} s: {waits_for}");
            Mishap::new(StepCode::Gate, message)
        }
        Supervised::TimedOut => {
            Mishap::new(StepCode::Timeout, format!("not done within {seconds} s, and ended"))
        }
        Supervised::Cancelled(_) if acted => {
            Mishap::new(StepCode::GateStopped, "stopped while it waited for its checks")
        }
        Supervised::Cancelled(_) => Mishap::new(StepCode::Interrupted, "stopped in the middle"),
    })
}

#[cfg(test)]
#[path = "chain_tests.rs"]
mod tests;
