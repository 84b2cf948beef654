//! The way between the program and a server.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;

use crate::Servers;
use crate::matrix::Scene;
use crate::stand_in::{Answers, Certificate, Clock, Front, Mischief, NameServer, Proxy, Time, Void};

/// Where the server of a section is.
fn address(servers: &Servers, section: &str) -> SocketAddr {
    let ip: IpAddr = servers.configured(section, "host").parse().expect("an address");
    SocketAddr::new(ip, servers.configured(section, "port").parse().expect("a port"))
}

/// Points a section at a port of 127.0.0.1.
fn point(scene: &mut Scene<'_>, section: &str, port: u16) {
    scene.set(&format!("{section}.host"), Ipv4Addr::LOCALHOST);
    scene.set(&format!("{section}.port"), port);
}

/// A proxy before the real server of a section does something to its answers.
pub fn proxied(section: &'static str, mischief: Mischief) -> impl Fn(&mut Scene<'_>) {
    move |scene| {
        let proxy = Proxy::new(address(scene.servers, section), mischief);
        point(scene, section, proxy.port);
    }
}

/// Packets to the server of a section are dropped.
pub fn dropped(section: &'static str) -> impl Fn(&mut Scene<'_>) {
    move |scene| {
        let void = Void::new(Ipv4Addr::LOCALHOST.into(), 0);
        point(scene, section, void.port);
        scene.hold(void);
    }
}

/// A section's host is `server.test`, and the machine's only name server answers this.
pub fn names(section: &'static str, answers: Answers) -> impl Fn(&mut Scene<'_>) {
    move |scene| {
        let server = NameServer::new(answers.clone());
        let file = scene.directory().join("resolv.conf");
        let text = format!("nameserver {}\noptions timeout:30 attempts:1\n", server.address);
        std::fs::write(&file, text).unwrap();
        scene.bind(&file, Path::new("/etc/resolv.conf"));
        scene.set(&format!("{section}.host"), "server.test");
    }
}

/// A section's host has an address of IPv6 that swallows every packet, beside the one of IPv4 that works.
pub fn dead_ipv6(section: &'static str) -> impl Fn(&mut Scene<'_>) {
    move |scene| {
        let real = address(scene.servers, section);
        scene.hold(Void::new(std::net::Ipv6Addr::LOCALHOST.into(), real.port()));
        let file = scene.directory().join("hosts");
        std::fs::write(&file, format!("::1 server.test\n{} server.test\n", real.ip())).unwrap();
        scene.bind(&file, Path::new("/etc/hosts"));
        scene.set(&format!("{section}.host"), "server.test");
    }
}

/// TLS is required of a section, and what offers it has this certificate.
pub fn certified(section: &'static str, certificate: Certificate) -> impl Fn(&mut Scene<'_>) {
    move |scene| {
        let front = Front::new(address(scene.servers, section), certificate, &[]);
        point(scene, section, front.port);
        let ca = scene.directory().join("ca.pem");
        std::fs::write(&ca, front.ca).unwrap();
        scene.set(&format!("{section}.tls"), "required");
        scene.set(&format!("{section}.tls_ca_file"), ca.display());
    }
}

/// The time server says this.
pub fn time(time: Time) -> impl Fn(&mut Scene<'_>) {
    move |scene| point(scene, "time", Clock::new(time).port)
}
