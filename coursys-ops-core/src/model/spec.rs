//! A check as data: what it is called, what it needs, what it may do.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How long a whole run may take unless told otherwise. No path of needs may take longer.
pub const DEFAULT_DEADLINE: Duration = Duration::from_secs(15);

/// How much of the deployment must be there for a check to make sense.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Tier {
    /// Without these nothing works.
    Sanity,
    /// What a finished deployment shows. The default.
    #[default]
    Deploy,
    /// What takes seconds.
    Slow,
}

impl Tier {
    /// Every tier, earliest first.
    pub const ALL: [Self; 3] = [Self::Sanity, Self::Deploy, Self::Slow];

    /// The word used on the command line and in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sanity => "sanity",
            Self::Deploy => "deploy",
            Self::Slow => "slow",
        }
    }
}

impl std::fmt::Display for Tier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

/// What a check does to the world by looking.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Effects {
    /// Reads only.
    None,
    /// Writes, and takes it back also when interrupted.
    SelfCleaning,
    /// Makes the site itself write a log row.
    SiteLog,
    /// Sends something that cannot be taken back.
    Sends,
}

impl Effects {
    /// What it means, a few words.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::None => "reads only",
            Self::SelfCleaning => "writes and takes it back (left out by --read-only)",
            Self::SiteLog => "makes the site write a log row (left out by --read-only)",
            Self::Sends => "sends something that cannot be taken back (left out by --read-only)",
        }
    }
}

/// Where a check must run: here, or in the workers of a queue.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Location {
    /// In the process that runs the checks.
    Local,
    /// In the workers of this queue.
    Queue(String),
}

/// Everything about a check but the looking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckSpec {
    /// Dotted, lower case: `database.connection`.
    pub id: String,
    /// For people, a few words.
    pub title: String,
    /// See [`Tier`]. A need is never of a later tier.
    pub tier: Tier,
    /// Ids of checks without which this one makes no sense.
    pub needs: Vec<String>,
    /// The component of the layout that it looks at; without it the check is skipped.
    pub component: Option<String>,
    /// How long it may take before it has failed.
    pub timeout: Duration,
    /// See [`Effects`].
    pub effects: Effects,
    /// See [`Location`].
    pub location: Location,
    /// Outside services are not asked more often than this within one process.
    pub interval: Option<Duration>,
    /// What to do when it gives no answer in time.
    pub timeout_hint: String,
    /// For `--explain`: what it looks at, why, and what to do when it fails.
    pub explanation: String,
}

impl CheckSpec {
    /// The timeout of a check that says nothing else.
    pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(5);

    /// A local check of tier `deploy` that needs nothing, reads only and has five seconds.
    #[must_use]
    pub fn new(id: impl Into<String>, title: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            title: title.into(),
            tier: Tier::Deploy,
            needs: Vec::new(),
            component: None,
            timeout: Self::DEFAULT_TIMEOUT,
            effects: Effects::None,
            location: Location::Local,
            interval: None,
            timeout_hint: "it hangs: look at its process and its log, then restart it".to_owned(),
            explanation: String::new(),
        }
    }

    /// Sets the tier.
    #[must_use]
    pub const fn tier(mut self, tier: Tier) -> Self {
        self.tier = tier;
        self
    }

    /// Adds a need.
    #[must_use]
    pub fn needs(mut self, id: impl Into<String>) -> Self {
        self.needs.push(id.into());
        self
    }

    /// Sets the component that the layout must have.
    #[must_use]
    pub fn component(mut self, name: impl Into<String>) -> Self {
        self.component = Some(name.into());
        self
    }

    /// Sets the timeout.
    #[must_use]
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets the effects.
    #[must_use]
    pub const fn effects(mut self, effects: Effects) -> Self {
        self.effects = effects;
        self
    }

    /// Sets the minimum interval between two looks within one process.
    #[must_use]
    pub const fn interval(mut self, interval: Duration) -> Self {
        self.interval = Some(interval);
        self
    }

    /// Sets what to do when it gives no answer in time.
    #[must_use]
    pub fn timeout_hint(mut self, hint: impl Into<String>) -> Self {
        self.timeout_hint = hint.into();
        self
    }

    /// Sets the long explanation.
    #[must_use]
    pub fn explanation(mut self, text: impl Into<String>) -> Self {
        self.explanation = text.into();
        self
    }
}
