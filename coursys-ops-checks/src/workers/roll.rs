//! One question for all who want to know.

use std::sync::Arc;
use std::time::Instant;

use coursys_ops_core::Scope;
use coursys_ops_core::model::Finding;
use tokio::sync::Mutex;

use super::census::{Census, Question};
use super::questions::{EXCHANGE, question_nodes};
use crate::amqp::{AmqpError, Connection};

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
