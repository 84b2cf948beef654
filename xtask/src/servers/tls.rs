//! The CA of a set of servers and the certificate of its servers, valid for `localhost`, 127.0.0.1 and ::1.

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
        let mut ca = CertificateParams::default();
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        ca.distinguished_name.push(DnType::CommonName, "coursys-ops test CA");
        let ca_key = KeyPair::generate()?;
        let ca_certificate = ca.self_signed(&ca_key)?;
        let issuer = Issuer::new(ca, ca_key);

        let names = ["localhost", "127.0.0.1", "::1"];
        let mut server = CertificateParams::new(names.map(String::from))?;
        server.distinguished_name.push(DnType::CommonName, "localhost");
        server.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        server.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate()?;
        let certificate = server.signed_by(&key, &issuer)?;
        Ok(Self { ca: ca_certificate.pem(), certificate: certificate.pem(), key: key.serialize_pem() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_set_of_servers_has_a_ca_of_its_own() {
        let (one, two) = (Tls::new().unwrap(), Tls::new().unwrap());
        assert_ne!(one.ca, two.ca);
        assert!(one.key.contains("PRIVATE KEY") && one.certificate.contains("BEGIN CERTIFICATE"));
    }
}
