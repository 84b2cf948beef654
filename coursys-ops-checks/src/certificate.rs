//! What a server's certificates say of themselves, and what is wrong with them.

use coursys_ops_core::model::Code;
use coursys_ops_core::net::{Presented, TlsProblem};
use jiff::Timestamp;
use x509_parser::prelude::{FromDer as _, GeneralName, X509Certificate, X509Name};

use crate::garbage;

/// So many of a certificate's names are shown.
const SHOWN_NAMES: usize = 5;

/// What is worth knowing of a chain of certificates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Chain {
    /// For whom the server's own one is.
    pub(crate) names: Vec<String>,
    /// Who signed it.
    pub(crate) issuer: String,
    /// When the first of the chain ends.
    pub(crate) ends: Timestamp,
    /// Whose that is.
    pub(crate) ends_first: String,
    /// When the last of the chain begins.
    begins: Timestamp,
    /// How many were sent.
    sent: usize,
    /// Who signed the last that was sent; nothing when that was itself.
    beyond: Option<String>,
    /// Whether the server's own one is signed by itself.
    self_signed: bool,
}

impl Chain {
    /// Reads what a server has sent; nothing when that holds no certificate, or one that nobody can read.
    pub(crate) fn read(presented: &Presented) -> Option<Self> {
        let certificates: Vec<X509Certificate<'_>> = presented
            .chain
            .iter()
            .map(|der| X509Certificate::from_der(der).ok().map(|(_, certificate)| certificate))
            .collect::<Option<_>>()?;
        let (own, last) = (certificates.first()?, certificates.last()?);
        let signs_itself = |of: &X509Certificate<'_>| of.subject().as_raw() == of.issuer().as_raw();
        let first_to_end = certificates.iter().min_by_key(|of| of.validity().not_after.timestamp())?;
        let last_to_begin = certificates.iter().map(|of| of.validity().not_before.timestamp()).max()?;
        Some(Self {
            names: names(own),
            issuer: shown(own.issuer()),
            ends: second(first_to_end.validity().not_after.timestamp()),
            ends_first: shown(first_to_end.subject()),
            begins: second(last_to_begin),
            sent: certificates.len(),
            beyond: (!signs_itself(last)).then(|| shown(last.issuer())),
            self_signed: signs_itself(own),
        })
    }

    /// How many days are left at `now`; less than nothing when it has ended.
    pub(crate) fn days_left(&self, now: Timestamp) -> f64 {
        const DAY_S: f64 = 86_400.0;
        self.ends.duration_since(now).as_secs_f64() / DAY_S
    }

    /// The names, as many as are worth showing.
    pub(crate) fn shown_names(&self) -> String {
        let more = if self.names.len() > SHOWN_NAMES { ", …" } else { "" };
        let shown: Vec<String> =
            self.names.iter().take(SHOWN_NAMES).map(|name| format!("`{name}`")).collect();
        if shown.is_empty() { "nobody".to_owned() } else { format!("{}{more}", shown.join(", ")) }
    }

    /// What is wrong, more exactly than the handshake can tell: code, what is so, and what to do.
    pub(crate) fn explain(&self, problem: &TlsProblem, name: &str, now: Timestamp) -> (Code, String, String) {
        let renew =
            "renew it, install it and reload the server; look at the clock of this machine, too".to_owned();
        match problem.code() {
            Code::TlsExpired if now < self.begins => {
                (Code::TlsExpired, format!("the certificate is valid from {} only", self.begins), renew)
            }
            Code::TlsExpired => {
                (Code::TlsExpired, format!("the certificate of {} has expired on {}", self.ends_first, self.ends), renew)
            }
            Code::TlsWrongHost => (
                Code::TlsWrongHost,
                format!("the certificate is for {}, not for `{name}`", self.shown_names()),
                format!("install a certificate that names `{name}`, or let the server choose it by the name it is asked for"),
            ),
            Code::TlsUntrusted if self.self_signed => (
                Code::TlsUntrusted,
                "the certificate is signed by itself, so that nobody vouches for it".to_owned(),
                "install one of an authority that browsers trust, or name it in `web.tls_ca_file`".to_owned(),
            ),
            Code::TlsUntrusted => match &self.beyond {
                Some(issuer) => (
                    Code::TlsIncomplete,
                    format!(
                        "the chain ends early: the last of {} certificates sent is signed by {issuer}, which is neither \
                         sent nor trusted here",
                        self.sent
                    ),
                    "let the server send its own certificate and then those between (`fullchain.pem`); or, if that \
                     authority is your own, name it in `web.tls_ca_file`"
                        .to_owned(),
                ),
                None => (
                    Code::TlsUntrusted,
                    format!("nobody whom this machine trusts has signed it; the chain ends at {}", self.issuer),
                    "install a certificate of an authority that browsers trust, or name this one in `web.tls_ca_file`"
                        .to_owned(),
                ),
            },
            code => (code, problem.to_string(), "look at the TLS settings of the server".to_owned()),
        }
    }
}

/// The alternative names, which are those that count, or the common name of an old certificate.
fn names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let alternative = certificate.subject_alternative_name().ok().flatten();
    let alternative = alternative.map(|extension| &extension.value.general_names);
    let names: Vec<String> = alternative
        .into_iter()
        .flatten()
        .filter_map(|name| match name {
            GeneralName::DNSName(name) => Some(garbage::excerpt(name.as_bytes())),
            GeneralName::IPAddress(bytes) => Some(address(bytes)),
            _ => None,
        })
        .collect();
    if names.is_empty() { vec![shown(certificate.subject())] } else { names }
}

fn address(bytes: &[u8]) -> String {
    let v4 = <[u8; 4]>::try_from(bytes).map(std::net::IpAddr::from);
    let v6 = || <[u8; 16]>::try_from(bytes).map(std::net::IpAddr::from);
    v4.or_else(|_| v6()).map_or_else(|_| "an address that is none".to_owned(), |address| address.to_string())
}

/// Who it is: the common name, else all that is said.
fn shown(name: &X509Name<'_>) -> String {
    let common = name.iter_common_name().next().and_then(|name| name.as_str().ok()).map(ToOwned::to_owned);
    format!("`{}`", garbage::excerpt(common.unwrap_or_else(|| name.to_string()).as_bytes()))
}

/// A time of a certificate, which may be absurd.
fn second(timestamp: i64) -> Timestamp {
    Timestamp::from_second(timestamp).unwrap_or(if timestamp < 0 { Timestamp::MIN } else { Timestamp::MAX })
}

#[cfg(test)]
#[path = "certificate_tests.rs"]
mod tests;
