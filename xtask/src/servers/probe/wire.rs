//! Connections: TCP, TLS with the own CA, Unix sockets.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};
use serde::{Deserialize, Serialize};

use super::DEADLINE;

/// Where a server listens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Wire {
    /// TCP, or UDP for the time server.
    Plain(SocketAddr),
    /// TLS from the first byte; the certificate must be of this CA and name the address.
    Tls {
        /// Address and port.
        address: SocketAddr,
        /// PEM file of the CA.
        ca_file: PathBuf,
    },
    /// A Unix socket.
    Socket(PathBuf),
}

/// A connection of any kind.
pub trait Stream: Read + Write {}
impl<T: Read + Write> Stream for T {}

impl Wire {
    /// TLS when there is a CA, plain otherwise.
    pub fn new(address: SocketAddr, ca_file: Option<PathBuf>) -> Self {
        match ca_file {
            Some(ca_file) => Self::Tls { address, ca_file },
            None => Self::Plain(address),
        }
    }

    /// The Internet address.
    ///
    /// # Errors
    /// A Unix socket has none.
    pub fn address(&self) -> Result<SocketAddr> {
        match self {
            Self::Plain(address) | Self::Tls { address, .. } => Ok(*address),
            Self::Socket(path) => bail!("`{}` has no Internet address", path.display()),
        }
    }

    /// Connects. Reading and writing have a deadline, too.
    ///
    /// # Errors
    /// What the system or TLS says.
    pub fn connect(&self) -> Result<Box<dyn Stream>> {
        match self {
            Self::Plain(address) => Ok(Box::new(tcp(*address)?)),
            Self::Tls { address, ca_file } => {
                let client = ClientConnection::new(tls(ca_file)?, ServerName::from(address.ip()))?;
                Ok(Box::new(StreamOwned::new(client, tcp(*address)?)))
            }
            Self::Socket(path) => {
                let stream = UnixStream::connect(path)?;
                stream.set_read_timeout(Some(DEADLINE))?;
                stream.set_write_timeout(Some(DEADLINE))?;
                Ok(Box::new(stream))
            }
        }
    }
}

fn tcp(address: SocketAddr) -> Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&address, DEADLINE)?;
    stream.set_read_timeout(Some(DEADLINE))?;
    stream.set_write_timeout(Some(DEADLINE))?;
    Ok(stream)
}

fn tls(ca_file: &Path) -> Result<Arc<ClientConfig>> {
    let ca = CertificateDer::from_pem_file(ca_file)
        .with_context(|| format!("failed to read `{}`", ca_file.display()))?;
    let mut roots = RootCertStore::empty();
    roots.add(ca)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(Arc::new(config.with_root_certificates(roots).with_no_client_auth()))
}
