//! `search.freshness`: the index holds something, and about as much as it did a while ago.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use coursys_ops_core::model::{CheckSpec, Code, Finding, Measurement};
use coursys_ops_core::{Check, Scope};
use elasticsearch::CountParts;
use serde_json::Value;

use crate::elasticsearch::{ask, error_type, server_error};
use crate::garbage;
use crate::grade::percent;
use crate::search_rebuild::{Rebuild, task};
use crate::workers::Roll;

/// How long a count is what later ones are compared with. What was taken away on purpose is normal a day later.
const LIFETIME: Duration = Duration::from_secs(24 * 3600);

/// The check. It lives as long as the process, and so does what it remembers.
pub(crate) struct SearchFreshness {
    spec: CheckSpec,
    roll: Roll,
    rebuild: Rebuild,
    most: Mutex<Most>,
}

impl SearchFreshness {
    /// The check; `roll` asks Celery's nodes what they do, and `rebuild` is told what came of it.
    pub(crate) fn new(roll: Roll, rebuild: Rebuild) -> Self {
        let spec = CheckSpec::new("search.freshness", "Search index is filled")
            .needs("search.health")
            .component("elasticsearch")
            .timeout(Duration::from_millis(3500))
            .timeout_hint("the index does not answer: look at Elasticsearch's log, memory and disk")
            .explanation(
                "Counts what the index `search.index` holds. None is a failure; and where the process goes on looking \
                 (`check --watch`, a server), so is a count that is lower by more than `search.max_shrink_percent` \
                 than the highest of the last 24 hours. Only then it asks Celery's workers whether one of the tasks \
                 `search.rebuild_tasks` runs, which makes it a warning.\n\n\
                 An empty index is what is left when Elasticsearch was recreated, which loses everything, or when a \
                 rebuild was interrupted. The site shows no error: its search just finds nothing. Half an index is \
                 worse, because nobody notices.\n\n\
                 When it fails: `manage.py update_index` fills it, `manage.py rebuild_index` makes it anew; both are \
                 safe and take some minutes. If a rebuild should have run, read the log of the worker of `batch` \
                 for its end. On Saturdays `haystack_rebuild` empties the index for a while: then wait.",
            );
        Self { spec, roll, rebuild, most: Mutex::default() }
    }

    async fn freshness(&self, scope: &Scope) -> Result<Finding, Finding> {
        let search = &scope.config().search;
        let index = &search.index;
        let (status, body) =
            ask(scope, |client| async move { client.count(CountParts::Index(&[index])).send().await })
                .await?;
        if error_type(&body) == Some("index_not_found_exception") {
            self.rebuild.set(task(scope, &self.roll).await.is_some());
            let message = format!("there is no index `{index}`, as `search.query` says");
            return Err(Finding::skipped(Code::NoSuchIndex, message));
        }
        let count = match count(&body) {
            Some(Count { failed: 0, found }) => found,
            Some(Count { failed, .. }) => return Err(incomplete(index, failed)),
            None if status == 200 => {
                let said = garbage::it_said(body.to_string().as_bytes());
                return Err(garbage::finding(&search.server, "Elasticsearch", &said));
            }
            None => return Err(server_error(&search.server, status, &body)),
        };
        let before = self.most.lock().unwrap_or_else(PoisonError::into_inner).look(count, Instant::now());
        let (finding, is_good) = judge(index, count, before, search.max_shrink_percent);
        if is_good {
            return Ok(finding);
        }
        let rebuild = task(scope, &self.roll).await;
        self.rebuild.set(rebuild.is_some());
        Ok(match rebuild {
            Some(task) => Finding {
                status: coursys_ops_core::model::Status::Warning,
                message: format!("{}, but {task} makes it anew", finding.message),
                ..finding
            }
            .with_hint("wait for the task to end, and look again"),
            None => finding,
        })
    }
}

#[async_trait]
impl Check for SearchFreshness {
    fn spec(&self) -> &CheckSpec {
        &self.spec
    }

    async fn look(&self, scope: &Scope) -> Vec<Finding> {
        self.rebuild.set(false);
        vec![self.freshness(scope).await.unwrap_or_else(|failed| failed)]
    }
}

/// What the index holds, and how many of its parts did not tell.
struct Count {
    found: u64,
    failed: u64,
}

fn count(body: &Value) -> Option<Count> {
    let found = body.get("count")?.as_u64()?;
    let failed = body.pointer("/_shards/failed").and_then(Value::as_u64).unwrap_or(0);
    Some(Count { found, failed })
}

fn incomplete(index: &str, failed: u64) -> Finding {
    Finding::failed(
        Code::ServerError,
        format!("{failed} parts of the index `{index}` did not say what they hold"),
        "look at Elasticsearch's log and disk; `manage.py rebuild_index` makes the index anew",
    )
}

/// The highest count of the last day.
#[derive(Debug, Default)]
struct Most(Option<(u64, Instant)>);

impl Most {
    /// Returns the highest count before this one, and takes this one into account.
    fn look(&mut self, count: u64, now: Instant) -> Option<u64> {
        let before = self.0.filter(|(_, then)| now.saturating_duration_since(*then) < LIFETIME);
        if before.is_none_or(|(most, _)| count >= most) {
            self.0 = Some((count, now));
        }
        before.map(|(most, _)| most)
    }
}

/// The finding, and whether it is a good one.
#[allow(clippy::cast_precision_loss, reason = "no index holds 2^53 documents")]
fn judge(index: &str, count: u64, before: Option<u64>, tolerance: f64) -> (Finding, bool) {
    let measured = Measurement::new("documents", count as f64, "");
    if count == 0 {
        let finding = Finding::failed(
            Code::Empty,
            format!("the index `{index}` is empty"),
            "fill it with `manage.py update_index`",
        );
        return (finding.measured(measured.critical_at(0.0)), false);
    }
    let lost = before.map_or(0.0, |before| percent(before.saturating_sub(count) as f64, before as f64));
    let lost_figure = Measurement::new("shrunk_percent", lost, "%").critical_at(tolerance);
    if lost > tolerance {
        let message = format!(
            "the index `{index}` holds {count} documents, {lost:.0} % fewer than the {} of a while ago",
            before.unwrap_or_default()
        );
        let hint = "see whether a rebuild was interrupted (the log of the worker of `batch`), then run `manage.py \
                    rebuild_index`";
        return (
            Finding::failed(Code::Shrunk, message, hint).measured(measured).measured(lost_figure),
            false,
        );
    }
    (Finding::passed(format!("the index `{index}` holds {count} documents")).measured(measured), true)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::{answers_http, config, look};

    fn fresh() -> SearchFreshness {
        SearchFreshness::new(Roll::default(), Rebuild::default())
    }

    async fn code_of(status: &str, body: Value) -> Code {
        let body = body.to_string();
        let answer = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        let mut config = config();
        config.components.remove("celery");
        config.search.server.port = answers_http(answer.into_bytes()).await;
        look(fresh(), config).await.remove(0).code
    }

    #[tokio::test]
    async fn full_empty_missing_and_broken_are_told_apart() {
        assert_eq!(code_of("200 OK", json!({"count": 3, "_shards": {"failed": 0}})).await, Code::Ok);
        assert_eq!(code_of("200 OK", json!({"count": 0})).await, Code::Empty);
        assert_eq!(code_of("200 OK", json!({"count": 3, "_shards": {"failed": 2}})).await, Code::ServerError);
        let missing = json!({"error": {"type": "index_not_found_exception"}, "status": 404});
        assert_eq!(code_of("404 Not Found", missing).await, Code::NoSuchIndex);
        let closed = json!({"error": {"type": "index_closed_exception", "reason": "closed"}});
        assert_eq!(code_of("400 Bad Request", closed).await, Code::ServerError);
        assert_eq!(code_of("200 OK", json!({"count": -1})).await, Code::Garbage);
    }

    #[test]
    fn a_count_is_compared_with_the_highest_of_a_day_and_with_no_older_one() {
        let (mut most, start) = (Most::default(), Instant::now());
        let after = |hours: u64| start + Duration::from_secs(hours * 3600);
        assert_eq!(most.look(1000, after(0)), None);
        assert_eq!(most.look(500, after(1)), Some(1000));
        assert_eq!(most.look(600, after(23)), Some(1000), "half an index does not become normal at once");
        assert_eq!(most.look(600, after(24)), None);
        assert_eq!(most.look(600, after(25)), Some(600));
        assert_eq!(most.look(700, after(26)), Some(600));
        assert_eq!(most.look(10, after(49)), Some(700));
    }

    #[test]
    fn less_than_the_tolerance_is_no_loss() {
        let code = |count, before| judge("haystack", count, before, 20.0).0.code;
        assert_eq!(code(80, Some(100)), Code::Ok);
        assert_eq!(code(79, Some(100)), Code::Shrunk);
        assert_eq!(code(200, Some(100)), Code::Ok);
        assert_eq!((code(1, None), code(0, Some(100))), (Code::Ok, Code::Empty));
    }
}
