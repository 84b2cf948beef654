//! Emptying the cache, and the proof that it is empty.

use std::time::Duration;

use coursys_ops_core::Scope;
use coursys_ops_core::model::{Code, Finding};

use crate::memcached::{Flush, flush, unique_key};

/// memcached tells what is old by seconds: what was written in the second of a flush may survive it.
const NEXT_SECOND: Duration = Duration::from_millis(1100);

/// What a flush came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Purged {
    /// How many items the server said to hold before, the marker not counted.
    pub items: u64,
}

/// Empties the configured memcached. A marker that was written before, and was there, is gone afterwards.
///
/// # Errors
///
/// The finding that says what is wrong: no connection, a refusal, or a marker that is still there.
pub async fn purge(scope: &Scope) -> Result<Purged, Finding> {
    let marker = unique_key();
    for attempt in [1, 2] {
        let Flush { items, there, gone } = flush(scope, &marker).await?;
        if !there {
            return Err(Finding::failed(
                Code::WrongAnswer,
                "memcached did not keep the marker that shows whether it is emptied",
                "look at its memory limit and at `cache.health`: `coursys-ops check 'cache.*'`",
            ));
        }
        if gone {
            return Ok(Purged { items });
        }
        if attempt == 1 {
            tokio::time::sleep(NEXT_SECOND).await;
        }
    }
    Err(Finding::failed(
        Code::WrongAnswer,
        "memcached says that it is emptied, and the marker is still there",
        "restart it: `coursys-ops clear-cache`",
    ))
}
