//! Celery's remote control, to ask any question and to tell nodes what to consume.

use std::collections::{BTreeMap, BTreeSet};

use coursys_ops_core::Scope;
use coursys_ops_core::model::Finding;
use serde_json::Value;

use super::questions::{EXCHANGE, question_nodes, tell};
use crate::amqp::{AmqpError, Connection};

/// What each node answered to each question.
pub type Answers = BTreeMap<String, BTreeMap<&'static str, Value>>;

/// A conversation with all nodes.
pub struct Control<'a> {
    scope: &'a Scope,
    connection: Connection,
}

impl<'a> Control<'a> {
    /// Connects to the site's broker.
    ///
    /// # Errors
    ///
    /// The finding that says what is wrong with the broker.
    pub async fn open(scope: &'a Scope) -> Result<Self, Finding> {
        let connection = Connection::open(scope, &scope.config().broker).await?;
        Ok(Self { scope, connection })
    }

    /// Asks every node all of these; those of `known` are waited for a little longer.
    ///
    /// # Errors
    ///
    /// See [`AmqpError`].
    pub async fn ask(
        &mut self,
        questions: &[&'static str],
        known: &BTreeSet<String>,
    ) -> Result<Answers, AmqpError> {
        let mut answers = Answers::new();
        question_nodes(self.scope, &mut self.connection, questions, |question, body| {
            if let Ok(Value::Object(said)) = serde_json::from_slice(body) {
                for (node, said) in said {
                    answers.entry(node).or_default().insert(question, said);
                }
            }
            let complete =
                |node: &String| answers.get(node).is_some_and(|said| said.len() == questions.len());
            !known.is_empty() && known.iter().all(complete)
        })
        .await?;
        Ok(answers)
    }

    /// Tells one node something that nobody answers.
    ///
    /// # Errors
    ///
    /// See [`AmqpError`].
    pub async fn tell(&mut self, node: &str, method: &str, arguments: &Value) -> Result<(), AmqpError> {
        tell(self.scope, &mut self.connection, node, method, arguments).await
    }

    /// How many consumers a queue has; none when there is no such queue.
    ///
    /// # Errors
    ///
    /// See [`AmqpError`].
    pub async fn consumers(&mut self, queue: &str) -> Result<u32, AmqpError> {
        match self.connection.depth(queue).await {
            Ok(depth) => Ok(depth.consumers),
            Err(error) if error.is_not_found() => Ok(0),
            Err(error) => Err(error),
        }
    }

    /// Whether a node listens still.
    ///
    /// # Errors
    ///
    /// See [`AmqpError`].
    pub async fn listens(&mut self, node: &str) -> Result<bool, AmqpError> {
        Ok(self.consumers(&format!("{node}.{EXCHANGE}")).await? > 0)
    }

    /// Says goodbye.
    pub async fn close(self) {
        self.connection.close().await;
    }
}
