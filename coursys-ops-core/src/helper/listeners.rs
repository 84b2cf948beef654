//! Who listens on which ports of this machine. In the helper, because the kernel's tables can be long, and because telling
//! whose a socket is means to look into every process.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use procfs::net::{TcpState, UdpState};
use procfs::process::{FDTarget, all_processes};
use procfs::{ProcError, ProcResult};
use serde::{Deserialize, Serialize};

use crate::machine::{PortProtocol, PrivatePort};

/// A socket that takes what comes to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listener {
    /// TCP or UDP.
    pub protocol: PortProtocol,
    /// Where; an IPv4 address that is written as one of IPv6 has been turned back.
    pub address: IpAddr,
    /// On which port.
    pub port: u16,
    /// Whose it is, if that can be seen: the name of the program and its process id.
    pub process: Option<(String, i32)>,
}

/// Everybody who listens on one of `ports`.
///
/// # Errors
///
/// When the kernel does not show its tables.
pub(super) fn listeners(ports: &[PrivatePort]) -> std::io::Result<Vec<Listener>> {
    let mut found = Vec::new();
    for entry in tables(procfs::net::tcp(), procfs::net::tcp6())? {
        if entry.state == TcpState::Listen {
            found.push((PortProtocol::Tcp, entry.local_address, entry.inode));
        }
    }
    for entry in tables(procfs::net::udp(), procfs::net::udp6())? {
        if entry.state == UdpState::Close && entry.remote_address.port() == 0 {
            found.push((PortProtocol::Udp, entry.local_address, entry.inode));
        }
    }
    let outgoing = outgoing();
    found.retain(|(protocol, address, _)| {
        ports.iter().any(|port| is_meant(*port, *protocol, address.port(), outgoing.clone()))
    });
    let is_local = |address: &SocketAddr| address.ip().to_canonical().is_loopback();
    let all_local = found.iter().all(|(_, address, _)| is_local(address));
    let owners = if all_local { BTreeMap::new() } else { owners() };
    let listener = |(protocol, address, inode): (PortProtocol, SocketAddr, u64)| Listener {
        protocol,
        address: address.ip().to_canonical(),
        port: address.port(),
        process: owners.get(&inode).cloned(),
    };
    Ok(found.into_iter().map(listener).collect())
}

/// Where somebody listens on one of these ports of TCP, without telling who.
///
/// # Errors
///
/// When the kernel does not show its tables.
pub(super) fn addresses(ports: &[u16]) -> std::io::Result<Vec<SocketAddr>> {
    if ports.is_empty() {
        return Ok(Vec::new());
    }
    let entries = tables(procfs::net::tcp(), procfs::net::tcp6())?.into_iter();
    let listening = entries.filter(|entry| entry.state == TcpState::Listen).map(|entry| entry.local_address);
    let meant = listening.filter(|address| ports.contains(&address.port()));
    let mut found: Vec<_> =
        meant.map(|address| SocketAddr::new(address.ip().to_canonical(), address.port())).collect();
    found.sort();
    found.dedup();
    Ok(found)
}

/// The tables of IPv4 and IPv6 together; a kernel without IPv6 has no second one.
pub(super) fn tables<T>(v4: ProcResult<Vec<T>>, v6: ProcResult<Vec<T>>) -> std::io::Result<Vec<T>> {
    let v6 = match v6 {
        Err(ProcError::NotFound(_)) => Vec::new(),
        table => table.map_err(std::io::Error::other)?,
    };
    Ok(v4.map_err(std::io::Error::other)?.into_iter().chain(v6).collect())
}

/// Whether a socket is one of the port that is asked for. UDP has no state "listening": whoever asks a name server waits on
/// a port for outgoing connections just like a server, so that those count only where UDP is asked for.
fn is_meant(
    asked: PrivatePort,
    protocol: PortProtocol,
    port: u16,
    outgoing: std::ops::RangeInclusive<u16>,
) -> bool {
    asked.port == port
        && match asked.protocol {
            Some(asked) => asked == protocol,
            None => protocol == PortProtocol::Tcp || !outgoing.contains(&port),
        }
}

/// The ports that the kernel gives to outgoing connections.
fn outgoing() -> std::ops::RangeInclusive<u16> {
    let range = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    let mut ends = range.split_whitespace().map(str::parse);
    match (ends.next(), ends.next()) {
        (Some(Ok(first)), Some(Ok(last))) => first..=last,
        _ => 32_768..=60_999,
    }
}

/// Whose each socket is, as far as this user may see it.
pub(super) fn owners() -> BTreeMap<u64, (String, i32)> {
    let mut owners = BTreeMap::new();
    for process in all_processes().into_iter().flatten().flatten() {
        let Ok(descriptors) = process.fd() else { continue };
        let sockets: Vec<u64> = descriptors
            .flatten()
            .filter_map(|descriptor| match descriptor.target {
                FDTarget::Socket(inode) => Some(inode),
                _ => None,
            })
            .collect();
        if sockets.is_empty() {
            continue;
        }
        let name = process.stat().map(|stat| stat.comm).unwrap_or_default();
        for inode in sockets {
            // The first is the parent: it was there before its children.
            owners.entry(inode).or_insert_with(|| (name.clone(), process.pid));
        }
    }
    owners
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, UdpSocket};

    use super::*;

    fn ask(port: u16, protocol: Option<PortProtocol>) -> Vec<(PortProtocol, String)> {
        let found = listeners(&[PrivatePort { port, protocol }]).unwrap();
        found.iter().map(|listener| (listener.protocol, listener.address.to_string())).collect()
    }

    #[test]
    fn a_listener_is_found_with_its_address_and_process() {
        let socket = TcpListener::bind("0.0.0.0:0").unwrap();
        let port = socket.local_addr().unwrap().port();
        assert_eq!(ask(port, None), [(PortProtocol::Tcp, "0.0.0.0".to_owned())]);
        let found = listeners(&[PrivatePort { port, protocol: None }]).unwrap();
        assert_eq!(found[0].process.as_ref().unwrap().1, i32::try_from(std::process::id()).unwrap());
        drop(socket);
        assert_eq!(ask(port, None), []);
    }

    #[test]
    fn udp_on_a_port_for_outgoing_connections_counts_only_when_it_is_asked_for() {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let port = socket.local_addr().unwrap().port();
        assert_eq!(ask(port, Some(PortProtocol::Udp)), [(PortProtocol::Udp, "127.0.0.1".to_owned())]);
        assert_eq!(ask(port, Some(PortProtocol::Tcp)), []);
        assert_eq!(outgoing().contains(&port), ask(port, None).is_empty());
    }
}
