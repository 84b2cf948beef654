//! One step of a plan.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Action;

/// One thing to do, and what is to be known to do it, to repeat it and to take it back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Step {
    /// Dotted, lower case, unique within the plan: `gunicorn.start`.
    pub id: String,
    /// For people, a few words: `start gunicorn`.
    pub title: String,
    /// What it does.
    pub action: Action,
    /// As whom.
    pub run_as: RunAs,
    /// The directory of a program that it runs; nothing means `/`.
    pub directory: Option<PathBuf>,
    /// Variables beside the clean environment. A secret never stands here.
    pub environment: BTreeMap<String, String>,
    /// How long it may take, its gate included, in milliseconds.
    pub deadline_ms: u64,
    /// Whether it may be done again when nobody knows whether it was done.
    pub repeatable: bool,
    /// What takes it back, as the same user in the same directory. It must do no harm when it is done twice, or when the
    /// step itself was done only in part.
    pub undo: Option<Action>,
    /// Ids of checks that must pass after it, before the next step begins.
    pub gate: Vec<String>,
    /// How long these checks must go on passing, in milliseconds: what starts and ends again was never up.
    #[serde(default)]
    pub steady_ms: u64,
    /// What would be lost by it, a few words; a plan with such a step runs only when that was asked for.
    pub loses: Option<String>,
    /// The component whose log says more when it fails.
    pub component: Option<String>,
}

/// As whom a step is done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RunAs {
    /// Root.
    #[default]
    Root,
    /// The site's user.
    Site,
}

impl Step {
    /// The deadline of a step that says nothing else.
    pub const DEFAULT_DEADLINE: Duration = Duration::from_secs(60);

    /// A step of root that has a minute and cannot be taken back or repeated.
    #[must_use]
    pub fn new(id: impl Into<String>, title: impl Into<String>, action: Action) -> Self {
        Self {
            id: id.into(),
            title: title.into(),
            action,
            run_as: RunAs::Root,
            directory: None,
            environment: BTreeMap::new(),
            deadline_ms: millis(Self::DEFAULT_DEADLINE),
            repeatable: false,
            undo: None,
            gate: Vec::new(),
            steady_ms: 0,
            loses: None,
            component: None,
        }
    }

    /// A step that runs a program.
    pub fn run<A: Into<String>>(
        id: impl Into<String>,
        title: impl Into<String>,
        argv: impl IntoIterator<Item = A>,
    ) -> Self {
        Self::new(id, title, Action::Run { argv: argv.into_iter().map(Into::into).collect() })
    }

    /// Runs it as this one.
    #[must_use]
    pub const fn run_as(mut self, user: RunAs) -> Self {
        self.run_as = user;
        self
    }

    /// Runs it in this directory.
    #[must_use]
    pub fn directory(mut self, directory: impl Into<PathBuf>) -> Self {
        self.directory = Some(directory.into());
        self
    }

    /// Sets how long it may take.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline_ms = millis(deadline);
        self
    }

    /// Lets it be done again when nobody knows whether it was done.
    #[must_use]
    pub const fn repeatable(mut self) -> Self {
        self.repeatable = true;
        self
    }

    /// Sets what takes it back.
    #[must_use]
    pub fn undo(mut self, undo: Action) -> Self {
        self.undo = Some(undo);
        self
    }

    /// Adds checks that must pass after it.
    #[must_use]
    pub fn gate<I: Into<String>>(mut self, ids: impl IntoIterator<Item = I>) -> Self {
        self.gate.extend(ids.into_iter().map(Into::into));
        self
    }

    /// Sets how long its gate must go on passing.
    #[must_use]
    pub fn steady(mut self, steady: Duration) -> Self {
        self.steady_ms = millis(steady);
        self
    }

    /// Says what would be lost by it.
    #[must_use]
    pub fn loses(mut self, what: impl Into<String>) -> Self {
        self.loses = Some(what.into());
        self
    }

    /// Sets whose log says more when it fails.
    #[must_use]
    pub fn component(mut self, name: impl Into<String>) -> Self {
        self.component = Some(name.into());
        self
    }

    /// How long it may take.
    #[must_use]
    pub const fn allowed(&self) -> Duration {
        Duration::from_millis(self.deadline_ms)
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
