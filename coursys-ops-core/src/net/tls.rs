//! TLS as a server's section of the configuration wants it.

use std::path::Path;
use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio_rustls::TlsConnector;

use super::{NetError, Stream, TlsProblem};
use crate::config::Server;

/// The name that a server's certificate must be for.
///
/// # Errors
///
/// When it is no host name and no address.
pub fn server_name(server: &Server) -> Result<ServerName<'static>, TlsProblem> {
    let name = server.tls_server_name.as_deref().or(server.host.as_deref()).unwrap_or("localhost");
    let name = name.trim_start_matches('[').trim_end_matches(']');
    ServerName::try_from(name.to_owned()).map_err(|_| TlsProblem::Name(name.to_owned()))
}

/// A configuration that trusts what the server's section says.
///
/// # Errors
///
/// When the file of trusted certificates cannot be read or holds none.
pub fn client_config(server: &Server) -> Result<ClientConfig, TlsProblem> {
    let roots = roots(server)?;
    let builder = ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
    Ok(builder.map_err(TlsProblem::Rustls)?.with_root_certificates(roots).with_no_client_auth())
}

/// The one library of ciphers.
pub(super) fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// Whom the server's section trusts.
///
/// # Errors
///
/// See [`client_config`].
pub(super) fn roots(server: &Server) -> Result<RootCertStore, TlsProblem> {
    let mut roots = RootCertStore::empty();
    match &server.tls_ca_file {
        Some(path) => trust_file(&mut roots, path)?,
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    Ok(roots)
}

fn trust_file(roots: &mut RootCertStore, path: &Path) -> Result<(), TlsProblem> {
    let fail = |why: String| TlsProblem::CaFile(path.display().to_string(), why);
    let bytes = std::fs::read(path).map_err(|error| fail(error.to_string()))?;
    for certificate in CertificateDer::pem_slice_iter(&bytes) {
        let certificate = certificate.map_err(|error| fail(error.to_string()))?;
        roots.add(certificate).map_err(|error| fail(error.to_string()))?;
    }
    if roots.is_empty() { Err(fail("it holds no certificate".to_owned())) } else { Ok(()) }
}

/// Changes a connection to TLS: at once, or where a protocol like SMTP says so.
///
/// # Errors
///
/// [`NetError::Tls`] with what is wrong.
pub async fn start_tls(server: &Server, plain: Stream) -> Result<Stream, NetError> {
    let place = || server.place();
    let fail = |problem| NetError::Tls(place(), problem);
    let config = client_config(server).map_err(fail)?;
    let name = server_name(server).map_err(fail)?;
    let stream = TlsConnector::from(Arc::new(config)).connect(name, plain).await;
    stream.map(|stream| Stream::Tls(Box::new(stream))).map_err(|error| fail(TlsProblem::from_io(error)))
}
