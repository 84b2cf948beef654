//! An address of the web that may be shown.

use std::fmt;
use std::net::Ipv6Addr;
use std::str::FromStr;

use coursys_ops_core::config::{Server, Tls};
use hyper::Uri;

/// An `http` or `https` address without user and query, so that it can be shown: a secret query is part of a
/// [`Request`](super::Request).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Url {
    https: bool,
    /// A name or an address; IPv6 stands without brackets.
    host: String,
    /// 80 or 443 when the address names none.
    port: u16,
    /// Begins with a slash.
    path: String,
}

/// Why a text is no address of that kind. It does not show the text, which may hold a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum UrlError {
    /// It cannot be read.
    #[error("it is no address of the web")]
    Unreadable,
    /// It begins with neither of the two schemes.
    #[error("it does not begin with `http://` or `https://`")]
    Scheme,
    /// It names a user, and perhaps a password.
    #[error("it names a user")]
    User,
    /// It has a query, which has a key of its own where one is needed.
    #[error("it has a query")]
    Query,
}

impl Url {
    /// Whether it is to be asked over TLS.
    pub(crate) const fn is_https(&self) -> bool {
        self.https
    }

    /// The name or address; IPv6 stands without brackets.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// The path, which begins with a slash.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// The same address with `rest` below its path: `https://x/cas` and `login` give `https://x/cas/login`.
    pub(crate) fn below(&self, rest: &str) -> Self {
        let path = format!("{}/{}", self.path.trim_end_matches('/'), rest.trim_start_matches('/'));
        Self { path, ..self.clone() }
    }

    /// Host and port as the header `Host` and the proxy's `CONNECT` want them; the port only where it is no default.
    pub(crate) fn authority(&self) -> String {
        let host = bracketed(&self.host);
        if self.port == default_port(self.https) { host } else { format!("{host}:{}", self.port) }
    }

    /// The server that it names, for messages the one of `section`.
    pub(crate) fn server(&self, section: &str) -> Server {
        Server {
            section: section.to_owned(),
            host: Some(self.host.clone()),
            socket: None,
            port: self.port,
            tls: if self.https { Tls::Required } else { Tls::Off },
            tls_ca_file: None,
            tls_server_name: None,
            user: None,
            secret: coursys_ops_core::config::SecretValue::Missing,
        }
    }
}

/// A host as it stands before a port.
pub(super) fn bracketed(host: &str) -> String {
    if host.contains(':') && !host.starts_with('[') { format!("[{host}]") } else { host.to_owned() }
}

const fn default_port(https: bool) -> u16 {
    if https { 443 } else { 80 }
}

impl FromStr for Url {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        // A fragment is the reader's own affair, and the library drops it; what is no address must not pass for one.
        let uri: Uri = text.parse().map_err(|_| UrlError::Unreadable)?;
        let https = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(UrlError::Scheme),
        };
        let authority = uri.authority().ok_or(UrlError::Unreadable)?;
        if authority.as_str().contains('@') {
            return Err(UrlError::User);
        }
        if uri.query().is_some() {
            return Err(UrlError::Query);
        }
        let host = match authority.host().strip_prefix('[') {
            Some(rest) => rest.strip_suffix(']').filter(|host| host.parse::<Ipv6Addr>().is_ok()),
            None => Some(authority.host()).filter(|host| !host.contains(['[', ']'])),
        };
        let host = host.ok_or(UrlError::Unreadable)?;
        // `http://host:99999/` and `http://host:/` name no port that the library could tell.
        let named = authority.port().is_some() || !authority.as_str().ends_with(':');
        let port = match (authority.port(), authority.port_u16()) {
            (_, Some(port @ 1..)) => port,
            (None, None) if named && authority.as_str().trim_end_matches(']').ends_with(host) => {
                default_port(https)
            }
            _ => return Err(UrlError::Unreadable),
        };
        if host.is_empty() {
            return Err(UrlError::Unreadable);
        }
        Ok(Self { https, host: host.to_owned(), port, path: uri.path().to_owned() })
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.https { "https" } else { "http" };
        write!(f, "{scheme}://{}{}", self.authority(), self.path)
    }
}
