//! What can go wrong in a conversation with a broker.

use std::io;

use coursys_ops_core::config::Server;
use coursys_ops_core::model::{Code, Finding};

/// AMQP's reply codes that a check tells apart (AMQP 0-9-1, section 1.2).
mod reply {
    pub(super) const CONTENT_TOO_LARGE: u16 = 311;
    pub(super) const CONNECTION_FORCED: u16 = 320;
    pub(super) const ACCESS_REFUSED: u16 = 403;
    pub(super) const NOT_FOUND: u16 = 404;
    pub(super) const NOT_ALLOWED: u16 = 530;
}

/// What can go wrong in a conversation with a broker.
#[derive(Debug)]
pub enum AmqpError {
    /// The connection ended in the middle.
    Lost(io::Error),
    /// What came is not AMQP.
    Garbage(String),
    /// The broker closed the connection, with its reason.
    Closed {
        /// AMQP's reply code.
        code: u16,
        /// The broker's words.
        text: String,
    },
    /// The broker closed the channel, with its reason.
    ChannelClosed {
        /// AMQP's reply code.
        code: u16,
        /// The broker's words.
        text: String,
    },
}

impl AmqpError {
    /// Whether the broker says that there is no such queue.
    #[must_use]
    pub const fn is_not_found(&self) -> bool {
        matches!(self, Self::ChannelClosed { code: reply::NOT_FOUND, .. })
    }

    /// What the broker refused with, for scripts.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::Lost(_) => Code::ConnectionLost,
            Self::Garbage(_) => Code::Garbage,
            Self::Closed { code, text } => match *code {
                reply::ACCESS_REFUSED => Code::AccessDenied,
                // RabbitMQ: "connection limit (N) is reached", for a virtual host or a user.
                reply::NOT_ALLOWED if text.contains("limit") => Code::TryLater,
                reply::NOT_ALLOWED => Code::NoSuchVhost,
                reply::CONNECTION_FORCED => Code::TryLater,
                _ => Code::ServerError,
            },
            Self::ChannelClosed { code, .. } => match *code {
                reply::ACCESS_REFUSED => Code::AccessDenied,
                reply::NOT_FOUND => Code::NoQueue,
                reply::CONTENT_TOO_LARGE => Code::Rejected,
                _ => Code::ServerError,
            },
        }
    }

    /// The finding, with a hint for this broker.
    #[must_use]
    pub fn finding(&self, server: &Server) -> Finding {
        let place = server.place();
        let message = match self {
            Self::Lost(error) => format!("{place} closed the connection: {error}"),
            Self::Garbage(what) => format!("{place} does not answer in AMQP 0-9-1: {what}"),
            Self::Closed { code, text } | Self::ChannelClosed { code, text } => {
                format!("{place} refused: {code} {text}")
            }
        };
        let hint = match self.code() {
            Code::Garbage => {
                "correct `broker.host` and `broker.port`; if the broker wants TLS, set `broker.tls = \"required\"`"
            }
            Code::ConnectionLost => "look at the broker's log for the reason",
            Code::AccessDenied if matches!(self, Self::ChannelClosed { .. }) => {
                "give the user its rights: `rabbitmqctl set_permissions -p VHOST USER '.*' '.*' '.*'`"
            }
            Code::AccessDenied => {
                "correct `broker.user` and its password, or set it anew: `rabbitmqctl change_password USER`"
            }
            Code::NoSuchVhost => {
                "correct `broker.vhost`, or make it and give the user its rights: `rabbitmqctl add_vhost VHOST`, \
                 `rabbitmqctl set_permissions -p VHOST USER '.*' '.*' '.*'`"
            }
            Code::TryLater => "the broker is stopping or full: look at `rabbitmqctl status` and try again",
            _ => "look at the broker's log and at `rabbitmqctl status`",
        };
        Finding::failed(self.code(), message, hint)
    }
}

impl From<io::Error> for AmqpError {
    fn from(error: io::Error) -> Self {
        Self::Lost(error)
    }
}
