//! The web site as the world sees it, what serves it, and the ports that the world must not see.

use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::Server;
use crate::machine::PrivatePort;

/// The web site as the world sees it, and the server that shows it.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub struct Web {
    /// Where nginx is.
    #[serde(flatten)]
    pub server: Server,
    /// Hosts that are served.
    pub hosts: Vec<String>,
    /// Hosts that redirect to the first of those.
    pub redirected_hosts: Vec<String>,
    /// The path of a page that everybody may see.
    pub page: String,
    /// The path of a static file that is always there.
    pub static_file: String,
    /// Its type.
    pub static_type: String,
    /// How long browsers must be told to keep it, at least, in seconds.
    pub static_max_age_s: u64,
    /// The directories below `site.dir` from which static files are collected.
    pub static_sources: Vec<String>,
    /// The port on which nginx speaks TLS; 0 where something before it does.
    pub https_port: u16,
    /// Where the world finds the site.
    pub public_url: Option<String>,
    /// How long certificates must be valid yet without a warning, in days.
    pub tls_min_days: u32,
    /// The configuration that nginx is started with.
    pub nginx_config: Option<PathBuf>,
    /// Where users log in.
    pub cas_url: Option<String>,
}

/// The server that runs the site's Python, behind nginx.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub struct Gunicorn {
    /// Where it is.
    #[serde(flatten)]
    pub server: Server,
}

/// What the world must not reach.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub struct Ports {
    /// Ports on which nothing may listen for the world.
    pub private: Vec<PrivatePort>,
    /// Networks whose addresses the world cannot reach.
    pub allowed_networks: Vec<Subnet>,
}

/// A network: `172.17.0.0/16`, or a single address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Subnet {
    address: IpAddr,
    /// How many leading bits count.
    bits: u8,
}

impl Subnet {
    /// Whether an address is in it.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                let mask = u32::MAX.checked_shl(32 - u32::from(self.bits)).unwrap_or(0);
                own.to_bits() & mask == other.to_bits() & mask
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                let mask = u128::MAX.checked_shl(128 - u32::from(self.bits)).unwrap_or(0);
                own.to_bits() & mask == other.to_bits() & mask
            }
            _ => false,
        }
    }
}

impl FromStr for Subnet {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let network = || {
            let (address, bits) = text.split_once('/').map_or((text, None), |(a, bits)| (a, Some(bits)));
            let address: IpAddr = address.parse().ok()?;
            let most = if address.is_ipv4() { 32 } else { 128 };
            let bits = bits.map_or(Some(most), |bits| bits.parse().ok())?;
            (bits <= most).then_some(Self { address, bits })
        };
        network()
            .ok_or_else(|| format!("expected networks like `172.17.0.0/16`, found `{}`", text.escape_debug()))
    }
}

impl TryFrom<String> for Subnet {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Subnet> for String {
    fn from(network: Subnet) -> Self {
        format!("{}/{}", network.address, network.bits)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_network_holds_its_addresses_and_no_others() {
        let holds = |network: &str, address: &str| {
            network.parse::<Subnet>().unwrap().contains(address.parse().unwrap())
        };
        assert!(holds("172.17.0.0/16", "172.17.255.1") && !holds("172.17.0.0/16", "172.18.0.1"));
        assert!(holds("10.1.2.3", "10.1.2.3") && !holds("10.1.2.3", "10.1.2.4"));
        assert!(holds("0.0.0.0/0", "8.8.8.8") && !holds("0.0.0.0/0", "::1"));
        assert!(holds("fd00::/8", "fd12::1") && !holds("fd00::/8", "fe80::1") && holds("::/0", "::1"));
        for wrong in ["", "10.0.0.0/33", "::/129", "10.0.0", "10.0.0.0/", "x/8"] {
            assert!(wrong.parse::<Subnet>().is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn what_is_read_is_shown_the_same(text in "[0-9a-f:./ucdpt]{0,12}") {
            if let Ok(port) = text.parse::<PrivatePort>() {
                prop_assert_eq!(String::from(port).parse::<PrivatePort>(), Ok(port));
            }
            if let Ok(network) = text.parse::<Subnet>() {
                prop_assert_eq!(String::from(network).parse::<Subnet>(), Ok(network));
                prop_assert!(network.contains(network.address));
            }
        }
    }
}
