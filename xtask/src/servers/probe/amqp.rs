//! Just enough of AMQP 0-9-1 to log in and to count the consumers of a queue.

use std::io::{Read, Write};

use anyhow::{Context, Result, bail, ensure};

use super::Login;
use super::wire::{Stream, Wire};

/// Protocol header of version 0-9-1.
const HEADER: &[u8] = b"AMQP\0\0\x09\x01";
const FRAME_METHOD: u8 = 1;
const FRAME_END: u8 = 0xce;

/// Class and method numbers, as the specification writes them.
mod method {
    pub const START: (u16, u16) = (10, 10);
    pub const START_OK: (u16, u16) = (10, 11);
    pub const TUNE: (u16, u16) = (10, 30);
    pub const TUNE_OK: (u16, u16) = (10, 31);
    pub const OPEN: (u16, u16) = (10, 40);
    pub const OPEN_OK: (u16, u16) = (10, 41);
    pub const CLOSE: (u16, u16) = (10, 50);
    pub const CLOSE_OK: (u16, u16) = (10, 51);
    pub const CHANNEL_OPEN: (u16, u16) = (20, 10);
    pub const CHANNEL_OPEN_OK: (u16, u16) = (20, 11);
    pub const DECLARE: (u16, u16) = (50, 10);
    pub const DECLARE_OK: (u16, u16) = (50, 11);
}

/// Logs in to the vhost; then the queue, if one is named, must exist and have a consumer.
///
/// # Errors
/// The connection is refused at any step, or nobody consumes.
pub fn ask(wire: &Wire, login: &Login, vhost: &str, queue: Option<&str>) -> Result<()> {
    let mut peer = Peer { stream: wire.connect()? };
    peer.stream.write_all(HEADER)?;
    peer.expect(method::START)?;
    let credentials = format!("\0{}\0{}", login.user, login.password);
    let mut start_ok = vec![0, 0, 0, 0];
    put_short(&mut start_ok, "PLAIN")?;
    put_long(&mut start_ok, credentials.as_bytes())?;
    put_short(&mut start_ok, "en_US")?;
    peer.send(0, method::START_OK, &start_ok)?;
    let limits = peer.expect(method::TUNE)?;
    peer.send(0, method::TUNE_OK, &limits)?;
    let mut open = Vec::new();
    put_short(&mut open, vhost)?;
    open.extend([0, 0]);
    peer.send(0, method::OPEN, &open)?;
    peer.expect(method::OPEN_OK)?;
    if let Some(queue) = queue {
        let consumers = peer.consumers(queue)?;
        ensure!(consumers > 0, "nobody consumes the queue `{queue}`");
    }
    // A connection that is closed in order leaves no warning in the server's log.
    peer.send(0, method::CLOSE, &[0, 200, 0, 0, 0, 0, 0])?;
    peer.expect(method::CLOSE_OK)?;
    Ok(())
}

struct Peer {
    stream: Box<dyn Stream>,
}

impl Peer {
    /// Declares the queue passively, which changes nothing.
    fn consumers(&mut self, queue: &str) -> Result<u32> {
        const PASSIVE: u8 = 1;
        self.send(1, method::CHANNEL_OPEN, &[0])?;
        self.expect(method::CHANNEL_OPEN_OK)?;
        let mut declare = vec![0, 0];
        put_short(&mut declare, queue)?;
        declare.extend([PASSIVE, 0, 0, 0, 0]);
        self.send(1, method::DECLARE, &declare)?;
        let answer = self.expect(method::DECLARE_OK)?;
        // Name of the queue, messages, consumers: the last four bytes.
        let count = answer.last_chunk::<4>().context("a short answer")?;
        Ok(u32::from_be_bytes(*count))
    }

    fn send(&mut self, channel: u16, method: (u16, u16), arguments: &[u8]) -> Result<()> {
        let mut frame = vec![FRAME_METHOD];
        frame.extend(channel.to_be_bytes());
        frame.extend(u32::try_from(arguments.len() + 4)?.to_be_bytes());
        frame.extend(method.0.to_be_bytes());
        frame.extend(method.1.to_be_bytes());
        frame.extend(arguments);
        frame.push(FRAME_END);
        self.stream.write_all(&frame)?;
        self.stream.flush()?;
        Ok(())
    }

    /// Reads one frame, which must be this method, and returns its arguments.
    fn expect(&mut self, expected: (u16, u16)) -> Result<Vec<u8>> {
        let mut head = [0; 7];
        self.stream.read_exact(&mut head)?;
        let [kind, _, _, size @ ..] = head;
        ensure!(kind == FRAME_METHOD, "the answer is not AMQP");
        let mut payload = vec![0; usize::try_from(u32::from_be_bytes(size))?.min(1 << 20) + 1];
        self.stream.read_exact(&mut payload)?;
        let [class, class_low, method, method_low, arguments @ .., FRAME_END] = payload.as_slice() else {
            bail!("the answer is not AMQP");
        };
        let got = (u16::from_be_bytes([*class, *class_low]), u16::from_be_bytes([*method, *method_low]));
        if got != expected {
            // Both kinds of close carry a code and a text: show it.
            let text = arguments.get(3..).map(String::from_utf8_lossy).unwrap_or_default();
            bail!("expected method {expected:?}, got {got:?}: {text}");
        }
        Ok(arguments.to_vec())
    }
}

fn put_short(buffer: &mut Vec<u8>, text: &str) -> Result<()> {
    buffer.push(u8::try_from(text.len())?);
    buffer.extend(text.as_bytes());
    Ok(())
}

fn put_long(buffer: &mut Vec<u8>, bytes: &[u8]) -> Result<()> {
    buffer.extend(u32::try_from(bytes.len())?.to_be_bytes());
    buffer.extend(bytes);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    fn peer(frame: &[u8]) -> Peer {
        Peer { stream: Box::new(Cursor::new(frame.to_vec())) }
    }

    #[test]
    fn a_frame_gives_the_arguments_of_the_method_asked_for() {
        let frame = [1, 0, 1, 0, 0, 0, 6, 0, 50, 0, 11, 7, 8, FRAME_END];
        assert_eq!(peer(&frame).expect(method::DECLARE_OK).unwrap(), [7, 8]);
        let error = peer(&frame).expect(method::OPEN_OK).unwrap_err().to_string();
        assert!(error.contains("(50, 11)"), "{error}");
    }

    #[test]
    fn what_is_not_amqp_is_an_error() {
        assert!(peer(b"220 mail.test ESMTP\r\n").expect(method::START).is_err());
        assert!(
            peer(&[1, 0, 0, 0, 0, 0, 4, 0, 10, 0, 10, 0]).expect(method::START).is_err(),
            "no end of frame"
        );
        assert!(peer(&[]).expect(method::START).is_err());
    }
}
