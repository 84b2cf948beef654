//! Ten thousand checks of one's own against local servers, beside the same ten thousand in goss.

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::thread;

use anyhow::{Context as _, Result};

use super::Figure;
use super::goss::goss;
use super::measure::{Cost, cost, median};
use crate::run::{cargo, target};

/// How many of each kind; goss' own figures are of these numbers.
const FILES: usize = 4000;
const CONNECTIONS: usize = 3000;
const PAGES: usize = 3000;

/// Runs of each command; the median counts.
const RUNS: usize = 9;

/// What goss takes for the same on this kind of machine, where it cannot be built: seconds and MB.
const KNOWN: (f64, f64) = (500.0, 43.0);

/// How many times as fast as goss was promised.
const PROMISED_SPEED: f64 = 3.0;

pub fn run() -> Result<Vec<Figure>> {
    cargo(&["build", "--release", "-p", "coursys-ops-cli"], &[])?;
    let program = target().join("release/coursys-ops").to_string_lossy().into_owned();
    let theirs =
        goss().map_err(|error| eprintln!("goss cannot be had, its known figures count: {error:#}")).ok();
    let dir = tempfile::tempdir()?;
    let web = serve(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\nConnection: close\r\n\r\nwell\n")?;
    let plain = serve(b"")?;
    let (config, goss_file) = write(dir.path(), web, plain)?;
    let ours = [&program, "--config", &config, "check", "own.*", "--format", "json"];
    let mut fast = Vec::new();
    let mut other = Vec::new();
    for _ in 0..RUNS {
        fast.push(cost(&ours)?);
        if let Some(goss) = &theirs {
            other.push(cost(&[goss.as_str(), "--gossfile", &goss_file, "validate", "--format", "json"])?);
        }
    }
    let (our_ms, our_mb) = of(&fast);
    let (their_ms, their_mb) = if other.is_empty() { KNOWN } else { of(&other) };
    let figure = |name, value, unit, promised| Figure { name, value, unit, promised };
    Ok(vec![
        figure("10,000 checks of one's own", our_ms, "ms", Some(their_ms / PROMISED_SPEED)),
        figure("the same in goss", their_ms, "ms", None),
        figure("share of goss' time", our_ms / their_ms, "×", Some(1.0 / PROMISED_SPEED)),
        figure("peak memory", our_mb, "MB", Some(their_mb)),
        figure("peak memory of goss", their_mb, "MB", None),
    ])
}

/// Time and memory of several runs.
fn of(costs: &[Cost]) -> (f64, f64) {
    let memory = costs.iter().map(|cost| cost.peak_mb).fold(0.0, f64::max);
    (median(costs.iter().map(|cost| cost.wall_ms).collect()), memory)
}

/// A server on every address of loopback that answers each connection with the same bytes; without bytes it only accepts.
fn serve(answer: &'static [u8]) -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0))?;
    let port = listener.local_addr().map(|address: SocketAddr| address.port())?;
    thread::spawn(move || {
        for mut peer in listener.incoming().flatten() {
            // A peer that goes away is none of our business.
            if !answer.is_empty() && matches!(peer.read(&mut [0; 2048]), Ok(1..)) {
                let _ = peer.write_all(answer);
            }
        }
    });
    Ok(port)
}

/// The files to look at, and the same checks in both languages.
fn write(dir: &Path, web: u16, plain: u16) -> Result<(String, String)> {
    let mut ours = "[site]\nlayout = \"devel\"\n".to_owned();
    let mut theirs = "file:\n".to_owned();
    for n in 0..FILES {
        let path = dir.join(format!("file-{n}"));
        std::fs::write(&path, "")?;
        let path = path.display();
        let _ = write!(ours, "[[check]]\nid = \"own.file.{n}\"\nkind = \"file\"\npath = \"{path}\"\n");
        let _ = write!(theirs, "  {path}:\n    exists: true\n");
    }
    theirs.push_str("addr:\n");
    for n in 0..CONNECTIONS {
        // goss wants each address once.
        let (high, low) = (n / 250, n % 250 + 1);
        let _ = write!(
            ours,
            "[[check]]\nid = \"own.tcp.{n}\"\nkind = \"tcp\"\nhost = \"127.1.{high}.{low}\"\nport = {plain}\n"
        );
        let _ =
            write!(theirs, "  tcp://127.1.{high}.{low}:{plain}:\n    reachable: true\n    timeout: 5000\n");
    }
    theirs.push_str("http:\n");
    for n in 0..PAGES {
        let url = format!("http://127.0.0.1:{web}/{n}");
        let _ = write!(
            ours,
            "[[check]]\nid = \"own.http.{n}\"\nkind = \"http\"\nurl = \"{url}\"\nbody = \"well\"\n"
        );
        let _ = write!(theirs, "  {url}:\n    status: 200\n    timeout: 5000\n    body: [well]\n");
    }
    let write = |name: &str, text: &str| -> Result<String> {
        let path = dir.join(name);
        std::fs::write(&path, text).with_context(|| format!("failed to write {}", path.display()))?;
        Ok(path.to_string_lossy().into_owned())
    };
    Ok((write("coursys-ops.toml", &ours)?, write("goss.yaml", &theirs)?))
}
