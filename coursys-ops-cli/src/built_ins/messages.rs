//! The built-in step that looks, at the last moment, whether a message would be lost.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use coursys_ops_checks::tools;
use coursys_ops_core::plan::{Action, Step};
use coursys_ops_core::run::{BuiltIn, Doing};

/// Its name in plans.
pub const NAME: &str = "queues.empty";

/// The tool that lists queues takes seconds on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// The step. Pages send messages while nobody takes any, so what was so when the plan was made may be so no more.
pub fn step() -> Step {
    let action = Action::BuiltIn { name: NAME.to_owned(), arguments: BTreeMap::new() };
    Step::new(NAME, "see that no message would be lost", action).deadline(PATIENCE).repeatable()
}

/// Fails unless every queue is empty.
pub struct Empty;

#[async_trait]
impl BuiltIn for Empty {
    async fn carry_out(&self, _: &BTreeMap<String, String>, doing: &Doing<'_>) -> Result<(), String> {
        tools::nothing_to_lose(doing.scope()).await.map_err(super::told)
    }
}
