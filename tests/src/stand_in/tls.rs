//! TLS before a server that has none, with a certificate that something is wrong with.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose, date_time_ymd,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// What is to be said about a certificate for `localhost` and 127.0.0.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Certificate {
    /// Nothing: it is as it should be, signed by an intermediate authority that is sent along.
    Good,
    /// It ended in 2020.
    Expired,
    /// It begins in 2090.
    NotYetValid,
    /// It is for `other.example`.
    WrongHost,
    /// It is signed by itself.
    SelfSigned,
    /// The intermediate authority is not sent along.
    IncompleteChain,
    /// It ends in so many days.
    Ends(i64),
}

/// How long a client may take to agree on TLS.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// A TLS server on a free port of loopback that hands everything on to another server.
#[derive(Debug)]
pub struct Front {
    /// Where it listens.
    pub port: u16,
    /// The authority that a client should trust, as PEM.
    pub ca: String,
}

impl Front {
    /// Starts one for this certificate and these names; it lasts as long as the test program.
    ///
    /// # Panics
    /// No port is free, or the certificate cannot be made.
    #[must_use]
    pub fn new(server: SocketAddr, certificate: Certificate, names: &[&str]) -> Self {
        let (chain, key, ca) = make(certificate, names);
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap();
        let config = Arc::new(config);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let config = Arc::clone(&config);
                thread::spawn(move || hand_on(client, server, config));
            }
        });
        Self { port, ca }
    }
}

/// Takes turns in both directions: no protocol here talks in both at once.
fn hand_on(mut client: TcpStream, server: SocketAddr, config: Arc<ServerConfig>) {
    const TURN: Option<Duration> = Some(Duration::from_millis(5));
    let (Ok(mut tls), Ok(mut server)) = (ServerConnection::new(config), TcpStream::connect(server)) else {
        return;
    };
    // First of all and without taking turns: a server that speaks first would be handed on into a half-made connection.
    let _ = client.set_read_timeout(Some(HANDSHAKE));
    while tls.is_handshaking() {
        if tls.complete_io(&mut client).is_err() {
            return;
        }
    }
    let _ = (client.set_read_timeout(TURN), server.set_read_timeout(TURN));
    let mut client = StreamOwned::new(tls, client);
    loop {
        if !turn(&mut client, &mut server) || !turn(&mut server, &mut client) {
            return;
        }
    }
}

/// Hands on what there is to read now; false at the end.
fn turn(from: &mut impl Read, to: &mut impl Write) -> bool {
    use std::io::ErrorKind::{TimedOut, WouldBlock};
    let mut buffer = [0; 16 << 10];
    match from.read(&mut buffer) {
        Ok(0) => false,
        Ok(count) => to.write_all(&buffer[..count]).and_then(|()| to.flush()).is_ok(),
        Err(error) => matches!(error.kind(), TimedOut | WouldBlock),
    }
}

/// The chain to send, its key, and the authority to trust.
fn make(
    certificate: Certificate,
    names: &[&str],
) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>, String) {
    let authority = |name: &str| {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.distinguished_name.push(DnType::CommonName, name);
        params
    };
    let root_key = KeyPair::generate().unwrap();
    let root = authority("root of the fault matrix").self_signed(&root_key).unwrap();
    let root_issuer = Issuer::new(authority("root of the fault matrix"), root_key);
    let middle_key = KeyPair::generate().unwrap();
    let middle = authority("middle of the fault matrix").signed_by(&middle_key, &root_issuer).unwrap();
    let middle_issuer = Issuer::new(authority("middle of the fault matrix"), middle_key);

    let own: Vec<String> = if certificate == Certificate::WrongHost {
        vec!["other.example".to_owned()]
    } else {
        ["localhost", "127.0.0.1"].iter().chain(names).map(ToString::to_string).collect()
    };
    let mut params = CertificateParams::new(own).unwrap();
    params.distinguished_name.push(DnType::CommonName, "server of the fault matrix");
    params.not_before = date_time_ymd(2019, 1, 1);
    match certificate {
        Certificate::Expired => params.not_after = date_time_ymd(2020, 1, 1),
        Certificate::NotYetValid => params.not_before = date_time_ymd(2090, 1, 1),
        Certificate::Ends(days) => {
            params.not_after =
                (std::time::SystemTime::now() + Duration::from_secs(days.unsigned_abs() * 86_400)).into();
        }
        _ => {}
    }
    let key = KeyPair::generate().unwrap();
    let der = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let chain = match certificate {
        Certificate::SelfSigned => vec![params.self_signed(&key).unwrap().der().clone()],
        Certificate::IncompleteChain => vec![params.signed_by(&key, &middle_issuer).unwrap().der().clone()],
        _ => vec![params.signed_by(&key, &middle_issuer).unwrap().der().clone(), middle.der().clone()],
    };
    (chain, der, root.pem())
}
