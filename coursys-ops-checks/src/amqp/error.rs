//! What can go wrong in a conversation with a broker.

use std::io;

use coursys_ops_core::config::Server;
use coursys_ops_core::model::{Code, Finding};
use coursys_ops_core::net::Heard;
use lapin::ErrorKind;
use lapin::protocol::AMQPErrorKind;

use super::message::Incoming;
use super::stranger::{Refusal, stranger};

/// AMQP's reply codes that a check tells apart (AMQP 0-9-1, section 1.2).
mod reply {
    pub(super) const CONTENT_TOO_LARGE: u16 = 311;
    pub(super) const CONNECTION_FORCED: u16 = 320;
    pub(super) const ACCESS_REFUSED: u16 = 403;
    pub(super) const NOT_FOUND: u16 = 404;
    pub(super) const NOT_ALLOWED: u16 = 530;
}

/// What was asked of the broker when it failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// To be let in.
    Login,
    /// Something on a channel.
    Channel,
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
    /// What an error of lapin's means, with what was heard of the peer: many faults are all the same to lapin.
    pub(super) fn new(step: Step, error: &lapin::Error, heard: &Heard) -> Self {
        if heard.flooded {
            return Self::Garbage("it sends without end".to_owned());
        }
        if let Some(why) = stranger(&heard.first) {
            return Self::Garbage(why);
        }
        match error.kind() {
            ErrorKind::ProtocolError(error) => {
                let (code, text) = (error.get_id(), error.get_message().to_string());
                match (step, error.kind()) {
                    (Step::Channel, AMQPErrorKind::Soft(_)) => Self::ChannelClosed { code, text },
                    _ => Self::Closed { code, text },
                }
            }
            ErrorKind::IOError(error) if error.get_ref().is_some_and(|error| error.is::<Refusal>()) => {
                Self::Garbage(error.to_string())
            }
            _ if heard.hung_up => Self::hung_up(),
            ErrorKind::IOError(error) => Self::Lost(io::Error::new(error.kind(), error.to_string())),
            ErrorKind::InvalidConnectionState(_) | ErrorKind::InvalidChannelState(..) => Self::hung_up(),
            _ => Self::Garbage(error.to_string()),
        }
    }

    /// The connection ended and nobody said why.
    pub(super) fn hung_up() -> Self {
        Self::Lost(io::ErrorKind::UnexpectedEof.into())
    }

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

/// The finding for a queue that does not exist.
#[must_use]
pub fn no_queue(queue: &str) -> Finding {
    Finding::failed(
        Code::NoQueue,
        format!("the queue `{queue}` does not exist"),
        format!(
            "start the worker of `{queue}`, which makes its queue; if the broker was recreated, restart all of Celery"
        ),
    )
}

/// The code of a return that says there is no such queue is 312; the others are the broker's own trouble.
impl Incoming {
    /// The finding for what is not an answer, when it is not good either.
    #[must_use]
    pub fn trouble(&self, queue: &str) -> Option<Finding> {
        const NO_ROUTE: u16 = 312;
        match self {
            Self::Confirmed | Self::Message(_) => None,
            Self::NotConfirmed => Some(Finding::failed(
                Code::Rejected,
                format!("the broker could not put the probe into `{queue}`"),
                "look at the broker's log",
            )),
            Self::Blocked(reason) => Some(Finding::failed(
                Code::TryLater,
                format!("the broker takes no messages: {reason}"),
                "free memory or disk space on the broker's machine: `rabbitmqctl status` shows the alarm",
            )),
            Self::Returned { code: NO_ROUTE, .. } => Some(no_queue(queue)),
            Self::Returned { code, text } => Some(Finding::failed(
                Code::Rejected,
                format!("the broker sent the probe back: {code} {text}"),
                "look at the broker's log",
            )),
        }
    }
}
