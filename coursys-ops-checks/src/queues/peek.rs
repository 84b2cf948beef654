//! A peek at the messages that wait. Bodies are never looked at: Celery's may be pickled, and who unpickles runs what is in
//! them. What tells of a task stands in the headers.

use coursys_ops_core::Scope;
use coursys_ops_core::model::{Code, Finding};
use schemars::JsonSchema;
use serde::Serialize;

use crate::amqp::{AmqpError, Connection, Waiting, no_queue};

/// The number of the shape of [`Peek`].
const SCHEMA: u32 = 1;

/// The first messages of a queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Peek {
    /// The shape's number.
    pub schema: u32,
    /// The queue.
    pub queue: String,
    /// How many messages waited in it.
    pub ready: u64,
    /// The first of them, in their order.
    pub messages: Vec<Waiting>,
}

/// Looks at the first messages of a queue and puts them back in their places. They are marked as redelivered from then on;
/// should this be killed in the middle, the broker puts them back itself.
///
/// # Errors
///
/// The finding that says what is wrong with the broker, or that there is no such queue.
pub async fn peek(scope: &Scope, queue: &str, most: u32) -> Result<Peek, Finding> {
    let broker = &scope.config().broker;
    let mut connection = Connection::open(scope, broker).await?;
    let failed = |error: AmqpError| {
        if error.is_not_found() { no_queue(queue) } else { error.finding(&broker.server) }
    };
    let depth = connection.depth(queue).await.map_err(failed)?;
    let messages = connection.peek(queue, most).await.map_err(failed)?;
    connection.close().await;
    if messages.is_empty() && depth.messages > 0 && depth.consumers == 0 {
        let message = format!("{} messages wait in `{queue}`, and none could be had", depth.messages);
        return Err(Finding::failed(Code::Contradictory, message, "look at the broker's log"));
    }
    Ok(Peek { schema: SCHEMA, queue: queue.to_owned(), ready: depth.messages.into(), messages })
}
