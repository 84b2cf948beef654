//! The CA of a set of servers and the certificate of its servers, valid for `localhost`, 127.0.0.1 and ::1; and the
//! certificate of the web site with its chain, as the world would see it.

use std::time::{Duration, SystemTime};

use anyhow::Result;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};

/// A new CA and one certificate for all servers, as PEM.
#[derive(Clone, Debug)]
pub struct Tls {
    /// Certificate of the CA.
    pub ca: String,
    /// Certificate of the servers.
    pub certificate: String,
    /// Its key.
    pub key: String,
}

impl Tls {
    /// Makes them. The CA's own key is forgotten at once.
    ///
    /// # Errors
    /// What the cryptographic library says.
    pub fn new() -> Result<Self> {
        let ca = authority("coursys-ops test CA");
        let ca_key = KeyPair::generate()?;
        let ca_certificate = ca.self_signed(&ca_key)?;
        let issuer = Issuer::new(ca, ca_key);

        let server = server(&["localhost", "127.0.0.1", "::1"])?;
        let key = KeyPair::generate()?;
        let certificate = server.signed_by(&key, &issuer)?;
        Ok(Self { ca: ca_certificate.pem(), certificate: certificate.pem(), key: key.serialize_pem() })
    }

    /// A certificate of a web site for these hosts, as public authorities give them: signed by an intermediate authority,
    /// whose certificate follows it, and valid for three months.
    ///
    /// # Errors
    /// What the cryptographic library says.
    pub fn of_hosts(hosts: &[&str]) -> Result<Self> {
        const VALID: Duration = Duration::from_secs(90 * 24 * 3600);
        let root = authority("coursys-ops test root");
        let root_key = KeyPair::generate()?;
        let root_certificate = root.self_signed(&root_key)?;
        let root = Issuer::new(root, root_key);
        let middle = authority("coursys-ops test intermediate");
        let middle_key = KeyPair::generate()?;
        let middle_certificate = middle.signed_by(&middle_key, &root)?;
        let middle = Issuer::new(middle, middle_key);

        let mut leaf = server(hosts)?;
        leaf.not_after = (SystemTime::now() + VALID).into();
        let key = KeyPair::generate()?;
        let chain = leaf.signed_by(&key, &middle)?.pem() + &middle_certificate.pem();
        Ok(Self { ca: root_certificate.pem(), certificate: chain, key: key.serialize_pem() })
    }
}

/// What an authority says of itself.
fn authority(name: &str) -> CertificateParams {
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    authority.distinguished_name.push(DnType::CommonName, name);
    authority
}

/// What a server of these names says of itself.
fn server(names: &[&str]) -> Result<CertificateParams> {
    let mut server = CertificateParams::new(names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>())?;
    server.distinguished_name.push(DnType::CommonName, names.first().copied().unwrap_or_default());
    server.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    server.use_authority_key_identifier_extension = true;
    Ok(server)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_site_has_a_chain_and_its_servers_have_none() {
        let count = |tls: &Tls| tls.certificate.matches("BEGIN CERTIFICATE").count();
        assert_eq!(count(&Tls::of_hosts(&["x.test"]).unwrap()), 2);
        assert_eq!(count(&Tls::new().unwrap()), 1);
    }

    #[test]
    fn each_set_of_servers_has_a_ca_of_its_own() {
        let (one, two) = (Tls::new().unwrap(), Tls::new().unwrap());
        assert_ne!(one.ca, two.ca);
        assert!(one.key.contains("PRIVATE KEY") && one.certificate.contains("BEGIN CERTIFICATE"));
    }
}
