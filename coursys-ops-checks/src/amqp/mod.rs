//! Conversations with a broker, by lapin.
//!
//! lapin keeps a thread and tasks for each connection, and it looks names up, connects and waits in its own ways. Here it
//! gets the connection made ([`line`]) and its tasks a place to live ([`kit`]), so that everything of it ends with the
//! [`Connection`], also when a check is given up in the middle.

mod connection;
mod error;
mod kit;
mod line;
mod message;
mod peek;
mod stranger;

pub use connection::Connection;
pub use error::{AmqpError, no_queue};
pub use message::{Broadcast, Depth, Incoming, Message, Request};
pub use peek::Waiting;
