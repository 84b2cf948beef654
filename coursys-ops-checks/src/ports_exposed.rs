//! `ports.exposed`: what is for this machine alone does not listen for the world.

use std::collections::BTreeMap;
use std::net::IpAddr;

use async_trait::async_trait;
use coursys_ops_core::config::{PortProtocol, Ports, PrivatePort, Subnet};
use coursys_ops_core::helper::{Ask, Listener, Published};
use coursys_ops_core::model::{CheckSpec, Code, Finding};
use coursys_ops_core::service::Surveyor;
use coursys_ops_core::{Check, Scope};

use crate::helper_answer::ask;

/// The check.
pub(crate) struct PortsExposed {
    spec: CheckSpec,
    surveyor: Surveyor,
}

impl PortsExposed {
    /// The check.
    pub(crate) fn new(surveyor: Surveyor) -> Self {
        Self {
            surveyor,
            spec: CheckSpec::new("ports.exposed", "Ports that are nobody's business")
                .timeout_hint(
                    "a process is stuck in the kernel, so that nobody can look what it has open: \
                     `ps -o pid,stat,wchan` shows it in state D",
                )
                .explanation(
                    "Looks in the kernel's tables of TCP and UDP, IPv4 and IPv6, who listens on the ports of \
                     `ports.private`: gunicorn, RabbitMQ and its helpers, Elasticsearch, memcached and their like. \
                     Each may listen on loopback, on link-local addresses, and on those of `ports.allowed_networks`, \
                     but on no other address of this machine, and so not on `0.0.0.0` or `::`, which are all of them. \
                     Nothing is connected to.\n\n\
                     These servers trust whoever reaches them: memcached and Elasticsearch ask for no password, and \
                     what is in them are sessions and students' names. A firewall may stand before the machine, and \
                     yet nobody should have to rely on it: Docker opens the ports that it publishes in the machine's \
                     own firewall by itself.\n\n\
                     When it fails: let the server listen on 127.0.0.1. For a container that is \
                     `ports: [\"127.0.0.1:11211:11211\"]` in docker-compose.yml; without an address Docker publishes to \
                     the world. Erlang's port mapper has `ERL_EPMD_ADDRESS`, its distribution \
                     `inet_dist_use_interface`. If the address belongs to a network that only this machine sees, add \
                     it to `ports.allowed_networks`. Ports that Docker forwards without a process of its own \
                     (`userland-proxy: false`) are in no table: Docker itself is asked for them, where this user may.",
                ),
        }
    }
}

#[async_trait]
impl Check for PortsExposed {
    fn spec(&self) -> &CheckSpec {
        &self.spec
    }

    async fn look(&self, scope: &Scope) -> Vec<Finding> {
        let ports = &scope.config().ports;
        if ports.private.is_empty() {
            let none = "no port of this layout is private (`ports.private` is empty)";
            return vec![Finding::skipped(Code::NotInLayout, none)];
        }
        match ask::<Vec<Listener>>(scope, Ask::Listeners(ports.private.clone()), None).await {
            Ok(Ok(mut listeners)) => {
                let published = self.surveyor.published(scope).await;
                listeners.extend(published.iter().filter_map(|one| forwarded(ports, one)));
                findings(ports, &listeners)
            }
            Ok(Err(refusal)) => vec![Finding::unknown(
                Code::HelperFailed,
                format!("cannot read who listens: {}", refusal.message),
            )],
            Err(failed) => vec![failed],
        }
    }
}

/// A port that Docker opens, when it is one of those that are private.
fn forwarded(ports: &Ports, published: &Published) -> Option<Listener> {
    let protocol = match published.protocol.as_str() {
        "tcp" => PortProtocol::Tcp,
        "udp" => PortProtocol::Udp,
        _ => return None,
    };
    let is_meant = |private: &PrivatePort| {
        private.port == published.port && private.protocol.is_none_or(|private| private == protocol)
    };
    ports.private.iter().any(is_meant).then_some(())?;
    let everywhere = IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED);
    let address = published.ip.as_ref().map_or(Some(everywhere), |ip| ip.parse().ok())?;
    // What is in Docker's own proxy is in the tables, too; here it has no process, so that the other is told.
    Some(Listener { protocol, address, port: published.port, process: None })
}

/// One finding for each port that is open to the world.
fn findings(ports: &Ports, listeners: &[Listener]) -> Vec<Finding> {
    let mut exposed: BTreeMap<(u16, &str), Vec<&Listener>> = BTreeMap::new();
    for listener in listeners.iter().filter(|listener| is_public(listener.address, &ports.allowed_networks)) {
        exposed.entry((listener.port, listener.protocol.as_str())).or_default().push(listener);
    }
    if exposed.is_empty() {
        let count = ports.private.len();
        return vec![Finding::passed(format!("none of {count} private ports listens for the world"))];
    }
    exposed.into_iter().map(|((port, protocol), listeners)| finding(port, protocol, &listeners)).collect()
}

fn finding(port: u16, protocol: &str, listeners: &[&Listener]) -> Finding {
    let place = |listener: &&Listener| match listener.address {
        address if address.is_unspecified() && address.is_ipv4() => format!("{address} (every IPv4 address)"),
        address if address.is_unspecified() => format!("{address} (every address)"),
        address => address.to_string(),
    };
    let mut places: Vec<String> = listeners.iter().map(place).collect();
    places.sort();
    places.dedup();
    let who = listeners.iter().find_map(|listener| listener.process.as_ref());
    let (by, whose) = match who {
        Some((name, pid)) => {
            let name = name.escape_debug();
            (format!(": `{name}`, process {pid}"), format!("let `{name}`"))
        }
        None => (String::new(), "let its server".to_owned()),
    };
    Finding::failed(
        Code::Exposed,
        format!("port {port}/{protocol} listens for the world on {}{by}", places.join(" and ")),
        format!(
            "{whose} listen on 127.0.0.1, or add the network to `ports.allowed_networks` if only this machine is in it"
        ),
    )
    .about(format!("{port}/{protocol}"))
}

/// Whether an address can be reached from elsewhere.
fn is_public(address: IpAddr, allowed: &[Subnet]) -> bool {
    let address = address.to_canonical();
    let local = match address {
        IpAddr::V4(v4) => v4.is_loopback() || v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unicast_link_local(),
    };
    !local && (address.is_unspecified() || !allowed.iter().any(|network| network.contains(address)))
}

#[cfg(test)]
mod tests {
    use coursys_ops_core::config::PortProtocol;

    use super::*;
    use crate::testing::{config, look};

    fn listener(address: &str, port: u16, protocol: PortProtocol) -> Listener {
        let process = Some(("memcached".to_owned(), 42));
        Listener { protocol, address: address.parse().unwrap(), port, process }
    }

    fn exposed(address: &str) -> bool {
        let found = findings(&config().ports, &[listener(address, 11211, PortProtocol::Tcp)]);
        found[0].code == Code::Exposed
    }

    #[test]
    fn the_world_is_every_address_that_is_not_known_to_be_local() {
        for address in
            ["0.0.0.0", "::", "142.58.1.2", "10.0.0.7", "2001:db8::1", "::ffff:142.58.1.2", "fd00::1"]
        {
            assert!(exposed(address), "{address}");
        }
        for address in
            ["127.0.0.1", "127.1.2.3", "::1", "::ffff:127.0.0.1", "fe80::1", "169.254.1.1", "172.17.0.1"]
        {
            assert!(!exposed(address), "{address}");
        }
    }

    #[test]
    fn a_network_that_is_allowed_does_not_allow_every_address() {
        let everything = ["0.0.0.0/0".parse().unwrap(), "::/0".parse().unwrap()];
        assert!(!is_public("10.0.0.7".parse().unwrap(), &everything));
        assert!(is_public("0.0.0.0".parse().unwrap(), &everything));
        assert!(is_public("::".parse().unwrap(), &everything));
    }

    #[test]
    fn one_port_is_one_finding_that_names_address_and_process() {
        let listeners = [
            listener("0.0.0.0", 11211, PortProtocol::Tcp),
            listener("::", 11211, PortProtocol::Tcp),
            listener("0.0.0.0", 11211, PortProtocol::Udp),
            listener("127.0.0.1", 9200, PortProtocol::Tcp),
        ];
        let found = findings(&config().ports, &listeners);
        let subjects: Vec<_> = found.iter().map(|finding| finding.subject.as_deref().unwrap()).collect();
        assert_eq!(subjects, ["11211/tcp", "11211/udp"]);
        assert_eq!(
            found[0].message,
            "port 11211/tcp listens for the world on 0.0.0.0 (every IPv4 address) and :: (every address): `memcached`, \
             process 42"
        );
    }

    #[tokio::test]
    async fn without_private_ports_there_is_nothing_to_look_for() {
        let mut config = config();
        config.ports.private.clear();
        assert_eq!(look(PortsExposed::new(Surveyor::default()), config).await[0].code, Code::NotInLayout);
    }
}
