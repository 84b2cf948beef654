//! Words for the machine that configuration and helper share: what a file is, and which port of which protocol.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "each is the type of its name")]
pub enum FileType {
    File,
    Directory,
    Link,
    Socket,
    Fifo,
    Device,
}

impl FileType {
    /// In words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::File => "a file",
            Self::Directory => "a directory",
            Self::Link => "a symbolic link",
            Self::Socket => "a socket",
            Self::Fifo => "a named pipe",
            Self::Device => "a device",
        }
    }
}

/// TCP or UDP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PortProtocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

impl PortProtocol {
    /// As it stands behind a port.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        }
    }
}

/// A port that the world must not reach: `11211`, `11211/udp`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct PrivatePort {
    /// Its number.
    pub port: u16,
    /// One protocol, or both.
    pub protocol: Option<PortProtocol>,
}

impl FromStr for PrivatePort {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (port, protocol) = match text.split_once('/') {
            None => (text, Some(None)),
            Some((port, "tcp")) => (port, Some(Some(PortProtocol::Tcp))),
            Some((port, "udp")) => (port, Some(Some(PortProtocol::Udp))),
            Some((port, _)) => (port, None),
        };
        match (port.parse(), protocol) {
            (Ok(port @ 1..), Some(protocol)) if !text.starts_with('+') => Ok(Self { port, protocol }),
            _ => Err(format!("expected ports like `11211` or `11211/udp`, found `{}`", text.escape_debug())),
        }
    }
}

impl TryFrom<String> for PrivatePort {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<PrivatePort> for String {
    fn from(port: PrivatePort) -> Self {
        match port.protocol {
            None => port.port.to_string(),
            Some(protocol) => format!("{}/{}", port.port, protocol.as_str()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_of_both_protocols_unless_it_says_which() {
        let port = |text: &str| text.parse::<PrivatePort>().map(|port| (port.port, port.protocol));
        assert_eq!(port("8000"), Ok((8000, None)));
        assert_eq!(port("11211/udp"), Ok((11211, Some(PortProtocol::Udp))));
        for wrong in ["", "0", "65536", "80/sctp", "tcp/80", "+80", "80/"] {
            assert!(port(wrong).is_err(), "{wrong}");
        }
    }
}
