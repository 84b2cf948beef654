//! What was seen of a component, as a value.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::{Component, Manager};

/// What a component does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It runs.
    Running,
    /// It is being started.
    Starting,
    /// It is being stopped.
    Stopping,
    /// It ended and is to be started again by its manager.
    Restarting,
    /// It is stopped.
    Stopped,
    /// It failed.
    Failed,
    /// It is there and halted: a paused container, a process that was stopped by a signal.
    Paused,
    /// It runs, and its manager found it unwell.
    Unhealthy,
    /// It is described, and there is no container of it.
    Missing,
    /// It is not part of this deployment.
    Absent,
    /// Somebody else manages it.
    Elsewhere,
    /// It could not be seen.
    Unseen,
}

impl State {
    /// The word of JSON and of the table.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Starting => "starting",
            Self::Stopping => "stopping",
            Self::Restarting => "restarting",
            Self::Stopped => "stopped",
            Self::Failed => "failed",
            Self::Paused => "paused",
            Self::Unhealthy => "unhealthy",
            Self::Missing => "missing",
            Self::Absent => "absent",
            Self::Elsewhere => "elsewhere",
            Self::Unseen => "unseen",
        }
    }

    /// Whether there is something that could be stopped.
    #[must_use]
    pub const fn is_up(self) -> bool {
        matches!(self, Self::Running | Self::Starting | Self::Restarting | Self::Paused | Self::Unhealthy)
    }
}

/// What is not as it should be, or will not stay so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DriftKind {
    /// It is not started at boot.
    NotEnabled,
    /// It is masked: nothing starts it.
    Masked,
    /// It is started at boot, and does not run.
    NotRunning,
    /// Its description has changed since its manager read it.
    ReloadNeeded,
    /// It has run since before its configuration was changed.
    OldConfiguration,
    /// Its container is of an older image than its name means now.
    OldImage,
    /// Its container is not what the compose file describes now.
    OldDescription,
    /// It ends and is started again, over and over.
    RestartLoop,
    /// It has been starting for longer than a start takes.
    StuckStarting,
    /// It has more main processes than it should.
    TwoMasters,
    /// Fewer of its containers run than are there.
    FewReplicas,
    /// Of a node of Celery that it starts there is no process.
    MissingNodes,
    /// A crontab starts or restarts it.
    CronRestarts,
}

impl DriftKind {
    /// A few words for the table.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::NotEnabled => "not enabled",
            Self::Masked => "masked",
            Self::NotRunning => "enabled, not running",
            Self::ReloadNeeded => "daemon-reload needed",
            Self::OldConfiguration => "older than its configuration",
            Self::OldImage => "older image",
            Self::OldDescription => "older compose file",
            Self::RestartLoop => "restart loop",
            Self::StuckStarting => "stuck starting",
            Self::TwoMasters => "too many main processes",
            Self::FewReplicas => "not all containers run",
            Self::MissingNodes => "not all nodes run",
            Self::CronRestarts => "cron restarts it",
        }
    }

    /// Whether it is worth knowing and nothing is wrong.
    #[must_use]
    pub const fn is_note(self) -> bool {
        matches!(self, Self::CronRestarts)
    }
}

/// One thing that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Drift {
    /// What kind of thing.
    pub kind: DriftKind,
    /// For people: what was seen.
    pub message: String,
    /// For people: what to do.
    pub hint: String,
}

impl Drift {
    /// One.
    pub fn new(kind: DriftKind, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hint: hint.into() }
    }
}

/// A unit, or the containers of a compose service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Part {
    /// The unit or compose service.
    pub unit: String,
    /// What it does.
    pub state: State,
    /// The manager's own words for it: `active (running)`, `exited (137)`.
    pub detail: String,
    /// Since when it is in this state, in milliseconds since 1970.
    pub since_ms: Option<i64>,
    /// When its main process started, in milliseconds since 1970.
    pub started_ms: Option<i64>,
    /// Its main process.
    pub main_pid: Option<u32>,
    /// How much memory it has, in bytes.
    pub memory_bytes: Option<u64>,
    /// How often its manager restarted it by itself.
    pub restarts: Option<u32>,
    /// Whether it is started at boot.
    pub enabled: Option<bool>,
    /// The image, or the version, that runs.
    pub version: Option<String>,
    /// Where it listens.
    pub listens: Vec<String>,
    /// The components it needs that do not run.
    pub waits_for: Vec<String>,
    /// The names of its containers.
    pub containers: Vec<String>,
    /// What is not as it should be.
    pub drift: Vec<Drift>,
    /// What could not be seen, and why.
    pub unseen: BTreeMap<String, String>,
}

impl Part {
    /// One of which nothing more is known.
    #[must_use]
    pub fn new(unit: &str, state: State) -> Self {
        Self {
            unit: unit.to_owned(),
            state,
            detail: String::new(),
            since_ms: None,
            started_ms: None,
            main_pid: None,
            memory_bytes: None,
            restarts: None,
            enabled: None,
            version: None,
            listens: Vec::new(),
            waits_for: Vec::new(),
            containers: Vec::new(),
            drift: Vec::new(),
            unseen: BTreeMap::new(),
        }
    }

    /// Whether something of this kind is wrong with it.
    #[must_use]
    pub fn has(&self, kind: DriftKind) -> bool {
        self.drift.iter().any(|drift| drift.kind == kind)
    }

    /// Whether it could not be seen because this user may not look, which is nobody's fault.
    #[must_use]
    pub fn is_not_permitted(&self) -> bool {
        let of_rights = ["this user may not", "ermission denied"];
        self.state == State::Unseen && of_rights.iter().any(|words| self.detail.contains(words))
    }

    /// One that could not be seen, for this reason, with every cell that is missing for its sake.
    pub(super) fn unseen(unit: &str, why: &str) -> Self {
        let mut part = Self::new(unit, State::Unseen);
        part.detail = why.to_owned();
        for cell in
            ["state", "since", "main_pid", "memory", "restarts", "enabled", "version", "listens", "drift"]
        {
            part.unseen.insert(cell.to_owned(), why.to_owned());
        }
        part
    }
}

/// What was seen of a component.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Look {
    /// Its name.
    pub component: String,
    /// Who manages it.
    pub manager: String,
    /// Its units or compose services that are part of this deployment; one that is `absent` when none is.
    pub parts: Vec<Part>,
    /// How compose is called here; empty for what compose does not manage or where it is not installed.
    pub compose: Vec<String>,
}

impl Look {
    /// One.
    pub(super) fn of(component: &str, manager: Manager, parts: Vec<Part>) -> Self {
        Self {
            component: component.to_owned(),
            manager: manager.as_str().to_owned(),
            parts,
            compose: Vec::new(),
        }
    }

    /// One of a component of which nothing could be seen, for this reason.
    pub(crate) fn unseen(name: &str, component: &Component, why: &str) -> Self {
        let parts = component.unit_names(name).into_iter().map(|unit| Part::unseen(unit, why)).collect();
        Self::of(name, component.manager, parts)
    }

    /// Whether any part is up.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.parts.iter().any(|part| part.state.is_up())
    }

    /// Whether every part runs, so that a start would change nothing.
    #[must_use]
    pub fn runs(&self) -> bool {
        self.parts.iter().all(|part| part.state == State::Running)
    }

    /// Whether it is part of this deployment, as far as could be seen.
    #[must_use]
    pub fn is_here(&self) -> bool {
        !self.parts.iter().all(|part| matches!(part.state, State::Absent | State::Elsewhere))
    }
}
