//! `celery.queue.QUEUE`: a task comes back through that queue.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use coursys_ops_core::model::{CheckSpec, Code, Effects, Finding, Measurement};
use coursys_ops_core::{Check, Scope};
use tokio::time::timeout;

use crate::amqp::{AmqpError, Connection, Depth, Incoming, no_queue};
use crate::broker_connection;
use crate::celery_probe::{Probe, Verdict, wrong_answer};

/// What is left of the check's own timeout when it stops waiting: the verdict on a slow queue is the check's, not the
/// runner's.
const MARGIN: Duration = Duration::from_millis(400);

/// How long a queue in which messages wait is watched for progress before a probe joins them, and how often.
const SHORT_LOOK: Duration = Duration::from_millis(700);
const BETWEEN_LOOKS: Duration = Duration::from_millis(100);

const EXPLANATION: &str = "\
Sends the task `celery.accumulate` with random arguments through this queue and waits for a worker to send them back. The \
task is built into every Celery worker and touches nothing: no row, no file, no log of the site. Probe and answer are \
gone afterwards; a probe that nobody takes expires after five seconds, and none is sent while messages wait in the queue \
without moving.

A worker that answers pings can still have all its children blocked, so only a round trip proves that tasks run.

When it fails: `no_queue` and `no_consumer` mean that the worker does not run, so start it. A time-out with consumers \
present means that all children of the worker are taken or stuck: see what they do (`celery inspect active`), read the \
worker's log, restart it if nothing moves. On queues for long tasks a slow answer is normal and only a warning.";

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
}

impl CeleryQueue {
    /// The check of one queue; `long` says whether long tasks are normal there.
    #[must_use]
    pub fn new(queue: &str, long: bool) -> Self {
        let title = match queue {
            // Known to those who read the site's own check page.
            "fast" => "Celery task".to_owned(),
            "email" => "Celery email task".to_owned(),
            _ => format!("Celery {queue} queue"),
        };
        let spec = CheckSpec::new(id(queue), title)
            .component("celery")
            .needs(broker_connection::ID)
            .effects(Effects::SelfCleaning)
            .timeout_hint("the broker stopped answering in the middle: read its log")
            .explanation(EXPLANATION);
        Self { spec, queue: queue.to_owned(), long, mood: Mood::default() }
    }

    /// What others may know about the last look.
    #[must_use]
    pub fn mood(&self) -> Mood {
        self.mood.clone()
    }

    async fn ask(&self, scope: &Scope) -> Result<Finding, Finding> {
        let broker = &scope.config().broker;
        let patience = scope.remaining().saturating_sub(MARGIN);
        let started = Instant::now();
        let opened = timeout(patience, Connection::open(scope, broker)).await;
        let mut connection = opened.map_err(|_| silent_broker())??;
        let mut asked = None;
        let left = patience.saturating_sub(started.elapsed());
        let outcome = match timeout(left, self.round_trip(scope, &mut connection, &mut asked)).await {
            Ok(Ok(finding)) => Ok(finding),
            Ok(Err(error)) if error.is_not_found() => Err(no_queue(&self.queue)),
            Ok(Err(error)) => Err(error.finding(&broker.server)),
            Err(_) => Err(asked.map_or_else(silent_broker, |asked: Asked| self.no_answer(&asked))),
        };
        connection.close().await;
        outcome
    }

    /// Sends a probe and waits for its answer; `asked` tells how far it came when it is given up.
    async fn round_trip(
        &self,
        scope: &Scope,
        connection: &mut Connection,
        asked: &mut Option<Asked>,
    ) -> Result<Finding, AmqpError> {
        let depth = connection.depth(&self.queue).await?;
        if depth.consumers == 0 {
            return Ok(self.no_consumer(depth));
        }
        if depth.messages > 0 && !self.moves(connection, depth).await? {
            return Ok(self.backlog(depth));
        }
        let probe = Probe::new();
        let sent = Instant::now();
        connection.request(&self.queue, &probe.request(scope.context().clock.now())).await?;
        let asked = asked.insert(Asked { depth, sent, stray: false });
        loop {
            let incoming = connection.next().await?;
            if let Some(trouble) = incoming.trouble(&self.queue) {
                return Ok(trouble);
            }
            let Incoming::Message(message) = incoming else { continue };
            match probe.judge(&message) {
                Verdict::Right => return Ok(self.answered(sent.elapsed(), depth)),
                Verdict::Wrong(finding) => return Ok(finding),
                Verdict::NotYet => {}
                Verdict::Stray => asked.stray = true,
            }
        }
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

    fn answered(&self, took: Duration, depth: Depth) -> Finding {
        let ms = (took.as_secs_f64() * 100_000.0).round() / 100.0;
        Finding::passed(format!("a task came back through `{}` in {ms:.0} ms", self.queue))
            .measured(Measurement::new("round_trip", ms, "ms"))
            .measured(waiting(depth))
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

    fn backlog(&self, depth: Depth) -> Finding {
        let message = format!(
            "{} messages wait in `{}` and none was taken within {} ms, so no probe was sent",
            depth.messages,
            self.queue,
            SHORT_LOOK.as_millis()
        );
        self.slow(Code::Backlog, message).measured(waiting(depth))
    }

    fn no_answer(&self, asked: &Asked) -> Finding {
        if asked.stray {
            return wrong_answer("only answers to other messages came back");
        }
        let message = format!(
            "no answer through `{}` within {:.1} s, though it has {} consumers",
            self.queue,
            asked.sent.elapsed().as_secs_f64(),
            asked.depth.consumers
        );
        self.slow(Code::Timeout, message).measured(waiting(asked.depth))
    }

    /// The finding for a queue that is slow: normal where tasks are long, bad elsewhere.
    fn slow(&self, code: Code, message: String) -> Finding {
        let hint = format!(
            "see what the worker of `{}` does: `celery inspect active`; if nothing moves, restart it",
            self.queue
        );
        if self.long {
            self.mood.set_busy(true);
            Finding::warning(Code::Busy, message, hint)
        } else {
            Finding::failed(code, message, hint)
        }
    }
}

/// A probe that is on its way.
struct Asked {
    depth: Depth,
    sent: Instant,
    /// Whether an answer to something else came.
    stray: bool,
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
