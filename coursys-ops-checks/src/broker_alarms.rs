//! `broker.alarms`: the broker takes messages, and is of a version that the site's Celery can use.

use std::time::Duration;

use async_trait::async_trait;
use coursys_ops_core::config::Broker;
use coursys_ops_core::helper::Container;
use coursys_ops_core::model::{CheckSpec, Code, Effects, Finding};
use coursys_ops_core::service::Surveyor;
use coursys_ops_core::{Check, Scope};
use tokio::time::timeout;
use uuid::Uuid;

use crate::amqp::{AmqpError, Connection, Incoming};
use crate::broker_connection;
use crate::garbage::excerpt;
use crate::rabbitmqctl::COMPONENT;
use crate::version::Version;

/// The check's id, for those that need it.
pub const ID: &str = "broker.alarms";

/// The first message of a client is taken also while there is an alarm; that there is one is told right after.
const AFTERTHOUGHT: Duration = Duration::from_millis(150);

const EXPLANATION: &str = "\
Sends the broker a message that reaches nobody and looks whether it is taken. RabbitMQ stops taking messages from \
everybody when memory or disk space runs short, and tells each client that tries why; no rights on the server are needed \
to hear it. The version that the broker told at the login is compared with `broker.min_version` and \
`broker.below_version`.

While an alarm lasts every page that starts a task hangs, although connections and logins work as ever. And a broker that \
was updated past what the site's Celery can use (4.3 refuses the queues that Celery before 5.7 makes for its remote \
control) looks well until the next restart of a worker.

When it fails: `alarm` names what is short. Disk: free some where the broker keeps its data (in layout `vm` below \
`/var/lib/docker`); memory: look which queue is long (`rabbitmqctl list_queues name messages memory`) and why nobody \
empties it. The alarm goes away by itself when enough is free. `wrong_version`: bring back the broker's image of before, \
or update Celery and correct the key. What only the server itself knows (partitions, stopped nodes, the figures) is \
looked at by `broker.nodes`.";

/// Looks whether the broker takes messages.
#[derive(Debug)]
pub struct BrokerAlarms {
    spec: CheckSpec,
    surveyor: Surveyor,
}

impl BrokerAlarms {
    /// The check.
    #[must_use]
    pub fn new(surveyor: Surveyor) -> Self {
        Self {
            surveyor,
            spec: CheckSpec::new(ID, "Broker alarms")
                .component("rabbitmq")
                .needs(broker_connection::ID)
                .effects(Effects::SelfCleaning)
                .timeout(Duration::from_millis(1500))
                .timeout_hint("the broker lets clients in and does not take their messages: read its log")
                .explanation(EXPLANATION),
        }
    }
}

/// Whether the broker takes a message; a finding says why not.
async fn takes(connection: &mut Connection) -> Result<Finding, AmqpError> {
    connection.send_to_nobody(&format!("coursys-ops-{}", Uuid::new_v4())).await?;
    let mut taken = false;
    loop {
        let incoming = if taken {
            match timeout(AFTERTHOUGHT, connection.next()).await {
                Ok(incoming) => incoming?,
                Err(_) => return Ok(Finding::passed("the broker takes messages: there is no alarm")),
            }
        } else {
            connection.next().await?
        };
        match incoming {
            Incoming::Confirmed => taken = true,
            Incoming::Blocked(reason) => return Ok(alarm(&reason)),
            Incoming::NotConfirmed | Incoming::Returned { .. } => {
                return Ok(Finding::failed(
                    Code::Rejected,
                    "the broker did not take a message that reaches nobody",
                    "look at the broker's log",
                ));
            }
            Incoming::Message(_) => {}
        }
    }
}

fn alarm(reason: &str) -> Finding {
    let hint = if reason.contains("disk") {
        "free disk space where the broker keeps its data; `rabbitmqctl status` shows how much it wants"
    } else {
        "see which queue is long and why nobody empties it (`rabbitmqctl list_queues name messages memory`), or give \
         the broker more memory"
    };
    let reason = excerpt(reason.as_bytes());
    Finding::failed(Code::Alarm, format!("the broker takes no messages from anybody: {reason}"), hint)
}

/// Where the broker lives, as far as that bears on an alarm.
fn home(container: &Container) -> String {
    let mib = |bytes: u64| format!("{} MiB", bytes >> 20);
    let limit = match container.memory_limit {
        0 => "without a limit of memory".to_owned(),
        limit => format!("limited to {}", mib(limit)),
    };
    let used = container.memory.map(|used| format!(", {} in use", mib(used))).unwrap_or_default();
    let mounts = container.mounts.iter().filter(|(source, _)| !source.is_empty());
    let data: Vec<String> = mounts.map(|(source, place)| format!("{place} is {source}")).collect();
    let data = if data.is_empty() { "its data in the container itself".to_owned() } else { data.join(", ") };
    format!("container `{}` {limit}{used}, {data}", container.name)
}

/// Whether the site's Celery can use this version.
fn version(told: Option<&str>, broker: &Broker) -> Finding {
    let Some(told) = told.and_then(Version::parse) else {
        return Finding::passed("the broker tells no version to be compared");
    };
    let limit = |text: &str| Version::parse(text);
    if let Some(least) = limit(&broker.min_version).filter(|least| told < *least) {
        return Finding::failed(
            Code::WrongVersion,
            format!("the broker is RabbitMQ {told}, older than {least}"),
            "update the broker; or correct `broker.min_version`, if the site's Celery can use this one",
        );
    }
    if let Some(first) = limit(&broker.below_version).filter(|first| told >= *first) {
        return Finding::failed(
            Code::WrongVersion,
            format!("the broker is RabbitMQ {told}; from {first} on the site's Celery cannot use it"),
            "go back to the version of before, or update Celery and correct `broker.below_version`",
        );
    }
    Finding::passed(format!("RabbitMQ {told} is a version that the site's Celery can use"))
}

#[async_trait]
impl Check for BrokerAlarms {
    fn spec(&self) -> &CheckSpec {
        &self.spec
    }

    async fn look(&self, scope: &Scope) -> Vec<Finding> {
        let broker = &scope.config().broker;
        let mut connection = match Connection::open(scope, broker).await {
            Ok(connection) => connection,
            Err(finding) => return vec![finding],
        };
        let version = version(connection.version().as_deref(), broker);
        let taken = takes(&mut connection).await;
        connection.close().await;
        let mut taken = taken.unwrap_or_else(|error| error.finding(&broker.server));
        if taken.code == Code::Alarm {
            // Where it is at home is told as far as it is known.
            let containers = self.surveyor.containers(scope, COMPONENT).await.unwrap_or_default();
            taken.message.extend(containers.iter().map(|container| format!("; {}", home(container))));
        }
        vec![taken, version]
    }
}

#[cfg(test)]
mod tests {
    use coursys_ops_core::model::Status;

    use super::*;
    use crate::testing::config;

    #[test]
    fn a_version_is_right_from_the_least_one_up_to_the_first_that_is_not() {
        let mut broker = config().broker;
        broker.min_version = "3.8".to_owned();
        broker.below_version = "4.3".to_owned();
        for (told, good) in [
            ("3.7.28", false),
            ("3.8.0", true),
            ("3.13.7", true),
            ("4.2.10", true),
            ("4.3.0", false),
            ("4.10.1", false),
            ("unknown", true),
        ] {
            let finding = version(Some(told), &broker);
            assert_eq!(finding.status == Status::Passed, good, "{told}: {finding:?}");
        }
        (broker.min_version, broker.below_version) = (String::new(), String::new());
        assert_eq!(version(Some("0.9"), &broker).status, Status::Passed);
        assert_eq!(version(None, &broker).status, Status::Passed);
    }

    #[test]
    fn an_alarm_says_what_to_free() {
        let hint = |reason| alarm(reason).hint.unwrap();
        assert!(hint("low on disk").contains("disk space"));
        assert!(hint("low on memory").contains("more memory"));
        assert_eq!(alarm("low on memory").code, Code::Alarm);
    }
}
