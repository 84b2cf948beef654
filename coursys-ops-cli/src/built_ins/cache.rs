//! The built-in step that empties the cache.

use std::collections::BTreeMap;

use async_trait::async_trait;
use coursys_ops_checks::tools;
use coursys_ops_core::run::{BuiltIn, Doing};

use super::told;

/// Its name in plans.
pub const NAME: &str = "cache.purge";

/// Lets memcached forget everything, and looks whether it has.
pub struct Purge;

#[async_trait]
impl BuiltIn for Purge {
    async fn carry_out(&self, _: &BTreeMap<String, String>, doing: &Doing<'_>) -> Result<(), String> {
        let purged = tools::purge(doing.scope()).await.map_err(told)?;
        doing.say(format!("{} items and a marker are gone", purged.items));
        Ok(())
    }
}
