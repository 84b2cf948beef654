//! What must not reach lapin, because it waits for what never ends and trusts what it reads.

use std::io;

use crate::garbage;

/// The largest frame, in bytes: the least that RabbitMQ 4 agrees to. lapin keeps 64 times as much for each connection, and
/// six are open at the same time.
pub(super) const FRAME_MAX: u32 = 8 << 10;

/// Why a peer that began like this is no broker, as far as these bytes tell.
pub(super) fn stranger(first: &[u8]) -> Option<String> {
    const METHOD: u8 = 1;
    match first {
        [METHOD, 0, 0, a, b, c, d, ..] => {
            let size = u32::from_be_bytes([*a, *b, *c, *d]);
            (size > FRAME_MAX).then(|| format!("it begins with a frame of {size} bytes"))
        }
        [METHOD] | [METHOD, 0] | [METHOD, 0, 0, ..] => None,
        [b'A', b'M', b'Q', b'P', version @ ..] => {
            let version = version.get(..4).unwrap_or(version);
            Some(format!("it offers another version of AMQP, {version:?}"))
        }
        start if b"AMQP".starts_with(start) => None,
        // An alert, in any version.
        [0x15, 3, ..] => Some("it speaks TLS".to_owned()),
        _ => Some(format!("it begins with `{}`", garbage::excerpt(first))),
    }
}

/// Why what a peer says does not reach lapin.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Refusal(pub(super) String);

impl From<Refusal> for io::Error {
    fn from(refusal: Refusal) -> Self {
        Self::new(io::ErrorKind::InvalidData, refusal)
    }
}

/// Watches for tables within tables: lapin reads them by recursion, and some hundreds end the process.
///
/// It counts what begins every inner table or array: its mark, and the first byte of its size, zero below 16 MiB. Texts
/// have no such bytes, and an honest broker sends a handful of tables.
#[derive(Debug, Default)]
pub(super) struct Nesting {
    count: usize,
    last: u8,
}

impl Nesting {
    const MOST: usize = 64;

    /// Looks at what came next.
    ///
    /// # Errors
    ///
    /// A [`Refusal`] when there are too many.
    pub(super) fn watch(&mut self, bytes: &[u8]) -> io::Result<()> {
        for byte in bytes {
            if *byte == 0 && matches!(self.last, b'F' | b'A') {
                self.count += 1;
            }
            self.last = *byte;
        }
        if self.count > Self::MOST {
            return Err(Refusal("it sends tables within tables without end".to_owned()).into());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_protocols_are_recognised_by_their_first_bytes() {
        for (bytes, words) in [
            (&b"HTTP/1.1 400 Bad Request\r\n"[..], "HTTP/1.1"),
            (b"\x15\x03\x01\x00\x02\x02\x46", "TLS"),
            (b"\x01\x00\x01\x00\x00\x00\x05", "begins with"),
            (b"AMQP\x00\x01\x00\x00", "[0, 1, 0, 0]"),
            (b"\x01\x00\x00\xff\xff\xff\xff", "4294967295 bytes"),
        ] {
            let what = stranger(bytes).unwrap();
            assert!(what.contains(words), "{what}");
        }
        let start = b"\x01\x00\x00\x00\x00\x01\xd7\x00\x0a\x00\x0a";
        for end in 0..start.len() {
            assert_eq!(stranger(&start[..end]), None);
        }
        assert_eq!(stranger(b"AM"), None);
    }

    #[test]
    fn tables_within_tables_are_refused_before_anybody_reads_them() {
        let nest = |depth| {
            (0..depth).fold(Vec::new(), |inner: Vec<u8>, _| {
                let size = u32::try_from(inner.len()).unwrap().to_be_bytes();
                [&[1, b'x', b'F'], &size[..], &inner].concat()
            })
        };
        assert!(Nesting::default().watch(&nest(20)).is_ok());
        let deep = nest(100);
        assert!(Nesting::default().watch(&deep).is_err());
        let mut in_drips = Nesting::default();
        assert!(deep.chunks(1).any(|byte| in_drips.watch(byte).is_err()));
        assert!(Nesting::default().watch(&b"{\"A\": \"FAFA\"}".repeat(1000)).is_ok());
    }
}
