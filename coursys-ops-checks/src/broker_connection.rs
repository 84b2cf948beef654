//! `broker.connection`: logs in to the virtual host.

use std::time::Duration;

use async_trait::async_trait;
use coursys_ops_core::model::{CheckSpec, Finding, Tier};
use coursys_ops_core::service::check_id;
use coursys_ops_core::{Check, Scope};

use crate::amqp::Connection;

/// The check's id, for those that need it.
pub const ID: &str = "broker.connection";

const EXPLANATION: &str = "\
Connects to RabbitMQ, logs in as the site does and opens the site's virtual host, then says goodbye. It sends no message \
and creates nothing.

Everything that Celery does goes through the broker: without it pages that start a task fail at once, and nothing that \
was queued moves.

When it fails: see whether the broker runs (layout `vm`: `docker compose ps` in the site's directory) and read its log. A \
container that was recreated is a new, empty node: user and virtual host must be there again, and what was queued is \
lost. `access_denied` means that `broker.user` and its password are not those that the broker was started with.";

/// Looks whether the broker lets the site in.
#[derive(Debug)]
pub struct BrokerConnection(CheckSpec);

impl BrokerConnection {
    /// The check.
    #[must_use]
    pub fn new() -> Self {
        Self(
            CheckSpec::new(ID, "Broker connection")
                .tier(Tier::Sanity)
                .component("rabbitmq")
                .needs(check_id("rabbitmq"))
                .timeout(Duration::from_secs(3))
                .timeout_hint("RabbitMQ accepts connections but does not answer: read its log and restart it; or another server listens there: \
                     compare `broker.host` and `broker.port`")
                .explanation(EXPLANATION),
        )
    }
}

impl Default for BrokerConnection {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Check for BrokerConnection {
    fn spec(&self) -> &CheckSpec {
        &self.0
    }

    async fn look(&self, scope: &Scope) -> Vec<Finding> {
        let broker = &scope.config().broker;
        let connection = match Connection::open(scope, broker).await {
            Ok(connection) => connection,
            Err(finding) => return vec![finding],
        };
        let product = connection.product();
        connection.close().await;
        scope.fact("broker", format!("{product} at {}", broker.server.place()));
        vec![Finding::passed(format!("logged in to virtual host `{}` of {product}", broker.vhost))]
    }
}

#[cfg(test)]
mod tests {
    use coursys_ops_core::config::SecretValue;
    use coursys_ops_core::model::{Code, Status};

    use super::*;
    use crate::testing::{config, free_port, look, serves};

    async fn code(port: u16) -> Code {
        let mut config = config();
        config.broker.server.port = port;
        let findings = look(BrokerConnection::new(), config).await;
        assert_eq!(findings[0].status, Status::Failed);
        findings[0].code
    }

    #[tokio::test]
    async fn what_is_no_broker_is_told_apart() {
        assert_eq!(code(free_port().await).await, Code::Refused);
        assert_eq!(code(serves(b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()).await).await, Code::Garbage);
        assert_eq!(code(serves(b"AMQP\x00\x01\x00\x00".to_vec()).await).await, Code::Garbage);
        assert_eq!(code(serves(Vec::new()).await).await, Code::ConnectionLost);
    }

    #[tokio::test]
    async fn what_is_not_configured_is_named() {
        let mut config = config();
        config.broker.server.secret = SecretValue::Missing;
        let findings = look(BrokerConnection::new(), config.clone()).await;
        assert_eq!(findings[0].code, Code::NotConfigured);
        assert!(findings[0].message.contains("broker.password"));
        config.broker.server.user = None;
        let findings = look(BrokerConnection::new(), config).await;
        assert!(findings[0].message.contains("broker.user"));
    }
}
