//! What is said to Celery's nodes, and what they answer.

use std::time::Duration;

use coursys_ops_core::Scope;
use serde_json::{Value, json};
use tokio::time::{Instant, timeout_at};
use uuid::Uuid;

use crate::amqp::{AmqpError, Broadcast, Connection, Incoming};

/// Where Celery's nodes listen. It is there as soon as one of them was.
pub(super) const EXCHANGE: &str = "celery.pidbox";

/// How long nodes have for their answers. An idle one takes some milliseconds, one that has just been told to do a lot
/// some hundred.
const PATIENCE: Duration = Duration::from_millis(1200);

/// When all who are expected have answered, others that nobody expects have so long.
const QUIET: Duration = Duration::from_millis(150);

/// After so long nobody waits for the answers any more; for the clock of another machine it is generous.
const EXPIRES: Duration = Duration::from_secs(10);

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
    if !connection.has_fanout(EXCHANGE).await? {
        return Ok(());
    }
    let own = connection.listen().await?;
    let mut tickets = Vec::new();
    for method in methods {
        let ticket = Uuid::new_v4().to_string();
        let mut body = body(method, &json!({}), None);
        if let Value::Object(body) = &mut body {
            body.insert("ticket".to_owned(), json!(ticket));
            // Straight into our own queue, which needs no exchange that would stay.
            body.insert("reply_to".to_owned(), json!({"exchange": "", "routing_key": own}));
        }
        say(scope, connection, &body).await?;
        tickets.push((ticket, *method));
    }
    let ends = Instant::now() + PATIENCE;
    let mut all = false;
    loop {
        let until = if all { ends.min(Instant::now() + QUIET) } else { ends };
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

/// Tells one node something that nobody answers.
///
/// # Errors
///
/// See [`AmqpError`].
pub(super) async fn tell(
    scope: &Scope,
    connection: &mut Connection,
    node: &str,
    method: &str,
    arguments: &Value,
) -> Result<(), AmqpError> {
    say(scope, connection, &body(method, arguments, Some(node))).await
}

fn body(method: &str, arguments: &Value, node: Option<&str>) -> Value {
    json!({
        "method": method, "arguments": arguments, "destination": node.map(|node| [node]),
        "pattern": null, "matcher": null,
    })
}

async fn say(scope: &Scope, connection: &mut Connection, body: &Value) -> Result<(), AmqpError> {
    let wall = scope.context().clock.now().as_duration().as_secs_f64();
    let message = Broadcast {
        expiration_ms: u32::try_from(EXPIRES.as_millis()).unwrap_or(u32::MAX),
        expires: wall + EXPIRES.as_secs_f64(),
        body: body.to_string().into_bytes(),
    };
    connection.broadcast(EXCHANGE, &message).await
}
