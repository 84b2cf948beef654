//! `search.connection`: Elasticsearch is there, lets us in, and its cluster has a master.

use std::time::Duration;

use async_trait::async_trait;
use coursys_ops_core::model::{CheckSpec, Code, Finding, Tier};
use coursys_ops_core::service::check_id;
use coursys_ops_core::{Check, Scope};
use elasticsearch::cluster::ClusterHealthParts;
use serde_json::Value;

use crate::elasticsearch::{MASTER_TIMEOUT, ask, server_error};

/// The check.
pub(crate) struct SearchConnection(CheckSpec);

impl SearchConnection {
    /// The check.
    pub(crate) fn new() -> Self {
        Self(
            CheckSpec::new("search.connection", "Search connection")
                .tier(Tier::Sanity)
                .component("elasticsearch")
                .needs(check_id("elasticsearch"))
                .timeout(Duration::from_secs(3))
                .timeout_hint("Elasticsearch hangs: look at its log and its memory, then restart it")
                .explanation(
                    "Asks Elasticsearch at `search.host` and `search.port` who it is and whether its cluster has a \
                     master, with `search.user` and the password where they are configured.\n\n\
                     Nobody but the site uses it, and the site shows empty results or errors on its search pages \
                     without it. How the cluster does and what the index holds is for `search.health`, \
                     `search.freshness` and `search.query`.\n\n\
                     When it fails: after a start it needs half a minute. If it does not come, its log tells why: \
                     too little memory, a directory that is not its own, a full disk. What it holds can always be \
                     made again: `manage.py rebuild_index`.",
                ),
        )
    }
}

#[async_trait]
impl Check for SearchConnection {
    fn spec(&self) -> &CheckSpec {
        &self.0
    }

    async fn look(&self, scope: &Scope) -> Vec<Finding> {
        vec![connection(scope).await.unwrap_or_else(|failed| failed)]
    }
}

async fn connection(scope: &Scope) -> Result<Finding, Finding> {
    let server = &scope.config().search.server;
    let place = server.place();
    let (status, root) = ask(scope, |client| async move { client.info().send().await }).await?;
    if status != 200 {
        return Err(server_error(server, status, &root));
    }
    let Some(version) = root.pointer("/version/number").and_then(Value::as_str) else {
        return Err(wrong_server(&place));
    };
    scope.fact("search", format!("Elasticsearch {version}"));
    let (status, health) = ask(scope, |client| async move {
        client.cluster().health(ClusterHealthParts::None).master_timeout(MASTER_TIMEOUT).send().await
    })
    .await?;
    match health.get("status").and_then(Value::as_str) {
        // How it does is for `search.health` to say.
        Some("green" | "yellow" | "red") => {
            Ok(Finding::passed(format!("Elasticsearch {version} at {place} has a master")))
        }
        _ if status != 200 => Err(server_error(server, status, &health)),
        _ => Err(wrong_server(&place)),
    }
}

/// It speaks JSON over HTTP and is something else.
fn wrong_server(place: &str) -> Finding {
    Finding::failed(
        Code::WrongServer,
        format!("what answers at {place} is no Elasticsearch"),
        "another server listens there: correct `search.host` and `search.port`",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{answers_http, config, converses, look, serves};

    fn answer(status: &str, body: &str) -> String {
        format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len())
    }

    async fn code_at(port: u16) -> Code {
        let mut config = config();
        config.search.server.port = port;
        look(SearchConnection::new(), config).await.remove(0).code
    }

    fn node(line: &str, health: &str) -> String {
        match line.split(' ').nth(1) {
            Some("/") => answer("200 OK", r#"{"version": {"number": "7.17.28"}}"#),
            Some("/_cluster/health?master_timeout=1s") => health.to_owned(),
            _ => String::new(),
        }
    }

    #[tokio::test]
    async fn a_cluster_of_any_colour_is_there() {
        let yellow = |line: &str| node(line, &answer("200 OK", r#"{"status": "yellow"}"#));
        assert_eq!(code_at(converses("", yellow).await).await, Code::Ok);
        let red = |line: &str| node(line, &answer("200 OK", r#"{"status": "red"}"#));
        assert_eq!(code_at(converses("", red).await).await, Code::Ok);
    }

    #[tokio::test]
    async fn a_node_without_a_master_is_a_server_error() {
        let lonely = |line: &str| {
            let body = r#"{"error": {"type": "master_not_discovered_exception", "reason": null}}"#;
            node(line, &answer("503 Service Unavailable", body))
        };
        assert_eq!(code_at(converses("", lonely).await).await, Code::ServerError);
    }

    #[tokio::test]
    async fn strangers_are_told_apart() {
        let web = answer("200 OK", "<html></html>").into_bytes();
        assert_eq!(code_at(answers_http(web).await).await, Code::Garbage);
        let moved = b"HTTP/1.1 302 Found\r\nLocation: https://example.invalid/\r\nContent-Length: 0\r\n\r\n";
        assert_eq!(code_at(answers_http(moved.to_vec()).await).await, Code::Garbage);
        let mut endless = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
        endless.resize(4 << 20, b' ');
        assert_eq!(code_at(answers_http(endless).await).await, Code::Garbage);
        let broken = b"HTTP/1.1 200 OK\r\nContent-Length: 200\r\n\r\n{}";
        assert_eq!(code_at(answers_http(broken.to_vec()).await).await, Code::ConnectionLost);
        let other = answer("200 OK", r#"{"hello": "world"}"#).into_bytes();
        assert_eq!(code_at(answers_http(other).await).await, Code::WrongServer);
        assert_eq!(code_at(serves(b"-ERR what?\r\n".to_vec()).await).await, Code::Garbage);
        assert_eq!(code_at(serves(Vec::new()).await).await, Code::ConnectionLost);
    }
}
