//! What it means that a queue gives no answer, judged by evidence that does not depend on each other.

use std::collections::BTreeSet;
use std::time::Duration;

use coursys_ops_core::config::Celery;
use coursys_ops_core::model::{Code, Finding, Measurement};

use crate::amqp::Depth;
use crate::garbage::excerpt;
use crate::words::count;
use crate::workers::{Census, Node, Task};

/// Everything that was found out about a queue that gave no answer.
#[derive(Debug, Clone, Copy)]
pub struct Evidence<'a> {
    /// The queue.
    pub queue: &'a str,
    /// What is normal.
    pub celery: &'a Celery,
    /// How full it was at first.
    pub before: Depth,
    /// How full it is now.
    pub after: Depth,
    /// How long a probe was waited for; nothing where messages stood in the queue, so that none was sent.
    pub waited: Option<Duration>,
    /// What the nodes said, and what they said a while later.
    pub looks: [Option<&'a Census>; 2],
}

/// What all nodes of a queue said, in sum.
struct Workers<'a> {
    names: Vec<&'a str>,
    children: usize,
    begun: u64,
    tasks: Vec<&'a Task>,
}

impl<'a> Workers<'a> {
    /// Nothing when some of it was not told.
    fn of(census: &'a Census, queue: &'a str) -> Option<Self> {
        let nodes: Vec<(&String, &Node)> = census.nodes_of(queue).collect();
        let tasks: Option<Vec<_>> = nodes.iter().map(|(_, node)| node.active.as_deref()).collect();
        let sum = |count: usize, more: usize| count.saturating_add(more);
        Some(Self {
            names: nodes.iter().map(|(name, _)| name.as_str()).collect(),
            children: nodes
                .iter()
                .map(|(_, node)| node.children())
                .try_fold(0, |all, own| Some(sum(all, own?)))?,
            begun: nodes.iter().filter_map(|(_, node)| node.begun()).fold(0, u64::saturating_add),
            tasks: tasks?.into_iter().flatten().collect(),
        })
    }

    fn ids(&self) -> BTreeSet<&str> {
        self.tasks.iter().map(|task| task.id.as_str()).collect()
    }

    fn are_all_taken(&self) -> bool {
        self.tasks.len() >= self.children
    }

    /// The age of the task that was begun last, if the age of each is known.
    fn youngest(&self) -> Option<Duration> {
        self.tasks.iter().map(|task| task.age).collect::<Option<Vec<_>>>()?.into_iter().min()
    }

    fn oldest(&self) -> Option<&'a Task> {
        self.tasks.iter().copied().max_by_key(|task| task.age)
    }

    /// Who holds the children, in words.
    fn holder(&self) -> String {
        let Some(task) = self.oldest() else { return "nothing that it tells of".to_owned() };
        let more = match self.tasks.len() {
            0 | 1 => String::new(),
            n => format!(" and {} more", n - 1),
        };
        let name = excerpt(task.name.as_bytes());
        match task.age {
            Some(age) => format!("`{name}`{more}, the oldest for {}", span(age)),
            None => format!("`{name}`{more}, for how long its worker's clock does not tell"),
        }
    }
}

/// A time that people can grasp.
fn span(time: Duration) -> String {
    match time.as_secs() {
        seconds @ 0..120 => format!("{seconds} s"),
        seconds @ 120..7200 => format!("{} min", seconds / 60),
        seconds => format!("{} h", seconds / 3600),
    }
}

impl Evidence<'_> {
    /// The finding. It never passes: the queue gave no answer.
    #[must_use]
    pub fn finding(&self) -> Finding {
        let last = self.looks.into_iter().flatten().next_back();
        let Some(census) = last else { return self.silent("and its nodes could not be asked") };
        let finding = if census.nodes_of(self.queue).next().is_none() {
            self.dead(0)
        } else {
            match Workers::of(census, self.queue) {
                Some(workers) => self.judge(&workers),
                None => self.silent("and what its node says of itself makes no sense"),
            }
        };
        finding.measured(Measurement::new("waiting", f64::from(self.after.messages), ""))
    }

    fn judge(&self, workers: &Workers<'_>) -> Finding {
        let finding = if workers.are_all_taken() {
            self.taken(workers)
        } else if self.moves(workers) == Some(true) {
            self.busy("tasks come and go, and this one did not get its turn")
        } else if u32::try_from(workers.names.len()).is_ok_and(|answering| answering < self.after.consumers) {
            self.dead(workers.names.len())
        } else if self.moves(workers) == Some(false) {
            self.idle_and_silent(workers)
        } else {
            self.silent("though its node answers a ping")
        };
        let count = |count: usize| u32::try_from(count).map_or(f64::INFINITY, f64::from);
        let limit = self.wedged_after().as_secs_f64();
        let oldest =
            workers.oldest().and_then(|task| task.age).map_or(f64::NAN, |age| age.as_secs_f64().round());
        finding
            .measured(Measurement::new("active", count(workers.tasks.len()), ""))
            .measured(Measurement::new("children", count(workers.children), ""))
            .measured(Measurement::new("oldest_task", oldest, "s").critical_at(limit))
    }

    /// Whether anything was done between the two looks; nothing when there was only one.
    fn moves(&self, now: &Workers<'_>) -> Option<bool> {
        if self.after.messages < self.before.messages {
            return Some(true);
        }
        let [Some(first), Some(_)] = self.looks else { return None };
        let first = Workers::of(first, self.queue)?;
        (first.names == now.names).then(|| first.begun != now.begun || first.ids() != now.ids())
    }

    /// After so long a task is taken for one that never ends.
    fn wedged_after(&self) -> Duration {
        let celery = self.celery;
        Duration::from_secs(if self.is_long() { celery.long_wedged_after_s } else { celery.wedged_after_s })
    }

    fn is_long(&self) -> bool {
        self.celery.long_queues.iter().any(|long| long == self.queue)
    }

    /// What happened to the question.
    fn question(&self) -> String {
        match self.waited {
            Some(waited) => {
                format!("no answer through `{}` within {:.1} s", self.queue, waited.as_secs_f64())
            }
            None => format!(
                "{} messages wait in `{}` and none is taken, so no probe was sent",
                self.after.messages, self.queue
            ),
        }
    }

    /// Every child has a task.
    fn taken(&self, workers: &Workers<'_>) -> Finding {
        let (children, holder) = (workers.children, workers.holder());
        if workers.youngest().is_some_and(|age| age >= self.wedged_after()) {
            let message = format!(
                "{}: its {children} children are stuck, in {holder}, and every task is older than {}",
                self.question(),
                span(self.wedged_after())
            );
            let hint = format!(
                "look what the children of {} wait for (`celery inspect active`, its log, the database's process \
                 list), then restart the worker; if tasks may take that long, raise `{}`",
                names(workers),
                if self.is_long() { "celery.long_wedged_after_s" } else { "celery.wedged_after_s" }
            );
            return Finding::failed(Code::Wedged, message, hint);
        }
        self.busy(&format!("its {children} children are taken, by {holder}"))
    }

    /// Children are free and do nothing.
    fn idle_and_silent(&self, workers: &Workers<'_>) -> Finding {
        let free = workers.children.saturating_sub(workers.tasks.len());
        let message = format!(
            "{}, though its node answers and has {free} of {} children free: they do nothing",
            self.question(),
            workers.children
        );
        let hint = format!(
            "the processes below the main one of {} are stopped or hang: look at them with `ps`, read the worker's \
             log, and restart it",
            names(workers)
        );
        Finding::failed(Code::Wedged, message, hint)
    }

    fn busy(&self, why: &str) -> Finding {
        let hint = format!(
            "wait for the task, or see with `celery inspect active` what the worker of `{}` does; restarting it \
             loses what it has begun",
            self.queue
        );
        Finding::warning(Code::Busy, format!("{}: {why}", self.question()), hint)
    }

    /// Somebody consumes and does not answer a ping.
    fn dead(&self, answering: usize) -> Finding {
        let consumers = usize::try_from(self.after.consumers).unwrap_or(usize::MAX);
        let consumers = count(consumers, "consumer");
        let who = match answering {
            0 => format!("it has {consumers}, and no node that answers a ping"),
            n => format!("it has {consumers}, and only {n} of their nodes answer a ping"),
        };
        let hint = format!(
            "the main process of the worker of `{}` is stopped or hangs: look at it with `ps`, read its log, and \
             restart it; if it is no worker, see who consumes (`rabbitmqctl list_consumers`)",
            self.queue
        );
        Finding::failed(Code::Dead, format!("{}: {who}", self.question()), hint)
    }

    /// Nothing more is known.
    fn silent(&self, why: &str) -> Finding {
        let hint = format!(
            "see what the worker of `{}` does: `celery inspect active`; if nothing moves, restart it",
            self.queue
        );
        let message = format!("{}, {why}", self.question());
        if self.is_long() {
            return Finding::warning(Code::Busy, message, hint);
        }
        let code = if self.waited.is_some() { Code::Timeout } else { Code::Backlog };
        Finding::failed(code, message, hint)
    }
}

fn names(workers: &Workers<'_>) -> String {
    const MOST: usize = 3;
    let names = workers.names.iter().take(MOST).map(|name| format!("`{}`", excerpt(name.as_bytes())));
    names.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
#[path = "celery_verdict_tests.rs"]
mod tests;
