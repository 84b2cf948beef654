//! `celery.queue.QUEUE`: a task comes back through that queue, and if not, why.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use coursys_ops_core::config::Celery;
use coursys_ops_core::model::{CheckSpec, Code, Effects, Finding, Measurement};
use coursys_ops_core::service::check_id;
use coursys_ops_core::{Check, Scope};

use crate::amqp::Depth;
use crate::broker_alarms;
use crate::celery_probe::Probe;
use crate::celery_talk::{Mute, Talk, waiting};
use crate::workers::Roll;

/// What is left of the check's own timeout when it stops waiting: the verdict on a slow queue is the check's, not the
/// runner's.
const MARGIN: Duration = Duration::from_millis(500);

const EXPLANATION: &str = "\
Sends the task `celery.accumulate` with random arguments through this queue and waits for a worker to send them back. The \
task is built into every Celery worker and touches nothing: no row, no file, no log of the site. Probe and answer are \
gone afterwards; a probe that nobody takes expires after five seconds, and none is sent while messages wait in the queue \
without moving.

A worker that answers pings can still have all its children blocked, so only a round trip proves that tasks run. When \
none comes back, the check asks the worker's node by remote control, twice, what its children do, and looks at the \
queue's depth and consumers. What that says together is the verdict.

`busy` (a warning) names the task that holds the children and how long it has been at it: wait, or see whether it should \
take that long. `wedged` means that every child has a task older than `celery.wedged_after_s` (on the queues for long \
tasks `celery.long_wedged_after_s`), or that children are free and yet do nothing: find out what they wait for, then \
restart the worker. `dead` means that somebody consumes the queue and no node answers a ping: the main process is stopped \
or hangs. `no_queue` and `no_consumer` mean that the worker does not run at all, so start it. `timeout` and `backlog` are \
left for when the nodes could not be asked.";

/// The id of the check of a queue, for those that need it.
#[must_use]
pub fn id(queue: &str) -> String {
    format!("celery.queue.{queue}")
}

/// What others may know about the last look at a queue.
#[derive(Debug, Clone, Default)]
pub struct Mood(Arc<AtomicBool>);

impl Mood {
    /// Whether the queue was busy with long tasks.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    fn set_busy(&self, busy: bool) {
        self.0.store(busy, Ordering::Relaxed);
    }
}

/// Looks whether a queue's workers do tasks.
#[derive(Debug)]
pub struct CeleryQueue {
    spec: CheckSpec,
    queue: String,
    /// Whether long tasks are normal here.
    long: bool,
    mood: Mood,
    roll: Roll,
}

impl CeleryQueue {
    /// The check of one queue; `roll` is shared by all who ask the nodes.
    #[must_use]
    pub fn new(queue: &str, celery: &Celery, roll: Roll) -> Self {
        let title = match queue {
            // Known to those who read the site's own check page.
            "fast" => "Celery task".to_owned(),
            "email" => "Celery email task".to_owned(),
            _ => format!("Celery {queue} queue"),
        };
        let spec = CheckSpec::new(id(queue), title)
            .component("celery")
            .needs(check_id("celery"))
            .needs(broker_alarms::ID)
            .effects(Effects::SelfCleaning)
            .timeout_hint("the broker stopped answering in the middle: read its log")
            .explanation(EXPLANATION);
        let long = celery.long_queues.iter().any(|long| long == queue);
        Self { spec, queue: queue.to_owned(), long, mood: Mood::default(), roll }
    }

    /// What others may know about the last look.
    #[must_use]
    pub fn mood(&self) -> Mood {
        self.mood.clone()
    }

    async fn ask(&self, scope: &Scope) -> Finding {
        let celery = &scope.config().celery;
        let patience = scope.remaining().saturating_sub(MARGIN);
        let probe = Probe::new();
        let talk = Talk { scope, queue: &self.queue, roll: &self.roll };
        match talk.call(probe.call(), patience).await {
            Ok(returned) => match probe.judge(&returned.value) {
                Ok(()) => self.answered(returned.took, returned.depth, celery),
                Err(finding) => finding,
            },
            Err(Mute::Told(finding)) => finding,
            Err(Mute::Silent(silence)) => {
                let finding = silence.finding(&self.queue, celery);
                self.mood.set_busy(finding.code == Code::Busy);
                finding
            }
        }
    }

    fn answered(&self, took: Duration, depth: Depth, celery: &Celery) -> Finding {
        let ms = (took.as_secs_f64() * 100_000.0).round() / 100.0;
        let slow_ms = celery.slow_after_s * 1000.0;
        let state = if depth.messages > 0 { "working" } else { "idle" };
        let message = format!("{state}: a task came back through `{}` in {ms:.0} ms", self.queue);
        let finding = if self.long || ms < slow_ms {
            Finding::passed(message)
        } else {
            self.mood.set_busy(true);
            let hint = format!(
                "see with `celery inspect active` what the worker of `{}` does; if that is normal here, raise \
                 `celery.slow_after_s`",
                self.queue
            );
            let late = format!("a task came back through `{}` after {ms:.0} ms only", self.queue);
            Finding::warning(Code::Busy, late, hint)
        };
        let latency = Measurement::new("round_trip", ms, "ms");
        let latency = if self.long { latency } else { latency.warning_at(slow_ms) };
        finding.measured(latency).measured(waiting(depth))
    }
}

#[async_trait]
impl Check for CeleryQueue {
    fn spec(&self) -> &CheckSpec {
        &self.spec
    }

    async fn look(&self, scope: &Scope) -> Vec<Finding> {
        self.mood.set_busy(false);
        vec![self.ask(scope).await]
    }
}

#[cfg(test)]
#[path = "celery_queue_tests.rs"]
mod tests;
