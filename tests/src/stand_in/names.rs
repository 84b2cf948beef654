//! A name server that lies, is slow or is silent.

use std::net::{IpAddr, Ipv4Addr, UdpSocket};
use std::thread;
use std::time::Duration;

/// What it answers to every question.
#[derive(Debug, Clone)]
pub enum Answers {
    /// Nothing.
    Silence,
    /// An error of its own (SERVFAIL).
    Failure,
    /// That there is no such name (NXDOMAIN).
    NoSuchName,
    /// That the name exists and has no address.
    NoAddress,
    /// Bytes of no protocol.
    Garbage,
    /// These addresses, after this time.
    Addresses(Vec<IpAddr>, Duration),
}

/// A name server on port 53 of an address of loopback that is this process' own.
#[derive(Debug)]
pub struct NameServer {
    /// Where it listens.
    pub address: Ipv4Addr,
}

const FAILURE: u8 = 2;
const NO_SUCH_NAME: u8 = 3;
const A: u16 = 1;
const AAAA: u16 = 28;

impl NameServer {
    /// Starts one; it lasts as long as the test program. Root only, because of the port.
    ///
    /// # Panics
    /// The port cannot be bound.
    #[must_use]
    pub fn new(answers: Answers) -> Self {
        let [_, _, high, low] = std::process::id().to_be_bytes();
        // One after the other: a server of an earlier row may still be there.
        let bound = (64..=254).find_map(|second| {
            let address = Ipv4Addr::new(127, second, high, low.clamp(1, 254));
            Some((UdpSocket::bind((address, 53)).ok()?, address))
        });
        let (socket, address) = bound.expect("port 53 of an address of loopback");
        thread::spawn(move || {
            let mut asked = [0; 512];
            while let Ok((count, from)) = socket.recv_from(&mut asked) {
                let (question, answers, socket) =
                    (asked[..count].to_vec(), answers.clone(), socket.try_clone().unwrap());
                // Several questions are open at once, such as for both kinds of address.
                thread::spawn(move || {
                    if let Some(answer) = answer(&question, &answers) {
                        let _ = socket.send_to(&answer, from);
                    }
                });
            }
        });
        Self { address }
    }
}

fn answer(question: &[u8], answers: &Answers) -> Option<Vec<u8>> {
    // The header, then the name in pieces up to an empty one, its type and its class.
    let end = 12 + question.get(12..)?.iter().position(|&length| length == 0)? + 1;
    let kind = u16::from_be_bytes(question.get(end..end + 2)?.try_into().ok()?);
    let (code, addresses) = match answers {
        Answers::Silence => return None,
        Answers::Garbage => return Some([question.get(..2)?, b"\x1b]0;pwned\x07 lorem"].concat()),
        Answers::Failure => (FAILURE, &Vec::new()),
        Answers::NoSuchName => (NO_SUCH_NAME, &Vec::new()),
        Answers::NoAddress => (0, &Vec::new()),
        Answers::Addresses(addresses, delay) => {
            thread::sleep(*delay);
            (0, addresses)
        }
    };
    let fitting: Vec<Vec<u8>> = addresses
        .iter()
        .filter_map(|address| match address {
            IpAddr::V4(address) if kind == A => Some(address.octets().to_vec()),
            IpAddr::V6(address) if kind == AAAA => Some(address.octets().to_vec()),
            _ => None,
        })
        .collect();
    let mut packet = question.get(..2)?.to_vec();
    packet.extend([0x81, 0x80 | code, 0, 1, 0, u8::try_from(fitting.len()).ok()?, 0, 0, 0, 0]);
    packet.extend(question.get(12..end + 4)?);
    for octets in fitting {
        // The name is the question's; a minute to live.
        packet.extend([0xc0, 12]);
        packet.extend(kind.to_be_bytes());
        packet.extend([0, 1, 0, 0, 0, 60, 0, u8::try_from(octets.len()).ok()?]);
        packet.extend(octets);
    }
    Some(packet)
}
