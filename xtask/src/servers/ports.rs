//! Free ports for one set of servers.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, TcpListener, UdpSocket};

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

/// Below the kernel's range for outgoing connections (from 32768), so that no client takes a port between the moment
/// it is chosen and the moment its server listens, nor while a test has stopped the server.
const RANGE: std::ops::Range<u16> = 20_000..32_000;

/// One line for each port: all that there is to know about it.
macro_rules! ports {
    ($($(#[doc = $doc:literal])+ $name:ident,)+) => {
        /// The ports of one set of servers.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
        pub struct Ports {
            $($(#[doc = $doc])+ pub $name: u16,)+
        }

        impl Ports {
            /// How many there are.
            const COUNT: usize = [$(stringify!($name)),+].len();

            /// One port for each server, of as many as are needed.
            fn of(mut ports: impl Iterator<Item = u16>) -> Option<Self> {
                Some(Self { $($name: ports.next()?,)+ })
            }

            /// All of them.
            pub fn all(&self) -> BTreeSet<u16> {
                BTreeSet::from([$(self.$name),+])
            }
        }
    };
}

ports! {
    /// MariaDB.
    database,
    /// RabbitMQ: AMQP.
    broker,
    /// RabbitMQ: distribution between Erlang nodes.
    broker_dist,
    /// RabbitMQ: its own port mapper.
    epmd,
    /// memcached.
    cache,
    /// Elasticsearch: HTTP.
    search,
    /// Elasticsearch: transport between nodes.
    search_transport,
    /// exim.
    email,
    /// chronyd, UDP.
    time,
    /// gunicorn.
    web,
    /// nginx.
    nginx,
    /// nginx with TLS.
    nginx_tls,
    /// The KDC, TCP and UDP.
    kdc,
    /// The second MariaDB, in the place of the reporting database.
    reporting_db,
    /// The stand-ins for outside services.
    standins,
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
        let free = candidates.filter(|port| !taken.contains(port)).filter(|port| is_free(*port));
        let ports = Self::of(free).with_context(|| {
            format!("fewer than {} ports are free between {} and {}", Self::COUNT, RANGE.start, RANGE.end)
        })?;
        ensure!(ports.all().len() == Self::COUNT, "a port was chosen twice");
        Ok(ports)
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

/// 20001 and so on, in the order of the declaration.
#[cfg(test)]
pub fn sample() -> Ports {
    Ports::of(20_001..).unwrap()
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
