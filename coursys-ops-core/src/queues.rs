//! What waits in the queues of the site's tasks and what is done of it, as values: gathered by those who speak to broker and
//! workers, shown by `queues`, waited upon by `drain`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::{Deserialize, Serialize};

/// The number of the shape of [`Queues`].
pub const QUEUES_SCHEMA: u32 = 1;

/// The queues at one moment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Queues {
    /// The shape's number; see [`QUEUES_SCHEMA`].
    pub schema: u32,
    /// When they were looked at, RFC 3339, UTC.
    pub at: String,
    /// One for each configured queue, in the order of the configuration.
    pub queues: Vec<Queue>,
    /// The messages of every other queue of the site's virtual host that has some and does not go with its clients, by its
    /// name; empty too when the broker's own tool could not be asked.
    #[serde(default)]
    pub others: BTreeMap<String, u64>,
    /// Why the broker's own tool could not be asked: what workers hold unacknowledged and what is in other queues is not
    /// known then.
    #[serde(default)]
    pub unasked: Option<String>,
    /// What could not be found out, and why; for people.
    pub notes: Vec<String>,
}

/// One queue: what the broker says of its messages, what the workers say of its tasks.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Queue {
    /// Its name.
    pub name: String,
    /// Whether the broker has it. It has none that nobody ever used.
    pub exists: bool,
    /// Messages that wait for a worker; nothing when that could not be found out.
    pub ready: Option<u64>,
    /// Messages that a worker holds and has not acknowledged: tasks that wait in it, or for their time. Nothing when the
    /// broker's own tool could not be asked.
    pub unacknowledged: Option<u64>,
    /// Who takes messages from it.
    pub consumers: Option<u64>,
    /// The nodes that say that they consume it.
    pub nodes: Vec<String>,
    /// Tasks that are being done; nothing when no node of the queue answered.
    pub active: Option<Vec<Task>>,
    /// Tasks that a node holds until one of its children is free.
    pub reserved: Option<Vec<Task>>,
    /// Tasks that a node holds until their time comes.
    pub scheduled: Option<Vec<Task>>,
}

/// A task in the hands of a node.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Task {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The node that holds it.
    pub node: String,
    /// How long a child has had it, in seconds, as far as clocks can be believed; for active tasks only.
    pub age_s: Option<f64>,
    /// When it is to be done, RFC 3339 as its sender wrote it; for scheduled tasks only.
    pub eta: Option<String>,
}

impl Queue {
    /// How much is left to be done, tasks for a later time apart; nothing when it is not known.
    ///
    /// What a worker holds is counted once: a message stays unacknowledged until its task begins.
    #[must_use]
    pub fn left(&self) -> Option<u64> {
        if !self.exists {
            return Some(0);
        }
        let held = match (self.unacknowledged, self.count(&self.reserved), self.count(&self.scheduled)) {
            (Some(unacknowledged), reserved, scheduled) => {
                unacknowledged.saturating_sub(scheduled.unwrap_or(0)).max(reserved.unwrap_or(0))
            }
            (None, reserved, _) => reserved?,
        };
        // Without consumers nobody does anything.
        let active =
            if self.consumers == Some(0) && self.active.is_none() { 0 } else { self.count(&self.active)? };
        Some(self.ready?.saturating_add(held).saturating_add(active))
    }

    /// How many tasks wait for their time, as far as it is known.
    #[must_use]
    pub fn later(&self) -> u64 {
        self.count(&self.scheduled).unwrap_or(0)
    }

    fn count(&self, tasks: &Option<Vec<Task>>) -> Option<u64> {
        tasks.as_ref().map(|tasks| u64::try_from(tasks.len()).unwrap_or(u64::MAX))
    }
}

impl Queues {
    /// How much is left to be done in all queues, tasks for a later time apart; nothing when that of one is not known.
    #[must_use]
    pub fn left(&self) -> Option<u64> {
        self.queues.iter().try_fold(0_u64, |sum, queue| Some(sum.saturating_add(queue.left()?)))
    }

    /// Every task that waits for its time, with the name of its queue.
    pub fn scheduled(&self) -> impl Iterator<Item = (&str, &Task)> {
        self.queues
            .iter()
            .flat_map(|queue| queue.scheduled.iter().flatten().map(|task| (queue.name.as_str(), task)))
    }
}

/// The JSON Schema of [`Queues`].
///
/// # Errors
///
/// It cannot be written as JSON.
pub fn schema() -> Result<String, serde_json::Error> {
    // For writing, because every key is always present then, those that may be null too.
    let generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
    Ok(serde_json::to_string_pretty(&generator.into_root_schema_for::<Queues>())? + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tasks(count: usize) -> Option<Vec<Task>> {
        let task =
            |n| Task { id: format!("{n}"), name: "t".into(), node: "n".into(), age_s: None, eta: None };
        Some((0..count).map(task).collect())
    }

    fn queue() -> Queue {
        Queue {
            exists: true,
            ready: Some(0),
            unacknowledged: Some(0),
            consumers: Some(1),
            active: tasks(0),
            reserved: tasks(0),
            scheduled: tasks(0),
            ..Queue::default()
        }
    }

    #[test]
    fn the_schema_that_is_checked_in_is_the_one_of_the_types() {
        let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/queues.schema.json");
        let made = schema().unwrap();
        if std::env::var_os("COURSYS_OPS_BLESS").is_some() {
            std::fs::write(&file, &made).unwrap();
        }
        assert_eq!(std::fs::read_to_string(&file).unwrap(), made);
    }

    #[test]
    fn what_a_worker_holds_is_counted_once() {
        let held = Queue {
            ready: Some(5),
            unacknowledged: Some(3),
            reserved: tasks(3),
            active: tasks(2),
            ..queue()
        };
        assert_eq!(held.left(), Some(10));
        let without_the_tool = Queue { unacknowledged: None, ..held };
        assert_eq!(without_the_tool.left(), Some(10));
    }

    #[test]
    fn tasks_for_a_later_time_are_not_left_to_be_done_now() {
        let later = Queue { unacknowledged: Some(2), scheduled: tasks(2), ..queue() };
        assert_eq!((later.left(), later.later()), (Some(0), 2));
    }

    #[test]
    fn nothing_is_said_of_what_is_not_known() {
        assert_eq!(Queue { active: None, ..queue() }.left(), None);
        assert_eq!(Queue { ready: None, ..queue() }.left(), None);
        assert_eq!(Queue { reserved: None, unacknowledged: None, ..queue() }.left(), None);
        assert_eq!(Queue { exists: false, ..Queue::default() }.left(), Some(0));
        let idle = Queue { consumers: Some(0), ready: Some(7), active: None, reserved: None, ..queue() };
        assert_eq!(idle.left(), Some(7), "nobody takes anything");
        let all = |queues| Queues {
            schema: QUEUES_SCHEMA,
            at: String::new(),
            queues,
            others: BTreeMap::new(),
            unasked: None,
            notes: Vec::new(),
        };
        assert_eq!(all(vec![queue(), Queue { active: None, ..queue() }]).left(), None);
    }
}
