//! What to say when a client library gives a conversation up: libraries tell that something went wrong, and what the peer
//! was heard to say tells what.

use std::error::Error;

use coursys_ops_core::config::Server;
use coursys_ops_core::model::{Code, Finding};
use coursys_ops_core::net::Heard;

use crate::garbage;

/// The finding about a server that should speak `protocol`, which begins like `is_like` says.
pub(crate) fn finding(
    server: &Server,
    protocol: &str,
    heard: &Heard,
    is_like: fn(&[u8]) -> bool,
    error: &dyn Error,
) -> Finding {
    if heard.flooded {
        garbage::finding(server, protocol, &format!("it sends without end ({} bytes)", heard.bytes))
    } else if heard.first.is_empty() {
        lost(server, error)
    } else if !is_like(&heard.first) {
        garbage::finding(server, protocol, &garbage::it_said(&heard.first))
    } else if heard.hung_up {
        lost(server, error)
    } else {
        garbage::finding(server, protocol, &root(error))
    }
}

/// The finding about a relay that could not be made.
pub(crate) fn no_relay(error: std::io::Error) -> Finding {
    Finding::unknown(Code::HelperFailed, format!("cannot make a socket of our own: {error}"))
}

/// The peer hung up in the middle of the conversation.
fn lost(server: &Server, error: &dyn Error) -> Finding {
    let place = server.place();
    Finding::failed(
        Code::ConnectionLost,
        format!("the connection to {place} broke in the middle of the conversation: {}", root(error)),
        "look at the server's log: it crashed, is being restarted, wants TLS, or does not let this machine in",
    )
}

/// The innermost reason: the outer ones repeat addresses, which are those of a relay.
fn root(mut error: &dyn Error) -> String {
    while let Some(source) = error.source() {
        error = source;
    }
    garbage::excerpt(error.to_string().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::config;

    #[test]
    fn how_it_began_and_how_it_ended_tell_garbage_from_a_hang_up() {
        let code = |first: &[u8], hung_up, flooded| {
            let heard =
                Heard { first: first.to_vec(), bytes: first.len().try_into().unwrap(), hung_up, flooded };
            let error = std::io::Error::other("something");
            finding(&config().email.server, "SMTP", &heard, |first| first.starts_with(b"220 "), &error).code
        };
        assert_eq!(code(b"", true, false), Code::ConnectionLost);
        assert_eq!(code(b"", false, false), Code::ConnectionLost);
        assert_eq!(code(b"220 hello\r\n", true, false), Code::ConnectionLost);
        assert_eq!(code(b"220 hello\r\n?", false, false), Code::Garbage);
        assert_eq!(code(b"HTTP/1.1 400", true, false), Code::Garbage);
        assert_eq!(code(b"220 hello\r\n", false, true), Code::Garbage);
    }
}
