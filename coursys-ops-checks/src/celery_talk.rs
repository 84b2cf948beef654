//! A call through a queue, and what speaks for the workers when no answer comes.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use coursys_ops_core::Scope;
use coursys_ops_core::config::Celery;
use coursys_ops_core::model::{Code, Finding, Measurement};
use serde_json::Value;
use tokio::time::{sleep, timeout};

use crate::amqp::{AmqpError, Connection, Depth, no_queue};
use crate::celery_call::{Call, wrong_answer};
use crate::celery_verdict::Evidence;
use crate::workers::{Census, Roll};

/// How long a last look at the depth may take.
const LAST_LOOK: Duration = Duration::from_millis(200);

/// How long a queue in which messages wait is watched for progress before a call joins them, and how often.
const SHORT_LOOK: Duration = Duration::from_millis(700);
const BETWEEN_LOOKS: Duration = Duration::from_millis(100);

/// A call that was not answered after so long is reason to ask the nodes what they do.
const BEFORE_ASKING: Duration = Duration::from_millis(800);

/// How long after the first time they are asked again: what did not change meanwhile does not move.
const BETWEEN_QUESTIONS: Duration = Duration::from_millis(1200);

/// What the task returned.
#[derive(Debug)]
pub struct Returned {
    /// Its value.
    pub value: Value,
    /// How long it took.
    pub took: Duration,
    /// How full the queue was before.
    pub depth: Depth,
}

/// Why there is no value.
#[derive(Debug)]
pub enum Mute {
    /// This is why.
    Told(Finding),
    /// Nobody answered in time.
    Silent(Box<Silence>),
}

impl From<Finding> for Mute {
    fn from(finding: Finding) -> Self {
        Self::Told(finding)
    }
}

/// What was found out about a queue that gave no answer.
#[derive(Debug)]
pub struct Silence {
    before: Depth,
    after: Depth,
    waited: Option<Duration>,
    looks: [Option<Arc<Census>>; 2],
}

impl Silence {
    /// The finding. It never passes.
    #[must_use]
    pub fn finding(&self, queue: &str, celery: &Celery) -> Finding {
        let [first, second] = &self.looks;
        let looks = [first.as_deref(), second.as_deref()];
        let (before, after, waited) = (self.before, self.after, self.waited);
        Evidence { queue, celery, before, after, waited, looks }.finding()
    }

    /// The node one of whose children has this call, as they said last.
    #[must_use]
    pub fn holder(&self, call: &Call) -> Option<&str> {
        let last = self.looks.iter().flatten().next_back()?;
        let has = |tasks: &Vec<_>| tasks.iter().any(|task: &crate::workers::Task| task.id == call.id());
        let holder = last.nodes.iter().find(|(_, node)| node.active.as_ref().is_some_and(has));
        holder.map(|(name, _)| name.as_str())
    }
}

/// What was found out so far, for when the waiting is given up.
#[derive(Default)]
struct Seen {
    depth: OnceLock<Depth>,
    /// When the call was sent.
    sent: OnceLock<Instant>,
    /// Whether an answer to something else came.
    stray: AtomicBool,
    looks: [OnceLock<Arc<Census>>; 2],
}

/// A conversation with the workers of a queue.
#[derive(Clone, Copy)]
pub struct Talk<'a> {
    /// What it is held with.
    pub scope: &'a Scope,
    /// The queue.
    pub queue: &'a str,
    /// Shared by all who ask the nodes.
    pub roll: &'a Roll,
}

impl Talk<'_> {
    /// Calls a task and waits so long. Where messages stand in the queue, nothing is sent.
    ///
    /// # Errors
    ///
    /// Why there is no value.
    pub async fn call(&self, call: &Call, patience: Duration) -> Result<Returned, Mute> {
        let config = self.scope.config();
        let started = Instant::now();
        let opened = timeout(patience, Connection::open(self.scope, &config.broker)).await;
        let mut connection = opened.map_err(|_| silent_broker())??;
        let seen = Seen::default();
        let conversation = async {
            tokio::select! {
                answered = self.round_trip(call, &mut connection, &seen) => answered,
                // It never ends.
                () = self.inquire(started, &seen) => std::future::pending().await,
            }
        };
        let answered = timeout(patience.saturating_sub(started.elapsed()), conversation).await;
        let outcome = match answered {
            Ok(Ok(answered)) => answered.map_err(Mute::Told),
            Ok(Err(error)) if error.is_not_found() => Err(no_queue(self.queue).into()),
            Ok(Err(error)) => Err(error.finding(&config.broker.server).into()),
            Err(_) => Err(self.no_answer(&mut connection, &seen).await),
        };
        connection.close().await;
        outcome
    }

    /// Calls and waits for the answer, or for ever when nothing may be sent.
    async fn round_trip(
        &self,
        call: &Call,
        connection: &mut Connection,
        seen: &Seen,
    ) -> Result<Result<Returned, Finding>, AmqpError> {
        let depth = connection.depth(self.queue).await?;
        let depth = *seen.depth.get_or_init(|| depth);
        if depth.consumers == 0 {
            return Ok(Err(self.no_consumer(depth)));
        }
        if depth.messages > 0 && !self.moves(connection, depth).await? {
            return std::future::pending().await;
        }
        let sent = *seen.sent.get_or_init(Instant::now);
        let now = self.scope.context().clock.now();
        let stray = || seen.stray.store(true, Ordering::Relaxed);
        let returned = call.make(connection, self.queue, now, stray).await?;
        Ok(returned.map(|value| Returned { value, took: sent.elapsed(), depth }))
    }

    /// Asks the nodes what they do, when an answer takes long, and again a while later.
    async fn inquire(&self, started: Instant, seen: &Seen) {
        sleep(BEFORE_ASKING).await;
        let mut not_before = started;
        for look in &seen.looks {
            // Who cannot ask now has the time for one more attempt.
            if let Ok(census) = self.roll.call(self.scope, not_before).await {
                not_before = census.at + BETWEEN_QUESTIONS;
                let _ = look.set(census);
            }
            sleep(not_before.saturating_duration_since(Instant::now())).await;
        }
        std::future::pending().await
    }

    /// What there is to say when no answer came.
    async fn no_answer(&self, connection: &mut Connection, seen: &Seen) -> Mute {
        let Some(before) = seen.depth.get().copied() else { return silent_broker().into() };
        if seen.stray.load(Ordering::Relaxed) {
            return wrong_answer("only answers to other messages came back").into();
        }
        let after = timeout(LAST_LOOK, connection.depth(self.queue)).await;
        let [first, second] = &seen.looks;
        Mute::Silent(Box::new(Silence {
            before,
            after: after.ok().and_then(Result::ok).unwrap_or(before),
            waited: seen.sent.get().map(Instant::elapsed),
            looks: [first, second].map(|look| look.get().cloned()),
        }))
    }

    /// Whether messages are being taken from a queue in which some wait.
    async fn moves(&self, connection: &mut Connection, first: Depth) -> Result<bool, AmqpError> {
        let started = Instant::now();
        let mut last = first.messages;
        while started.elapsed() < SHORT_LOOK {
            sleep(BETWEEN_LOOKS).await;
            let now = connection.depth(self.queue).await?.messages;
            // Between two looks others may have come: fewer is certain progress, as many is not.
            if now < last {
                return Ok(true);
            }
            last = now;
        }
        Ok(false)
    }

    fn no_consumer(&self, depth: Depth) -> Finding {
        let queue = self.queue;
        let message = match depth.messages {
            0 => format!("nobody consumes the queue `{queue}`"),
            n => format!("nobody consumes the queue `{queue}`, in which {n} messages wait"),
        };
        let hint =
            format!("the worker of `{queue}` does not run: start it, and read its log if it ends again");
        Finding::failed(Code::NoConsumer, message, hint).measured(waiting(depth))
    }
}

/// How many messages wait.
#[must_use]
pub fn waiting(depth: Depth) -> Measurement {
    Measurement::new("waiting", f64::from(depth.messages), "")
}

fn silent_broker() -> Finding {
    Finding::failed(
        Code::Timeout,
        "the broker stopped answering in the middle",
        "read the broker's log, and restart it if it hangs",
    )
}
