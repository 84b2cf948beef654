use coursys_ops_core::net::{Presented, TlsProblem};
use proptest::prelude::*;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::pki_types::CertificateDer;
use rustls::{CertificateError, Error};

use super::*;

/// Certificates of an authority, one between, and a site, and one that signed itself.
struct Made {
    root: CertificateDer<'static>,
    middle: CertificateDer<'static>,
    leaf: CertificateDer<'static>,
    alone: CertificateDer<'static>,
}

fn params(name: &str, sans: &[&str]) -> CertificateParams {
    let mut params =
        CertificateParams::new(sans.iter().map(|&san| san.to_owned()).collect::<Vec<_>>()).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

fn made() -> Made {
    let authority = |name: &str| {
        let mut params = params(name, &[]);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
    };
    let key = || KeyPair::generate().unwrap();
    let (root_key, middle_key) = (key(), key());
    let root = authority("root").self_signed(&root_key).unwrap().der().clone();
    let root_issuer = Issuer::new(authority("root"), root_key);
    let middle = authority("middle").signed_by(&middle_key, &root_issuer).unwrap().der().clone();
    let middle_issuer = Issuer::new(authority("middle"), middle_key);
    let mut own = params("site", &["coursys.test", "127.0.0.1", "::1"]);
    own.not_before = rcgen::date_time_ymd(2026, 1, 1);
    own.not_after = rcgen::date_time_ymd(2026, 12, 1);
    let leaf = own.signed_by(&key(), &middle_issuer).unwrap().der().clone();
    let alone = own.self_signed(&key()).unwrap().der().clone();
    Made { root, middle, leaf, alone }
}

fn read(chain: &[&CertificateDer<'static>]) -> Chain {
    let chain = chain.iter().map(|&certificate| certificate.clone()).collect();
    Chain::read(&Presented { chain, problem: None }).unwrap()
}

fn explained(chain: &Chain, error: CertificateError, now: &str) -> (Code, String) {
    let problem = TlsProblem::Rustls(Error::InvalidCertificate(error));
    let (code, message, _) = chain.explain(&problem, "coursys.test", now.parse().unwrap());
    (code, message)
}

const NOW: &str = "2026-11-22T00:00:00Z";

#[test]
fn a_chain_tells_for_whom_by_whom_and_for_how_long() {
    let made = made();
    let chain = read(&[&made.leaf, &made.middle]);
    assert_eq!(chain.names, ["coursys.test", "127.0.0.1", "::1"]);
    assert_eq!((chain.issuer.as_str(), chain.ends_first.as_str()), ("`middle`", "`site`"));
    assert!((chain.days_left(NOW.parse().unwrap()) - 9.0).abs() < 0.01);
}

#[test]
fn an_unknown_authority_is_told_from_a_missing_link_and_from_one_who_vouches_for_himself() {
    let made = made();
    let code =
        |chain: &[&CertificateDer<'static>]| explained(&read(chain), CertificateError::UnknownIssuer, NOW).0;
    assert_eq!(code(&[&made.leaf]), Code::TlsIncomplete);
    assert_eq!(code(&[&made.leaf, &made.middle]), Code::TlsIncomplete);
    assert_eq!(code(&[&made.leaf, &made.middle, &made.root]), Code::TlsUntrusted);
    assert_eq!(code(&[&made.alone]), Code::TlsUntrusted);
}

#[test]
fn expired_is_told_from_not_yet_valid_and_names_what_has_expired() {
    let made = made();
    let chain = read(&[&made.leaf, &made.middle]);
    let (code, message) = explained(&chain, CertificateError::Expired, "2026-12-24T00:00:00Z");
    assert_eq!(code, Code::TlsExpired);
    assert!(message.contains("`site`") && message.contains("2026-12-01"), "{message}");
    let (code, message) = explained(&chain, CertificateError::NotValidYet, "2025-12-24T00:00:00Z");
    assert!(code == Code::TlsExpired && message.contains("from 2026-01-01"), "{message}");
}

#[test]
fn a_certificate_of_another_host_shows_its_names() {
    let made = made();
    let (code, message) = explained(&read(&[&made.leaf]), CertificateError::NotValidForName, NOW);
    assert!(code == Code::TlsWrongHost && message.contains("`127.0.0.1`"), "{message}");
}

proptest! {
    #[test]
    fn no_bytes_make_the_reader_of_certificates_fall_over(bytes in any::<Vec<u8>>(), at in 0..600_usize, byte: u8) {
        let read = |der: Vec<u8>| Chain::read(&Presented { chain: vec![der.into()], problem: None });
        prop_assert_eq!(read(bytes), None);
        let mut spoilt = made().leaf.to_vec();
        let length = spoilt.len();
        spoilt[at % length] = byte;
        if let Some(chain) = read(spoilt) {
            let problem = TlsProblem::Rustls(Error::InvalidCertificate(CertificateError::Expired));
            let (_, message, _) = chain.explain(&problem, "coursys.test", NOW.parse().unwrap());
            prop_assert!(!message.chars().any(char::is_control));
        }
    }
}
