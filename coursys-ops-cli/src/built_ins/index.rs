//! The built-in step that counts what the search index holds.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use coursys_ops_checks::tools;
use coursys_ops_core::run::{BuiltIn, Doing};

/// Its name in plans.
pub const NAME: &str = "search.count";

/// New documents are seen after a second, on a busy machine later.
pub const SEEN: Duration = Duration::from_secs(20);
const AGAIN: Duration = Duration::from_millis(500);

/// Counts, and compares with the argument `before`; an empty index is a failure.
pub struct Count;

#[async_trait]
impl BuiltIn for Count {
    async fn carry_out(&self, arguments: &BTreeMap<String, String>, doing: &Doing<'_>) -> Result<(), String> {
        let started = Instant::now();
        let before: Option<u64> = arguments.get("before").and_then(|before| before.parse().ok());
        loop {
            let now = tools::documents(doing.scope()).await.map_err(super::told)?;
            let settled = now.is_some_and(|now| now > 0 && now >= before.unwrap_or(0));
            if settled || started.elapsed() > SEEN || doing.to_stop().reason().is_some() {
                return told(before, now, doing);
            }
            tokio::time::sleep(AGAIN).await;
        }
    }
}

fn told(before: Option<u64>, now: Option<u64>, doing: &Doing<'_>) -> Result<(), String> {
    let before =
        before.map_or_else(|| "before there was no index".to_owned(), |before| format!("before {before}"));
    match now {
        Some(0) => Err(format!("the index is empty; {before}")),
        Some(now) => {
            doing.say(format!("the index holds {now} documents; {before}"));
            Ok(())
        }
        None => Err(format!("there is no index; {before}")),
    }
}
