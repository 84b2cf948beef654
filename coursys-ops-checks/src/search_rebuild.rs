//! Whether the search index is being made anew just now, which explains why it is empty.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use coursys_ops_core::Scope;

use crate::workers::{Census, Roll};

/// What others may know about the index since the last look at how much it holds.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rebuild(Arc<AtomicBool>);

impl Rebuild {
    /// Whether it was being made anew.
    pub(crate) fn runs(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Remembers whether it is.
    pub(crate) fn set(&self, runs: bool) {
        self.0.store(runs, Ordering::Relaxed);
    }
}

/// The task that makes the index anew, and the node that does it, when the nodes of Celery know of one. That they cannot be
/// asked is for other checks to say.
pub(crate) async fn task(scope: &Scope, roll: &Roll) -> Option<String> {
    let config = scope.config();
    if !config.components.contains_key("celery") {
        return None;
    }
    let census = roll.call(scope, Instant::now()).await.ok()?;
    among(&census, &config.search.rebuild_tasks)
}

/// The first active task whose name ends with one of these words.
fn among(census: &Census, words: &[String]) -> Option<String> {
    census.nodes.iter().find_map(|(node, said)| {
        let active = said.active.iter().flatten();
        let mut names = active.map(|task| task.name.as_str());
        let name = names.find(|name| words.iter().any(|word| name.rsplit('.').next() == Some(word)))?;
        let shown = |text: &str| crate::garbage::excerpt(text.as_bytes());
        Some(format!("`{}` on {}", shown(name), shown(node)))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::workers::Question;

    #[test]
    fn a_task_counts_by_the_last_word_of_its_name() {
        let words = ["haystack_rebuild".to_owned()];
        let with = |name: &str| {
            let mut census = Census::new(Instant::now(), 0.0);
            let active = json!({"batch@host": [{"id": "1", "name": name, "time_start": 0.0}]});
            census.take(Question::Active, active.to_string().as_bytes());
            among(&census, &words)
        };
        assert_eq!(
            with("coredata.tasks.haystack_rebuild").unwrap(),
            "`coredata.tasks.haystack_rebuild` on batch@host"
        );
        assert_eq!(with("coredata.tasks.no_haystack_rebuild"), None);
        assert_eq!(with("coredata.tasks.backup_database"), None);
    }
}
