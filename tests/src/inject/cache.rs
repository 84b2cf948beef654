//! Another memcached beside the site's, with other settings, and what is done to it.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::Command;
use std::time::{Duration, Instant};

use super::process::spawned;
use crate::matrix::Scene;

/// Values that are written at once: the answers to so many fit into the buffers of a connection.
const BATCH: usize = 500;

/// What is done to a memcached that has just been started, by its port.
pub type Deed = fn(&mut Scene<'_>, u16);

/// A memcached with these options takes the place of the site's, for the program alone.
pub fn memcached(options: &'static [&'static str], deed: Deed) -> impl Fn(&mut Scene<'_>) {
    move |scene| {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        let mut command = Command::new("/usr/bin/memcached");
        command.args(["-u", "nobody", "-U", "0", "-l", "127.0.0.1", "-p", &port.to_string()]).args(options);
        command.current_dir("/");
        spawned(scene, command, Duration::ZERO);
        let ends = Instant::now() + Duration::from_secs(10);
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            assert!(Instant::now() < ends, "the second memcached does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
        deed(scene, port);
        scene.set("cache.host", Ipv4Addr::LOCALHOST);
        scene.set("cache.port", port);
    }
}

/// Nothing.
pub fn left_alone(_: &mut Scene<'_>, _: u16) {}

/// Far more is written than fits into two MiB.
pub fn overfilled(_: &mut Scene<'_>, port: u16) {
    let value = "x".repeat(2000);
    let command = |number: usize| format!("set filler-{number} 0 0 {}\r\n{value}\r\n", value.len());
    talk(port, 8000, command, "STORED\r\n");
}

/// It is asked for what nobody has written.
pub fn asked_in_vain(_: &mut Scene<'_>, port: u16) {
    talk(port, 12_000, |number| format!("get nobody-wrote-{number}\r\n"), "END\r\n");
}

/// Others hold seventy connections.
pub fn connected(scene: &mut Scene<'_>, port: u16) {
    scene.hold(connections(port, 70));
}

/// More came than could, and have gone again.
pub fn overrun(_: &mut Scene<'_>, port: u16) {
    drop(connections(port, 60));
    // Until it has noticed that they are gone.
    std::thread::sleep(Duration::from_millis(300));
}

fn connections(port: u16, count: usize) -> Vec<TcpStream> {
    let connect = |_| TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
    let connections = (0..count).map(connect).collect();
    // Until its threads have taken them all.
    std::thread::sleep(Duration::from_millis(300));
    connections
}

/// Gives many commands, each of which has the same answer.
fn talk(port: u16, count: usize, command: impl Fn(usize) -> String, answer: &str) {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
    for start in (0..count).step_by(BATCH) {
        let commands: String = (start..start + BATCH).map(&command).collect();
        stream.write_all(commands.as_bytes()).unwrap();
        let mut answers = vec![0; answer.len() * BATCH];
        stream.read_exact(&mut answers).unwrap();
        assert_eq!(String::from_utf8_lossy(&answers), answer.repeat(BATCH));
    }
}
