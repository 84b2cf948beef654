//! A keytab, version 2 of its format.

use super::reader::{Reader, Width};
use super::{Malformed, Principal};

/// How every keytab of today begins; version 1 had numbers in the order of the machine.
const VERSION: u16 = 0x0502;
const OLD_VERSION: u16 = 0x0501;

/// The kinds of keys that are still considered safe (RFC 8429): AES with SHA-1, AES with SHA-2, and Camellia.
const SAFE: [u16; 6] = [17, 18, 19, 20, 25, 26];

/// One key of a keytab, without the key itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Whose key it is.
    pub(crate) principal: Principal,
    /// The version of the key: it grows with each change of the password.
    pub(crate) version: u32,
    /// The kind of key, by its number.
    pub(crate) kind: u16,
}

impl Entry {
    /// Whether a server of today takes this kind of key.
    pub(crate) fn is_safe(&self) -> bool {
        SAFE.contains(&self.kind)
    }
}

/// Reads a keytab. What was deleted from it is passed over.
///
/// # Errors
///
/// It is none, of an old version, cut off, or makes no sense.
pub(crate) fn parse(bytes: &[u8]) -> Result<Vec<Entry>, Malformed> {
    let mut reader = Reader::new(bytes);
    match reader.u16() {
        Ok(VERSION) => {}
        Ok(OLD_VERSION) => return Err(Malformed::Old(1)),
        _ => return Err(Malformed::Stranger),
    }
    let mut entries = Vec::new();
    while !reader.is_empty() {
        let size = reader.i32()?;
        let length = usize::try_from(size.unsigned_abs()).map_err(|_| Malformed::CutOff)?;
        if size == 0 {
            // The space that follows was never used.
            break;
        }
        let bytes = reader.take(length)?;
        // A negative size marks a hole.
        if size > 0 {
            // The file has all of it, so a length in it that leads beyond its end is wrong.
            entries.push(entry(Reader::new(bytes)).map_err(|_| Malformed::Senseless)?);
        }
    }
    Ok(entries)
}

fn entry(mut reader: Reader<'_>) -> Result<Entry, Malformed> {
    let components = u32::from(reader.u16()?);
    let principal = reader.principal(components, Width::Two)?;
    let _name_type = reader.u32()?;
    let _written = reader.u32()?;
    let short_version = u32::from(reader.u8()?);
    let kind = reader.u16()?;
    reader.counted(Width::Two)?;
    // A version beyond 255 follows in full; older programs leave it out or zero.
    let version = reader.u32().ok().filter(|version| *version != 0).unwrap_or(short_version);
    Ok(Entry { principal, version, kind })
}

#[cfg(test)]
#[path = "keytab_tests.rs"]
mod tests;
