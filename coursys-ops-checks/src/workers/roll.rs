//! One question for all who want to know.

use std::sync::Arc;
use std::time::{Duration, Instant};

use coursys_ops_core::Scope;
use coursys_ops_core::model::Finding;
use serde_json::json;
use tokio::sync::Mutex;
use tokio::time::{Instant as Moment, timeout_at};
use uuid::Uuid;

use super::census::{Census, Question};
use crate::amqp::{AmqpError, Broadcast, Connection, Incoming};

/// Where Celery's nodes listen. It is there as soon as one of them was.
const EXCHANGE: &str = "celery.pidbox";

/// How long nodes have for their answers. An idle one takes some milliseconds, one that has just been told to do a lot
/// some hundred.
const PATIENCE: Duration = Duration::from_millis(1200);

/// When all who are expected have answered, others that nobody expects have so long.
const QUIET: Duration = Duration::from_millis(150);

/// After so long nobody waits for the answers any more; for the clock of another machine it is generous.
const EXPIRES: Duration = Duration::from_secs(10);

/// More nodes than this are not asked for their namesakes.
const NODES: usize = 64;

/// The roll of Celery's nodes. Clones share what was answered, so that one question serves all checks of a run.
#[derive(Debug, Clone, Default)]
pub struct Roll(Arc<Mutex<Option<Arc<Census>>>>);

impl Roll {
    /// What the nodes say, asked no earlier than this; who asks while another one does waits for those answers.
    ///
    /// # Errors
    ///
    /// The finding that says what is wrong with the broker.
    pub async fn call(&self, scope: &Scope, not_before: Instant) -> Result<Arc<Census>, Finding> {
        let mut last = self.0.lock().await;
        if let Some(census) = last.as_ref().filter(|census| census.at >= not_before) {
            return Ok(Arc::clone(census));
        }
        let broker = &scope.config().broker;
        let mut connection = Connection::open(scope, broker).await?;
        let asked = ask(scope, &mut connection).await;
        connection.close().await;
        let census = Arc::new(asked.map_err(|error| error.finding(&broker.server))?);
        *last = Some(Arc::clone(&census));
        Ok(census)
    }
}

async fn ask(scope: &Scope, connection: &mut Connection) -> Result<Census, AmqpError> {
    let wall = scope.context().clock.now().as_duration().as_secs_f64();
    let mut census = Census::new(Instant::now(), wall);
    let queues = &scope.config().celery.queues;
    question_nodes(scope, connection, &Question::ALL.map(Question::method), |method, body| {
        if let Some(question) = Question::ALL.into_iter().find(|question| question.method() == method) {
            census.take(question, body);
        }
        census.is_complete() && queues.iter().all(|queue| census.is_known(queue))
    })
    .await?;
    census.settle();
    for (name, node) in census.nodes.iter_mut().take(NODES) {
        // One that has just gone is not missed here.
        let mailbox = connection.depth(&format!("{name}.{EXCHANGE}")).await;
        node.namesakes = mailbox.ok().map(|mailbox| mailbox.consumers);
    }
    Ok(census)
}

/// Asks every node by these methods of Celery's remote control, none of which may change anything. Each answer is told with
/// the method that it answers; `taken` says whether all who are expected have answered now.
///
/// # Errors
///
/// See [`AmqpError`]. Nodes that do not answer are no error.
pub(crate) async fn question_nodes(
    scope: &Scope,
    connection: &mut Connection,
    methods: &[&'static str],
    mut taken: impl FnMut(&'static str, &[u8]) -> bool,
) -> Result<(), AmqpError> {
    let wall = scope.context().clock.now().as_duration().as_secs_f64();
    if !connection.has_fanout(EXCHANGE).await? {
        return Ok(());
    }
    let own = connection.listen().await?;
    let mut tickets = Vec::new();
    for method in methods {
        let ticket = Uuid::new_v4().to_string();
        let body = json!({
            "method": method, "arguments": {}, "destination": null, "pattern": null, "matcher": null,
            // Straight into our own queue, which needs no exchange that would stay.
            "ticket": ticket, "reply_to": {"exchange": "", "routing_key": own},
        });
        let message = Broadcast {
            expiration_ms: u32::try_from(EXPIRES.as_millis()).unwrap_or(u32::MAX),
            expires: wall + EXPIRES.as_secs_f64(),
            body: body.to_string().into_bytes(),
        };
        connection.broadcast(EXCHANGE, &message).await?;
        tickets.push((ticket, *method));
    }
    let ends = Moment::now() + PATIENCE;
    let mut all = false;
    loop {
        let until = if all { ends.min(Moment::now() + QUIET) } else { ends };
        let Ok(incoming) = timeout_at(until, connection.next()).await else { break };
        if let Incoming::Message(message) = incoming?
            && let Some((_, method)) =
                tickets.iter().find(|(ticket, _)| message.ticket.as_ref() == Some(ticket))
        {
            all = taken(method, &message.body);
        }
    }
    Ok(())
}
