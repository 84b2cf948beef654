//! `broker.nodes`: what the broker's own tool says of its nodes and of its clients.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use coursys_ops_core::model::{CheckSpec, Code, Finding, Measurement, Tier};
use coursys_ops_core::{Check, Scope};
use serde::Deserialize;
use serde_json::Value;

use crate::broker_alarms;
use crate::garbage::excerpt;
use crate::rabbitmqctl::{COMPONENT, Control};

const EXPLANATION: &str = "\
Asks the broker by its own tool (`rabbitmqctl cluster_status` and `list_connections`) for alarms, for nodes that are \
stopped or in maintenance, for partitions, and for connections that are blocked. `broker.control` says how to call the \
tool; without it the check looks for the container of the compose service. The tool starts a virtual machine for each \
question, which is why this check is of tier slow.

`broker.alarms` hears of an alarm as every client does, and while there is one this check is skipped. It sees what clients \
are not told: an alarm of another node, and a node of a cluster that is gone or lost sight of the others and keeps its own \
truth about queues.

When it fails: `alarm` is explained at `broker.alarms`. `partitioned` and `not_running` are of clusters: see \
`rabbitmqctl cluster_status`, mend the network or start the node; after a partition restart the nodes of the smaller \
part. `not_found` or `server_error` mean that `broker.control` does not reach the tool. Who may not call it (neither \
root nor in the group `docker`) gets `skipped, not_permitted`.";

/// Looks how the broker's nodes are.
#[derive(Debug)]
pub struct BrokerNodes(CheckSpec);

impl BrokerNodes {
    /// The check.
    #[must_use]
    pub fn new() -> Self {
        Self(
            CheckSpec::new("broker.nodes", "Broker nodes")
                .tier(Tier::Slow)
                .component(COMPONENT)
                .needs(broker_alarms::ID)
                .timeout(Duration::from_millis(9200))
                .timeout_hint("`rabbitmqctl` does not come back: look at the load of the broker's machine")
                .explanation(EXPLANATION),
        )
    }
}

impl Default for BrokerNodes {
    fn default() -> Self {
        Self::new()
    }
}

/// As much of `cluster_status` as counts; versions differ in what they add.
#[derive(Debug, Deserialize)]
struct Cluster {
    running_nodes: Vec<String>,
    #[serde(default)]
    disk_nodes: Vec<String>,
    #[serde(default)]
    alarms: Vec<Value>,
    #[serde(default)]
    partitions: BTreeMap<String, Value>,
    #[serde(default)]
    maintenance_status: BTreeMap<String, Value>,
}

#[derive(Debug, Deserialize)]
struct Client {
    #[serde(default)]
    state: Value,
}

/// What an alarm is about: `{"resource": "memory", …}`, or another shape in other versions.
fn resource(alarm: &Value) -> String {
    let named = ["resource", "alarm", "type"].iter().find_map(|key| alarm.get(key)?.as_str());
    let node =
        alarm.get("node").and_then(Value::as_str).map(|node| format!(" on `{}`", excerpt(node.as_bytes())));
    let what = named.map_or_else(|| alarm.to_string(), ToOwned::to_owned);
    format!("{}{}", excerpt(what.as_bytes()), node.unwrap_or_default())
}

fn judge(cluster: &Cluster, clients: &[Client]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for alarm in &cluster.alarms {
        findings.push(Finding::failed(
            Code::Alarm,
            format!("the broker has raised an alarm: {}", resource(alarm)),
            "free what is short, memory or disk space: `rabbitmqctl status` shows how much the broker wants",
        ));
    }
    for node in cluster.partitions.keys() {
        let name = excerpt(node.as_bytes());
        findings.push(
            Finding::failed(
                Code::Partitioned,
                format!("the node `{name}` does not see all others"),
                "mend the network between the nodes, then restart those of the smaller part",
            )
            .about(name),
        );
    }
    for node in cluster.disk_nodes.iter().filter(|node| !cluster.running_nodes.contains(node)) {
        let name = excerpt(node.as_bytes());
        let message = format!("the broker's node `{name}` does not run");
        let hint = "start it, or take it out of the cluster: `rabbitmqctl forget_cluster_node`";
        findings.push(Finding::failed(Code::NotRunning, message, hint).about(name));
    }
    for (node, status) in &cluster.maintenance_status {
        if status.as_str().is_some_and(|status| !status.starts_with("not ")) {
            let name = excerpt(node.as_bytes());
            let message = format!("the broker's node `{name}` is in maintenance");
            let hint = "end it when the work is done: `rabbitmq-upgrade revive`";
            findings.push(Finding::warning(Code::InMaintenance, message, hint).about(name));
        }
    }
    let blocked =
        clients.iter().filter(|client| client.state.as_str().is_some_and(|state| state.starts_with("block")));
    let blocked = blocked.count();
    if blocked > 0 {
        findings.push(Finding::failed(
            Code::TryLater,
            format!("{blocked} of {} connections are blocked: their messages wait", clients.len()),
            "see which: `rabbitmqctl list_connections name user state`; an alarm blocks everybody who sends",
        ));
    }
    if findings.is_empty() {
        findings.push(Finding::passed(format!(
            "{} node without alarm, {} connections, none of them blocked",
            cluster.running_nodes.len(),
            clients.len()
        )));
    }
    let count = |count: usize| u32::try_from(count).map_or(f64::INFINITY, f64::from);
    if let Some(last) = findings.pop() {
        findings.push(
            last.measured(Measurement::new("connections", count(clients.len()), ""))
                .measured(Measurement::new("blocked", count(blocked), "").critical_at(1.0)),
        );
    }
    findings
}

async fn look(scope: &Scope) -> Result<Vec<Finding>, Finding> {
    let control = Control::find(scope).await?;
    let (cluster, clients) = tokio::join!(
        control.ask::<Cluster>(scope, &["cluster_status"]),
        control.ask::<Vec<Client>>(scope, &["list_connections", "name", "state"]),
    );
    Ok(judge(&cluster?, &clients?))
}

#[async_trait]
impl Check for BrokerNodes {
    fn spec(&self) -> &CheckSpec {
        &self.0
    }

    async fn look(&self, scope: &Scope) -> Vec<Finding> {
        look(scope).await.unwrap_or_else(|finding| vec![finding])
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn codes(cluster: Value, states: &[&str]) -> Vec<Code> {
        let cluster: Cluster = serde_json::from_value(cluster).unwrap();
        let clients: Vec<Client> = states.iter().map(|state| Client { state: json!(state) }).collect();
        judge(&cluster, &clients).into_iter().map(|finding| finding.code).collect()
    }

    /// As RabbitMQ 3.10 prints it.
    fn healthy() -> Value {
        json!({
            "alarms": [], "cluster_name": "c", "disk_nodes": ["a@h"], "running_nodes": ["a@h"], "partitions": {},
            "maintenance_status": {"a@h": "not under maintenance"},
        })
    }

    fn with(key: &str, value: Value) -> Value {
        let mut cluster = healthy();
        cluster[key] = value;
        cluster
    }

    #[test]
    fn each_trouble_of_a_cluster_has_a_code_of_its_own() {
        assert_eq!(codes(healthy(), &["running", "flow"]), [Code::Ok]);
        assert_eq!(codes(healthy(), &["running", "blocked", "blocking"]), [Code::TryLater]);
        let alarm = json!([{"node": "a@h", "resource": "memory"}]);
        assert_eq!(codes(with("alarms", alarm), &[]), [Code::Alarm]);
        assert_eq!(codes(with("partitions", json!({"a@h": ["b@h"]})), &[]), [Code::Partitioned]);
        assert_eq!(codes(with("disk_nodes", json!(["a@h", "b@h"])), &[]), [Code::NotRunning]);
        let draining = json!({"a@h": "under maintenance"});
        assert_eq!(codes(with("maintenance_status", draining), &[]), [Code::InMaintenance]);
    }

    #[test]
    fn an_alarm_of_another_shape_is_told_as_it_is() {
        assert_eq!(resource(&json!("file_descriptor_limit")), "\\\"file_descriptor_limit\\\"");
        assert_eq!(resource(&json!({"node": "a@h", "resource": "disk"})), "disk on `a@h`");
    }

    proptest! {
        #[test]
        fn any_names_and_states_are_judged(names in prop::collection::vec(any::<String>(), 0..4), state in any::<String>()) {
            let cluster = json!({"running_nodes": names, "disk_nodes": [], "alarms": names});
            prop_assert!(!codes(cluster, &[&state]).is_empty());
        }
    }
}
