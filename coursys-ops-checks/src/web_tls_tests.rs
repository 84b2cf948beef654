use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::testing::{answers_http, config, free_port, look};

/// What is wrong with a server's certificate.
#[derive(Clone, Copy, PartialEq)]
enum Flaw {
    None,
    Expired,
    FiveDays,
    OtherHost,
    SelfSigned,
    NoChain,
}

/// A server with a certificate of this flaw; returns its port and the file of the authority.
async fn serves(flaw: Flaw) -> (u16, tempfile::TempDir) {
    let authority = || {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
    };
    let mut middle = authority();
    middle.distinguished_name.push(rcgen::DnType::CommonName, "middle");
    let keys: [KeyPair; 3] = std::array::from_fn(|_| KeyPair::generate().unwrap());
    let [root_key, middle_key, key] = keys;
    let root = authority().self_signed(&root_key).unwrap();
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("ca.pem"), root.pem()).unwrap();
    let middle_certificate = middle.signed_by(&middle_key, &Issuer::new(authority(), root_key)).unwrap();

    let host = if flaw == Flaw::OtherHost { "elsewhere.test" } else { "coursys.test" };
    let mut own = CertificateParams::new(vec![host.to_owned()]).unwrap();
    let day = std::time::Duration::from_secs(86_400);
    let now = std::time::SystemTime::now();
    match flaw {
        Flaw::Expired => own.not_after = (now - day).into(),
        Flaw::FiveDays => own.not_after = (now + 5 * day).into(),
        _ => {}
    }
    let leaf = match flaw {
        Flaw::SelfSigned => own.self_signed(&key).unwrap(),
        _ => own.signed_by(&key, &Issuer::new(middle, middle_key)).unwrap(),
    };
    let mut chain = vec![leaf.der().clone()];
    if !matches!(flaw, Flaw::NoChain | Flaw::SelfSigned) {
        chain.push(middle_certificate.der().clone());
    }
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.unwrap().with_no_client_auth().with_single_cert(chain, key).unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((peer, _)) = listener.accept().await {
            let _ = acceptor.accept(peer).await;
        }
    });
    (port, dir)
}

async fn looked(config: Config) -> Vec<Finding> {
    look(WebTls::new(&config.web), config).await
}

async fn found(flaw: Flaw) -> Finding {
    let (port, dir) = serves(flaw).await;
    let mut config = config();
    config.web.hosts = vec!["coursys.test".to_owned()];
    config.web.https_port = port;
    config.web.server.tls_ca_file = Some(dir.path().join("ca.pem"));
    looked(config).await.remove(0)
}

#[tokio::test]
async fn each_flaw_of_a_certificate_has_a_code_of_its_own() {
    for (flaw, code) in [
        (Flaw::None, Code::Ok),
        (Flaw::Expired, Code::TlsExpired),
        (Flaw::FiveDays, Code::Expiring),
        (Flaw::OtherHost, Code::TlsWrongHost),
        (Flaw::SelfSigned, Code::TlsUntrusted),
        (Flaw::NoChain, Code::TlsIncomplete),
    ] {
        let finding = found(flaw).await;
        assert_eq!((finding.code, finding.subject.as_deref()), (code, Some("coursys.test")), "{finding:?}");
    }
}

#[tokio::test]
async fn the_public_address_is_asked_where_tls_does_not_end_here() {
    let (port, dir) = serves(Flaw::None).await;
    let mut config = config();
    config.web.public_url = Some(format!("https://127.0.0.1:{port}/"));
    config.web.server.tls_ca_file = Some(dir.path().join("ca.pem"));
    let finding = looked(config.clone()).await.remove(0);
    assert_eq!(finding.code, Code::TlsWrongHost, "{finding:?}");
    config.web.public_url = Some("http://coursys.test/".to_owned());
    assert_eq!(looked(config.clone()).await[0].code, Code::NotInLayout);
    config.web.public_url = None;
    assert_eq!(looked(config).await[0].code, Code::NotInLayout);
}

#[tokio::test]
async fn who_speaks_no_tls_or_is_not_there_is_told_with_the_right_key() {
    let mut config = config();
    config.web.hosts = vec!["coursys.test".to_owned()];
    config.web.https_port = answers_http(b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()).await;
    let deaf = looked(config.clone()).await.remove(0);
    assert!(matches!(deaf.code, Code::TlsNotOffered | Code::Timeout), "{deaf:?}");
    config.web.https_port = free_port().await;
    let gone = looked(config).await.remove(0);
    assert_eq!(gone.code, Code::Refused);
    assert!(gone.hint.unwrap().contains("web.https_port"));
}
