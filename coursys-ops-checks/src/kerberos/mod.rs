//! The files of MIT Kerberos: ticket caches and keytabs. Their formats are described in MIT's documentation; everything in
//! them is big-endian and counted, and nothing in a file is believed before it was measured against what is there.

pub(crate) mod ccache;
pub(crate) mod crontab;
pub(crate) mod keytab;
mod reader;

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
