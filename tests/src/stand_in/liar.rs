//! Servers that lie: for faults that no real server produces.

use std::io::{Read as _, Write as _};
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
    /// Answers whatever it is asked with these bytes, then with the others over and over, 100 MB in all.
    Huge(&'static [u8], &'static [u8]),
    /// Says these bytes before it is asked, and hangs up.
    Greets(&'static [u8]),
    /// Answers the first bytes it is asked with these, and hangs up.
    Says(&'static [u8]),
}

/// How much an answer holds that is too large.
const HUGE: usize = 100 << 20;

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
        Manner::Huge(first, again) => {
            let mut sent = first.len();
            let block = again.repeat((64 << 10) / again.len());
            let _ = stream.write_all(first);
            while sent < HUGE && stream.write_all(&block).is_ok() {
                sent += block.len();
            }
        }
        Manner::Greets(greeting) => {
            let _ = stream.write_all(greeting);
            thread::sleep(Duration::from_millis(300));
        }
        Manner::Says(answer) => {
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(answer);
            thread::sleep(Duration::from_millis(300));
        }
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
