//! AMQP's data types as bytes (AMQP 0-9-1, section 4.2.5).

use std::collections::BTreeMap;

/// The longest short string, in bytes.
const SHORT_MAX: usize = 255;

/// Reads what a peer sent. `None` is the end of the bytes before the end of the value.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(head)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    pub(super) fn u8(&mut self) -> Option<u8> {
        self.array().map(u8::from_be_bytes)
    }

    pub(super) fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    pub(super) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_be_bytes)
    }

    /// A short string; what is not UTF-8 in it is replaced, because it is only ever shown or compared.
    pub(super) fn short(&mut self) -> Option<String> {
        let length = self.u8()?;
        self.take(length.into()).map(text)
    }

    /// A long string: any bytes.
    pub(super) fn long(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.u32()?).ok()?;
        self.take(length)
    }

    /// The texts of a table. What else is in it is skipped without looking inside, so that no depth of nesting costs
    /// anything.
    pub(super) fn table_texts(&mut self) -> Option<BTreeMap<String, String>> {
        let mut fields = Reader(self.long()?);
        let mut texts = BTreeMap::new();
        while !fields.0.is_empty() {
            let name = fields.short()?;
            match fields.u8()? {
                b'S' => {
                    texts.insert(name, text(fields.long()?));
                }
                kind => fields.skip(kind)?,
            }
        }
        Some(texts)
    }

    /// Skips the value of a field of this kind, in RabbitMQ's reading of the kinds.
    fn skip(&mut self, kind: u8) -> Option<()> {
        let size = match kind {
            b'V' => 0,
            b't' | b'b' | b'B' => 1,
            b's' | b'u' => 2,
            b'I' | b'i' | b'f' => 4,
            b'D' => 5,
            b'l' | b'L' | b'd' | b'T' => 8,
            b'A' | b'F' | b'x' | b'S' => return self.long().map(|_| ()),
            _ => return None,
        };
        self.take(size).map(|_| ())
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Writes what we send.
#[derive(Debug, Default)]
pub(super) struct Writer(Vec<u8>);

impl Writer {
    pub(super) fn u8(mut self, value: u8) -> Self {
        self.0.push(value);
        self
    }

    pub(super) fn u16(mut self, value: u16) -> Self {
        self.0.extend(value.to_be_bytes());
        self
    }

    pub(super) fn u32(mut self, value: u32) -> Self {
        self.0.extend(value.to_be_bytes());
        self
    }

    pub(super) fn u64(mut self, value: u64) -> Self {
        self.0.extend(value.to_be_bytes());
        self
    }

    /// A short string, cut where AMQP has no room for more.
    pub(super) fn short(mut self, value: &str) -> Self {
        let value = value.get(..value.floor_char_boundary(SHORT_MAX)).unwrap_or_default();
        self.0.push(u8::try_from(value.len()).unwrap_or(u8::MAX));
        self.0.extend(value.as_bytes());
        self
    }

    /// A long string.
    pub(super) fn long(mut self, value: &[u8]) -> Self {
        self = self.u32(u32::try_from(value.len()).unwrap_or(u32::MAX));
        self.0.extend(value);
        self
    }

    /// A field of a table: a text.
    pub(super) fn text_field(self, name: &str, value: &str) -> Self {
        self.short(name).u8(b'S').long(value.as_bytes())
    }

    /// A field of a table: yes.
    pub(super) fn true_field(self, name: &str) -> Self {
        self.short(name).u8(b't').u8(1)
    }

    /// A field of a table: a table.
    pub(super) fn table_field(self, name: &str, fields: &Self) -> Self {
        self.short(name).u8(b'F').long(&fields.0)
    }

    /// A table of these fields.
    pub(super) fn table(self, fields: &Self) -> Self {
        self.long(&fields.0)
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_texts_of_a_table_come_back_and_the_rest_is_skipped() {
        let deep = (0..500).fold(Writer::default(), |inner, _| Writer::default().table_field("x", &inner));
        let fields = Writer::default()
            .text_field("product", "RabbitMQ")
            .true_field("yes")
            .table_field("deep", &deep)
            .short("count")
            .u8(b'l')
            .u64(7)
            .text_field("version", "3.10");
        let bytes = Writer::default().table(&fields).into_bytes();
        let texts = Reader::new(&bytes).table_texts().unwrap();
        assert_eq!(texts.get("product").map(String::as_str), Some("RabbitMQ"));
        assert_eq!(texts.get("version").map(String::as_str), Some("3.10"));
        for end in 0..bytes.len() {
            assert!(Reader::new(&bytes[..end]).table_texts().is_none(), "cut at {end}");
        }
    }

    #[test]
    fn a_name_too_long_for_amqp_is_cut_between_characters() {
        let bytes = Writer::default().short(&"ü".repeat(200)).into_bytes();
        assert_eq!(bytes.len(), 255);
        assert_eq!(Reader::new(&bytes).short().unwrap(), "ü".repeat(127));
    }
}
