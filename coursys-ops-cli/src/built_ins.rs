//! Built-in steps and readers of logs: what plans name and this program does by itself. A plan that is resumed finds them
//! here too, so every command that makes such steps registers them here.

mod cache;
mod index;
mod messages;

use std::sync::Arc;

use async_trait::async_trait;
use coursys_ops_checks::LogLines;
use coursys_ops_core::Scope;
use coursys_ops_core::model::Finding;
use coursys_ops_core::run::{BuiltIn, BuiltIns, LastWords, Means};
use coursys_ops_core::service::{Service, Surveyor, services};

use crate::setup::Setup;

pub use cache::NAME as CACHE_PURGE;
pub use index::{NAME as INDEX_COUNT, SEEN as INDEX_SEEN};
pub use messages::step as nothing_to_lose;

/// What a plan is carried out with.
pub fn means(setup: &Setup) -> Means {
    Means {
        context: Arc::clone(&setup.context),
        checks: Arc::clone(&setup.registry),
        built_ins: Arc::new(built_ins()),
        last_words: Some(Arc::new(Logs(services(&setup.context.config, &Surveyor::default())))),
    }
}

/// The built-in steps of every command.
fn built_ins() -> BuiltIns {
    let mut all = coursys_ops_checks::maintenance_built_ins();
    let tools: [(&str, Arc<dyn BuiltIn>); 3] = [
        (CACHE_PURGE, Arc::new(cache::Purge)),
        (INDEX_COUNT, Arc::new(index::Count)),
        (messages::NAME, Arc::new(messages::Empty)),
    ];
    all.extend(tools.map(|(name, step)| (name.to_owned(), step)));
    all
}

/// A finding as the end of a step, with what to do about it.
fn told(finding: Finding) -> String {
    match finding.hint {
        Some(hint) => format!("{}; {hint}", finding.message),
        None => finding.message,
    }
}

/// How many of the last lines of each log are told.
const LAST: u32 = 10;

/// Reads the logs of components.
struct Logs(Vec<Arc<dyn Service>>);

#[async_trait]
impl LastWords for Logs {
    async fn last_words(&self, component: &str, scope: &Scope) -> Vec<String> {
        let Some(service) = self.0.iter().find(|service| service.name() == component) else {
            return Vec::new();
        };
        let reader = LogLines::new(Arc::clone(service), LAST);
        reader.read(scope).await;
        reader.take()
    }
}
