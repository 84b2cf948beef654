//! A plan for those who have no runtime: it also survives a step that blocks its thread.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use super::{Job, Means, Record, STEP_GRACE, Stops, carry_out};
use crate::model::{Event, Phase, PlanEnded, PlanReport, StepCode, StepEnd, StepState};
use crate::run::graph::milliseconds;
use crate::run::{Observer, PlanFold};

/// How often the observer may look around.
const TICK: Duration = Duration::from_millis(50);

/// More lines of output than this wait for nobody: the observer is slow, the plan is not.
const MOST_WAITING: usize = 4096;

/// How long after a step's deadline it may still be ended and asked for its last words, before its thread counts as stuck.
const LAST_MOMENT: Duration = Duration::from_secs(15).saturating_add(STEP_GRACE).saturating_add(STEP_GRACE);

/// Carries a plan out on a thread of its own and returns the report; `fold` holds what earlier goes at it did.
pub fn carry_out_blocking(
    job: Job,
    means: &Means,
    stops: &Stops,
    mut record: Box<dyn Record>,
    fold: PlanFold,
    observer: &mut dyn Observer,
) -> PlanReport {
    let begun = Instant::now();
    let mut look = Look { fold, observer, running: None, ended: false };
    let deadlines: Vec<(String, Duration)> =
        job.plan.steps.iter().map(|step| (step.id.clone(), step.allowed())).collect();
    let (sender, events) = channel();
    let waiting = Arc::new(AtomicUsize::new(0));
    let (means, stops, counter) = (means.clone(), stops.clone(), Arc::clone(&waiting));
    let work = move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let mut sink = move |event| send(&sender, &counter, event);
        runtime.block_on(carry_out(&job, &means, &stops, record.as_mut(), &mut sink));
        // A library's look-up may sit in a thread of the runtime; nobody waits for it.
        runtime.shutdown_background();
        Ok::<(), std::io::Error>(())
    };
    // Children die with the thread that started them: it lives until all of them are waited for.
    let started = std::thread::Builder::new().name("plan".to_owned()).spawn(work);
    let mut abandoned = u32::from(started.is_err());
    loop {
        match events.recv_timeout(TICK) {
            Ok(event) => {
                if matches!(event, Event::StepOutput { .. }) {
                    waiting.fetch_sub(1, Ordering::Relaxed);
                }
                if let Event::StepStarted { id, phase, .. } = &event {
                    let allowed =
                        deadlines.iter().find(|(known, _)| known == id).map(|(_, allowed)| *allowed);
                    let until = Instant::now() + allowed.unwrap_or_default() + LAST_MOMENT;
                    look.running = Some((id.clone(), *phase, until));
                }
                look.tell(event);
            }
            Err(RecvTimeoutError::Timeout) => look.observer.tick(),
            Err(RecvTimeoutError::Disconnected) => break,
        }
        if look.running.as_ref().is_some_and(|(_, _, until)| Instant::now() > *until) {
            abandoned = 1;
            look.give_up();
            break;
        }
    }
    if !look.ended {
        let duration_ms = milliseconds(begun.elapsed());
        look.tell(Event::PlanEnded { ended: PlanEnded::Failed, interruption: None, duration_ms, abandoned });
    }
    look.fold.report()
}

/// The thread outside may have given up; then there is nobody to tell.
fn send(sender: &Sender<Event>, waiting: &AtomicUsize, event: Event) {
    if matches!(event, Event::StepOutput { .. }) && waiting.fetch_add(1, Ordering::Relaxed) >= MOST_WAITING {
        waiting.fetch_sub(1, Ordering::Relaxed);
        return;
    }
    drop(sender.send(event));
}

/// What the calling thread holds while the other one acts.
struct Look<'a> {
    fold: PlanFold,
    observer: &'a mut dyn Observer,
    /// The step that is being done or taken back, and until when that has to have ended.
    running: Option<(String, Phase, Instant)>,
    ended: bool,
}

impl Look<'_> {
    fn tell(&mut self, event: Event) {
        if matches!(event, Event::StepFinished { .. }) {
            self.running = None;
        }
        self.ended |= matches!(event, Event::PlanEnded { .. });
        self.fold.push(&event);
        self.observer.event(&event);
    }

    /// The thread does not answer. Nobody knows what became of its step, and so the journal says.
    fn give_up(&mut self) {
        let Some((id, phase, _)) = self.running.take() else { return };
        let end = StepEnd {
            state: StepState::CutOff,
            code: Some(StepCode::Timeout),
            message: Some("it blocks its thread; please report this".to_owned()),
            ..StepEnd::default()
        };
        self.tell(Event::StepFinished { id, phase, at: String::new(), end });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_is_stuck_while_it_takes_back_is_told_so() {
        let mut told = Vec::new();
        let mut observer = |event: &Event| told.push(event.clone());
        let running = Some(("a".to_owned(), Phase::Undo, Instant::now()));
        let mut look = Look { fold: PlanFold::default(), observer: &mut observer, running, ended: false };
        look.give_up();
        assert!(matches!(told.as_slice(), [Event::StepFinished { phase: Phase::Undo, .. }]), "{told:?}");
    }
}
