//! A ticket cache of the type FILE, versions 3 and 4 of its format.

use super::reader::{Reader, Width};
use super::{Malformed, Principal};

/// The first byte of every ticket cache.
const FIRST: u8 = 5;

/// Realms that no ticket has: MIT Kerberos keeps settings and what was removed under them.
const NO_REALMS: &str = "X-";

/// What a cache says about itself and its tickets; the keys in it are passed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cache {
    /// Whose it is.
    pub(crate) principal: Principal,
    /// Every ticket in it.
    pub(crate) tickets: Vec<Ticket>,
}

/// A ticket. Times are seconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ticket {
    /// Who was given it.
    pub(crate) client: Principal,
    /// What it is good for.
    pub(crate) server: Principal,
    /// When it was asked for with a password or key.
    pub(crate) obtained: u32,
    /// From when it is good.
    pub(crate) starts: u32,
    /// Until when it is good.
    pub(crate) ends: u32,
    /// Until when it could be renewed; 0 when it cannot.
    pub(crate) renew_until: u32,
}

impl Ticket {
    /// Whether it is the ticket to get others with, in the realm of its client.
    fn grants(&self) -> bool {
        let realm = &self.client.realm;
        self.server.realm == *realm
            && matches!(self.server.components.as_slice(), [service, of] if service == "krbtgt" && of == realm)
    }
}

impl Cache {
    /// Reads a cache.
    ///
    /// # Errors
    ///
    /// It is none, of an old version, cut off, or makes no sense.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes);
        if reader.u8() != Ok(FIRST) {
            return Err(Malformed::Stranger);
        }
        let version = reader.u8()?;
        match version {
            1 | 2 => return Err(Malformed::Old(version)),
            3 => {}
            4 => {
                // Clock offsets, of no use here.
                reader.counted(Width::Two)?;
            }
            _ => return Err(Malformed::Stranger),
        }
        let principal = principal(&mut reader)?;
        let mut tickets = Vec::new();
        while !reader.is_empty() {
            let ticket = ticket(&mut reader, version)?;
            if !ticket.server.realm.starts_with(NO_REALMS) {
                tickets.push(ticket);
            }
        }
        Ok(Self { principal, tickets })
    }

    /// The ticket to get others with; of several, the one that is good for longest.
    pub(crate) fn granting(&self) -> Option<&Ticket> {
        let own = |ticket: &&Ticket| ticket.client == self.principal && ticket.grants();
        self.tickets.iter().filter(own).max_by_key(|ticket| ticket.ends)
    }
}

fn principal(reader: &mut Reader<'_>) -> Result<Principal, Malformed> {
    let _name_type = reader.u32()?;
    let components = reader.u32()?;
    reader.principal(components, Width::Four)
}

fn ticket(reader: &mut Reader<'_>, version: u8) -> Result<Ticket, Malformed> {
    let (client, server) = (principal(reader)?, principal(reader)?);
    // The key: its kind, which version 3 says twice, and itself.
    reader.take(if version == 3 { 4 } else { 2 })?;
    reader.counted(Width::Four)?;
    let (obtained, starts) = (reader.u32()?, reader.u32()?);
    let (ends, renew_until) = (reader.u32()?, reader.u32()?);
    let _second_key = reader.u8()?;
    let _flags = reader.u32()?;
    // Addresses, then authorisation data: each a list of a kind and bytes.
    for _ in 0..2 {
        for _ in 0..reader.u32()? {
            reader.u16()?;
            reader.counted(Width::Four)?;
        }
    }
    // The ticket itself and a second one.
    reader.counted(Width::Four)?;
    reader.counted(Width::Four)?;
    // Without a start it is good from when it was obtained.
    let starts = if starts == 0 { obtained } else { starts };
    Ok(Ticket { client, server, obtained, starts, ends, renew_until })
}

#[cfg(test)]
#[path = "ccache_tests.rs"]
mod tests;
