//! How far a draining is, from looks at the queues one after the other. Pure: who looks and waits is elsewhere.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use jiff::Timestamp;

use crate::queues::{Queue, Queues, Task};
use crate::run::Progress;

/// The estimate goes by what was done in this time.
const WINDOW: Duration = Duration::from_secs(30);

/// What has not moved for so long has no pace.
const STANDSTILL: Duration = Duration::from_secs(10);

/// After so long with messages that nobody takes, nobody will: a worker that loses its connection is back sooner.
const DESERTED: Duration = Duration::from_secs(20);

/// A task that runs for so long is named while it is waited for.
const LONG: f64 = 20.0;

/// More of a kind than this are counted, not named.
const NAMED: usize = 8;

/// So many looks in a row must find nothing: what a message is on its way from one to the other is seen by neither.
const CALM: u32 = 3;

/// When nothing else is left and the broker's own tool gives no answer for so long, it will not: it may be slow, or its
/// container just be made anew.
const UNTOLD: Duration = Duration::from_secs(30);

/// What was seen in one look.
#[derive(Debug, Clone)]
pub struct Seen<'a> {
    /// The queues.
    pub queues: &'a Queues,
    /// How many tasks each node has begun since it started; nothing when that could not be asked.
    pub begun: Option<BTreeMap<String, u64>>,
    /// The tasks of nodes that consume none of the queues, in words: somebody told them not to, and they do what they had.
    pub elsewhere: &'a [String],
    /// How long the draining goes on.
    pub elapsed: Duration,
    /// The time of day at which nobody waits any more.
    pub until: Timestamp,
}

/// How it stands after a look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stand {
    /// There is something to wait for: how far it is, and what is worth telling.
    Going(Progress, Vec<String>),
    /// Nothing is left.
    Drained,
    /// What is left goes by nobody's work, each with why.
    Hopeless(Vec<String>),
    /// Nothing is seen to be left, and something stays unknown: what, and why.
    Unknown(Vec<String>),
}

/// A draining.
#[derive(Debug, Clone, Default)]
pub struct Drain {
    most: u64,
    samples: VecDeque<(Duration, u64)>,
    /// Since when messages of a queue are taken by nobody.
    deserted: BTreeMap<String, Duration>,
    begun: Option<BTreeMap<String, u64>>,
    calm: u32,
    /// Since when all else is at rest, and the broker's own tool does not tell the rest.
    untold: Option<Duration>,
    /// When the count was another for the last time.
    moved: Duration,
}

impl Drain {
    /// Takes a look into account.
    pub fn take(&mut self, seen: &Seen<'_>) -> Stand {
        self.desert(seen);
        let left = seen.queues.left();
        let done = self.count(seen.elapsed, left);
        // Tasks that begin and end between two looks are seen by what the nodes have counted.
        let still = self.begun == seen.begun;
        self.begun.clone_from(&seen.begun);
        let (doable, names) = self.doable(seen);
        let rests = doable == Some(0) && still;
        self.calm = if rests { self.calm + 1 } else { u32::from(doable == Some(0)) };
        let untold = untold(seen.queues);
        if self.calm < CALM || untold.is_empty() {
            self.untold = None;
        }
        if self.calm >= CALM {
            if !untold.is_empty() {
                let since = *self.untold.get_or_insert(seen.elapsed);
                if seen.elapsed.saturating_sub(since) >= UNTOLD {
                    return Stand::Unknown(names.into_iter().chain(untold).collect());
                }
            } else if names.is_empty() {
                return Stand::Drained;
            } else {
                return Stand::Hopeless(names);
            }
        }
        Stand::Going(done, self.notable(seen))
    }

    /// What is left, as words, when nobody waits any more.
    #[must_use]
    pub fn remains(&self, queues: &Queues) -> Vec<String> {
        let mut remains = Vec::new();
        for queue in &queues.queues {
            remains.extend(messages(queue));
            remains.extend(held(queue));
            remains.extend(unknown(queue));
            remains.extend(named(queue.active.iter().flatten().map(|task| running(&queue.name, task))));
            remains.extend(named(queue.scheduled.iter().flatten().map(|task| later(&queue.name, task))));
        }
        remains.extend(others(queues));
        remains.extend(untold(queues));
        if queues.left().is_none() {
            let told =
                |note: &&String| queues.unasked.as_ref().is_some_and(|why| note.contains(why.as_str()));
            remains.extend(queues.notes.iter().filter(|note| !told(note)).cloned());
        }
        if remains.is_empty() {
            remains.push("nothing waits just now, but tasks go on beginning: somebody sends them".to_owned());
        }
        remains
    }

    /// Notes since when nobody takes what waits in a queue.
    fn desert(&mut self, seen: &Seen<'_>) {
        for queue in &seen.queues.queues {
            if queue.ready.is_some_and(|ready| ready > 0) && queue.consumers == Some(0) {
                self.deserted.entry(queue.name.clone()).or_insert(seen.elapsed);
            } else {
                self.deserted.remove(&queue.name);
            }
        }
    }

    fn is_deserted(&self, queue: &Queue, elapsed: Duration) -> bool {
        self.deserted.get(&queue.name).is_some_and(|since| elapsed.saturating_sub(*since) >= DESERTED)
    }

    /// How much is done of all that there was, and how long the rest takes at the pace of late.
    fn count(&mut self, elapsed: Duration, left: Option<u64>) -> Progress {
        let Some(left) = left else {
            return Progress { done: 0, total: self.most, left_s: None };
        };
        self.most = self.most.max(left);
        if self.samples.back().is_none_or(|(_, before)| *before != left) {
            self.moved = elapsed;
        }
        self.samples.push_back((elapsed, left));
        while self.samples.get(1).is_some_and(|(at, _)| elapsed.saturating_sub(*at) >= WINDOW) {
            self.samples.pop_front();
        }
        let moves = elapsed.saturating_sub(self.moved) < STANDSTILL;
        let pace = self.samples.front().filter(|_| moves).and_then(|(at, before)| {
            let gone = before.checked_sub(left).filter(|gone| *gone > 0)?;
            let time = elapsed.saturating_sub(*at).as_secs_f64();
            Some(small(gone) / time).filter(|pace| pace.is_finite() && *pace > 0.0)
        });
        let left_s = pace.and_then(|pace| Duration::try_from_secs_f64(small(left) / pace).ok());
        let left_s = left_s.map(|left| left.as_secs().saturating_add(1));
        Progress { done: self.most.saturating_sub(left), total: self.most, left_s }
    }

    /// How much of what is left somebody may do in time, and the rest of it in words.
    fn doable(&self, seen: &Seen<'_>) -> (Option<u64>, Vec<String>) {
        let mut names = others(seen.queues);
        let mut doable = u64::try_from(seen.elsewhere.len()).ok();
        for queue in &seen.queues.queues {
            let mut own = queue.left();
            if self.is_deserted(queue, seen.elapsed) {
                own = own.map(|left| left.saturating_sub(queue.ready.unwrap_or(0)));
                names.extend(messages(queue));
            }
            let (soon, late): (Vec<&Task>, Vec<&Task>) =
                queue.scheduled.iter().flatten().partition(|task| is_due(task, seen.until));
            own = own.map(|left| left.saturating_add(u64::try_from(soon.len()).unwrap_or(u64::MAX)));
            names.extend(named(late.into_iter().map(|task| later(&queue.name, task))));
            doable = doable.zip(own).map(|(sum, own)| sum.saturating_add(own));
        }
        (doable, names)
    }

    /// What somebody who waits wants to know.
    fn notable(&self, seen: &Seen<'_>) -> Vec<String> {
        let mut notable = Vec::new();
        for queue in &seen.queues.queues {
            let long = queue.active.iter().flatten().filter(|task| task.age_s.is_some_and(|age| age >= LONG));
            notable.extend(named(long.map(|task| running(&queue.name, task))));
            if self.deserted.contains_key(&queue.name) {
                notable.extend(messages(queue));
            }
            notable.extend(unknown(queue));
            notable.extend(named(queue.scheduled.iter().flatten().map(|task| later(&queue.name, task))));
        }
        notable.extend(seen.elsewhere.iter().cloned());
        notable.extend(others(seen.queues));
        notable.extend(untold(seen.queues));
        notable
    }
}

/// A count for the arithmetic of a pace; more than four milliards are none the slower.
fn small(count: u64) -> f64 {
    u32::try_from(count).map_or(f64::from(u32::MAX), f64::from)
}

/// Whether a task's time comes before nobody waits any more. One that cannot be read does not.
fn is_due(task: &Task, until: Timestamp) -> bool {
    task.eta.as_deref().and_then(|eta| eta.parse::<Timestamp>().ok()).is_some_and(|eta| eta < until)
}

/// What waits in a queue, and who does not take it.
fn messages(queue: &Queue) -> Option<String> {
    let ready = queue.ready.filter(|ready| *ready > 0)?;
    let name = &queue.name;
    let nobody = if queue.consumers == Some(0) { ", and no worker takes any" } else { "" };
    let wait = if ready == 1 { "1 message waits".to_owned() } else { format!("{ready} messages wait") };
    Some(format!("{wait} in `{name}`{nobody}"))
}

fn messages_of(count: u64) -> String {
    if count == 1 { "1 message".to_owned() } else { format!("{count} messages") }
}

/// What a worker has taken and not begun.
fn held(queue: &Queue) -> Option<String> {
    let active = queue.active.as_ref().map_or(0, Vec::len);
    let active = u64::try_from(active).unwrap_or(u64::MAX);
    let held = queue.left()?.saturating_sub(queue.ready?).saturating_sub(active);
    let name = &queue.name;
    (held > 0).then(|| format!("{} of `{name}` in the hands of its worker", messages_of(held)))
}

/// A queue of which it is not known what is left.
fn unknown(queue: &Queue) -> Option<String> {
    let name = &queue.name;
    queue.left().is_none().then(|| match queue.consumers {
        Some(count) if count > 0 && queue.active.is_none() => {
            format!("the worker of `{name}` gives no answer")
        }
        _ => format!("what is left in `{name}` is not known"),
    })
}

/// What only the broker's own tool knows and has not told. Without it a message in the hands of a worker that does not tell of
/// it, or in a queue of somebody else, would be lost unseen.
fn untold(queues: &Queues) -> Vec<String> {
    if let Some(why) = &queues.unasked {
        return vec![format!(
            "whether workers hold messages, and whether other queues have some, is not known: {why}"
        )];
    }
    let blind = queues.queues.iter().filter(|queue| queue.exists && queue.unacknowledged.is_none());
    named(blind.map(|queue| format!("whether workers hold messages of `{}` is not known", queue.name)))
}

fn running(queue: &str, task: &Task) -> String {
    let age = task.age_s.map_or_else(String::new, |age| format!(" for {age:.0} s"));
    format!("{} of `{queue}` runs on {}{age} ({})", task.name, task.node, task.id)
}

fn later(queue: &str, task: &Task) -> String {
    let at = task.eta.as_deref().unwrap_or("an unknown time");
    format!("{} of `{queue}` waits on {} until {at} ({})", task.name, task.node, task.id)
}

/// The queues that the site's workers do not know.
fn others(queues: &Queues) -> Vec<String> {
    let one = |(name, count): (&String, &u64)| {
        format!("{} in `{name}`, which is no queue of the site's workers", messages_of(*count))
    };
    named(queues.others.iter().map(one))
}

/// The first of them, and how many more there are.
fn named(all: impl Iterator<Item = String>) -> Vec<String> {
    let all: Vec<String> = all.collect();
    let more = all.len().saturating_sub(NAMED);
    let mut first: Vec<String> = all.into_iter().take(NAMED).collect();
    if more > 0 {
        first.push(format!("{more} more of the kind"));
    }
    first
}

#[cfg(test)]
#[path = "drain_tests.rs"]
mod tests;
