//! Faults that checks of one's own find: each row writes `[[check]]` sections beside the configuration of the servers.

mod commands;

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use crate::HungMount;
use crate::inject::spawned;
use crate::matrix::{Fault, Scene};
use crate::stand_in::{Answers, Liar, Manner, NameServer};

/// The check that each row is about.
const ID: &str = "own.it";

/// The rows of this area.
#[must_use]
pub fn rows() -> Vec<Fault> {
    let mut rows = connections();
    rows.extend(web());
    rows.extend(names());
    rows.extend(files());
    rows.extend(processes());
    rows.extend(units());
    rows.extend(commands::rows());
    rows.push(needed());
    rows
}

/// A check of one kind with these keys, `$dir` in which is a directory of the row's own.
fn own(name: &str, mechanism: &'static str, kind: &'static str, keys: &'static str) -> Fault {
    Fault::new(name, mechanism).with(move |scene| {
        let dir = scene.directory();
        add(scene, kind, &keys.replace("$dir", dir.to_str().unwrap()));
    })
}

/// Writes the section.
fn add(scene: &mut Scene<'_>, kind: &str, keys: &str) {
    scene.own(&format!("[[check]]\nid = \"{ID}\"\nkind = \"{kind}\"\ntimeout_s = 2\n{keys}\n"));
}

/// Kind `tcp`.
fn connections() -> Vec<Fault> {
    let lies = |name: &str, mechanism, manner, keys: &'static str| {
        Fault::new(name, mechanism).with(move |scene| {
            let port = Liar::new(manner).port;
            add(scene, "tcp", &format!("host = \"127.0.0.1\"\nport = {port}\n{keys}"));
        })
    };
    vec![
        own("a port on which nobody listens", "refused", "tcp", "host = \"127.0.0.1\"\nport = 1")
            .culprit(ID, "failed refused"),
        lies("a server that greets nobody", "silence", Manner::Silent, "expect = \"^220 \"")
            .culprit(ID, "failed timeout"),
        lies("a server that greets with something else", "garbage", Manner::Garbage, "expect = \"^220 \"")
            .culprit(ID, "failed wrong_answer"),
        lies("a server that talks without end", "garbage without end", Manner::Flood, "expect = \"^220 \"")
            .culprit(ID, "failed wrong_answer"),
        lies("a server that hangs up", "hang-up", Manner::HangUp, "expect = \"^220 \"")
            .culprit(ID, "failed connection_lost"),
        Fault::new("a greeting later than the limit", "slow")
            .with(|scene| {
                // The relay's greeting takes longer than no time at all.
                let (host, port) =
                    (scene.servers.configured("email", "host"), scene.servers.configured("email", "port"));
                let keys =
                    format!("host = \"{host}\"\nport = {port}\nexpect = \"^220 \"\nwarn_s = 0\ncrit_s = 0");
                add(scene, "tcp", &keys);
            })
            .culprit(ID, "failed slow"),
        own("a Unix socket that is not there", "no socket", "tcp", "socket = \"$dir/none\"")
            .culprit(ID, "failed no_socket"),
    ]
}

/// Kind `http`, at the nginx of the set.
fn web() -> Vec<Fault> {
    let row = |name: &str, mechanism, path: &'static str, keys: &'static str| {
        Fault::new(name, mechanism).with(move |scene| {
            let (host, port) = (site(scene), scene.servers.configured("web", "port"));
            let keys = format!("url = \"http://{host}:{port}{path}\"\naddress = \"127.0.0.1\"\n{keys}");
            add(scene, "http", &keys);
        })
    };
    let secure = |name: &str, mechanism, keys: &'static str, trusted: bool| {
        Fault::new(name, mechanism).with(move |scene| {
            let (host, port) = (site(scene), scene.servers.configured("web", "https_port"));
            let ca = if trusted {
                format!("tls_ca_file = \"{}\"", scene.servers.configured("web", "tls_ca_file"))
            } else {
                String::new()
            };
            let keys =
                format!("url = \"https://{host}:{port}/docs/\"\naddress = \"127.0.0.1\"\n{keys}\n{ca}");
            add(scene, "http", &keys);
        })
    };
    let lies = |name: &str, mechanism, manner| {
        Fault::new(name, mechanism).with(move |scene| {
            let port = Liar::new(manner).port;
            add(scene, "http", &format!("url = \"http://127.0.0.1:{port}/\""));
        })
    };
    vec![
        row(
            "a page as it should be",
            "as it should be",
            "/docs/",
            "body = \"CourSys\"\nheader = { content-type = \"^text/html\" }",
        ),
        row("a page that is not there", "wrong header", "/nosuch/", "").culprit(ID, "failed wrong_status"),
        row("a page of other contents", "wrong contents", "/docs/", "body = \"no such words\"")
            .culprit(ID, "failed wrong_answer"),
        row(
            "a page with another header",
            "wrong header",
            "/docs/",
            "header = { content-type = \"^image/\" }",
        )
        .culprit(ID, "failed wrong_answer")
        .telling("text/html"),
        row("a page that redirects", "redirect", "/", "")
            .culprit(ID, "failed wrong_status")
            .telling("redirect"),
        row(
            "a redirect to somewhere else",
            "redirect",
            "/",
            "redirect = \"^https://elsewhere\\\\.example/\"",
        )
        .culprit(ID, "failed wrong_answer"),
        secure("a certificate as it should be", "as it should be", "crit_days = 1", true),
        secure(
            "a certificate that ends soon",
            "certificate out of its time",
            "warn_days = 3650\ncrit_days = 1",
            true,
        )
        .culprit(ID, "warning expires_soon"),
        secure("a certificate that ends too soon", "certificate out of its time", "crit_days = 3650", true)
            .culprit(ID, "failed expires_soon"),
        secure("a certificate of nobody's", "certificate untrusted", "", false)
            .culprit(ID, "failed tls_untrusted"),
        lies("a web server that says nothing", "silence", Manner::Silent).culprit(ID, "failed timeout"),
        lies("a web server that speaks no HTTP", "garbage", Manner::Garbage).culprit(ID, "failed garbage"),
        lies("a web server that drips", "drip", Manner::Drip).culprit(ID, "failed timeout|failed garbage"),
        own("a web server that is not there", "refused", "http", "url = \"http://127.0.0.1:1/\"")
            .culprit(ID, "failed refused"),
    ]
}

/// The first host that the site serves.
fn site(scene: &Scene<'_>) -> String {
    let hosts = scene.servers.configured("web", "hosts");
    hosts.trim_matches(['[', ']', '"', ' ']).split('"').next().unwrap_or_default().to_owned()
}

/// Kind `dns`, with a name server of the row's own.
fn names() -> Vec<Fault> {
    let row = |name: &str, mechanism, answers: Answers, keys: &'static str| {
        Fault::new(name, mechanism).with(move |scene| {
            let server = NameServer::new(answers.clone());
            let file = scene.directory().join("resolv.conf");
            std::fs::write(&file, format!("nameserver {}\noptions timeout:30 attempts:1\n", server.address))
                .unwrap();
            scene.bind(&file, "/etc/resolv.conf".as_ref());
            add(scene, "dns", &format!("name = \"server.test\"\n{keys}"));
        })
    };
    let here = || Answers::Addresses(vec![[127, 0, 0, 1].into()], Duration::ZERO);
    vec![
        row("a name that does not exist", "DNS answer", Answers::NoSuchName, "")
            .culprit(ID, "failed unknown_host"),
        row(
            "a name that does not exist and should not",
            "as it should be",
            Answers::NoSuchName,
            "exists = false",
        ),
        row("a name that exists and should not", "DNS answer", here(), "exists = false")
            .culprit(ID, "failed unwanted"),
        row("a name with another address", "DNS answer", here(), "addresses = [\"192.0.2.7\"]")
            .culprit(ID, "failed wrong_answer")
            .telling("127.0.0.1"),
        row("a name server that fails", "DNS answer", Answers::Failure, "").culprit(ID, "failed dns_failed"),
        row("a name server that is silent", "DNS silent", Answers::Silence, "").culprit(ID, "failed timeout"),
        row(
            "a name server that is slow",
            "DNS silent",
            Answers::Addresses(vec![[127, 0, 0, 1].into()], Duration::from_millis(500)),
            "warn_s = 0.3",
        )
        .culprit(ID, "warning slow"),
    ]
}

/// Makes a file of the row's own.
fn made(scene: &mut Scene<'_>, contents: &str, mode: u32) -> PathBuf {
    let file = scene.directory().join("file");
    std::fs::write(&file, contents).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
    file
}

/// Kind `file`.
fn files() -> Vec<Fault> {
    let row = |name: &str, mechanism, keys: &'static str, spoil: fn(&PathBuf)| {
        Fault::new(name, mechanism).with(move |scene| {
            let file = made(scene, "some words\n", 0o640);
            spoil(&file);
            add(scene, "file", &format!("path = \"{}\"\n{keys}", file.display()));
        })
    };
    let as_it_is = |_: &PathBuf| ();
    let old = |file: &PathBuf| {
        let before = std::time::SystemTime::now() - Duration::from_secs(7200);
        std::fs::File::options().write(true).open(file).unwrap().set_modified(before).unwrap();
    };
    vec![
        row(
            "a file as it should be",
            "as it should be",
            "type = \"file\"\nowner = \"root\"\ngroup = \"0\"\nmode = \"0640\"\nmin_bytes = 5\ncrit_bytes = 100\ncrit_age_s = 3600",
            as_it_is,
        ),
        row("a file that is missing", "missing file", "", |file| std::fs::remove_file(file).unwrap())
            .culprit(ID, "failed not_found"),
        row("a file that should not be there", "file unwanted", "exists = false", as_it_is)
            .culprit(ID, "failed unwanted"),
        row("a file that is too old", "outdated file", "warn_age_s = 60\ncrit_age_s = 3600", old)
            .culprit(ID, "failed stale")
            .telling("2.0 hours"),
        row("a file that is getting old", "outdated file", "warn_age_s = 3600\ncrit_age_s = 86400", old)
            .culprit(ID, "warning stale"),
        row("a file that is too large", "file large", "warn_bytes = 5\ncrit_bytes = 10", as_it_is)
            .culprit(ID, "failed too_large"),
        row("a file that is cut short", "file cut off", "min_bytes = 100", as_it_is)
            .culprit(ID, "failed too_small"),
        row("a file of another owner", "wrong owner", "owner = \"nobody\"", as_it_is)
            .culprit(ID, "failed wrong_owner"),
        row("a file of an owner that does not exist", "no such user", "owner = \"no-such-user\"", as_it_is)
            .culprit(ID, "failed no_such_user"),
        row("a file of another mode", "wrong mode", "mode = \"0600\"", as_it_is)
            .culprit(ID, "failed wrong_mode"),
        row("a file that others can read", "wrong mode", "mode_max = \"0600\"", as_it_is)
            .culprit(ID, "failed too_open")
            .telling("chmod 0600"),
        row("a file that is no directory", "wrong type", "type = \"directory\"", as_it_is)
            .culprit(ID, "failed wrong_type"),
        Fault::new("a file on a file system that hangs, among others", "FUSE that never answers")
            .with(|scene| {
                let mount = HungMount::new();
                add(scene, "file", &format!("path = \"{}/x\"", mount.path().display()));
                // The others answer all the same.
                let others =
                    |n: usize| format!("[[check]]\nid = \"own.other{n}\"\nkind = \"file\"\npath = \"/\"\n");
                scene.own(&(0..200).map(others).collect::<String>());
                scene.hold(mount);
            })
            .culprit(ID, "failed timeout"),
    ]
}

/// Kind `process`: `sleep` with an argument that nobody else has.
fn processes() -> Vec<Fault> {
    let row = |name: &str, mechanism, number: usize, keys: &'static str| {
        Fault::new(name, mechanism).with(move |scene| {
            for _ in 0..number {
                let mut command = Command::new("sleep");
                command.arg("4000.25");
                spawned(scene, command, Duration::from_millis(50));
            }
            add(scene, "process", &format!("command = \"^sleep 4000\\\\.25$\"\n{keys}"));
        })
    };
    vec![
        row("processes in the right number", "as it should be", 2, "min = 2\nmax = 2\nuser = \"root\""),
        row("a process that does not run", "process missing", 0, "").culprit(ID, "failed not_running"),
        row("too few processes", "process missing", 1, "min = 2").culprit(ID, "failed too_few"),
        row("too many processes", "process too many", 3, "max = 2").culprit(ID, "failed too_many"),
        row("more processes than usual", "process too many", 2, "warn_max = 1")
            .culprit(ID, "warning too_many"),
        row("a process that should not run", "process too many", 1, "min = 0\nmax = 0")
            .culprit(ID, "failed unwanted"),
        row("processes of another user", "process missing", 1, "user = \"nobody\"")
            .culprit(ID, "failed not_running"),
    ]
}

/// Kind `unit`: a stand-in says what systemd would, because none runs where the tests do.
fn units() -> Vec<Fault> {
    let row = |name: &str, mechanism, script: &'static str, keys: &'static str| {
        Fault::new(name, mechanism).with(move |scene| {
            let script = made(scene, &format!("#!/bin/sh\n{script}\n"), 0o755);
            scene.bind(&script, "/usr/bin/systemctl".as_ref());
            add(scene, "unit", &format!("unit = \"x\"\n{keys}"));
        })
    };
    let says =
        |name: &str, mechanism, text: &'static str, keys: &'static str| row(name, mechanism, text, keys);
    vec![
        says(
            "a unit as it should be",
            "as it should be",
            "echo LoadState=loaded; echo ActiveState=active; echo SubState=running; echo UnitFileState=enabled; echo NRestarts=0",
            "enabled = \"enabled\"\nwarn_restarts = 1",
        ),
        says(
            "a unit that has failed",
            "unit failed",
            "echo LoadState=loaded; echo ActiveState=failed; echo SubState=failed; echo Result=exit-code",
            "",
        )
        .culprit(ID, "failed unit_failed")
        .telling("exit-code"),
        says("a unit that is stopped", "unit stopped", "echo LoadState=loaded; echo ActiveState=inactive; echo SubState=dead", "")
            .culprit(ID, "failed not_running"),
        says("a unit that does not exist", "unit's file", "echo LoadState=not-found; echo ActiveState=inactive", "")
            .culprit(ID, "failed not_found"),
        says(
            "a unit that is not started at boot",
            "unit's file",
            "echo LoadState=loaded; echo ActiveState=active; echo SubState=running; echo UnitFileState=disabled",
            "enabled = \"enabled\"",
        )
        .culprit(ID, "failed not_enabled"),
        says(
            "a unit that restarts again and again",
            "unit starting for ever",
            "echo LoadState=loaded; echo ActiveState=active; echo SubState=running; echo NRestarts=7",
            "warn_restarts = 3",
        )
        .culprit(ID, "warning too_many"),
        row("systemd hangs", "hung", "exec sleep 60", "").culprit(ID, "failed timeout"),
        row("a machine without systemd", "no systemd", "echo 'System has not been booted with systemd as init system' >&2; exit 1", "")
            .culprit(ID, "skipped not_in_layout"),
    ]
}

/// What one of one's own needs is blocked by it, like any other.
fn needed() -> Fault {
    own("a need of another one's own", "refused", "tcp", "host = \"127.0.0.1\"\nport = 1")
        .with(|scene| scene.own("[[check]]\nid = \"own.needs-it\"\nkind = \"file\"\npath = \"/\"\nneeds = [\"own.it\", \"disk.*\"]\n"))
        .culprit(ID, "failed refused")
}
