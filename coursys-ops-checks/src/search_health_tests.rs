use coursys_ops_core::model::Status;

use super::*;
use crate::testing::{answers_http, config, look};
use crate::watermark::Watermark;

fn node(heap: Option<f64>, gc: Option<f64>) -> Node {
    Node { name: "test".to_owned(), heap_percent: heap, gc_percent: gc, disks: Vec::new() }
}

fn verdict(finding: &Finding) -> (Status, Code) {
    (finding.status, finding.code)
}

const GOOD: (Status, Code) = (Status::Passed, Code::Ok);

#[test]
fn the_missing_parts_of_an_index_are_named_and_whole_ones_are_not() {
    let health = json!({"indices": {
        "haystack": {"shards": {"0": {"primary_active": true}, "3": {"primary_active": false}}},
        "odd": {"shards": {"x": {"primary_active": false}}},
        "empty": {},
    }});
    assert_eq!(missing(&health), [("haystack".to_owned(), 3)]);
    assert_eq!(missing(&json!({})), []);
}

#[test]
fn the_reason_is_that_of_a_node_and_otherwise_that_of_the_whole() {
    let whole = json!({"allocate_explanation": "cannot allocate"});
    assert_eq!(explanation(&whole).as_deref(), Some("cannot allocate"));
    let node = json!({
        "allocate_explanation": "cannot allocate",
        "node_allocation_decisions": [{"deciders": [{"decider": "disk_threshold", "explanation": "the disk is full"}]}],
    });
    assert_eq!(explanation(&node).as_deref(), Some("the disk is full"));
    assert_eq!(explanation(&json!({"error": "no shard"})), None);
}

#[test]
fn a_block_of_the_index_or_of_the_cluster_is_found_as_text_or_as_a_switch() {
    let index = |blocks: Value| json!({"haystack": {"settings": {"index": {"blocks": blocks}}}});
    let none = json!({});
    for (of_index, of_cluster, expected) in [
        (none.clone(), none.clone(), Code::Ok),
        (index(json!({"read_only_allow_delete": "true"})), none.clone(), Code::ReadOnlyIndex),
        (index(json!({"write": true})), none.clone(), Code::ReadOnlyIndex),
        (index(json!({"read_only": "false"})), none.clone(), Code::Ok),
        (
            none.clone(),
            json!({"persistent": {"cluster": {"blocks": {"read_only": "true"}}}}),
            Code::ReadOnlyIndex,
        ),
        (none.clone(), json!({"defaults": {"cluster": {"blocks": {"read_only": "false"}}}}), Code::Ok),
    ] {
        assert_eq!(read_only("haystack", &of_index, &of_cluster).code, expected, "{of_index} {of_cluster}");
    }
}

#[test]
fn free_space_is_compared_with_the_watermarks_of_the_server() {
    let marks = Watermarks {
        urgent: Some(Watermark::UsedPercent(95.0)),
        name: "flood_stage",
        early: Some(Watermark::UsedPercent(90.0)),
    };
    let with = |free: f64| Disk { path: "/data".to_owned(), total: 1000.0, free };
    let node = node(None, None);
    for (free, expected) in [
        (100.0, GOOD),
        (99.0, (Status::Warning, Code::LowSpace)),
        (50.0, (Status::Warning, Code::LowSpace)),
        (49.0, (Status::Failed, Code::LowSpace)),
    ] {
        assert_eq!(verdict(&space(&node, &with(free), Some(&marks))), expected, "{free}");
    }
    assert_eq!(verdict(&space(&node, &with(0.0), None)), GOOD);
}

#[test]
fn memory_has_two_limits_and_the_time_for_freeing_it_has_one() {
    let search = config().search;
    let judged = |heap: f64| verdict(&super::heap(&node(Some(heap), None), &search).unwrap());
    assert_eq!(judged(85.0), GOOD);
    assert_eq!(judged(86.0), (Status::Warning, Code::LowMemory));
    assert_eq!(judged(96.0), (Status::Failed, Code::LowMemory));
    let gc = |share: f64| verdict(&collection(&node(None, Some(share)), &search).unwrap());
    assert_eq!((gc(1.0), gc(21.0)), (GOOD, (Status::Warning, Code::LowMemory)));
    assert_eq!(super::heap(&node(None, None), &search), None);
}

#[tokio::test]
async fn a_user_who_may_only_search_skips_it() {
    let mut config = config();
    let refusal = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\n{}".to_vec();
    config.search.server.port = answers_http(refusal).await;
    let findings = look(SearchHealth::new(), config).await;
    assert_eq!(verdict(&findings[0]), (Status::Skipped, Code::NotPermitted));
}
