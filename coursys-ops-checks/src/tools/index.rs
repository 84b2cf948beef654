//! How many documents the search index holds.

use coursys_ops_core::Scope;
use coursys_ops_core::model::Finding;
use elasticsearch::CountParts;

use crate::elasticsearch::{ask, error_type, server_error};
use crate::garbage;

/// The number of documents in the site's index; nothing when there is no such index.
///
/// # Errors
///
/// The finding that says why Elasticsearch does not tell.
pub async fn documents(scope: &Scope) -> Result<Option<u64>, Finding> {
    let search = &scope.config().search;
    let index = &search.index;
    let (status, body) =
        ask(scope, |client| async move { client.count(CountParts::Index(&[index])).send().await }).await?;
    if error_type(&body) == Some("index_not_found_exception") {
        return Ok(None);
    }
    if status != 200 {
        return Err(server_error(&search.server, status, &body));
    }
    let count = body.get("count").and_then(serde_json::Value::as_u64);
    let said = || garbage::it_said(body.to_string().as_bytes());
    count.map(Some).ok_or_else(|| garbage::finding(&search.server, "Elasticsearch", &said()))
}
