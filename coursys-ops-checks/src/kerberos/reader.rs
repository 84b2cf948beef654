//! Big-endian numbers and counted bytes, read from the front.

use super::{Malformed, Principal};

/// No name has more parts; `krbtgt/REALM` has two.
const MOST_COMPONENTS: u32 = 16;

/// What is left to be read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reader<'a>(&'a [u8]);

/// How wide the lengths before counted bytes are.
#[derive(Debug, Clone, Copy)]
pub(super) enum Width {
    /// In keytabs.
    Two,
    /// In ticket caches.
    Four,
}

impl<'a> Reader<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) const fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    /// The next bytes.
    pub(super) fn take(&mut self, count: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(Malformed::CutOff)?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(Malformed::CutOff)?;
        self.0 = rest;
        Ok(*taken)
    }

    pub(super) fn u8(&mut self) -> Result<u8, Malformed> {
        self.array().map(u8::from_be_bytes)
    }

    pub(super) fn u16(&mut self) -> Result<u16, Malformed> {
        self.array().map(u16::from_be_bytes)
    }

    pub(super) fn u32(&mut self) -> Result<u32, Malformed> {
        self.array().map(u32::from_be_bytes)
    }

    pub(super) fn i32(&mut self) -> Result<i32, Malformed> {
        self.array().map(i32::from_be_bytes)
    }

    /// Bytes after their length.
    pub(super) fn counted(&mut self, width: Width) -> Result<&'a [u8], Malformed> {
        let length = match width {
            Width::Two => u32::from(self.u16()?),
            Width::Four => self.u32()?,
        };
        self.take(usize::try_from(length).map_err(|_| Malformed::CutOff)?)
    }

    fn text(&mut self, width: Width) -> Result<String, Malformed> {
        let bytes = self.counted(width)?;
        String::from_utf8(bytes.to_vec()).map_err(|_| Malformed::Senseless)
    }

    /// Realm and components of a name, whose number was read before.
    pub(super) fn principal(&mut self, components: u32, width: Width) -> Result<Principal, Malformed> {
        if components > MOST_COMPONENTS {
            return Err(Malformed::Senseless);
        }
        let realm = self.text(width)?;
        let components = (0..components).map(|_| self.text(width)).collect::<Result<_, _>>()?;
        Ok(Principal { components, realm })
    }
}
