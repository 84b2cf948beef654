//! Tests of the connection to MariaDB that need no server.

use coursys_ops_core::model::Status;

use super::*;
use crate::database_connection::DatabaseConnection;
use crate::testing::{config, free_port, look, serves};

async fn code(port: u16) -> Code {
    let mut config = config();
    config.database.server.port = port;
    let findings = look(DatabaseConnection::new(), config).await;
    assert_eq!(findings[0].status, Status::Failed, "{findings:?}");
    findings[0].code
}

/// A packet of MySQL's protocol.
fn packet(sequence: u8, payload: &[u8]) -> Vec<u8> {
    let [a, b, c, _] = u32::try_from(payload.len()).unwrap().to_le_bytes();
    [&[a, b, c, sequence], payload].concat()
}

#[tokio::test]
async fn what_is_no_database_is_told_apart() {
    assert_eq!(code(free_port().await).await, Code::Refused);
    assert_eq!(code(serves(Vec::new()).await).await, Code::ConnectionLost);
    for garbage in
        [&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], b"SSH-2.0-OpenSSH_9.2\r\n", b"\xff\xff\xff\xff\xff\xff"]
    {
        assert_eq!(code(serves(garbage.to_vec()).await).await, Code::Garbage, "{}", garbage.escape_ascii());
    }
}

#[tokio::test]
async fn an_error_instead_of_a_greeting_is_the_servers_error() {
    let too_many = packet(0, b"\xff\x10\x04#08004Too many connections");
    assert_eq!(code(serves(too_many).await).await, Code::TryLater);
    let blocked = packet(0, b"\xff\x69\x04Host is blocked because of many connection errors");
    assert_eq!(code(serves(blocked).await).await, Code::Rejected);
}

#[tokio::test]
async fn a_greeting_that_breaks_off_is_never_a_panic() {
    let greeting = packet(
        0,
        b"\x0a5.5.5-10.11.6-MariaDB\0\x01\0\0\0abcdefgh\0\xfe\xf7\x2d\x02\0\xff\x81\x15\0\0\0\0\0\0\x1d\0\0\0ijklmnopqrst\0mysql_native_password\0",
    );
    for end in 5..greeting.len() {
        let mut cut = greeting[..end].to_vec();
        // The length is that of what is sent: the contents lack their end.
        cut[0] = u8::try_from(end - 4).unwrap();
        let code = code(serves(cut).await).await;
        assert!(matches!(code, Code::Garbage | Code::ConnectionLost), "{code} when cut at {end}");
    }
}

#[test]
fn a_greeting_is_known_by_its_first_bytes() {
    assert_eq!(judge_greeting(b"\x4a\0\0\0\x0a"), Some(Ok(())));
    assert_eq!(judge_greeting(b"\x4a\0\0\0\xff"), Some(Ok(())));
    for few in [&b""[..], b"\x4a", b"\x4a\0", b"\x4a\0\0", b"\x4a\0\0\0"] {
        assert_eq!(judge_greeting(few), None);
    }
    for other in [&b"HT"[..], b"\x4a\0\x01", b"\x4a\0\0\x01", b"\x4a\0\0\0\x09"] {
        assert!(matches!(judge_greeting(other), Some(Err(_))), "{}", other.escape_ascii());
    }
}
