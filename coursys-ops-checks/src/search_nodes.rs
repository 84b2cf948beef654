//! What the nodes of Elasticsearch say about their memory and their disks, in 5.6 and 7.17 alike.

use serde_json::Value;

use crate::grade::percent;

/// After so long the time that went into freeing memory means something, in milliseconds: a start is busy with it.
const WARM_MS: f64 = 60_000.0;

/// One node.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Node {
    /// What it is called.
    pub(crate) name: String,
    /// How full Java's memory for what lives long is, in per cent. That memory is what counts: the rest fills up and is
    /// freed all the time.
    pub(crate) heap_percent: Option<f64>,
    /// Which part of its life went into freeing that memory, in per cent.
    pub(crate) gc_percent: Option<f64>,
    /// Its disks.
    pub(crate) disks: Vec<Disk>,
}

/// Where a node keeps indices.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Disk {
    /// Its directory, as the node sees it.
    pub(crate) path: String,
    /// In bytes.
    pub(crate) total: f64,
    /// In bytes, for those who are not root.
    pub(crate) free: f64,
}

/// The nodes in the answer of `_nodes/stats/jvm,fs`; nothing when it is no such answer.
pub(crate) fn nodes(stats: &Value) -> Option<Vec<Node>> {
    let nodes = stats.get("nodes")?.as_object()?;
    Some(nodes.iter().map(|(id, node)| read(id, node)).collect())
}

fn read(id: &str, node: &Value) -> Node {
    let figure = |path: &str| node.pointer(path).and_then(Value::as_f64).filter(|figure| *figure >= 0.0);
    let old = |name: &str| figure(&format!("/jvm/mem/pools/old/{name}"));
    let of_old = match (old("used_in_bytes"), old("max_in_bytes")) {
        (Some(used), Some(max)) if max > 0.0 => Some(percent(used, max)),
        _ => None,
    };
    let gc_percent =
        match (figure("/jvm/gc/collectors/old/collection_time_in_millis"), figure("/jvm/uptime_in_millis")) {
            (Some(spent), Some(lived)) if lived >= WARM_MS => Some(percent(spent, lived)),
            _ => None,
        };
    let disks = node.pointer("/fs/data").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    Node {
        name: node.get("name").and_then(Value::as_str).unwrap_or(id).to_owned(),
        heap_percent: of_old.or_else(|| figure("/jvm/mem/heap_used_percent")),
        gc_percent,
        disks: disks.iter().filter_map(disk).collect(),
    }
}

fn disk(data: &Value) -> Option<Disk> {
    let bytes = |name: &str| data.get(name)?.as_f64().filter(|bytes| *bytes >= 0.0);
    let total = bytes("total_in_bytes").filter(|total| *total > 0.0)?;
    let free = bytes("available_in_bytes")?;
    let path = data.get("path").and_then(Value::as_str).unwrap_or("its disk").to_owned();
    Some(Disk { path, total, free })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    /// A node as both versions tell it.
    fn answer() -> Value {
        json!({"nodes": {"Huh2dTBCQ8earosZUVscJQ": {
            "name": "test",
            "jvm": {
                "uptime_in_millis": 100_000,
                "mem": {"heap_used_percent": 45, "pools": {"old": {"used_in_bytes": 250, "max_in_bytes": 1000}}},
                "gc": {"collectors": {"old": {"collection_count": 3, "collection_time_in_millis": 5000}}},
            },
            "fs": {"data": [{
                "path": "/data/nodes/0", "type": "ext4", "spins": "true",
                "total_in_bytes": 1000, "free_in_bytes": 800, "available_in_bytes": 700,
            }]},
        }}})
    }

    #[test]
    fn memory_for_what_lives_long_counts_and_the_whole_where_it_is_not_told() {
        let node = nodes(&answer()).unwrap().remove(0);
        let disk = Disk { path: "/data/nodes/0".into(), total: 1000.0, free: 700.0 };
        let expected =
            Node { name: "test".into(), heap_percent: Some(25.0), gc_percent: Some(5.0), disks: vec![disk] };
        assert_eq!(node, expected);
        let mut other = answer();
        let jvm = &mut other["nodes"]["Huh2dTBCQ8earosZUVscJQ"]["jvm"];
        jvm["mem"]["pools"] = json!({});
        jvm["uptime_in_millis"] = json!(10_000);
        let node = nodes(&other).unwrap().remove(0);
        assert_eq!((node.heap_percent, node.gc_percent), (Some(45.0), None));
    }

    #[test]
    fn an_answer_of_something_else_has_no_nodes() {
        for other in [json!({}), json!({"nodes": []}), json!({"nodes": 3})] {
            assert_eq!(nodes(&other), None);
        }
        assert_eq!(nodes(&json!({"nodes": {"x": 5}})).unwrap()[0].heap_percent, None);
    }

    proptest! {
        #[test]
        fn figures_of_a_stranger_do_not_take_the_reader_down(used in any::<f64>(), max in any::<i64>(), text in "\\PC{0,20}") {
            let mut odd = answer();
            let node = &mut odd["nodes"]["Huh2dTBCQ8earosZUVscJQ"];
            node["jvm"]["mem"]["pools"]["old"] = json!({"used_in_bytes": used, "max_in_bytes": max});
            node["jvm"]["uptime_in_millis"] = json!(text);
            node["fs"]["data"] = json!([{"total_in_bytes": max, "available_in_bytes": used, "path": 7}, text, null]);
            let node = nodes(&odd).unwrap().remove(0);
            prop_assert!(node.heap_percent.is_none_or(|percent| percent >= 0.0));
        }
    }
}
