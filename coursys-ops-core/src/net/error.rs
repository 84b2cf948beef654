//! Why there is no connection.

use super::TlsProblem;
use super::system::{code_of, out_of_files};
use crate::config::Server;
use crate::model::{Code, Finding};

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum NetError {
    /// Neither a host nor a socket is configured.
    #[error("`{0}` is not configured")]
    NotConfigured(String),
    /// There is no such name.
    #[error("the host name `{0}` does not resolve: {1}")]
    UnknownHost(String, String),
    /// The name servers failed.
    #[error("the host name `{0}` cannot be looked up: {1}")]
    Dns(String, String),
    /// Connecting failed at every address; the error is that of the last.
    #[error("cannot connect to {place}: {source}")]
    Connect {
        /// Which address or socket.
        place: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// TLS failed.
    #[error("TLS with {0} failed: {1}")]
    Tls(String, TlsProblem),
    /// The host is a compose service, and none of its containers runs.
    #[error("the compose service `{0}` does not run: {1}")]
    Stopped(String, String),
    /// The host is a compose service, and this caller may not ask Docker where that is.
    #[error("where the compose service `{0}` is, only Docker can tell: {1}")]
    NotPermitted(String, String),
    /// The helper process failed.
    #[error("cannot look up names: {0}")]
    Helper(String),
}

impl NetError {
    /// The code of the finding.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::NotConfigured(_) => Code::NotConfigured,
            Self::UnknownHost(..) => Code::UnknownHost,
            Self::Dns(..) => Code::DnsFailed,
            Self::Connect { source, .. } => code_of(source),
            Self::Tls(_, problem) => problem.code(),
            Self::Stopped(..) => Code::NotRunning,
            Self::NotPermitted(..) => Code::NotPermitted,
            Self::Helper(_) => Code::HelperFailed,
        }
    }

    /// The finding, with a hint for `server`.
    #[must_use]
    pub fn finding(&self, server: &Server) -> Finding {
        let section = &server.section;
        let hint = match self {
            Self::NotConfigured(key) => return Finding::not_configured(key),
            Self::Helper(_) => return Finding::unknown(Code::HelperFailed, self.to_string()),
            Self::NotPermitted(..) => {
                return Finding::skipped(Code::NotPermitted, self.to_string())
                    .with_hint("run the check with sudo");
            }
            Self::Stopped(..) => {
                "look at it with `coursys-ops status`, and start what does not run".to_owned()
            }
            Self::UnknownHost(..) => format!("correct `{section}.host`, or the name in DNS or /etc/hosts"),
            Self::Dns(..) => "look at /etc/resolv.conf and at the name servers in it".to_owned(),
            Self::Tls(_, problem) => problem.hint(section),
            Self::Connect { source, .. } => match self.code() {
                Code::Refused => {
                    "nothing listens there: start the server, or correct host and port".to_owned()
                }
                Code::NoSocket => format!("start the server, or correct `{section}.socket`"),
                Code::NotPermitted | Code::AccessDenied => {
                    "run the check as root or as the site's user".to_owned()
                }
                Code::Timeout => {
                    "nobody answers at that address: look at the host and at firewalls between".to_owned()
                }
                _ if out_of_files(source) => {
                    "give the program more open files: `ulimit -n`, or `fs.file-max` of the machine"
                        .to_owned()
                }
                _ => "look at the network between here and there".to_owned(),
            },
        };
        Finding::failed(self.code(), self.to_string(), hint)
    }
}
