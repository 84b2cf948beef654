//! Celery's remote control, to ask any question and to tell nodes what to consume.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use coursys_ops_core::Scope;
use coursys_ops_core::model::Finding;
use serde_json::{Value, json};
use tokio::time::{Instant, timeout_at};
use uuid::Uuid;

use crate::amqp::{AmqpError, Broadcast, Connection, Incoming};

/// Where Celery's nodes listen. It is there as soon as one of them was.
const EXCHANGE: &str = "celery.pidbox";

/// How long nodes have for their answers.
const PATIENCE: Duration = Duration::from_millis(1500);

/// When all who are known have answered, others have so long.
const QUIET: Duration = Duration::from_millis(200);

/// After so long nobody waits for the answers any more.
const EXPIRES: Duration = Duration::from_secs(30);

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
        if !self.connection.has_fanout(EXCHANGE).await? {
            return Ok(answers);
        }
        let own = self.connection.listen().await?;
        let mut tickets = BTreeMap::new();
        for question in questions {
            let ticket = Uuid::new_v4().to_string();
            self.say(question, &json!({}), None, Some((&ticket, &own))).await?;
            tickets.insert(ticket, *question);
        }
        let ends = Instant::now() + PATIENCE;
        loop {
            let complete =
                |node: &String| answers.get(node).is_some_and(|said| said.len() == questions.len());
            let all = !known.is_empty() && known.iter().all(complete);
            let until = if all { ends.min(Instant::now() + QUIET) } else { ends };
            let Ok(incoming) = timeout_at(until, self.connection.next()).await else { break };
            let Incoming::Message(message) = incoming? else { continue };
            let Some(question) = message.ticket.as_ref().and_then(|ticket| tickets.get(ticket)) else {
                continue;
            };
            let Ok(Value::Object(said)) = serde_json::from_slice(&message.body) else { continue };
            for (node, said) in said {
                answers.entry(node).or_default().insert(question, said);
            }
        }
        Ok(answers)
    }

    /// Tells one node something that nobody answers.
    ///
    /// # Errors
    ///
    /// See [`AmqpError`].
    pub async fn tell(&mut self, node: &str, method: &str, arguments: &Value) -> Result<(), AmqpError> {
        self.say(method, arguments, Some(node), None).await
    }

    async fn say(
        &mut self,
        method: &str,
        arguments: &Value,
        node: Option<&str>,
        answer: Option<(&str, &str)>,
    ) -> Result<(), AmqpError> {
        let wall = self.scope.context().clock.now().as_duration().as_secs_f64();
        let mut body = json!({
            "method": method, "arguments": arguments, "destination": node.map(|node| [node]),
            "pattern": null, "matcher": null,
        });
        if let (Value::Object(body), Some((ticket, own))) = (&mut body, answer) {
            body.insert("ticket".to_owned(), json!(ticket));
            // Straight into our own queue, which needs no exchange that would stay.
            body.insert("reply_to".to_owned(), json!({"exchange": "", "routing_key": own}));
        }
        let message = Broadcast {
            expiration_ms: u32::try_from(EXPIRES.as_millis()).unwrap_or(u32::MAX),
            expires: wall + EXPIRES.as_secs_f64(),
            body: body.to_string().into_bytes(),
        };
        self.connection.broadcast(EXCHANGE, &message).await
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
