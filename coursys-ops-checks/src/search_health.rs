//! `search.health`: every index is complete and takes changes, and Elasticsearch has memory and disk left.

use std::time::Duration;

use async_trait::async_trait;
use coursys_ops_core::config::Search;
use coursys_ops_core::model::{CheckSpec, Code, Finding, Measurement};
use coursys_ops_core::{Check, Scope};
use elasticsearch::cluster::ClusterHealthParts;
use elasticsearch::indices::IndicesGetSettingsParts;
use elasticsearch::nodes::NodesStatsParts;
use elasticsearch::params::Level;
use serde_json::{Value, json};

use crate::elasticsearch::{MASTER_TIMEOUT, ask, server_error};
use crate::garbage;
use crate::grade::{graded, percent};
use crate::search_nodes::{Disk, Node, nodes};
use crate::watermark::Watermarks;

/// Bytes in a GiB.
const GIB: f64 = (1_u64 << 30) as f64;

/// The settings that keep changes out of an index or a cluster.
const BLOCKS: [&str; 3] = ["read_only", "read_only_allow_delete", "write"];

/// The check.
pub(crate) struct SearchHealth(CheckSpec);

impl SearchHealth {
    /// The check.
    pub(crate) fn new() -> Self {
        Self(
            CheckSpec::new("search.health", "Search health")
                .needs("search.connection")
                .component("elasticsearch")
                .timeout(Duration::from_millis(3500))
                .timeout_hint("Elasticsearch hangs: look at its log and its memory, then restart it")
                .explanation(
                    "Asks Elasticsearch for the colour of its cluster, whether the index `search.index` or the \
                     whole cluster is closed to changes, how much of its disks is free compared with its own \
                     watermarks, and how much of Java's memory for what lives long is used \
                     (`search.heap_warn_percent`, `search.heap_fail_percent`) and which part of its time goes into \
                     freeing it (`search.gc_max_percent`). A healthy single node is `yellow`, because copies have \
                     nowhere to go; only `red`, when a part of an index is missing, fails.\n\n\
                     All of this creeps up. When a disk fills, version 7 makes its indices read-only at the \
                     `flood_stage` watermark; version 5 stops placing new ones at the `high` one, so that the next \
                     rebuild leaves a red index. Searching goes on for days with old contents, and nobody is told. \
                     Too little memory shows as pauses first, and then as a process that is gone.\n\n\
                     When it fails: the message names the part of the index and Elasticsearch's own reason. Free \
                     disk space first. Version 7 reopens an index by itself when there is space again, version 5 and \
                     blocks set by hand want `PUT INDEX/_settings {\"index.blocks.read_only\": null}` (with the \
                     block's name). Memory is `-Xms` and `-Xmx` in `ES_JAVA_OPTS`. The index itself can always be \
                     made again with `manage.py rebuild_index`.",
                ),
        )
    }
}

#[async_trait]
impl Check for SearchHealth {
    fn spec(&self) -> &CheckSpec {
        &self.0
    }

    async fn look(&self, scope: &Scope) -> Vec<Finding> {
        health(scope).await.unwrap_or_else(|failed| vec![not_permitted(failed)])
    }
}

/// Who may search need not be allowed to look behind the scenes, and that the password is right is known already.
fn not_permitted(failed: Finding) -> Finding {
    if failed.code == Code::AccessDenied {
        let hint = "give the user the right to `monitor` the cluster and its indices";
        Finding::skipped(Code::NotPermitted, failed.message).with_hint(hint)
    } else {
        failed
    }
}

async fn health(scope: &Scope) -> Result<Vec<Finding>, Finding> {
    let search = &scope.config().search;
    let mut findings = vec![colour(scope).await?];
    let settings = cluster_settings(scope).await?;
    let nodes = node_statistics(scope).await?;
    let marks = Watermarks::of(&settings);
    findings.extend(
        nodes
            .iter()
            .flat_map(|node| node.disks.iter().map(move |disk| (node, disk)))
            .map(|(node, disk)| space(node, disk, marks.as_ref())),
    );
    findings.push(blocks(scope, &settings).await?);
    findings.extend(nodes.iter().filter_map(|node| heap(node, search)));
    findings.extend(nodes.iter().filter_map(|node| collection(node, search)));
    Ok(findings)
}

async fn colour(scope: &Scope) -> Result<Finding, Finding> {
    let server = &scope.config().search.server;
    let (status, health) = ask(scope, |client| async move {
        client.cluster().health(ClusterHealthParts::None).master_timeout(MASTER_TIMEOUT).send().await
    })
    .await?;
    match health.get("status").and_then(Value::as_str) {
        Some("red") => Ok(red(scope).await?),
        Some(colour) => {
            Ok(Finding::passed(format!("the cluster is {}", garbage::excerpt(colour.as_bytes()))))
        }
        None => Err(server_error(server, status, &health)),
    }
}

/// Which part of which index is missing, and why.
async fn red(scope: &Scope) -> Result<Finding, Finding> {
    let only = ["indices.*.shards.*.primary_active"];
    let (_, health) = ask(scope, |client| async move {
        let cluster = client.cluster();
        let health = cluster.health(ClusterHealthParts::None).level(Level::Shards).filter_path(&only);
        health.master_timeout(MASTER_TIMEOUT).send().await
    })
    .await?;
    let missing = missing(&health);
    let why = match missing.first() {
        Some((index, shard)) => reason(scope, index, *shard).await?,
        None => None,
    };
    let why = why.map_or_else(String::new, |why| format!(": {why}"));
    let what = match missing.first() {
        Some((index, shard)) if missing.len() == 1 => {
            format!("part {shard} of the index `{}` is missing", garbage::excerpt(index.as_bytes()))
        }
        Some((index, _)) => format!(
            "{} parts of indices are missing, some of `{}`",
            missing.len(),
            garbage::excerpt(index.as_bytes())
        ),
        None => "a part of an index is missing".to_owned(),
    };
    #[allow(clippy::cast_precision_loss, reason = "nobody has 2^53 indices")]
    let count = Measurement::new("unassigned_primaries", missing.len() as f64, "").critical_at(1.0);
    Ok(Finding::failed(
        Code::ClusterRed,
        format!("the cluster is red, {what}{why}"),
        "after a start wait half a minute; then free disk space, and make the index again with `manage.py \
         rebuild_index`, or delete one that is not the site's",
    )
    .measured(count))
}

/// Index and number of each part that nobody has.
fn missing(health: &Value) -> Vec<(String, u64)> {
    let indices = health.get("indices").and_then(Value::as_object).into_iter().flatten();
    let parts = indices.flat_map(|(index, parts)| {
        let parts = parts.get("shards").and_then(Value::as_object).into_iter().flatten();
        parts.map(move |(number, part)| (index, number, part))
    });
    let gone =
        parts.filter(|(_, _, part)| part.get("primary_active").and_then(Value::as_bool) == Some(false));
    gone.filter_map(|(index, number, _)| Some((index.clone(), number.parse().ok()?))).collect()
}

/// Why a part has no place, in Elasticsearch's words.
async fn reason(scope: &Scope, index: &str, shard: u64) -> Result<Option<String>, Finding> {
    let question = json!({"index": index, "shard": shard, "primary": true});
    let (_, answer) = ask(scope, |client| async move {
        let cluster = client.cluster();
        cluster.allocation_explain().body(question).send().await
    })
    .await?;
    Ok(explanation(&answer))
}

/// The first node's first reason, else that of the whole.
fn explanation(answer: &Value) -> Option<String> {
    /// In bytes: such a reason is a sentence or two.
    const LONGEST: usize = 200;
    let decided = answer.pointer("/node_allocation_decisions/0/deciders").and_then(Value::as_array);
    let said = |decider: &Value| decider.get("explanation").and_then(Value::as_str).map(ToOwned::to_owned);
    let first = decided.into_iter().flatten().find_map(said);
    let whole = || answer.get("allocate_explanation").and_then(Value::as_str).map(ToOwned::to_owned);
    let text = first.or_else(whole)?;
    Some(garbage::start_of(text.as_bytes(), LONGEST))
}

async fn cluster_settings(scope: &Scope) -> Result<Value, Finding> {
    let only = ["*.cluster.routing.allocation.disk", "*.cluster.blocks"];
    let (status, settings) = ask(scope, |client| async move {
        let cluster = client.cluster();
        let settings = cluster.get_settings().include_defaults(true);
        settings.filter_path(&only).send().await
    })
    .await?;
    if status == 200 {
        Ok(settings)
    } else {
        Err(server_error(&scope.config().search.server, status, &settings))
    }
}

async fn node_statistics(scope: &Scope) -> Result<Vec<Node>, Finding> {
    let only = [
        "nodes.*.name",
        "nodes.*.jvm.uptime_in_millis",
        "nodes.*.jvm.mem.heap_used_percent",
        "nodes.*.jvm.mem.pools.old",
        "nodes.*.jvm.gc.collectors.old",
        "nodes.*.fs.data",
    ];
    let (status, stats) = ask(scope, |client| async move {
        client.nodes().stats(NodesStatsParts::Metric(&["jvm", "fs"])).filter_path(&only).send().await
    })
    .await?;
    nodes(&stats).ok_or_else(|| server_error(&scope.config().search.server, status, &stats))
}

/// What keeps changes out of the site's index or of everything.
async fn blocks(scope: &Scope, settings: &Value) -> Result<Finding, Finding> {
    let index = &scope.config().search.index;
    let only = ["*.settings.index.blocks"];
    // An index that is missing has no blocks: `search.query` says that it is missing.
    let (_, of_index) = ask(scope, |client| async move {
        let parts = IndicesGetSettingsParts::Index(&[index]);
        client.indices().get_settings(parts).filter_path(&only).send().await
    })
    .await?;
    Ok(read_only(index, &of_index, settings))
}

fn read_only(index: &str, of_index: &Value, settings: &Value) -> Finding {
    let set = |blocks: Option<&Value>| {
        let is_set = |name: &&str| {
            let value = blocks.and_then(|blocks| blocks.get(*name));
            value.is_some_and(|value| value.as_bool() == Some(true) || value.as_str() == Some("true"))
        };
        BLOCKS.into_iter().find(|name| is_set(name))
    };
    let indices = of_index.as_object().into_iter().flatten();
    let own = indices
        .filter_map(|(name, of_one)| Some((name, set(of_one.pointer("/settings/index/blocks"))?)))
        .next();
    let layers = ["transient", "persistent", "defaults"];
    let all = layers.iter().find_map(|layer| set(settings.pointer(&format!("/{layer}/cluster/blocks"))));
    if let Some((name, block)) = own {
        let name = garbage::excerpt(name.as_bytes());
        return Finding::failed(
            Code::ReadOnlyIndex,
            format!("the index `{name}` takes no changes: `index.blocks.{block}` is set"),
            format!(
                "free disk space, then `PUT /{name}/_settings` with `{{\"index.blocks.{block}\": null}}`"
            ),
        )
        .about(name);
    }
    if let Some(block) = all {
        return Finding::failed(
            Code::ReadOnlyIndex,
            format!("the whole cluster takes no changes: `cluster.blocks.{block}` is set"),
            format!("`PUT /_cluster/settings` with `{{\"persistent\": {{\"cluster.blocks.{block}\": null}}}}`, or `transient`"),
        )
        .about("cluster");
    }
    Finding::passed(format!("the index `{index}` takes changes")).about(index)
}

fn space(node: &Node, disk: &Disk, marks: Option<&Watermarks>) -> Finding {
    let (name, path) = (garbage::excerpt(node.name.as_bytes()), garbage::excerpt(disk.path.as_bytes()));
    let message =
        format!("{:.1} GiB ({:.0} %) are free in {path}", disk.free / GIB, percent(disk.free, disk.total));
    let figure = Measurement::new("free_bytes", disk.free, "B");
    let Some(marks) = marks else {
        return Finding::passed(format!("{message}; watermarks are switched off"))
            .about(name)
            .measured(figure);
    };
    let urgent = marks.urgent.map(|mark| mark.free_bytes(disk.total));
    let early = marks.early.map(|mark| mark.free_bytes(disk.total));
    let below = |limit: Option<f64>| limit.is_some_and(|limit| disk.free < limit);
    let (warns, fails) = (below(early), below(urgent));
    let message = match (fails, warns, urgent, early) {
        (true, _, Some(limit), _) => {
            format!("{message}, less than the {:.1} GiB of the watermark `{}`", limit / GIB, marks.name)
        }
        (_, true, _, Some(limit)) => {
            format!("{message}, less than {:.1} GiB: copies find no place any more", limit / GIB)
        }
        _ => message,
    };
    let hint = "free disk space where Elasticsearch keeps its data; old indices and logs first";
    let mut figure = figure;
    (figure.warn, figure.crit) = (early, urgent);
    graded(warns, fails, Code::LowSpace, message, hint).about(name).measured(figure)
}

fn heap(node: &Node, search: &Search) -> Option<Finding> {
    let (used, warn, fail) = (node.heap_percent?, search.heap_warn_percent, search.heap_fail_percent);
    let message = format!("{used:.0} % of Java's memory for what lives long are used");
    let hint =
        "give Elasticsearch more memory (`-Xmx` in `ES_JAVA_OPTS`), or restart it if it only grew over time";
    let figure = Measurement::new("heap_percent", used, "%").warning_at(warn).critical_at(fail);
    let finding = graded(used > warn, used > fail, Code::LowMemory, message, hint);
    Some(finding.about(garbage::excerpt(node.name.as_bytes())).measured(figure))
}

fn collection(node: &Node, search: &Search) -> Option<Finding> {
    let (share, most) = (node.gc_percent?, search.gc_max_percent);
    let message = format!("{share:.1} % of its time go into freeing memory");
    let hint = "give Elasticsearch more memory (`-Xmx` in `ES_JAVA_OPTS`)";
    let figure = Measurement::new("gc_percent", share, "%").warning_at(most);
    let finding = graded(share > most, false, Code::LowMemory, message, hint);
    Some(finding.about(garbage::excerpt(node.name.as_bytes())).measured(figure))
}

#[cfg(test)]
#[path = "search_health_tests.rs"]
mod tests;
