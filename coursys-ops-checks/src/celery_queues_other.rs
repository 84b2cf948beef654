//! `celery.queues.other`: nothing piles up in the queues that have no check of their own.

use std::time::Duration;

use async_trait::async_trait;
use coursys_ops_core::config::Config;
use coursys_ops_core::model::{CheckSpec, Code, Finding, Measurement, Status, Tier};
use coursys_ops_core::{Check, Scope};

use crate::broker_connection;
use crate::broker_queues::{Queue, VHOSTS, queues, vhosts};
use crate::garbage::excerpt;
use crate::rabbitmqctl::{COMPONENT, Control};

/// More offenders than this are counted, not listed.
const LISTED: usize = 20;

const EXPLANATION: &str = "\
Lists the queues of every virtual host by the broker's own tool, because AMQP cannot. A queue that is not one of \
`celery.queues` must have a consumer or be empty, and no queue at all may hold more than `celery.max_backlog` messages. \
Queues that go with their clients are left out: exclusive ones, and those that delete themselves, among them Celery's \
for remote control, events and answers.

A queue without a consumer keeps what is sent to it for ever: a task whose queue was misspelt, a queue whose worker was \
taken away and whose senders were not, the markup service's when nobody runs it. The broker's memory and disk fill with \
it until it takes nothing any more, from nobody.

When it fails: `no_consumer` names the queue and its virtual host. Find out who sends to it (the tasks' `queue=` in the \
site's code), start the worker or correct the name, then delete it: `rabbitmqctl delete_queue NAME`. `backlog` in a queue \
with consumers means that more comes than is done: see `celery.queue.QUEUE` for why, or whether somebody queued a great \
many tasks at once, which passes. Who may not call the tool gets `skipped, not_permitted`; `broker.nodes` tells how it is \
called.";

/// Looks into all queues.
#[derive(Debug)]
pub struct CeleryQueuesOther(CheckSpec);

impl CeleryQueuesOther {
    /// The check.
    #[must_use]
    pub fn new() -> Self {
        Self(
            CheckSpec::new("celery.queues.other", "Other queues")
                .tier(Tier::Slow)
                .component(COMPONENT)
                .needs(broker_connection::ID)
                .timeout(Duration::from_millis(10_700))
                .timeout_hint("`rabbitmqctl` does not come back: look at the load of the broker's machine")
                .explanation(EXPLANATION),
        )
    }
}

impl Default for CeleryQueuesOther {
    fn default() -> Self {
        Self::new()
    }
}

/// What is wrong with a queue.
fn judge(vhost: &str, queue: &Queue, config: &Config) -> Option<Finding> {
    if queue.goes_with_its_clients() {
        return None;
    }
    let messages = queue.messages.unwrap_or(0);
    let of_site = vhost == config.broker.vhost && config.celery.queues.contains(&queue.name);
    let nobody = queue.consumers == Some(0) && messages > 0;
    let (name, place) = (excerpt(queue.name.as_bytes()), excerpt(vhost.as_bytes()));
    let limit = config.celery.max_backlog;
    // A queue of the site's without a consumer is its own check's matter, whatever is in it.
    let finding = if nobody && !of_site {
        Finding::failed(
            Code::NoConsumer,
            format!("{messages} messages wait in `{name}` of virtual host `{place}`, and nobody consumes it"),
            "start who should consume it; or correct who sends to it and delete the queue: `rabbitmqctl delete_queue`",
        )
    } else if messages > limit && !nobody {
        Finding::failed(
            Code::Backlog,
            format!("{messages} messages wait in `{name}` of virtual host `{place}`, more than {limit}"),
            "see what its consumers do, and who sends that much; if that is normal here, raise `celery.max_backlog`",
        )
    } else {
        return None;
    };
    let figure = |count: u64| u32::try_from(count).map_or(f64::from(u32::MAX), f64::from);
    let measured = Measurement::new("messages", figure(messages), "").critical_at(figure(limit));
    Some(finding.about(name).measured(measured))
}

/// A tool that cannot be called is a failure of `broker.nodes`, and of nobody else.
fn told_elsewhere(finding: Finding) -> Finding {
    if finding.status != Status::Failed {
        return finding;
    }
    Finding::skipped(finding.code, format!("`broker.nodes` says why not: {}", finding.message))
}

async fn look(scope: &Scope) -> Result<Vec<Finding>, Finding> {
    let config = scope.config();
    let control = Control::find(scope).await.map_err(told_elsewhere)?;
    let list = async |vhost: &str| queues(scope, &control, vhost).await.map_err(told_elsewhere);
    // Each call takes a second or more, and the site's own virtual host is known.
    let own = &config.broker.vhost;
    let (vhosts, of_site) = tokio::join!(vhosts(scope, &control), list(own.as_str()));
    let (vhosts, of_site) = (vhosts.map_err(told_elsewhere)?, of_site?);
    let mut count = of_site.len();
    let mut findings: Vec<Finding> = of_site.iter().filter_map(|queue| judge(own, queue, config)).collect();
    for vhost in vhosts.iter().filter(|vhost| *vhost != own).take(VHOSTS) {
        let others = list(vhost).await?;
        count = count.saturating_add(others.len());
        findings.extend(others.iter().filter_map(|queue| judge(vhost, queue, config)));
    }
    let more = findings.len().saturating_sub(LISTED);
    findings.truncate(LISTED);
    if more > 0 {
        findings.push(Finding::failed(
            Code::Backlog,
            format!("{more} more queues are like that"),
            "mend those that are listed first",
        ));
    }
    let unseen = vhosts.len().saturating_sub(VHOSTS + 1);
    if findings.is_empty() {
        let left =
            if unseen > 0 { format!("; {unseen} virtual hosts were not looked into") } else { String::new() };
        findings.push(Finding::passed(format!("nothing piles up in {count} queues{left}")));
    }
    Ok(findings)
}

#[async_trait]
impl Check for CeleryQueuesOther {
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
    use serde_json::{Value, json};

    use super::*;
    use crate::testing::config;

    fn code(vhost: &str, queue: Value) -> Option<Code> {
        let queue: Queue = serde_json::from_value(queue).unwrap();
        let mut config = config();
        config.celery.max_backlog = 100;
        judge(vhost, &queue, &config).map(|finding| finding.code)
    }

    #[test]
    fn messages_that_nobody_consumes_fail_unless_another_check_tells_it() {
        let queue = |name: &str| json!({"name": name, "messages": 3, "consumers": 0});
        assert_eq!(code("myvhost", queue("foreign")), Some(Code::NoConsumer));
        assert_eq!(code("myvhost", queue("fast")), None);
        assert_eq!(code("/", queue("fast")), Some(Code::NoConsumer));
        assert_eq!(code("/", json!({"name": "empty", "messages": 0, "consumers": 0})), None);
    }

    #[test]
    fn a_pile_fails_whoever_consumes_it() {
        let queue = |name: &str| json!({"name": name, "messages": 101, "consumers": 1});
        assert_eq!(code("myvhost", queue("fast")), Some(Code::Backlog));
        assert_eq!(code("/", queue("foreign")), Some(Code::Backlog));
    }

    #[test]
    fn queues_that_go_with_their_clients_are_left_out() {
        for key in ["exclusive", "auto_delete"] {
            assert_eq!(code("/", json!({"name": "x", "messages": 500, "consumers": 0, key: true})), None);
        }
    }

    #[test]
    fn a_queue_without_figures_is_not_judged() {
        assert_eq!(code("/", json!({"name": "gone"})), None);
    }

    proptest! {
        #[test]
        fn any_figures_are_judged(name in any::<String>(), messages in any::<u64>(), consumers in any::<u64>()) {
            code(&name, json!({"name": name, "messages": messages, "consumers": consumers}));
        }
    }
}
