//! `search.query`: the index finds what must be there.

use std::time::Duration;

use async_trait::async_trait;
use coursys_ops_core::model::{CheckSpec, Code, Finding, Measurement};
use coursys_ops_core::{Check, Scope};
use elasticsearch::SearchParts;
use serde_json::Value;

use crate::elasticsearch::{ask, error_type, server_error};
use crate::garbage;
use crate::search_rebuild::Rebuild;

/// The check.
pub(crate) struct SearchQuery {
    spec: CheckSpec,
    rebuild: Rebuild,
}

impl SearchQuery {
    /// The check; `rebuild` tells whether the index is being made anew.
    pub(crate) fn new(rebuild: Rebuild) -> Self {
        let spec =
            CheckSpec::new("search.query", "Search finds something")
                .needs("search.freshness")
                .timeout(Duration::from_secs(3))
                .component("elasticsearch")
                .timeout_hint("the index does not answer: look at Elasticsearch's log, memory and disk")
                .explanation(
                    "Asks the index `search.index` for the word `search.query`, which every filled index must \
                     find.\n\n\
                     An index that is missing or empty is what is left when Elasticsearch was recreated, or when \
                     the rebuild was interrupted; the site then shows empty search results without an error. \
                     During the weekly `haystack_rebuild` it is empty for a while.\n\n\
                     When it fails: `manage.py update_index` fills it, `manage.py rebuild_index` makes it anew. \
                     Both are safe and take some minutes.",
                );
        Self { spec, rebuild }
    }

    /// While the index is being made anew, that it finds nothing is no failure.
    fn patient(&self, failed: Finding) -> Finding {
        if self.rebuild.runs() && matches!(failed.code, Code::NoHits | Code::NoSuchIndex) {
            let hint = "the index is being made anew: wait for it, and look again";
            Finding::warning(failed.code, failed.message, hint)
        } else {
            failed
        }
    }
}

#[async_trait]
impl Check for SearchQuery {
    fn spec(&self) -> &CheckSpec {
        &self.spec
    }

    async fn look(&self, scope: &Scope) -> Vec<Finding> {
        vec![query(scope).await.unwrap_or_else(|failed| self.patient(failed))]
    }
}

async fn query(scope: &Scope) -> Result<Finding, Finding> {
    let search = &scope.config().search;
    let (index, word) = (&search.index, &search.query);
    let (status, body) = ask(scope, |client| async move {
        client.search(SearchParts::Index(&[index])).q(word).size(0).send().await
    })
    .await?;
    if error_type(&body) == Some("index_not_found_exception") {
        return Err(Finding::failed(
            Code::NoSuchIndex,
            format!("there is no index `{index}`"),
            "make it with `manage.py rebuild_index`, or correct `search.index`",
        ));
    }
    if status != 200 {
        return Err(server_error(&search.server, status, &body));
    }
    match hits(&body) {
        Some(0) if failed_shards(&body) > 0 => Err(Finding::failed(
            Code::ServerError,
            format!("{} parts of the index `{index}` did not answer", failed_shards(&body)),
            "look at Elasticsearch's log and disk; `manage.py rebuild_index` makes the index anew",
        )),
        Some(0) => Err(Finding::failed(
            Code::NoHits,
            format!("the index `{index}` finds nothing for `{word}`"),
            "fill it with `manage.py update_index`",
        )),
        Some(hits) => {
            #[allow(clippy::cast_precision_loss, reason = "a count of hits is far below 2^53")]
            let count = Measurement::new("hits", hits as f64, "");
            Ok(Finding::passed(format!("the index `{index}` has {hits} hits for `{word}`")).measured(count))
        }
        None => Err(garbage::finding(
            &search.server,
            "Elasticsearch",
            &garbage::it_said(body.to_string().as_bytes()),
        )),
    }
}

/// How many there are: a number before version 7, an object from then on.
fn hits(body: &Value) -> Option<u64> {
    let total = body.pointer("/hits/total")?;
    total.as_u64().or_else(|| total.get("value")?.as_u64())
}

/// How many parts of the index did not answer.
fn failed_shards(body: &Value) -> u64 {
    body.pointer("/_shards/failed").and_then(Value::as_u64).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use coursys_ops_core::model::Status;
    use serde_json::json;

    use super::*;
    use crate::testing::{answers_http, config, look};

    async fn code_of(status: &str, body: Value) -> Code {
        let body = body.to_string();
        let answer = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        let mut config = config();
        config.search.server.port = answers_http(answer.into_bytes()).await;
        look(SearchQuery::new(Rebuild::default()), config).await.remove(0).code
    }

    #[test]
    fn hits_are_counted_in_the_words_of_both_versions() {
        assert_eq!(hits(&json!({"hits": {"total": 3}})), Some(3));
        assert_eq!(hits(&json!({"hits": {"total": {"value": 3, "relation": "eq"}}})), Some(3));
        for body in
            [json!({}), json!({"hits": {}}), json!({"hits": {"total": "3"}}), json!({"hits": {"total": -1}})]
        {
            assert_eq!(hits(&body), None, "{body}");
        }
    }

    #[tokio::test]
    async fn an_empty_index_a_missing_one_and_a_broken_one_are_told_apart() {
        assert_eq!(code_of("200 OK", json!({"hits": {"total": 1}})).await, Code::Ok);
        assert_eq!(code_of("200 OK", json!({"hits": {"total": 0}})).await, Code::NoHits);
        let broken = json!({"hits": {"total": {"value": 0}}, "_shards": {"failed": 5}});
        assert_eq!(code_of("200 OK", broken).await, Code::ServerError);
        let missing = json!({"error": {"type": "index_not_found_exception"}, "status": 404});
        assert_eq!(code_of("404 Not Found", missing).await, Code::NoSuchIndex);
        let closed = json!({"error": {"type": "index_closed_exception", "reason": "closed"}});
        assert_eq!(code_of("400 Bad Request", closed).await, Code::ServerError);
        assert_eq!(code_of("200 OK", json!({"took": 1})).await, Code::Garbage);
    }

    #[test]
    fn while_the_index_is_made_anew_nothing_found_is_a_warning() {
        let (rebuild, failed) = (Rebuild::default(), || Finding::failed(Code::NoHits, "", "wait"));
        let check = SearchQuery::new(rebuild.clone());
        assert_eq!(check.patient(failed()).status, Status::Failed);
        rebuild.set(true);
        assert_eq!(check.patient(failed()).status, Status::Warning);
        let broken = Finding::failed(Code::ServerError, "", "look");
        assert_eq!(check.patient(broken).status, Status::Failed);
    }
}
