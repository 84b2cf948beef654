//! The methods of AMQP that a check sends and understands.

use super::wire::{Reader, Writer};

/// Numbers of classes and methods (AMQP 0-9-1, section 1.4; confirms and blocked are RabbitMQ's).
pub(super) mod id {
    pub(in super::super) const CONNECTION: u16 = 10;
    pub(in super::super) const START: u16 = 10;
    pub(in super::super) const START_OK: u16 = 11;
    pub(in super::super) const TUNE: u16 = 30;
    pub(in super::super) const TUNE_OK: u16 = 31;
    pub(in super::super) const OPEN: u16 = 40;
    pub(in super::super) const OPEN_OK: u16 = 41;
    pub(in super::super) const CLOSE: u16 = 50;
    pub(in super::super) const CLOSE_OK: u16 = 51;
    pub(in super::super) const BLOCKED: u16 = 60;

    pub(in super::super) const CHANNEL: u16 = 20;
    pub(in super::super) const CHANNEL_OPEN: u16 = 10;
    pub(in super::super) const CHANNEL_OPEN_OK: u16 = 11;
    pub(in super::super) const CHANNEL_CLOSE: u16 = 40;
    pub(in super::super) const CHANNEL_CLOSE_OK: u16 = 41;

    pub(in super::super) const QUEUE: u16 = 50;
    pub(in super::super) const DECLARE: u16 = 10;
    pub(in super::super) const DECLARE_OK: u16 = 11;

    pub(in super::super) const BASIC: u16 = 60;
    pub(in super::super) const CONSUME: u16 = 20;
    pub(in super::super) const CONSUME_OK: u16 = 21;
    pub(in super::super) const PUBLISH: u16 = 40;
    pub(in super::super) const RETURN: u16 = 50;
    pub(in super::super) const DELIVER: u16 = 60;
    pub(in super::super) const ACK: u16 = 80;
    pub(in super::super) const NACK: u16 = 120;

    pub(in super::super) const CONFIRM: u16 = 85;
    pub(in super::super) const SELECT: u16 = 10;
    pub(in super::super) const SELECT_OK: u16 = 11;
}

/// A method that came from the broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Method {
    Start { product: String, mechanisms: String },
    Tune,
    OpenOk,
    Close { code: u16, text: String },
    CloseOk,
    Blocked { reason: String },
    ChannelOpenOk,
    ChannelClose { code: u16, text: String },
    DeclareOk { messages: u32, consumers: u32 },
    ConsumeOk,
    SelectOk,
    Return { code: u16, text: String },
    Deliver,
    Ack,
    Nack,
    Other(u16, u16),
}

impl Method {
    /// Reads a method's payload; nothing when it ends too early.
    pub(super) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let (class, method) = (reader.u16()?, reader.u16()?);
        Some(match (class, method) {
            (id::CONNECTION, id::START) => {
                let _version = (reader.u8()?, reader.u8()?);
                let properties = reader.table_texts()?;
                let known = ["product", "version"].iter().filter_map(|name| properties.get(*name));
                let product = known.map(String::as_str).collect::<Vec<_>>().join(" ");
                Self::Start { product, mechanisms: String::from_utf8_lossy(reader.long()?).into_owned() }
            }
            (id::CONNECTION, id::TUNE) => Self::Tune,
            (id::CONNECTION, id::OPEN_OK) => Self::OpenOk,
            (id::CONNECTION, id::CLOSE) => Self::Close { code: reader.u16()?, text: reader.short()? },
            (id::CONNECTION, id::CLOSE_OK) => Self::CloseOk,
            (id::CONNECTION, id::BLOCKED) => Self::Blocked { reason: reader.short()? },
            (id::CHANNEL, id::CHANNEL_OPEN_OK) => Self::ChannelOpenOk,
            (id::CHANNEL, id::CHANNEL_CLOSE) => {
                Self::ChannelClose { code: reader.u16()?, text: reader.short()? }
            }
            (id::QUEUE, id::DECLARE_OK) => {
                let _name = reader.short()?;
                Self::DeclareOk { messages: reader.u32()?, consumers: reader.u32()? }
            }
            (id::BASIC, id::CONSUME_OK) => Self::ConsumeOk,
            (id::BASIC, id::RETURN) => Self::Return { code: reader.u16()?, text: reader.short()? },
            (id::BASIC, id::DELIVER) => Self::Deliver,
            (id::BASIC, id::ACK) => Self::Ack,
            (id::BASIC, id::NACK) => Self::Nack,
            (id::CONFIRM, id::SELECT_OK) => Self::SelectOk,
            (class, method) => Self::Other(class, method),
        })
    }
}

/// A method to be sent, up to its arguments.
pub(super) fn call(class: u16, method: u16) -> Writer {
    Writer::default().u16(class).u16(method)
}

/// What comes with a message, as far as a check looks at it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Properties {
    pub(super) body_size: u64,
    pub(super) content_type: Option<String>,
    pub(super) correlation_id: Option<String>,
}

/// Flags of a content header, by the order of the properties.
mod flag {
    pub(super) const CONTENT_TYPE: u16 = 1 << 15;
    pub(super) const CONTENT_ENCODING: u16 = 1 << 14;
    pub(super) const HEADERS: u16 = 1 << 13;
    pub(super) const DELIVERY_MODE: u16 = 1 << 12;
    pub(super) const PRIORITY: u16 = 1 << 11;
    pub(super) const CORRELATION_ID: u16 = 1 << 10;
    pub(super) const REPLY_TO: u16 = 1 << 9;
    pub(super) const EXPIRATION: u16 = 1 << 8;
}

/// Lost when the broker stops.
const NOT_PERSISTENT: u8 = 1;

impl Properties {
    /// Reads a content header's payload; nothing when it ends too early.
    pub(super) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let (_class, _weight) = (reader.u16()?, reader.u16()?);
        let mut properties = Self { body_size: reader.u64()?, ..Self::default() };
        let flags = reader.u16()?;
        let has = |flag| flags & flag != 0;
        if has(flag::CONTENT_TYPE) {
            properties.content_type = Some(reader.short()?);
        }
        if has(flag::CONTENT_ENCODING) {
            reader.short()?;
        }
        if has(flag::HEADERS) {
            reader.long()?;
        }
        if has(flag::DELIVERY_MODE) {
            reader.u8()?;
        }
        if has(flag::PRIORITY) {
            reader.u8()?;
        }
        if has(flag::CORRELATION_ID) {
            properties.correlation_id = Some(reader.short()?);
        }
        Some(properties)
    }
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
    /// The content header's payload.
    pub(super) fn header(&self, reply_to: &str) -> Writer {
        let flags = flag::CONTENT_TYPE
            | flag::CONTENT_ENCODING
            | flag::HEADERS
            | flag::DELIVERY_MODE
            | flag::CORRELATION_ID
            | flag::REPLY_TO
            | flag::EXPIRATION;
        let headers = self.headers.iter();
        let headers = headers.fold(Writer::default(), |table, (name, value)| table.text_field(name, value));
        Writer::default()
            .u16(id::BASIC)
            .u16(0)
            .u64(u64::try_from(self.body.len()).unwrap_or(u64::MAX))
            .u16(flags)
            .short("application/json")
            .short("utf-8")
            .table(&headers)
            .u8(NOT_PERSISTENT)
            .short(&self.correlation_id)
            .short(reply_to)
            .short(&self.expiration_ms.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_properties_that_we_write_are_those_that_we_read() {
        let request = Request {
            headers: vec![("task", "celery.accumulate".to_owned())],
            correlation_id: "c-1".to_owned(),
            expiration_ms: 5000,
            body: b"[]".to_vec(),
        };
        let bytes = request.header("amq.rabbitmq.reply-to").into_bytes();
        let properties = Properties::read(&mut Reader::new(&bytes)).unwrap();
        assert_eq!(properties.body_size, 2);
        assert_eq!(properties.content_type.as_deref(), Some("application/json"));
        assert_eq!(properties.correlation_id.as_deref(), Some("c-1"));
    }
}
