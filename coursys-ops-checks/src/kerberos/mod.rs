//! The files of MIT Kerberos: ticket caches and keytabs. Their formats are described in MIT's documentation; everything in
//! them is big-endian and counted, and nothing in a file is believed before it was measured against what is there.

pub(crate) mod ccache;
pub(crate) mod crontab;
pub(crate) mod keytab;
mod login;
mod programs;
mod reader;
pub(crate) mod store;

use std::path::PathBuf;

use coursys_ops_core::config::Kerberos;

pub use login::{Login, Ticket, current, make, principal, refresh, tidy};

#[cfg(test)]
pub(crate) mod made;

/// A name of Kerberos.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Principal {
    /// Its parts: `name`, or `service` and `host`.
    pub(crate) components: Vec<String>,
    /// The realm that knows it.
    pub(crate) realm: String,
}

/// `name@REALM`, as people and `kinit` write it.
impl std::fmt::Display for Principal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}@{}", self.components.join("/"), self.realm)
    }
}

/// Where the site's ticket is.
pub(crate) fn cache_path(kerberos: &Kerberos, uid: u32) -> PathBuf {
    kerberos.cache.clone().unwrap_or_else(|| format!("/tmp/krb5cc_{uid}").into())
}

/// Seconds as people say them: `40 s`, `12 min`, `7 h 30 min`, `3 d 4 h`.
#[must_use]
pub fn span(seconds: i64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, _) => format!("{minutes} min"),
        (0, ..) => format!("{hours} h {} min", minutes % 60),
        _ => format!("{days} d {} h", hours % 24),
    }
}

/// Why a file is not what it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Malformed {
    /// It begins differently.
    #[error("it does not begin as one")]
    Stranger,
    /// A version of the format that Kerberos has not written for twenty years.
    #[error("it is of version {0} of the format, which nothing writes any more")]
    Old(u8),
    /// It ends in the middle of something.
    #[error("it is cut off")]
    CutOff,
    /// A length or a text in it makes no sense.
    #[error("what is in it makes no sense")]
    Senseless,
}
