//! Maintenance on a whole server: closed means that nothing runs, open that everything does, and nothing in between is lost.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use coursys_ops_tests::{Ended, FLAG, LOAD, Open, Staging, WORKERS, slow_page, staging, was_served};

const VM: &str = "vm";

/// The site is under load for as long as it is closed and opened.
const LONG: Duration = Duration::from_secs(900);

/// Where tasks write that they were done.
const STAMPS: &str = "/opt/logs/load-stamps";

/// Where the slow page writes.
const PAGES: &str = "/opt/logs/load-pages";

#[track_caller]
fn good(ended: &Ended) {
    assert_eq!(ended.code, 0, "{}{}", ended.stdout, ended.stderr);
}

/// A site that has a slow page and is under load, until this is dropped.
struct Loaded<'a>(&'a Staging);

impl<'a> Loaded<'a> {
    fn site(server: &'a Staging) -> Self {
        let loaded = Self(server);
        fs::write(server.path("/run/load.py"), LOAD).unwrap();
        fs::write(server.path("/coursys/docs/urls.py"), slow_page(PAGES)).unwrap();
        server.systemctl(&["restart", "gunicorn"]);
        let _ = server.run(&["rm", "-f", STAMPS, PAGES]);
        let ask = ["curl", "-sf", "-o", "/dev/null", "-H", "Host: coursys.test", "http://127.0.0.1/docs/"];
        server.wait_until(Duration::from_secs(60), "gunicorn serves", |server| server.run(&ask).code == 0);
        loaded
    }
}

impl Drop for Loaded<'_> {
    fn drop(&mut self) {
        let _ = self.0.run(&["touch", "/run/load-stops"]);
        let _ = self.0.run_as("coursys", &["git", "-C", "/coursys", "checkout", "-q", "docs/urls.py"]);
        let _ = self.0.run(&["systemctl", "restart", "gunicorn"]);
    }
}

/// How many rows the site has written: of pages, of tasks.
fn rows(open: &Open<'_>) -> String {
    open.python("from log.models import *\nprint(RequestLog.objects.count(), CeleryTaskLog.objects.count())")
}

/// The time of the server's clock, in seconds.
fn clock(server: &Staging) -> f64 {
    server.done(&["date", "+%s.%N"]).parse().unwrap()
}

/// When a task wrote this word; nothing if it did not.
fn stamped(server: &Staging, word: &str) -> Option<f64> {
    let stamps = server.run(&["cat", STAMPS]).stdout;
    stamps.lines().find_map(|line| line.strip_prefix(word)?.trim().parse().ok())
}

#[test]
#[ignore = "takes minutes: `cargo xtask test full maintenance`"]
fn maintenance_refuses_no_request_but_with_503_and_waits_for_what_runs() {
    let Some(server) = staging(VM) else { return };
    let open = Open::on(&server);
    let (load, request) = std::thread::scope(|threads| {
        let loaded = Loaded::site(&server);
        let load = threads.spawn(|| server.run_within(LONG, "root", &["/venv/bin/python", "/run/load.py"]));
        server.wait_until(Duration::from_secs(30), "the load", |server| {
            server.run(&["test", "-e", "/run/load-runs"]).code == 0
        });
        // It writes in its last moment, and by then systemd would have killed it.
        open.python(&format!("stamp.apply_async(('{STAMPS}', 'long', 120), queue='batch')"));
        let url = "http://127.0.0.1/docs/slow/20/";
        let request = threads.spawn(|| server.run(&["curl", "-s", "-H", "Host: coursys.test", url]));
        server.wait_until(Duration::from_secs(20), "the slow page", |server| {
            server.run(&["test", "-s", PAGES]).code == 0
        });
        let closed = open.does(&["503", "--reason", "new disks", "--for", "45m"]);
        let on = clock(&server);
        let rows_on = rows(&open);
        let last: f64 = server.done(&["tail", "-1", PAGES]).parse().unwrap();
        assert!(last < on, "the page still wrote at {last}, and it was on at {on}");
        let long = stamped(&server, "long").expect("the task was waited for");
        assert!(long < on, "the task wrote at {long}, and it was on at {on}");
        let said = format!("{}{}", closed.stdout, closed.stderr);
        assert!(said.contains("coredata.tasks.stamp"), "{said}");

        // Meanwhile there are requests and messages, and nobody writes for their sake.
        open.python(&format!("stamp.apply_async(('{STAMPS}', 'meanwhile'), queue='fast'); ping.delay()"));
        std::thread::sleep(Duration::from_secs(10));
        assert_eq!(rows(&open), rows_on, "something was written while the site was closed");
        assert_eq!(stamped(&server, "meanwhile"), None);
        let leaving = clock(&server);
        open.does(&["rm503"]);
        let mut late = None;
        server.wait_until(Duration::from_secs(30), "what was sent meanwhile is done", |server| {
            late = stamped(server, "meanwhile");
            late.is_some()
        });
        assert!(late > Some(leaving));
        assert_ne!(rows(&open), rows_on);
        drop(loaded);
        (load.join().unwrap(), request.join().unwrap())
    });
    was_served(&load);
    assert_eq!(request.stdout, "done");
    open.is_open();
}

#[test]
#[ignore = "takes minutes: `cargo xtask test full maintenance`"]
fn nothing_but_the_program_starts_workers_in_maintenance() {
    let Some(server) = staging(VM) else { return };
    let open = Open::on(&server);
    open.does(&["maintenance", "on", "--reason", "migration"]);
    open.is("on", "-");
    let lease = open.status()["lease"].clone();
    assert_eq!(lease["stopped"], serde_json::json!(["celery", "celerybeat"]));
    assert_eq!((lease["why"].as_str(), lease["phase"].as_str()), (Some("migration"), Some("on")));
    assert_eq!(server.done(&["stat", "--format", "%U %a", FLAG]), "coursys 644");
    cron_fires(&server);
    assert_eq!(open.active(), ["inactive", "inactive"]);
    // What the configuration run does.
    for unit in WORKERS {
        let path = server.path(&format!("/etc/systemd/system/{unit}.service"));
        let text = fs::read_to_string(&path).unwrap();
        fs::remove_file(&path).unwrap();
        fs::write(&path, text + "\n").unwrap();
    }
    server.systemctl(&["daemon-reload"]);
    for unit in WORKERS {
        let _ = server.run(&["systemctl", "enable", "--now", unit]);
        let _ = server.run(&["systemctl", "restart", unit]);
    }
    assert_eq!(open.active(), ["inactive", "inactive"]);
    open.is("on", "-");
    server.reboot();
    assert_eq!(open.active(), ["inactive", "inactive"]);
    // The containers start a moment after Docker.
    server.wait_until(Duration::from_secs(240), "the site answers after the restart", |_| {
        open.status()["state"] == "on"
            && open.ops(&["check", "broker.connection", "database.connection"]).code == 0
    });
    open.does(&["check", "maintenance.state"]);
    let again = open.does(&["503"]);
    assert!(again.stdout.contains("nothing to do"), "{again:?}");
    open.does(&["rm503"]);
    open.is_open();
    assert!(open.ops(&["rm503"]).stdout.contains("nothing to do"));
}

/// Lets the time come for every line of root's crontab that restarts a worker; systemd has been asked when this returns.
fn cron_fires(server: &Staging) {
    for (unit, time) in [("celerybeat", "2030-01-01 04:54:50"), ("celery", "2030-01-01 04:59:50")] {
        let asked = |server: &Staging| server.property(unit, "ConditionTimestampMonotonic");
        let before = asked(server);
        server.cron_at(time).wait_for(&format!("systemctl restart {unit}"));
        server.wait_until(Duration::from_secs(20), "systemd is asked", |server| asked(server) != before);
    }
}

#[test]
fn what_lies_in_the_place_of_the_flag_harms_nobody_and_is_no_maintenance_of_ours() {
    let Some(server) = staging(VM) else { return };
    let open = Open::on(&server);
    let lease = r#"{"id":"1","who":"x","why":"","since":"2026-01-01T00:00:00Z","until":null,"phase":"on","stopped":["ssh","cron","celery"]}"#;
    fs::write(server.path("/run/lease"), lease).unwrap();
    fs::set_permissions(server.path("/run/lease"), fs::Permissions::from_mode(0o644)).unwrap();
    let passwd = server.done(&["sha256sum", "/etc/passwd"]);
    for (what, make) in [
        ("a file", "touch /coursys/503"),
        ("a link", "ln -s /etc/passwd /coursys/503"),
        ("a link to a lease", "ln -s /run/lease /coursys/503"),
        ("a directory", "mkdir /coursys/503"),
        ("a pipe", "mkfifo /coursys/503"),
        ("a gigabyte", "truncate -s 1G /coursys/503"),
    ] {
        good(&server.run_as("coursys", &["sh", "-c", make]));
        open.is("inconsistent", "flag_without_lease");
        for command in ["503", "rm503"] {
            let ended = open.ops(&[command]);
            assert_eq!(ended.code, 3, "{what}: {ended:?}");
            assert!(ended.stderr.contains("--take-over"), "{what}: {ended:?}");
        }
        assert_eq!(open.active(), ["active", "active"], "{what}");
        good(&server.run_as("coursys", &["rm", "-r", "-f", FLAG]));
    }
    assert_eq!(server.done(&["sha256sum", "/etc/passwd"]), passwd);
    // A lease that the site's user wrote itself: what it names counts only if it is ours.
    good(&server.run_as("coursys", &["cp", "/run/lease", FLAG]));
    open.is("inconsistent", "flag_but_workers");
    let plan = open.does(&["rm503", "--dry-run"]).stdout;
    assert!(!plan.contains("ssh") && !plan.contains("cron") && plan.contains("celery"), "{plan}");
    good(&server.run_as("coursys", &["rm", FLAG]));
    open.is_open();
}

#[test]
fn a_maintenance_that_cannot_be_written_down_begins_nothing() {
    let Some(server) = staging(VM) else { return };
    let open = Open::on(&server);
    // Nobody but root can write there, and the flag is written as the site's user.
    server.done(&["chown", "root", "/coursys"]);
    let ended = open.ops(&["503"]);
    server.done(&["chown", "coursys", "/coursys"]);
    assert_eq!(ended.code, 1, "{ended:?}");
    assert!(format!("{}{}", ended.stdout, ended.stderr).contains("cannot write the flag"), "{ended:?}");
    open.is_open();
    let refused = server.run_as("coursys", &["coursys-ops", "503"]);
    assert_eq!(refused.code, 3, "{refused:?}");
    let [one, two] = std::thread::scope(|threads| {
        let go = || threads.spawn(|| open.ops(&["503"]));
        [go(), go()].map(|thread| thread.join().unwrap())
    });
    let mut codes = [one.code, two.code];
    codes.sort_unstable();
    assert_eq!(codes, [0, 3], "{one:?} {two:?}");
    open.is("on", "-");
    // Somebody removes the flag by hand: the workers are not forgotten.
    good(&server.run_as("coursys", &["rm", FLAG]));
    open.is("inconsistent", "held_no_flag");
    open.does(&["rm503"]);
    open.is_open();
}
