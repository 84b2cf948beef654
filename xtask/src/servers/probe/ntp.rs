//! SNTP: one question over UDP.

use std::net::UdpSocket;

use anyhow::{Result, ensure};

use super::DEADLINE;
use super::wire::Wire;

/// Version 4, mode 3 (client), all else zero.
const QUESTION: [u8; 48] = {
    let mut packet = [0; 48];
    packet[0] = 0b00_100_011;
    packet
};

/// Asks for the time and looks at mode and stratum only.
///
/// # Errors
/// No answer, or one of a server that knows no time.
pub fn ask(wire: &Wire) -> Result<()> {
    let server = wire.address()?;
    let unspecified = if server.is_ipv6() { "[::]:0" } else { "0.0.0.0:0" };
    let socket = UdpSocket::bind(unspecified)?;
    socket.set_read_timeout(Some(DEADLINE / 3))?;
    socket.connect(server)?;
    socket.send(&QUESTION)?;
    let mut packet = [0; 512];
    let length = socket.recv(&mut packet)?;
    judge(packet.get(..length).unwrap_or_default())
}

fn judge(packet: &[u8]) -> Result<()> {
    let [flags, stratum, ..] = packet else { anyhow::bail!("an empty answer") };
    ensure!(packet.len() >= QUESTION.len(), "an answer of {} bytes", packet.len());
    ensure!(flags & 0b111 == 4, "the answer is not a server's");
    ensure!((1..16).contains(stratum), "the server is not synchronised");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_synchronised_server_counts() {
        let answer = |flags, stratum| {
            let mut packet = [0; 48];
            packet[0] = flags;
            packet[1] = stratum;
            packet
        };
        assert!(judge(&answer(0x24, 8)).is_ok());
        assert!(judge(&answer(0x24, 0)).is_err(), "kiss of death");
        assert!(judge(&answer(0xe4, 16)).is_err(), "unsynchronised");
        assert!(judge(&answer(0x23, 8)).is_err(), "our own question");
        assert!(judge(&answer(0x24, 8)[..20]).is_err());
    }
}
