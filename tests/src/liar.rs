//! Servers that lie: for faults that no real server produces.

use std::io::Write as _;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

/// How a liar lies.
#[derive(Debug, Clone, Copy)]
pub enum Manner {
    /// Sends bytes of no protocol and hangs up.
    Garbage,
    /// Sends bytes of no protocol without end.
    Flood,
    /// Accepts and says nothing.
    Silent,
    /// Hangs up at once.
    HangUp,
    /// Sends one byte a second.
    Drip,
}

/// A server on a free port of loopback that lies to everybody.
#[derive(Debug)]
pub struct Liar {
    /// Where it listens.
    pub port: u16,
}

impl Liar {
    /// Starts one; it lasts as long as the test program.
    #[must_use]
    pub fn new(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                thread::spawn(move || lie(stream, manner));
            }
        });
        Self { port }
    }
}

/// Looks like no protocol at all, holds control characters and an escape sequence for terminals.
const GARBAGE: &[u8] = b"\x1b]0;pwned\x07\xff\xfe\x00lorem ipsum 500 -ERR <html>{\"\r\n";

fn lie(mut stream: TcpStream, manner: Manner) {
    match manner {
        Manner::Garbage => {
            let _ = stream.write_all(GARBAGE);
            // Long enough for a client to read it before the reset that unread bytes cause.
            thread::sleep(Duration::from_millis(300));
            let _ = stream.shutdown(Shutdown::Both);
        }
        Manner::Flood => while stream.write_all(&GARBAGE.repeat(1000)).is_ok() {},
        Manner::Silent => thread::sleep(Duration::from_secs(3600)),
        Manner::HangUp => {}
        Manner::Drip => {
            for byte in GARBAGE.iter().cycle() {
                if stream.write_all(&[*byte]).is_err() {
                    break;
                }
                thread::sleep(Duration::from_secs(1));
            }
        }
    }
}
