//! The answers of the nodes, read into one picture.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::Value;

/// What nodes are asked. None of it changes anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Question {
    /// Which queues they consume.
    Queues,
    /// Which tasks their children do just now. Tasks that were only taken, or wait for their time, are not among them.
    Active,
    /// How many children they have, and how many tasks they have begun.
    Stats,
    /// Which software they are. The answer has the site's settings too, from which Celery takes what looks like a
    /// secret; nothing but its first lines is read.
    Report,
}

impl Question {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Queues, Self::Active, Self::Stats, Self::Report];

    /// The name of Celery's method.
    #[must_use]
    pub const fn method(self) -> &'static str {
        match self {
            Self::Queues => "active_queues",
            Self::Active => "active",
            Self::Stats => "stats",
            Self::Report => "report",
        }
    }
}

/// What the nodes said at one moment.
#[derive(Debug, Clone)]
pub struct Census {
    /// When they were asked.
    pub at: Instant,
    /// The same by this machine's clock, in seconds since 1970.
    wall: f64,
    /// The nodes that answered anything, by name.
    pub nodes: BTreeMap<String, Node>,
}

/// What one node said.
#[derive(Debug, Clone, Default)]
pub struct Node {
    /// The queues that it consumes.
    pub queues: Option<BTreeSet<String>>,
    /// The tasks that its children do.
    pub active: Option<Vec<Task>>,
    /// Its software.
    pub software: Option<Software>,
    /// How many processes take the questions to this name, as far as the broker tells.
    pub namesakes: Option<u32>,
    stats: Option<Stats>,
    /// How often it answered each question.
    answers: BTreeMap<Question, u32>,
}

/// A task that a child does.
#[derive(Debug, Clone, PartialEq)]
pub struct Task {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// How long a child has had it, as far as clocks can be believed.
    pub age: Option<Duration>,
}

/// Versions.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Software {
    /// Of Celery.
    pub celery: String,
    /// Of the library that speaks to the broker.
    pub kombu: String,
    /// Of Python.
    pub python: String,
}

/// As much of `stats` as counts.
#[derive(Debug, Clone)]
struct Stats {
    children: usize,
    begun: u64,
    uptime: Option<Duration>,
}

#[derive(Deserialize)]
struct RawQueue {
    name: String,
}

#[derive(Deserialize)]
struct RawTask {
    id: String,
    name: String,
    time_start: Option<f64>,
}

#[derive(Deserialize)]
struct RawStats {
    #[serde(default)]
    total: BTreeMap<String, u64>,
    #[serde(default)]
    pool: RawPool,
    uptime: Option<f64>,
}

#[derive(Deserialize, Default)]
struct RawPool {
    #[serde(default)]
    processes: Vec<Value>,
    #[serde(rename = "max-concurrency")]
    max_concurrency: Option<usize>,
}

impl Node {
    /// How many tasks it can do at the same time, where it told.
    #[must_use]
    pub fn children(&self) -> Option<usize> {
        self.stats.as_ref().map(|stats| stats.children)
    }

    /// How many tasks its children have begun since it started, where it told.
    #[must_use]
    pub fn begun(&self) -> Option<u64> {
        self.stats.as_ref().map(|stats| stats.begun)
    }

    /// Whether it answered everything.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        Question::ALL.iter().all(|question| self.answers.contains_key(question))
    }

    /// Whether one question had more than one answer, or more than one process waits for questions.
    #[must_use]
    pub fn is_doubled(&self) -> bool {
        self.answers.values().any(|count| *count > 1) || self.namesakes.is_some_and(|count| count > 1)
    }
}

impl Census {
    /// One in which nobody has answered yet; `wall` is the time by this machine's clock.
    #[must_use]
    pub const fn new(at: Instant, wall: f64) -> Self {
        Self { at, wall, nodes: BTreeMap::new() }
    }

    /// The nodes that consume a queue.
    pub fn nodes_of<'a>(&'a self, queue: &'a str) -> impl Iterator<Item = (&'a String, &'a Node)> {
        self.nodes
            .iter()
            .filter(move |(_, node)| node.queues.as_ref().is_some_and(|queues| queues.contains(queue)))
    }

    /// Whether a node of this queue has answered everything.
    #[must_use]
    pub fn is_known(&self, queue: &str) -> bool {
        self.nodes_of(queue).any(|(_, node)| node.is_complete())
    }

    /// Whether every node that answered at all has answered everything.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.nodes.values().all(Node::is_complete)
    }

    /// Reads an answer. What makes no sense counts as an answer that says nothing.
    pub fn take(&mut self, question: Question, body: &[u8]) {
        let Ok(Value::Object(answers)) = serde_json::from_slice(body) else { return };
        for (name, said) in answers {
            let node = self.nodes.entry(name).or_default();
            *node.answers.entry(question).or_default() += 1;
            match question {
                Question::Queues => node.queues = queues(said).or(node.queues.take()),
                Question::Stats => node.stats = stats(said).or(node.stats.take()),
                Question::Report => node.software = software(&said).or(node.software.take()),
                Question::Active => {
                    let active = active(said, self.wall);
                    node.active = active.or(node.active.take());
                }
            }
        }
    }

    /// Corrects what cannot be: no task is older than the process that does it, so that the clock of its machine, which
    /// says when it began, is another one than ours.
    pub fn settle(&mut self) {
        for node in self.nodes.values_mut() {
            let uptime = node.stats.as_ref().and_then(|stats| stats.uptime);
            for task in node.active.iter_mut().flatten() {
                task.age = task.age.map(|age| uptime.map_or(age, |uptime| age.min(uptime)));
            }
        }
    }
}

fn queues(said: Value) -> Option<BTreeSet<String>> {
    let queues: Vec<RawQueue> = serde_json::from_value(said).ok()?;
    Some(queues.into_iter().map(|queue| queue.name).collect())
}

fn active(said: Value, wall: f64) -> Option<Vec<Task>> {
    let tasks: Vec<RawTask> = serde_json::from_value(said).ok()?;
    let age = |start: f64| Duration::try_from_secs_f64(wall - start).ok();
    let task = |task: RawTask| Task { id: task.id, name: task.name, age: task.time_start.and_then(age) };
    Some(tasks.into_iter().map(task).collect())
}

fn stats(said: Value) -> Option<Stats> {
    // An error is an object too.
    said.get("pool")?;
    let stats: RawStats = serde_json::from_value(said).ok()?;
    let listed = stats.pool.processes.len();
    Some(Stats {
        // An autoscaled pool has fewer processes than it may have.
        children: stats.pool.max_concurrency.unwrap_or(listed).max(listed),
        begun: stats.total.values().fold(0, |sum, count| sum.saturating_add(*count)),
        uptime: stats.uptime.and_then(|uptime| Duration::try_from_secs_f64(uptime).ok()),
    })
}

/// `software -> celery:5.6.3 (recovery) kombu:5.7.0 py:3.11.2`.
fn software(said: &Value) -> Option<Software> {
    const LINES: usize = 8;
    let text = said.get("ok")?.as_str()?;
    let words = text.lines().take(LINES).flat_map(str::split_whitespace);
    let known: BTreeMap<&str, &str> = words.filter_map(|word| word.split_once(':')).collect();
    let version = |name: &str| known.get(name).map_or_else(|| "unknown".to_owned(), ToString::to_string);
    known.contains_key("celery").then(|| Software {
        celery: version("celery"),
        kombu: version("kombu"),
        python: version("py"),
    })
}

#[cfg(test)]
#[path = "census_tests.rs"]
mod tests;
