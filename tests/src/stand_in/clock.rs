//! A time server that lies.

use std::net::UdpSocket;
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

/// What it says.
#[derive(Debug, Clone, Copy)]
pub enum Time {
    /// A clock that is off by so many seconds.
    Off(f64),
    /// A kiss of death with this code: go away.
    Kiss([u8; 4]),
    /// That it is not synchronised itself.
    Unsynchronised,
    /// Bytes of no protocol.
    Garbage,
    /// Half of an answer.
    Short,
}

/// A time server on a free port of loopback.
#[derive(Debug)]
pub struct Clock {
    /// Where it listens.
    pub port: u16,
}

/// Seconds between the epochs of NTP and of Unix.
const EPOCHS: f64 = 2_208_988_800.0;

impl Clock {
    /// Starts one; it lasts as long as the test program.
    ///
    /// # Panics
    /// No port is free.
    #[must_use]
    pub fn new(time: Time) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let port = socket.local_addr().unwrap().port();
        thread::spawn(move || {
            let mut asked = [0; 512];
            while let Ok((count, from)) = socket.recv_from(&mut asked) {
                if let Some(question) = asked[..count].first_chunk::<48>() {
                    let _ = socket.send_to(&answer(question, time), from);
                }
            }
        });
        Self { port }
    }
}

fn answer(question: &[u8; 48], time: Time) -> Vec<u8> {
    const TRANSMITTED: std::ops::Range<usize> = 40..48;
    let (leap, stratum, reference, off) = match time {
        Time::Garbage => {
            return b"\x1b]0;pwned\x07 lorem ipsum dolor sit amet, consectetur adipiscing".to_vec();
        }
        Time::Short => return vec![0b00_100_100; 20],
        Time::Off(seconds) => (0, 2, *b"LOCL", seconds),
        Time::Kiss(code) => (3, 0, code, 0.0),
        Time::Unsynchronised => (3, 16, *b"INIT", 0.0),
    };
    let mut packet = vec![0; 48];
    packet[0] = leap << 6 | 4 << 3 | 4;
    packet[1] = stratum;
    packet[12..16].copy_from_slice(&reference);
    let now = stamp(off);
    packet[16..24].copy_from_slice(&now);
    packet[24..32].copy_from_slice(&question[TRANSMITTED]);
    packet[32..40].copy_from_slice(&now);
    packet[TRANSMITTED].copy_from_slice(&now);
    packet
}

/// Now, so many seconds later, as NTP writes it.
fn stamp(off: f64) -> [u8; 8] {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64() + EPOCHS + off;
    let (seconds, fraction) = (now.trunc() as u32, (now.fract() * f64::from(u32::MAX)) as u32);
    let mut bytes = [0; 8];
    bytes[..4].copy_from_slice(&seconds.to_be_bytes());
    bytes[4..].copy_from_slice(&fraction.to_be_bytes());
    bytes
}
