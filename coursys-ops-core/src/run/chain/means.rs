//! What a plan is carried out with, given from outside: core knows no check and no built-in step.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::mpsc::Sender;

use crate::check::Scope;
use crate::context::Context;
use crate::model::{Event, OutputStream};
use crate::plan::{Plan, PlanProblem};
use crate::process::Line;
use crate::registry::Registry;
use crate::run::{Cancel, Progress};

/// Something that the program does by itself, as a step of a plan.
#[async_trait]
pub trait BuiltIn: Send + Sync {
    /// Does it. Its future may be dropped at any await, when the step's deadline passes or somebody stops it now.
    ///
    /// # Errors
    ///
    /// Why it did not work, for people.
    async fn carry_out(&self, arguments: &BTreeMap<String, String>, doing: &Doing<'_>) -> Result<(), String>;
}

/// Tells the last lines that a component logged, when a step with it did not end well.
#[async_trait]
pub trait LastWords: Send + Sync {
    /// The lines, the oldest first; none when there are none to be had.
    async fn last_words(&self, component: &str, scope: &Scope) -> Vec<String>;
}

/// Handlers of built-in steps by their names.
pub type BuiltIns = BTreeMap<String, Arc<dyn BuiltIn>>;

/// What a plan is carried out with.
#[derive(Clone)]
pub struct Means {
    /// Configuration, identity, helper.
    pub context: Arc<Context>,
    /// The checks that gates name.
    pub checks: Arc<Registry>,
    /// The handlers of built-in steps.
    pub built_ins: Arc<BuiltIns>,
    /// Who reads the logs of components.
    pub last_words: Option<Arc<dyn LastWords>>,
}

impl Means {
    /// Whether a plan can be carried out with these.
    ///
    /// # Errors
    ///
    /// The first problem of the plan.
    pub fn judge(&self, plan: &Plan) -> Result<(), PlanProblem> {
        plan.judge(|id| self.checks.spec(id).is_some(), |name| self.built_ins.contains_key(name))
    }
}

/// Two strings that stop a plan.
#[derive(Debug, Clone)]
pub struct Stops {
    /// Before the next step; waiting for a gate ends at once.
    pub soon: Cancel,
    /// Now, also in the middle of a step.
    pub now: Cancel,
}

impl Stops {
    /// Two that are never pulled.
    #[must_use]
    pub fn never() -> Self {
        Self { soon: Cancel::never(), now: Cancel::never() }
    }
}

/// Takes note of what happens, before anything depends on it.
pub trait Record: Send {
    /// Takes note of an event. All but output must be durable when this returns.
    ///
    /// # Errors
    ///
    /// It could not be written: the plan stops there. That of output is passed over.
    fn record(&mut self, event: &Event) -> io::Result<()>;
}

/// A plan of which nobody takes note.
impl Record for () {
    fn record(&mut self, _event: &Event) -> io::Result<()> {
        Ok(())
    }
}

/// What a built-in step is done with.
pub struct Doing<'a> {
    pub(super) scope: &'a Scope,
    pub(super) soon: &'a Cancel,
    pub(super) lines: &'a Sender<Line>,
}

impl Doing<'_> {
    /// Connections, processes, files: what checks look with. Its deadline is that of the step.
    #[must_use]
    pub const fn scope(&self) -> &Scope {
        self.scope
    }

    /// How much of the step's deadline is left.
    #[must_use]
    pub fn remaining(&self) -> Duration {
        self.scope.remaining()
    }

    /// Pulled when the plan is to stop before the next step: what only waits should end then.
    #[must_use]
    pub const fn to_stop(&self) -> &Cancel {
        self.soon
    }

    /// Tells a line of progress.
    pub fn say(&self, line: impl Into<String>) {
        // More than anybody reads is left out.
        drop(self.lines.try_send((OutputStream::Note, line.into())));
    }

    /// Tells how far it is.
    pub fn progress(&self, progress: Progress) {
        drop(self.lines.try_send((OutputStream::Progress, progress.to_string())));
    }
}
