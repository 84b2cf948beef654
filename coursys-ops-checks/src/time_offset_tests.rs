use tokio::net::UdpSocket;

use super::*;
use crate::testing::{config, look};

/// A time server that makes its answer of the question; returns its port.
async fn server(answer: fn(&[u8; 48]) -> Vec<u8>) -> u16 {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let port = socket.local_addr().unwrap().port();
    tokio::spawn(async move {
        let mut question = [0; 48];
        while let Ok((_, peer)) = socket.recv_from(&mut question).await {
            let _ = socket.send_to(&answer(&question), peer).await;
        }
    });
    port
}

async fn code_at(port: u16) -> Code {
    let mut config = config();
    config.time.server.port = port;
    look(TimeOffset::new(), config).await.remove(0).code
}

/// An answer of a synchronised server whose clock is so many seconds ahead.
fn answer(question: &[u8; 48], ahead: u8) -> Vec<u8> {
    let mut answer = vec![0; 48];
    // No leap second, version 4, mode server, stratum 2.
    answer[..2].copy_from_slice(&[0b00_100_100, 2]);
    answer[24..32].copy_from_slice(&question[40..48]);
    for at in [16, 32, 40] {
        answer[at..at + 8].copy_from_slice(&question[40..48]);
        let seconds = u32::from_be_bytes(answer[at..at + 4].try_into().unwrap()) + u32::from(ahead);
        answer[at..at + 4].copy_from_slice(&seconds.to_be_bytes());
    }
    answer
}

#[tokio::test]
async fn a_right_clock_passes_and_a_wrong_one_does_not() {
    assert_eq!(code_at(server(|question| answer(question, 0)).await).await, Code::Ok);
    assert_eq!(code_at(server(|question| answer(question, 10)).await).await, Code::ClockOff);
}

#[tokio::test]
async fn a_server_that_is_lost_itself_or_says_go_away_is_no_reference() {
    let unsynchronised = |question: &[u8; 48]| {
        let mut answer = answer(question, 0);
        answer[0] |= 0b11_000_000;
        answer
    };
    assert_eq!(code_at(server(unsynchronised).await).await, Code::ReferenceUnusable);
    let go_away = |question: &[u8; 48]| {
        let mut answer = answer(question, 0);
        answer[1] = 0;
        answer[12..16].copy_from_slice(b"RATE");
        answer
    };
    assert_eq!(code_at(server(go_away).await).await, Code::ReferenceUnusable);
}

#[tokio::test]
async fn nobody_there_and_somebody_else_are_told_apart() {
    let free = UdpSocket::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    assert_eq!(code_at(free).await, Code::Refused);
    assert_eq!(code_at(server(|_| b"what?".to_vec()).await).await, Code::Garbage);
    assert_eq!(code_at(server(|_| vec![0xff; 48]).await).await, Code::Garbage);
    // An answer to a question that we did not ask.
    assert_eq!(code_at(server(|_| answer(&[7; 48], 0)).await).await, Code::Garbage);
}

#[test]
fn an_offset_within_the_doubt_of_the_round_trip_is_a_warning() {
    let code_and_status = |offset, round_trip| {
        let finding = judge(offset, round_trip, 0.1, "ntp");
        (finding.code, finding.status.as_str())
    };
    assert_eq!(code_and_status(-0.1, 0.0), (Code::Ok, "passed"));
    assert_eq!(code_and_status(0.2, 0.1), (Code::ClockOff, "failed"));
    assert_eq!(code_and_status(-0.2, 0.5), (Code::ClockOff, "warning"));
    assert_eq!(code_and_status(f64::NAN, 0.0), (Code::ClockOff, "failed"));
}
