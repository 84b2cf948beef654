//! Plans: what is to be done, as values.
//!
//! A plan is made without acting, can be shown, and is carried out step by step by the chain driver. Nothing in it is a
//! closure, so the very plan that was shown is the one that is written to the journal, carried out, and resumed.

mod action;
mod document;
mod problem;
mod step;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use action::{Action, FileChange};
pub use document::{PLAN_SCHEMA, PlanDocument};
pub use problem::PlanProblem;
pub use step::{RunAs, Step};

/// What is to be done, in this order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Plan {
    /// For people, a few words: `restart gunicorn`.
    pub title: String,
    /// The steps. One that fails stops the plan.
    pub steps: Vec<Step>,
}

impl Plan {
    /// A plan of no steps.
    #[must_use]
    pub fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), steps: Vec::new() }
    }

    /// Adds a step.
    #[must_use]
    pub fn step(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }

    /// What would be lost by it; nothing for a plan that destroys nothing.
    pub fn losses(&self) -> impl Iterator<Item = &str> {
        self.steps.iter().filter_map(|step| step.loses.as_deref())
    }
}
