//! A host that is not there: packets to it are dropped.

use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};

use rustix::net::{AddressFamily, SocketType, bind, getsockname, listen, socket, sockopt::set_ipv6_v6only};

/// A port whose queue of connections is full, so that the kernel drops every further attempt to connect.
#[derive(Debug)]
pub struct Void {
    /// The port.
    pub port: u16,
    _listener: TcpListener,
    _waiting: Vec<TcpStream>,
}

impl Void {
    /// On this address; port 0 is a free one.
    ///
    /// # Panics
    /// The address cannot be bound.
    #[must_use]
    pub fn new(ip: IpAddr, port: u16) -> Self {
        let family = if ip.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
        let listener = socket(family, SocketType::STREAM, None).unwrap();
        if ip.is_ipv6() {
            set_ipv6_v6only(&listener, true).unwrap();
        }
        bind(&listener, &SocketAddr::new(ip, port)).unwrap();
        listen(&listener, 0).unwrap();
        let address = SocketAddr::try_from(getsockname(&listener).unwrap()).unwrap();
        // One connection waits to be accepted, and no second one may.
        let waiting = vec![TcpStream::connect(address).unwrap()];
        Self { port: address.port(), _listener: listener.into(), _waiting: waiting }
    }
}
