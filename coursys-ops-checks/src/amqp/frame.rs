//! AMQP's frames on a stream.

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use super::AmqpError;
use super::method::{Method, Properties};
use super::wire::{Reader, Writer};
use crate::garbage;

const METHOD: u8 = 1;
const HEADER: u8 = 2;
const BODY: u8 = 3;
const HEARTBEAT: u8 = 8;
/// Ends every frame.
const END: u8 = 0xce;
/// Kind, channel and size come before the payload, the end mark after it.
const HEAD: usize = 7;

/// What both sides agree on as the largest frame, in bytes. Probes and their answers are small, and five queues are
/// looked at at the same time.
pub(super) const FRAME_MAX: u32 = 16 << 10;

/// One frame.
#[derive(Debug)]
pub(super) enum Frame {
    Method(u16, Method),
    Header(Properties),
    Body(Vec<u8>),
    Heartbeat,
}

/// Frames on a stream. Giving up a read in the middle loses nothing.
#[derive(Debug)]
pub(super) struct Frames<S> {
    stream: S,
    received: Vec<u8>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Frames<S> {
    pub(super) const fn new(stream: S) -> Self {
        Self { stream, received: Vec::new() }
    }

    /// Sends bytes as they are.
    pub(super) async fn send(&mut self, bytes: &[u8]) -> Result<(), AmqpError> {
        self.stream.write_all(bytes).await?;
        Ok(self.stream.flush().await?)
    }

    /// The next frame.
    pub(super) async fn next(&mut self) -> Result<Frame, AmqpError> {
        loop {
            if let Some((frame, size)) = parse(&self.received)? {
                self.received.drain(..size);
                return Ok(frame);
            }
            // `parse` refuses larger frames, so this never grows beyond one.
            if self.stream.read_buf(&mut self.received).await? == 0 {
                return Err(AmqpError::Lost(std::io::ErrorKind::UnexpectedEof.into()));
            }
        }
    }
}

/// The first frame of these bytes and how many of them it takes, or nothing when there are too few.
fn parse(bytes: &[u8]) -> Result<Option<(Frame, usize)>, AmqpError> {
    let Some(kind) = bytes.first() else { return Ok(None) };
    if !matches!(*kind, METHOD | HEADER | BODY | HEARTBEAT) {
        return Err(AmqpError::Garbage(describe(bytes)));
    }
    let mut reader = Reader::new(bytes);
    let (Some(kind), Some(channel), Some(size)) = (reader.u8(), reader.u16(), reader.u32()) else {
        return Ok(None);
    };
    if size > FRAME_MAX {
        return Err(AmqpError::Garbage(format!("a frame of {size} bytes")));
    }
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    let (Some(payload), Some(end)) = (reader.take(size), reader.u8()) else { return Ok(None) };
    if end != END {
        return Err(AmqpError::Garbage("a frame without its end mark".to_owned()));
    }
    let mut reader = Reader::new(payload);
    let frame = match kind {
        METHOD => Method::read(&mut reader).map(|method| Frame::Method(channel, method)),
        HEADER => Properties::read(&mut reader).map(Frame::Header),
        BODY => Some(Frame::Body(payload.to_vec())),
        _ => Some(Frame::Heartbeat),
    };
    let frame = frame.ok_or_else(|| AmqpError::Garbage("a frame whose contents make no sense".to_owned()))?;
    Ok(Some((frame, HEAD + size + 1)))
}

/// What a peer speaks that does not speak AMQP.
fn describe(bytes: &[u8]) -> String {
    /// A TLS alert or handshake record of any version.
    const TLS: [&[u8]; 2] = [b"\x15\x03", b"\x16\x03"];
    if let Some(version) = bytes.strip_prefix(b"AMQP") {
        return format!("it offers another version, {version:?}");
    }
    if TLS.iter().any(|start| bytes.starts_with(start)) {
        return "it speaks TLS".to_owned();
    }
    format!("it begins with `{}`", garbage::excerpt(bytes))
}

/// A frame as bytes.
fn frame(kind: u8, channel: u16, payload: &[u8]) -> Vec<u8> {
    // A frame's payload has the form of a long string.
    Writer::default().u8(kind).u16(channel).long(payload).u8(END).into_bytes()
}

/// A method's frame as bytes; `arguments` begin with class and method.
pub(super) fn method(channel: u16, arguments: Writer) -> Vec<u8> {
    frame(METHOD, channel, &arguments.into_bytes())
}

/// The frames of a message's contents: its header, and its body in pieces that fit.
pub(super) fn content(channel: u16, header: Writer, body: &[u8]) -> Vec<u8> {
    let room = usize::try_from(FRAME_MAX).unwrap_or(usize::MAX) - HEAD - 1;
    let mut bytes = frame(HEADER, channel, &header.into_bytes());
    for piece in body.chunks(room) {
        bytes.extend(frame(BODY, channel, piece));
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::amqp::method::id;

    fn start() -> Vec<u8> {
        let properties = Writer::default().text_field("product", "RabbitMQ");
        let arguments = Writer::default()
            .u16(id::CONNECTION)
            .u16(id::START)
            .u8(0)
            .u8(9)
            .table(&properties)
            .long(b"PLAIN AMQPLAIN")
            .long(b"en_US");
        method(0, arguments)
    }

    #[test]
    fn a_frame_is_complete_only_with_its_last_byte() {
        let bytes = start();
        for end in 0..bytes.len() {
            assert!(matches!(parse(&bytes[..end]), Ok(None)), "cut at {end}");
        }
        let Some((Frame::Method(0, Method::Start { mechanisms, .. }), size)) = parse(&bytes).unwrap() else {
            panic!("not a start");
        };
        assert_eq!((mechanisms.as_str(), size), ("PLAIN AMQPLAIN", bytes.len()));
    }

    #[test]
    fn no_byte_of_a_frame_can_be_bent_into_a_panic() {
        let bytes = start();
        for index in 0..bytes.len() {
            for value in 0..=u8::MAX {
                let mut bent = bytes.clone();
                bent[index] = value;
                let _ = parse(&bent);
            }
        }
    }

    #[test]
    fn other_protocols_are_recognised() {
        for (bytes, words) in [
            (&b"HTTP/1.1 400 Bad Request\r\n"[..], "HTTP/1.1"),
            (b"\x15\x03\x01\x00\x02\x02\x46", "TLS"),
            (b"AMQP\x00\x01\x00\x00", "another version"),
            (b"\x01\x00\x00\xff\xff\xff\xff", "4294967295 bytes"),
        ] {
            let Err(AmqpError::Garbage(what)) = parse(bytes) else { panic!("{words} was taken for AMQP") };
            assert!(what.contains(words), "{what}");
        }
    }

    #[tokio::test]
    async fn a_read_that_is_given_up_loses_nothing() {
        let (ours, mut theirs) = tokio::io::duplex(1 << 10);
        let mut frames = Frames::new(ours);
        let bytes = start();
        theirs.write_all(&bytes[..9]).await.unwrap();
        let short = std::time::Duration::from_millis(5);
        assert!(tokio::time::timeout(short, frames.next()).await.is_err());
        theirs.write_all(&bytes[9..]).await.unwrap();
        assert!(matches!(frames.next().await, Ok(Frame::Method(0, Method::Start { .. }))));
    }
}
