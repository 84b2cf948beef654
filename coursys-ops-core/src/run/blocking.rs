//! A run for those who have no runtime: it also survives a check that blocks its thread.
//!
//! The checks run on a fresh thread with a runtime of its own. The calling thread gets the events, keeps the run's
//! deadline and folds the report. When one poll of one check takes longer than that check may take in all, the thread
//! is given up: that check has failed, and what was not known yet is looked at again on another thread.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use super::fold::{Fold, Outcome};
use super::graph::{Attempt, End, known_outcomes, milliseconds, run_started, timed_out};
use super::watch::{Polling, Watch};
use super::{Cancel, Canceller, Options};
use crate::check::Check;
use crate::context::Context;
use crate::model::{Ended, Event, ExitPolicy, Interruption, Report};

/// How often the calling thread looks whether the other one is stuck, and lets its observer look around.
const TICK: Duration = Duration::from_millis(50);

/// How long after the deadline the other thread may still clean up; a caller promises 200 ms in all.
const LAST_MOMENT: Duration = Duration::from_millis(150);

/// Who looks on.
pub trait Observer {
    /// Something happened.
    fn event(&mut self, event: &Event);

    /// Nothing happened for a while: the moment to draw progress, or to look for Ctrl-C in Python.
    fn tick(&mut self) {}
}

impl<F: FnMut(&Event)> Observer for F {
    fn event(&mut self, event: &Event) {
        self(event);
    }
}

/// What the thread inside tells the one outside.
enum Message {
    Event(Box<Event>),
    End(End),
}

/// Runs checks and returns the report, at most 200 ms after the deadline, whatever the checks do.
///
/// Threads and processes that could not be stopped are counted in `run.abandoned`.
pub fn run_blocking(
    checks: &[Arc<dyn Check>],
    context: &Arc<Context>,
    options: &Options,
    cancel: &Cancel,
    policy: ExitPolicy,
    observer: &mut dyn Observer,
) -> Report {
    let started = Instant::now();
    let mut run = Run { fold: Fold::default(), observer };
    run.tell(run_started(checks, context, options));
    let ends = started + options.deadline;
    let mut known = known_outcomes(options);
    let mut stuck = 0;
    let end = loop {
        match run.attempt(checks, context, std::mem::take(&mut known), ends, cancel) {
            Attempted::Ended(end) => break End { abandoned: end.abandoned + stuck, ..end },
            Attempted::Stuck(polling) => {
                stuck += 1;
                known = run.fold.known();
                if let Some(check) = checks.iter().find(|check| check.spec().id == *polling.id) {
                    let mut finding = timed_out(check.spec());
                    finding.message = format!("{}: the check blocks its thread", finding.message);
                    let took = milliseconds(polling.since.elapsed());
                    let outcome =
                        Outcome { duration_ms: Some(took), findings: vec![finding], because: Vec::new() };
                    known.insert(polling.id.to_string(), outcome);
                }
            }
        }
    };
    for event in run.fold.missing(end.ended) {
        run.tell(event);
    }
    run.tell(end.event(started));
    run.fold.report(policy)
}

/// How one thread's attempt ended.
enum Attempted {
    Ended(End),
    Stuck(Polling),
}

/// What the calling thread holds while others look.
struct Run<'a> {
    fold: Fold,
    observer: &'a mut dyn Observer,
}

impl Run<'_> {
    fn tell(&mut self, event: Event) {
        self.fold.push(&event);
        self.observer.event(&event);
    }

    /// Looks on while a thread runs the checks that are not known yet.
    fn attempt(
        &mut self,
        checks: &[Arc<dyn Check>],
        context: &Arc<Context>,
        known: BTreeMap<String, Outcome>,
        ends: Instant,
        cancel: &Cancel,
    ) -> Attempted {
        let watch = Watch::default();
        // Its own string: a thread that wakes after it was given up must stop at once.
        let (canceller, inner) = Canceller::new();
        let _wakes_to_nothing = CancelOnDrop(canceller.clone());
        let messages = match start(checks.to_vec(), Arc::clone(context), known, ends, inner, watch.clone()) {
            Ok(messages) => messages,
            Err(error) => {
                self.tell(Event::Fact {
                    label: "no thread could be started".to_owned(),
                    value: error.to_string(),
                });
                return Attempted::Ended(End { ended: Ended::Interrupted, interruption: None, abandoned: 0 });
            }
        };
        let mut last_moment = ends + LAST_MOMENT;
        let mut end = Ended::Deadline;
        loop {
            if let Some(reason) = cancel.reason()
                && end != Ended::Interrupted
            {
                canceller.cancel(reason);
                end = Ended::Interrupted;
                last_moment = last_moment.min(Instant::now() + LAST_MOMENT);
            }
            match messages.recv_timeout(TICK) {
                Ok(Message::Event(event)) => self.tell(*event),
                Ok(Message::End(end)) => return Attempted::Ended(end),
                Err(RecvTimeoutError::Timeout) => self.observer.tick(),
                Err(RecvTimeoutError::Disconnected) => {
                    return Attempted::Ended(End {
                        ended: Ended::Interrupted,
                        interruption: None,
                        abandoned: 1,
                    });
                }
            }
            let now = Instant::now();
            if now > last_moment {
                return Attempted::Ended(End { ended: end, interruption: cancel.reason(), abandoned: 1 });
            }
            if let Some(polling) = watch.polling().filter(|polling| polling.is_stuck(now)) {
                return Attempted::Stuck(polling);
            }
        }
    }
}

/// Tells a thread that nobody waits for it any more.
struct CancelOnDrop(Canceller);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.cancel(Interruption::Terminate);
    }
}

/// Starts a thread that runs the checks on a runtime of its own.
fn start(
    checks: Vec<Arc<dyn Check>>,
    context: Arc<Context>,
    known: BTreeMap<String, Outcome>,
    ends: Instant,
    cancel: Cancel,
    watch: Watch,
) -> std::io::Result<Receiver<Message>> {
    let (sender, receiver) = channel();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    std::thread::Builder::new().name("checks".to_owned()).spawn(move || {
        let told = sender.clone();
        let mut tell = move |event| send(&told, Message::Event(Box::new(event)));
        let attempt = Attempt { checks: &checks, context: &context, known, ends, cancel: &cancel };
        let end = runtime.block_on(attempt.drive(&watch, &mut tell));
        send(&sender, Message::End(end));
        // A library's look-up may sit in a thread of the runtime; nobody waits for it.
        runtime.shutdown_background();
    })?;
    Ok(receiver)
}

/// The thread outside may have given up; then there is nobody to tell.
fn send(sender: &Sender<Message>, message: Message) {
    drop(sender.send(message));
}

#[cfg(test)]
#[path = "blocking_tests.rs"]
mod tests;
