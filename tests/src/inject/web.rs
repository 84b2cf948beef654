//! Faults of nginx, of gunicorn behind it, and of what listens for the world.

use std::fs;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::{MetadataExt as _, chown};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use super::gunicorn;
use super::process::spawned;
use crate::Servers;
use crate::matrix::Scene;
use crate::stand_in::{Certificate, Front};

/// The host that the fixture serves.
const HOST: &str = "coursys.test";

/// What nginx reads beside its settings.
const BESIDE: [&str; 3] = ["mime.types", "chain.pem", "server.key"];

/// A port that nobody listens on.
fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

/// A second nginx whose settings are those of the set's, with each first text replaced by its second.
pub fn nginx(changes: &'static [(&'static str, &'static str)]) -> impl Fn(&mut Scene<'_>) {
    move |scene| {
        let servers = scene.servers;
        let home = servers.root().join("nginx");
        let directory = scene.directory();
        let owner = fs::metadata(home.join("nginx.conf")).unwrap();
        let mut text = fs::read_to_string(home.join("nginx.conf")).unwrap();
        let mut change = |from: &str, to: &str| {
            assert!(text.contains(from), "nginx's settings have no `{from}`");
            text = text.replace(from, to);
        };
        let port = free_port();
        change(&home.display().to_string(), &directory.display().to_string());
        change(
            &format!(":{} ssl", servers.configured("web", "https_port")),
            &format!(":{} ssl", free_port()),
        );
        change(&format!(":{}", servers.configured("web", "port")), &format!(":{port}"));
        for (from, to) in changes {
            change(from, to);
        }
        let conf = directory.join("nginx.conf");
        fs::write(&conf, text).unwrap();
        for name in BESIDE {
            fs::copy(home.join(name), directory.join(name)).unwrap();
            chown(directory.join(name), Some(owner.uid()), Some(owner.gid())).unwrap();
        }
        for path in [&directory, &conf] {
            chown(path, Some(owner.uid()), Some(owner.gid())).unwrap();
        }
        let mut command = Command::new("setpriv");
        command.args([
            &format!("--reuid={}", owner.uid()),
            &format!("--regid={}", owner.gid()),
            "--clear-groups",
        ]);
        command.arg("/usr/sbin/nginx").arg("-p").arg(&directory).arg("-c").arg(&conf);
        command.arg("-e").arg(directory.join("error.log"));
        spawned(scene, command, Duration::ZERO);
        wait_for(|| TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok(), "the second nginx");
        scene.set("web.port", port);
    }
}

/// What speaks TLS for the site has this certificate.
pub fn web_certificate(certificate: Certificate) -> impl Fn(&mut Scene<'_>) {
    move |scene| {
        let port = scene.servers.configured("web", "port").parse().expect("a port");
        let front = Front::new((Ipv4Addr::LOCALHOST, port).into(), certificate, &[HOST]);
        let ca = scene.directory().join("ca.pem");
        fs::write(&ca, front.ca).unwrap();
        scene.set("web.https_port", front.port);
        scene.set("web.tls_ca_file", ca.display());
    }
}

/// A memcached that was started with these options; `PORT` among them is a free port, which is private.
pub fn exposed(options: &'static [&'static str]) -> impl Fn(&mut Scene<'_>) {
    move |scene| {
        let port = free_port().to_string();
        let mut command = Command::new("/usr/bin/memcached");
        command.args(["-u", "nobody", "-m", "16"]);
        command.args(options.iter().map(|option| if *option == "PORT" { port.as_str() } else { option }));
        spawned(scene, command, Duration::from_millis(500));
        // UDP on a port like this one may be an outgoing connection, unless it is asked for.
        scene.set("ports.private", format!("[\"{port}/tcp\", \"{port}/udp\"]"));
    }
}

/// Every compressed file of one kind (`css`, `js`) is empty.
pub fn emptied(kind: &'static str) -> impl Fn(&mut Scene<'_>) {
    move |scene| {
        let directory = scene.servers.root().join("files/static/CACHE").join(kind);
        for entry in fs::read_dir(&directory).unwrap() {
            super::replaced(entry.unwrap().path(), "")(scene);
        }
    }
}

/// Reloads gunicorn when it is dropped.
struct Reload<'a>(&'a Servers);

impl Drop for Reload<'_> {
    fn drop(&mut self) {
        if let Err(problem) = gunicorn::reload(self.0) {
            eprintln!("{problem}");
        }
    }
}

/// The site's settings have no compression, and gunicorn was reloaded.
pub fn uncompressed(scene: &mut Scene<'_>) {
    let servers = scene.servers;
    let fixture = servers.root().join("site/fixture.json");
    let text = fs::read_to_string(&fixture).unwrap();
    let text = text.replacen('{', "{\"compress\": false,", 1);
    // Undone last: by then the settings are what they were.
    scene.hold(Reload(servers));
    super::replaced(&fixture, text)(scene);
    gunicorn::reload(servers).unwrap();
}

/// A file has other contents, and is a day old.
pub fn outdated(path: impl AsRef<Path>) -> impl Fn(&mut Scene<'_>) {
    const DAY: Duration = Duration::from_secs(86_400);
    let path = path.as_ref().to_owned();
    move |scene| {
        super::replaced(&path, "of an older version")(scene);
        super::touched(&path, DAY)(scene);
    }
}

fn wait_for(mut is_there: impl FnMut() -> bool, what: &str) {
    let ends = Instant::now() + Duration::from_secs(15);
    while !is_there() {
        assert!(Instant::now() < ends, "{what} does not come");
        std::thread::sleep(Duration::from_millis(50));
    }
}
