//! The first messages of a queue, which stay in it.

use lapin::message::{BasicGetMessage, Delivery};
use lapin::options::{BasicGetOptions, BasicNackOptions};
use lapin::types::{AMQPValue, FieldTable};
use schemars::JsonSchema;
use serde::Serialize;

use super::message::name;
use super::{AmqpError, Connection};

/// A message that waits, by its headers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Waiting {
    /// The task's name; nothing when no header tells one.
    pub task: Option<String>,
    /// The task's id.
    pub id: Option<String>,
    /// When it is to be done, as its sender wrote it.
    pub eta: Option<String>,
    /// When nobody wants it any more.
    pub expires: Option<String>,
    /// How often it was tried before.
    pub retries: Option<i64>,
    /// Its arguments as its sender abridged them.
    pub args: Option<String>,
    /// Its named arguments, likewise.
    pub kwargs: Option<String>,
    /// Who sent it.
    pub origin: Option<String>,
    /// Whether a worker, or somebody who peeked, has had it before.
    pub redelivered: bool,
    /// The length of its body.
    pub bytes: usize,
}

impl Connection {
    /// Takes up to so many messages of a queue without acknowledging any, and gives them back all at once, which keeps their
    /// order. Whatever ends this before, the broker gives them back.
    ///
    /// # Errors
    ///
    /// [`AmqpError::is_not_found`] when there is no such queue.
    pub async fn peek(&mut self, queue: &str, most: u32) -> Result<Vec<Waiting>, AmqpError> {
        let channel = self.channel().await?;
        let looking = async {
            let mut seen = Vec::new();
            let mut last = None;
            for _ in 0..most {
                let got = channel.basic_get(name(queue), BasicGetOptions { no_ack: false }).await?;
                let Some(BasicGetMessage { delivery, .. }) = got else { break };
                last = Some(delivery.delivery_tag);
                seen.push(waiting(&delivery));
            }
            if let Some(last) = last {
                let all = BasicNackOptions { multiple: true, requeue: true };
                channel.basic_nack(last, all).await?;
            }
            Ok(seen)
        };
        looking.await.map_err(|error: lapin::Error| self.refused(&error))
    }
}

fn waiting(delivery: &Delivery) -> Waiting {
    let none = FieldTable::default();
    let headers = delivery.properties.headers().as_ref().unwrap_or(&none);
    let text = |key: &str| match headers.inner().get(key)? {
        AMQPValue::LongString(text) => Some(text.to_string()),
        AMQPValue::ShortString(text) => Some(text.to_string()),
        _ => None,
    };
    let number = |key: &str| match headers.inner().get(key)? {
        AMQPValue::ShortShortInt(number) => Some(i64::from(*number)),
        AMQPValue::ShortShortUInt(number) => Some(i64::from(*number)),
        AMQPValue::ShortInt(number) => Some(i64::from(*number)),
        AMQPValue::ShortUInt(number) => Some(i64::from(*number)),
        AMQPValue::LongInt(number) => Some(i64::from(*number)),
        AMQPValue::LongUInt(number) => Some(i64::from(*number)),
        AMQPValue::LongLongInt(number) => Some(*number),
        _ => None,
    };
    Waiting {
        task: text("task"),
        id: text("id"),
        eta: text("eta"),
        expires: text("expires"),
        retries: number("retries"),
        args: text("argsrepr"),
        kwargs: text("kwargsrepr"),
        origin: text("origin"),
        redelivered: delivery.redelivered,
        bytes: delivery.data.len(),
    }
}
