//! Free ports for one set of servers.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, TcpListener, UdpSocket};

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};

/// Below the kernel's range for outgoing connections (from 32768), so that no client takes a port between the moment
/// it is chosen and the moment its server listens, nor while a test has stopped the server.
const RANGE: std::ops::Range<u16> = 20_000..32_000;

/// The ports of one set of servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ports {
    /// MariaDB.
    pub database: u16,
    /// RabbitMQ: AMQP.
    pub broker: u16,
    /// RabbitMQ: distribution between Erlang nodes.
    pub broker_dist: u16,
    /// RabbitMQ: its own port mapper.
    pub epmd: u16,
    /// memcached.
    pub cache: u16,
    /// Elasticsearch: HTTP.
    pub search: u16,
    /// Elasticsearch: transport between nodes.
    pub search_transport: u16,
    /// exim.
    pub email: u16,
    /// chronyd, UDP.
    pub time: u16,
    /// gunicorn.
    pub web: u16,
    /// nginx.
    pub nginx: u16,
    /// nginx with TLS.
    pub nginx_tls: u16,
}

impl Ports {
    /// Chooses ports that are free now and not promised to another set of servers (`taken`). `start` is any number:
    /// where to begin looking, so that two sets do not try the same ones.
    ///
    /// # Errors
    /// Not enough free ports in the range.
    pub fn choose(taken: &BTreeSet<u16>, start: u16) -> Result<Self> {
        let length = RANGE.end - RANGE.start;
        let first = RANGE.start + start % length;
        let candidates = (first..RANGE.end).chain(RANGE.start..first);
        let mut free = candidates.filter(|port| !taken.contains(port)).filter(|port| is_free(*port));
        let chosen: Vec<u16> = free.by_ref().take(12).collect();
        let [
            database,
            broker,
            broker_dist,
            epmd,
            cache,
            search,
            search_transport,
            email,
            time,
            web,
            nginx,
            nginx_tls,
        ] = chosen.as_slice()
        else {
            anyhow::bail!("fewer than 12 ports are free between {} and {}", RANGE.start, RANGE.end);
        };
        let ports = Self {
            database: *database,
            broker: *broker,
            broker_dist: *broker_dist,
            epmd: *epmd,
            cache: *cache,
            search: *search,
            search_transport: *search_transport,
            email: *email,
            time: *time,
            web: *web,
            nginx: *nginx,
            nginx_tls: *nginx_tls,
        };
        ensure!(ports.all().len() == 12, "a port was chosen twice");
        Ok(ports)
    }

    /// All of them.
    pub fn all(&self) -> BTreeSet<u16> {
        BTreeSet::from([
            self.database,
            self.broker,
            self.broker_dist,
            self.epmd,
            self.cache,
            self.search,
            self.search_transport,
            self.email,
            self.time,
            self.web,
            self.nginx,
            self.nginx_tls,
        ])
    }
}

/// Whether nothing listens on this port, in TCP and UDP, on both loopback addresses. A machine without IPv6 has no
/// listener there either.
fn is_free(port: u16) -> bool {
    let v4 = IpAddr::from(Ipv4Addr::LOCALHOST);
    let v6 = IpAddr::from(Ipv6Addr::LOCALHOST);
    let usable = |address| {
        let in_use = |error: std::io::Error| error.kind() == std::io::ErrorKind::AddrInUse;
        let tcp = TcpListener::bind((address, port)).map_or_else(|error| !in_use(error), |_| true);
        let udp = UdpSocket::bind((address, port)).map_or_else(|error| !in_use(error), |_| true);
        tcp && udp
    };
    usable(v4) && usable(v6)
}

#[cfg(test)]
pub fn sample() -> Ports {
    Ports {
        database: 20001,
        broker: 20002,
        broker_dist: 20003,
        epmd: 20004,
        cache: 20005,
        search: 20006,
        search_transport: 20007,
        email: 20008,
        time: 20009,
        web: 20010,
        nginx: 20011,
        nginx_tls: 20012,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_in_use_or_promised_is_not_chosen() {
        let first = Ports::choose(&BTreeSet::new(), 11_000).unwrap();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, first.cache)).unwrap();
        let promised = BTreeSet::from([first.database, first.email]);
        let second = Ports::choose(&promised, 11_000).unwrap();
        let used = listener.local_addr().unwrap().port();
        assert!(!second.all().contains(&used));
        assert!(second.all().is_disjoint(&promised));
    }

    #[test]
    fn the_search_wraps_around_at_the_end_of_the_range() {
        let ports = Ports::choose(&BTreeSet::new(), RANGE.end - RANGE.start - 1).unwrap();
        assert!(ports.all().iter().all(|port| RANGE.contains(port)));
        assert!(ports.web < ports.database || !is_free(RANGE.end - 1));
    }
}
