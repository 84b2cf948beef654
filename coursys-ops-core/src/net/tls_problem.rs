//! What is wrong with TLS, or with which certificate.

use rustls::CertificateError;

use super::system::code_of;
use crate::model::Code;

/// What went wrong with TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsProblem {
    /// The file of trusted certificates cannot be used.
    #[error("{0}: {1}")]
    CaFile(String, String),
    /// The name that the certificate must be for is no name.
    #[error("`{0}` is no host name")]
    Name(String),
    /// The peer does not speak TLS.
    #[error("the server does not speak TLS on this port")]
    NotTls,
    /// The handshake or the certificate.
    #[error("{0}")]
    Rustls(rustls::Error),
    /// The connection broke.
    #[error("{0}")]
    Io(std::io::Error),
}

impl TlsProblem {
    /// Sorts what a handshake reported.
    #[must_use]
    pub fn from_io(error: std::io::Error) -> Self {
        match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            Some(rustls::Error::InvalidMessage(_)) => Self::NotTls,
            Some(inner) => Self::Rustls(inner.clone()),
            None => Self::Io(error),
        }
    }

    /// The code of the finding.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::CaFile(..) | Self::Name(_) => Code::TlsFailed,
            Self::NotTls => Code::TlsNotOffered,
            Self::Io(error) => match code_of(error) {
                Code::ConnectionLost => Code::TlsNotOffered,
                code => code,
            },
            Self::Rustls(rustls::Error::InvalidCertificate(error)) => match error {
                CertificateError::Expired
                | CertificateError::ExpiredContext { .. }
                | CertificateError::NotValidYet
                | CertificateError::NotValidYetContext { .. } => Code::TlsExpired,
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                    Code::TlsWrongHost
                }
                _ => Code::TlsUntrusted,
            },
            Self::Rustls(_) => Code::TlsFailed,
        }
    }

    /// What to do, for a server of this section.
    #[must_use]
    pub fn hint(&self, section: &str) -> String {
        match self.code() {
            Code::TlsExpired => {
                "renew the server's certificate, and look at the clocks of both machines".to_owned()
            }
            Code::TlsWrongHost => {
                format!("set `{section}.tls_server_name` to a name in the server's certificate")
            }
            Code::TlsUntrusted => {
                format!("set `{section}.tls_ca_file` to the certificate of the authority that signed it")
            }
            Code::TlsNotOffered => format!("switch TLS on in the server, or set `{section}.tls = \"off\"`"),
            _ => format!(
                "look at `{section}.tls_ca_file`, `{section}.tls_server_name` and the server's TLS settings"
            ),
        }
    }
}
