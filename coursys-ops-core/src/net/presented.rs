//! What a server presents itself with, also when it is not to be trusted.

use std::sync::{Arc, Mutex, PoisonError};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, SignatureScheme};
use tokio_rustls::TlsConnector;

use super::tls::{provider, roots, server_name};
use super::{NetError, Resolver, TlsProblem, dial_plain};
use crate::config::Server;

/// The certificates that a server has sent, and what is wrong with them.
#[derive(Debug)]
pub struct Presented {
    /// As they came, DER, the server's own first. None when it got no further than that it speaks no TLS.
    pub chain: Vec<CertificateDer<'static>>,
    /// Why they are not to be trusted, or what else ended the handshake; nothing when all is well.
    pub problem: Option<TlsProblem>,
}

/// Connects to a server and lets it present itself, whatever its section says about TLS. Nothing is ever said to one that
/// is not to be trusted: the handshake ends there.
///
/// # Errors
///
/// See [`NetError`]; what is wrong with the certificates is no error.
pub async fn present(resolver: &Resolver, server: &Server) -> Result<Presented, NetError> {
    let fail = |problem| NetError::Tls(server.place(), problem);
    let provider = provider();
    let verifier = rustls::client::WebPkiServerVerifier::builder_with_provider(
        Arc::new(roots(server).map_err(fail)?),
        Arc::clone(&provider),
    );
    let verifier = verifier.build().map_err(|error| {
        fail(TlsProblem::CaFile("the trusted certificates".to_owned(), error.to_string()))
    })?;
    let name = server_name(server).map_err(fail)?;
    let witness = Arc::new(Witness { verifier, chain: Mutex::default() });
    let builder = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| fail(TlsProblem::Rustls(error)))?;
    // Dangerous would be a verifier that lets pass what the real one refuses; this one only looks on.
    let verifier: Arc<dyn ServerCertVerifier> = Arc::<Witness>::clone(&witness);
    let config = builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth();
    let plain = dial_plain(resolver, server).await?;
    let shaken = TlsConnector::from(Arc::new(config)).connect(name, plain).await;
    let chain = std::mem::take(&mut *witness.chain.lock().unwrap_or_else(PoisonError::into_inner));
    Ok(Presented { chain, problem: shaken.err().map(TlsProblem::from_io) })
}

/// Looks on while the real verifier works.
#[derive(Debug)]
struct Witness {
    verifier: Arc<rustls::client::WebPkiServerVerifier>,
    chain: Mutex<Vec<CertificateDer<'static>>>,
}

impl ServerCertVerifier for Witness {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let chain = std::iter::once(end_entity).chain(intermediates);
        *self.chain.lock().unwrap_or_else(PoisonError::into_inner) =
            chain.map(|certificate| certificate.clone().into_owned()).collect();
        self.verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verifier.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verifier.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.supported_verify_schemes()
    }
}
