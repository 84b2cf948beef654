//! Whom to ask, and what to say when there is no answer.

use std::path::PathBuf;

use coursys_ops_core::Scope;
use coursys_ops_core::config::Server;
use coursys_ops_core::model::{Code, Finding};
use coursys_ops_core::net::{NetError, Stream, start_tls};

use super::proxy;
use super::url::Url;

/// Whom to ask: a server of the configuration, or the one that an address names.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    server: Server,
    /// The key that holds the address; hints name it, because `server` has no section then.
    key: Option<String>,
    proxy: Option<(Url, String)>,
}

impl Target {
    /// A server that has a section in the configuration.
    pub(crate) fn server(server: &Server) -> Self {
        Self { server: server.clone(), key: None, proxy: None }
    }

    /// The server of an address, which the configuration has under `key`.
    pub(crate) fn url(url: &Url, key: &str) -> Self {
        Self { server: url.server(key), key: Some(key.to_owned()), proxy: None }
    }

    /// Trusts the certificates of this file instead of the system's.
    #[must_use]
    pub(crate) fn trusting(mut self, ca_file: Option<PathBuf>) -> Self {
        self.server.tls_ca_file = ca_file;
        self
    }

    /// Asks by way of a proxy, which the configuration has under `key`.
    #[must_use]
    pub(crate) fn through(mut self, proxy: Option<Url>, key: &str) -> Self {
        self.proxy = proxy.map(|proxy| (proxy, key.to_owned()));
        self
    }

    /// Where it is, for messages.
    pub(crate) fn place(&self) -> String {
        self.server.place()
    }

    /// Where it is, as a server.
    pub(crate) const fn as_server(&self) -> &Server {
        &self.server
    }

    /// The name for the header `Host` when nobody says another.
    pub(super) fn host(&self) -> String {
        // A socket has no host, and HTTP wants one.
        if self.server.host.is_some() { self.server.place() } else { "localhost".to_owned() }
    }

    /// What stands before the path when a proxy is to fetch it; TLS goes through a tunnel instead.
    pub(super) fn absolute(&self) -> Option<String> {
        (self.proxy.is_some() && !self.is_encrypted()).then(|| format!("http://{}", self.host()))
    }

    fn is_encrypted(&self) -> bool {
        self.server.tls == coursys_ops_core::config::Tls::Required
    }

    /// Connects, through the proxy if there is one.
    ///
    /// # Errors
    ///
    /// The finding that says why there is no connection.
    pub(super) async fn connect(&self, scope: &Scope) -> Result<Stream, Finding> {
        let Some((proxy, key)) = &self.proxy else {
            return scope.dial(&self.server).await.map_err(|error| self.no_connection(&error));
        };
        let hop = Self::url(proxy, key);
        let stream = scope.dial(&hop.server).await.map_err(|error| hop.no_connection(&error))?;
        if !self.is_encrypted() {
            return Ok(stream);
        }
        let tunnel = proxy::tunnel(stream, &hop, &self.server.place()).await?;
        start_tls(&self.server, tunnel).await.map_err(|error| self.no_connection(&error))
    }

    fn no_connection(&self, error: &NetError) -> Finding {
        self.hinted(error.finding(&self.server))
    }

    /// The finding with a hint that names the key of the address: its parts are no keys.
    pub(super) fn hinted(&self, finding: Finding) -> Finding {
        let Some(key) = &self.key else { return finding };
        let hint = match finding.code {
            Code::UnknownHost => format!("correct the host in `{key}`, or the name in DNS or /etc/hosts"),
            Code::Refused => {
                format!("nothing listens there: correct `{key}`, or ask whoever runs the server")
            }
            Code::Garbage | Code::TlsNotOffered => {
                format!("another server listens there: correct scheme, host and port in `{key}`")
            }
            Code::TlsWrongHost => format!("write the name of the server's certificate in `{key}`"),
            Code::TlsUntrusted => {
                "if the authority is right, add its certificate to those that the machine trusts \
                                   (`update-ca-certificates`); else ask whoever runs the server"
                    .to_owned()
            }
            Code::TlsFailed => "look at the server's TLS settings".to_owned(),
            _ => return finding,
        };
        finding.with_hint(hint)
    }
}
