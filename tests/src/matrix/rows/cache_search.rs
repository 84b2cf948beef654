//! Faults of memcached and of Elasticsearch.

use crate::inject::{self, Request};
use crate::matrix::Fault;
use crate::matrix::set::{self, Set};

/// The rows of this area.
#[must_use]
pub fn rows() -> Vec<Fault> {
    [servers(), cache(), search(set::PLAIN, "5.6"), search(set::SEARCH7, "7.17")]
        .into_iter()
        .flatten()
        .collect()
}

/// The servers as a whole.
fn servers() -> Vec<Fault> {
    vec![
        Fault::new("memcached is stopped", "stopped")
            .with(inject::stopped("memcached"))
            .culprit("cache.connection", "failed refused"),
        Fault::new("memcached hangs", "hung")
            .with(inject::hung("memcached"))
            .culprit("cache.connection", "failed timeout"),
        Fault::new("Elasticsearch is stopped", "stopped")
            .with(inject::stopped("elasticsearch"))
            .culprit("search.connection", "failed refused"),
        Fault::new("Elasticsearch hangs", "hung")
            .with(inject::hung("elasticsearch"))
            .culprit("search.connection", "failed timeout"),
        Fault::new("the index does not exist", "wrong name")
            .set("search.index", "nosuch")
            .culprit("search.query", "failed no_such_index")
            .also("search.freshness", "skipped no_such_index"),
        Fault::new("nothing is found", "nothing found")
            .set("search.query", "qqqqqqqq")
            .culprit("search.query", "failed no_hits"),
    ]
}

/// Another memcached in the place of the site's, with a limit that is too low.
fn cache() -> Vec<Fault> {
    let health = |name: &str, mechanism: &'static str, options, deed, says: &str| {
        Fault::new(name, mechanism).with(inject::memcached(options, deed)).culprit("cache.health", says)
    };
    vec![
        health(
            "memcached throws values away",
            "evicting cache",
            &["-m", "2"],
            inject::overfilled,
            "warning evicting",
        )
        .telling("before they expired"),
        health(
            "memcached has no answers",
            "cold cache",
            &["-m", "16"],
            inject::asked_in_vain,
            "warning low_hit_rate",
        ),
        health(
            "memcached takes only small values",
            "low limit",
            &["-I", "512k", "-m", "16"],
            inject::left_alone,
            "failed limit_too_low",
        )
        .telling("cache.item_size_mib"),
        health(
            "memcached has few connections left",
            "too many connections",
            &["-c", "100"],
            inject::connected,
            "warning too_many_connections",
        )
        .telling("connections are taken"),
        health(
            "memcached has turned somebody away",
            "too many connections",
            &["-c", "50"],
            inject::overrun,
            "warning too_many_connections",
        )
        .telling("times since its start"),
        Fault::new("memcached is too old", "wrong version")
            .set("cache.min_version", "99.1")
            .culprit("cache.health", "warning too_old")
            .telling("99.1"),
    ]
}

/// Elasticsearch that searches still, and is ill.
fn search(set: Set, version: &str) -> Vec<Fault> {
    /// Any more than one per cent of the disk is too much.
    const FULL: Request = Request(
        "PUT",
        "/_cluster/settings",
        r#"{"transient": {"cluster.routing.allocation.disk": {"threshold_enabled": true, "watermark": {"low": "1%", "high": "1%"}}}}"#,
    );
    const FLOODED: Request = Request(
        "PUT",
        "/_cluster/settings",
        r#"{"transient": {"cluster.routing.allocation.disk": {"threshold_enabled": true, "watermark": {"low": "1%", "high": "1%", "flood_stage": "1%"}}}}"#,
    );
    const DRY: Request =
        Request("PUT", "/_cluster/settings", r#"{"transient": {"cluster.routing.allocation.disk.*": null}}"#);
    const WRITABLE: Request =
        Request("PUT", "/_all/_settings", r#"{"index.blocks.read_only_allow_delete": null}"#);
    const EMPTY: &[Request] = &[Request("PUT", "/emptied", r#"{"settings": {"index.number_of_shards": 1}}"#)];
    const GONE: &[Request] = &[Request("DELETE", "/emptied", "")];
    let fault =
        |name: &str, mechanism: &'static str| Fault::new(format!("{name} ({version})"), mechanism).on(set);
    let full = if set == set::PLAIN {
        inject::search(&[FULL], &[DRY])
    } else {
        inject::search(&[FLOODED], &[DRY, WRITABLE])
    };
    vec![
        fault("the index is empty", "empty index")
            .with(inject::search(EMPTY, GONE))
            .set("search.index", "emptied")
            .culprit("search.freshness", "failed empty"),
        fault("the index is empty while it is made anew", "rebuild")
            .with(inject::search(EMPTY, GONE))
            .with(inject::held("batch", 1))
            .set("search.index", "emptied")
            .set("search.rebuild_tasks", "hold")
            .culprit("search.freshness", "warning empty")
            .telling("coredata.tasks.hold")
            .culprit("search.query", "warning no_hits"),
        fault("the index takes no changes", "read-only")
            .with(inject::search(
                &[Request("PUT", "/haystack/_settings", r#"{"index.blocks.read_only_allow_delete": true}"#)],
                &[Request("PUT", "/haystack/_settings", r#"{"index.blocks.read_only_allow_delete": null}"#)],
            ))
            .culprit("search.health", "failed read_only_index")
            .telling("index.blocks.read_only_allow_delete"),
        fault("the whole cluster takes no changes", "read-only")
            .with(inject::search(
                &[Request("PUT", "/_cluster/settings", r#"{"transient": {"cluster.blocks.read_only": true}}"#)],
                &[Request("PUT", "/_cluster/settings", r#"{"transient": {"cluster.blocks.read_only": null}}"#)],
            ))
            .culprit("search.health", "failed read_only_index")
            .telling("cluster.blocks.read_only"),
        fault("a part of an index has no place", "red cluster")
            .with(inject::search(
                &[Request(
                    "PUT",
                    "/lost?wait_for_active_shards=0",
                    r#"{"settings": {"index.number_of_shards": 1, "index.routing.allocation.require._name": "nobody"}}"#,
                )],
                &[Request("DELETE", "/lost", "")],
            ))
            .culprit("search.health", "failed cluster_red")
            .telling("part 0 of the index `lost`")
            .telling("nobody"),
        fault("the disk of Elasticsearch is full", "watermark")
            .with(full)
            // It closes its indices a while later.
            .culprit("search.health", "failed low_space|failed low_space+read_only_index"),
        fault("Elasticsearch has no memory left", "low limit")
            .set("search.heap_warn_percent", 0)
            .set("search.heap_fail_percent", 0)
            .culprit("search.health", "failed low_memory"),
    ]
}
