//! Sets of servers that rows can ask for; rows of one set run together, so each is brought up once.

/// A set of servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Set {
    /// Added to the name of the plain set.
    pub name: &'static str,
    /// Options of `cargo xtask servers up`.
    pub options: &'static [&'static str],
}

/// The usual servers, as in layout `vm`.
pub const PLAIN: Set = Set { name: "plain", options: &[] };

/// TLS with an authority of its own on every server, and Elasticsearch 7 with a password.
pub const TLS: Set = Set { name: "tls", options: &["--tls"] };

/// Elasticsearch 7 with a password.
pub const SEARCH7: Set = Set { name: "search7", options: &["--search", "7"] };

/// Servers on `::1` only.
pub const IPV6: Set = Set { name: "ipv6", options: &["--ipv6"] };

/// MariaDB and memcached by Unix sockets.
pub const SOCKETS: Set = Set { name: "sockets", options: &["--sockets"] };
