//! `celery.queue.QUEUE`: a task comes back through that queue, and if not, why.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use coursys_ops_core::config::Celery;
use coursys_ops_core::model::{CheckSpec, Code, Effects, Finding, Measurement};
use coursys_ops_core::service::check_id;
use coursys_ops_core::{Check, Scope};
use tokio::time::{sleep, timeout};

use crate::amqp::{AmqpError, Connection, Depth, Incoming, no_queue};
use crate::broker_alarms;
use crate::celery_call::wrong_answer;
use crate::celery_probe::{Probe, Verdict};
use crate::celery_verdict::Evidence;
use crate::workers::{Census, Roll};

/// What is left of the check's own timeout when it stops waiting: the verdict on a slow queue is the check's, not the
/// runner's.
const MARGIN: Duration = Duration::from_millis(500);

/// How long a last look at the depth may take.
const LAST_LOOK: Duration = Duration::from_millis(200);

/// How long a queue in which messages wait is watched for progress before a probe joins them, and how often.
const SHORT_LOOK: Duration = Duration::from_millis(700);
const BETWEEN_LOOKS: Duration = Duration::from_millis(100);

/// A probe that was not answered after so long is reason to ask the nodes what they do.
const BEFORE_ASKING: Duration = Duration::from_millis(800);

/// How long after the first time they are asked again: what did not change meanwhile does not move.
const BETWEEN_QUESTIONS: Duration = Duration::from_millis(1200);

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

/// What was found out so far, for when the waiting is given up.
#[derive(Default)]
struct Seen {
    depth: OnceLock<Depth>,
    /// When the probe was sent.
    sent: OnceLock<Instant>,
    /// Whether an answer to something else came.
    stray: AtomicBool,
    looks: [OnceLock<Arc<Census>>; 2],
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

    async fn ask(&self, scope: &Scope) -> Result<Finding, Finding> {
        let config = scope.config();
        let started = Instant::now();
        let patience = scope.remaining().saturating_sub(MARGIN);
        let opened = timeout(patience, Connection::open(scope, &config.broker)).await;
        let mut connection = opened.map_err(|_| silent_broker())??;
        let seen = Seen::default();
        let conversation = async {
            tokio::select! {
                finding = self.round_trip(scope, &mut connection, &seen) => finding,
                // It never ends.
                () = self.inquire(scope, started, &seen) => Ok(None),
            }
        };
        let answered = timeout(patience.saturating_sub(started.elapsed()), conversation).await;
        let outcome = match answered {
            Ok(Ok(Some(finding))) => Ok(finding),
            Ok(Err(error)) if error.is_not_found() => Err(no_queue(&self.queue)),
            Ok(Err(error)) => Err(error.finding(&config.broker.server)),
            Ok(Ok(None)) | Err(_) => self.no_answer(&config.celery, &mut connection, &seen).await,
        };
        connection.close().await;
        outcome
    }

    /// Sends a probe and waits for its answer, or for ever when it may not send one.
    async fn round_trip(
        &self,
        scope: &Scope,
        connection: &mut Connection,
        seen: &Seen,
    ) -> Result<Option<Finding>, AmqpError> {
        let depth = connection.depth(&self.queue).await?;
        let depth = *seen.depth.get_or_init(|| depth);
        if depth.consumers == 0 {
            return Ok(Some(self.no_consumer(depth)));
        }
        if depth.messages > 0 && !self.moves(connection, depth).await? {
            return std::future::pending().await;
        }
        let probe = Probe::new();
        let sent = *seen.sent.get_or_init(Instant::now);
        connection.request(&self.queue, &probe.request(scope.context().clock.now())).await?;
        loop {
            let incoming = connection.next().await?;
            if let Some(trouble) = incoming.trouble(&self.queue) {
                return Ok(Some(trouble));
            }
            let Incoming::Message(message) = incoming else { continue };
            match probe.judge(&message) {
                Verdict::Right => {
                    return Ok(Some(self.answered(sent.elapsed(), depth, &scope.config().celery)));
                }
                Verdict::Wrong(finding) => return Ok(Some(finding)),
                Verdict::NotYet => {}
                Verdict::Stray => seen.stray.store(true, Ordering::Relaxed),
            }
        }
    }

    /// Asks the nodes what they do, when an answer takes long, and again a while later.
    async fn inquire(&self, scope: &Scope, started: Instant, seen: &Seen) {
        sleep(BEFORE_ASKING).await;
        let mut not_before = started;
        for look in &seen.looks {
            // Who cannot ask now has the time for one more attempt.
            if let Ok(census) = self.roll.call(scope, not_before).await {
                not_before = census.at + BETWEEN_QUESTIONS;
                let _ = look.set(census);
            }
            sleep(not_before.saturating_duration_since(Instant::now())).await;
        }
        std::future::pending().await
    }

    /// The finding when no answer came.
    async fn no_answer(
        &self,
        celery: &Celery,
        connection: &mut Connection,
        seen: &Seen,
    ) -> Result<Finding, Finding> {
        let before = *seen.depth.get().ok_or_else(silent_broker)?;
        if seen.stray.load(Ordering::Relaxed) {
            return Err(wrong_answer("only answers to other messages came back"));
        }
        let after = timeout(LAST_LOOK, connection.depth(&self.queue)).await;
        let [first, second] = &seen.looks;
        let evidence = Evidence {
            queue: &self.queue,
            celery,
            before,
            after: after.ok().and_then(Result::ok).unwrap_or(before),
            waited: seen.sent.get().map(Instant::elapsed),
            looks: [first, second].map(|look| look.get().map(AsRef::as_ref)),
        };
        let finding = evidence.finding();
        self.mood.set_busy(finding.code == Code::Busy);
        Ok(finding)
    }

    /// Whether messages are being taken from a queue in which some wait.
    async fn moves(&self, connection: &mut Connection, first: Depth) -> Result<bool, AmqpError> {
        let started = Instant::now();
        let mut last = first.messages;
        while started.elapsed() < SHORT_LOOK {
            tokio::time::sleep(BETWEEN_LOOKS).await;
            let now = connection.depth(&self.queue).await?.messages;
            // Between two looks others may have come: fewer is certain progress, as many is not.
            if now < last {
                return Ok(true);
            }
            last = now;
        }
        Ok(false)
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

    fn no_consumer(&self, depth: Depth) -> Finding {
        let queue = &self.queue;
        let message = match depth.messages {
            0 => format!("nobody consumes the queue `{queue}`"),
            n => format!("nobody consumes the queue `{queue}`, in which {n} messages wait"),
        };
        let hint =
            format!("the worker of `{queue}` does not run: start it, and read its log if it ends again");
        Finding::failed(Code::NoConsumer, message, hint).measured(waiting(depth))
    }
}

fn waiting(depth: Depth) -> Measurement {
    Measurement::new("waiting", f64::from(depth.messages), "")
}

fn silent_broker() -> Finding {
    Finding::failed(
        Code::Timeout,
        "the broker stopped answering in the middle",
        "read the broker's log, and restart it if it hangs",
    )
}

#[async_trait]
impl Check for CeleryQueue {
    fn spec(&self) -> &CheckSpec {
        &self.spec
    }

    async fn look(&self, scope: &Scope) -> Vec<Finding> {
        self.mood.set_busy(false);
        let outcome = self.ask(scope).await;
        vec![outcome.unwrap_or_else(|finding| finding)]
    }
}

#[cfg(test)]
#[path = "celery_queue_tests.rs"]
mod tests;
