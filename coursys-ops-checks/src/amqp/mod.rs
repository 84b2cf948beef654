//! A client of AMQP 0-9-1 that does what a check needs and nothing else.
//!
//! It is not one of the client libraries because those keep a thread and tasks for each connection, which outlive
//! a check that is given up, take messages of any size, and write frames into their trace log, the one with the password
//! among them. This one lives inside the check's future: dropping it closes the connection, and its memory is bounded by
//! [`frame::FRAME_MAX`] and [`connection::BODY_MAX`] whatever the peer sends.

mod connection;
mod error;
mod frame;
mod method;
mod wire;

pub use connection::{Connection, Depth, Incoming, Message, no_queue};
pub use error::AmqpError;
pub use method::Request;
