//! Real servers beside those of the set, with other settings.

use std::net::{Ipv4Addr, TcpListener, TcpStream, UdpSocket};
use std::os::unix::fs::{MetadataExt as _, chown};
use std::process::Command;
use std::time::{Duration, Instant};

use super::process::spawned;
use crate::matrix::Scene;

/// A second mail relay whose settings are those of the set's, with each first text replaced by its second.
pub fn relay(changes: &'static [(&'static str, &'static str)]) -> impl Fn(&mut Scene<'_>) {
    move |scene| {
        let home = scene.servers.root().join("exim");
        let original = home.join("exim.conf");
        let directory = scene.directory();
        let owner = std::fs::metadata(&original).unwrap();
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        let mut text = std::fs::read_to_string(&original).unwrap();
        let here = directory.display();
        let mut change = |from: &str, to: &str| {
            assert!(text.contains(from), "the relay's settings have no `{from}`");
            text = text.replace(from, to);
        };
        change(
            &format!("daemon_smtp_ports = {}", scene.servers.configured("email", "port")),
            &format!("daemon_smtp_ports = {port}"),
        );
        change(
            &format!("spool_directory = {}/spool", home.display()),
            &format!("spool_directory = {here}/spool"),
        );
        change(
            &format!("log_file_path = {}/%slog", home.display()),
            &format!("log_file_path = {here}/%slog"),
        );
        change(&format!("pid_file_path = {}/pid", home.display()), &format!("pid_file_path = {here}/pid"));
        for (from, to) in changes {
            change(from, to);
        }
        let file = directory.join("exim.conf");
        std::fs::write(&file, text).unwrap();
        for path in [&directory, &file] {
            chown(path, Some(owner.uid()), Some(owner.gid())).unwrap();
        }
        let mut command = Command::new("setpriv");
        command.args([
            &format!("--reuid={}", owner.uid()),
            &format!("--regid={}", owner.gid()),
            "--clear-groups",
        ]);
        command.args(["/usr/sbin/exim4", "-C"]).arg(&file).arg("-bdf").current_dir("/");
        spawned(scene, command, Duration::ZERO);
        wait_for(|| TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok(), "the second mail relay");
        scene.set("email.port", port);
    }
}

/// A second time server that follows nobody, and says so.
pub fn lost_clock(scene: &mut Scene<'_>) {
    let directory = scene.directory();
    let port = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
    let file = directory.join("chrony.conf");
    let settings = format!(
        "bindaddress 127.0.0.1\nport {port}\nallow 127.0.0.0/8\ncmdport 0\nbindcmdaddress /\npidfile {}/pid\n",
        directory.display()
    );
    std::fs::write(&file, settings).unwrap();
    let mut command = Command::new("/usr/sbin/chronyd");
    command.args(["-x", "-U", "-d", "-f"]).arg(&file);
    spawned(scene, command, Duration::from_millis(500));
    scene.set("time.port", port);
}

fn wait_for(mut is_there: impl FnMut() -> bool, what: &str) {
    let ends = Instant::now() + Duration::from_secs(10);
    while !is_there() {
        assert!(Instant::now() < ends, "{what} does not answer");
        std::thread::sleep(Duration::from_millis(50));
    }
}
