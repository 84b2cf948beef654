//! What goes to a broker and what comes from it.

use lapin::BasicProperties;
use lapin::message::Delivery;
use lapin::types::{AMQPValue, FieldTable, LongString, ShortString};

/// Lost when the broker stops.
const NOT_PERSISTENT: u8 = 1;

/// The longest text that AMQP has room for in a name, in bytes.
const NAME_MAX: usize = 255;

/// How full a queue is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Depth {
    /// Messages that wait.
    pub messages: u32,
    /// Who takes messages.
    pub consumers: u32,
}

/// A message to be sent that waits for an answer.
#[derive(Debug, Clone)]
pub struct Request {
    /// Headers, all texts.
    pub headers: Vec<(&'static str, String)>,
    /// Comes back with the answer.
    pub correlation_id: String,
    /// After so many milliseconds the broker drops it, once it is the first of its queue.
    pub expiration_ms: u32,
    /// JSON.
    pub body: Vec<u8>,
}

impl Request {
    /// What goes with the body; the answer is wanted in the queue `reply_to`.
    pub(super) fn properties(&self, reply_to: &str) -> BasicProperties {
        let mut headers = FieldTable::default();
        for (key, value) in &self.headers {
            headers.insert(name(key), AMQPValue::LongString(LongString::from(value.as_str())));
        }
        BasicProperties::default()
            .with_content_type(name("application/json"))
            .with_content_encoding(name("utf-8"))
            .with_headers(headers)
            .with_delivery_mode(NOT_PERSISTENT)
            .with_correlation_id(name(&self.correlation_id))
            .with_reply_to(name(reply_to))
            .with_expiration(name(&self.expiration_ms.to_string()))
    }
}

/// What the broker tells after a request was sent.
#[derive(Debug)]
pub enum Incoming {
    /// It took the request.
    Confirmed,
    /// It could not take the request.
    NotConfirmed,
    /// It takes nothing at the moment, for this reason.
    Blocked(String),
    /// It had no queue for the request.
    Returned {
        /// AMQP's reply code.
        code: u16,
        /// The broker's words.
        text: String,
    },
    /// A message for us.
    Message(Message),
}

/// A message to every worker that waits for their answers.
#[derive(Debug, Clone)]
pub struct Broadcast {
    /// After so many milliseconds the broker drops it, once it is the first of a worker's queue.
    pub expiration_ms: u32,
    /// The same for the worker: a unix time, in seconds.
    pub expires: f64,
    /// JSON.
    pub body: Vec<u8>,
}

impl Broadcast {
    /// What goes with the body.
    pub(super) fn properties(&self) -> BasicProperties {
        let mut headers = FieldTable::default();
        headers.insert(name("clock"), AMQPValue::LongInt(1));
        headers.insert(name("expires"), AMQPValue::Double(self.expires));
        BasicProperties::default()
            .with_content_type(name("application/json"))
            .with_content_encoding(name("utf-8"))
            .with_headers(headers)
            .with_delivery_mode(NOT_PERSISTENT)
            .with_expiration(name(&self.expiration_ms.to_string()))
    }
}

/// A message for us.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Message {
    /// What its body is.
    pub content_type: Option<String>,
    /// Which request it answers.
    pub correlation_id: Option<String>,
    /// Which broadcast it answers, where it is the answer to one.
    pub ticket: Option<String>,
    /// Its contents.
    pub body: Vec<u8>,
}

impl From<Delivery> for Message {
    fn from(delivery: Delivery) -> Self {
        let text = |text: &Option<ShortString>| text.as_ref().map(ToString::to_string);
        let headers = delivery.properties.headers().as_ref();
        let ticket = match headers.and_then(|headers| headers.inner().get("ticket")) {
            Some(AMQPValue::LongString(ticket)) => Some(ticket.to_string()),
            _ => None,
        };
        Self {
            content_type: text(delivery.properties.content_type()),
            correlation_id: text(delivery.properties.correlation_id()),
            ticket,
            body: delivery.data,
        }
    }
}

/// As much of a text as AMQP has room for in a name.
pub(super) fn cut(text: &str) -> &str {
    text.get(..text.floor_char_boundary(NAME_MAX)).unwrap_or_default()
}

/// A name, cut where AMQP has no room for more: lapin panics there.
pub(super) fn name(text: &str) -> ShortString {
    ShortString::from(cut(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_too_long_for_amqp_is_cut_between_characters() {
        assert_eq!(name(&"ü".repeat(200)).as_str(), "ü".repeat(127));
    }
}
