//! Maintenance on a whole server: closed means that nothing runs, open that everything does, and nothing in between is lost.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use coursys_ops_tests::{Ended, FLAG, Open, Staging, WORKERS, staging};

const VM: &str = "vm";

/// The site is under load for as long as it is closed and opened.
const LONG: Duration = Duration::from_secs(900);

/// Asks for a page thirty times a second until it is told to stop, and prints how often it got which answer.
const LOAD: &str = r#"
import collections, http.client, os, threading, time
seen, lock, threads = collections.Counter(), threading.Lock(), []
def ask():
    try:
        line = http.client.HTTPConnection("127.0.0.1", 80, timeout=30)
        line.request("GET", "/docs/", headers={"Host": "coursys.test"})
        answer = line.getresponse(); answer.read(); what = answer.status
    except Exception as error:
        what = repr(error)
    with lock: seen[what] += 1
open("/run/load-runs", "w").close()
while not os.path.exists("/run/load-stops"):
    thread = threading.Thread(target=ask); thread.start(); threads.append(thread)
    time.sleep(1 / 30)
for thread in threads: thread.join()
print(" ".join(sorted(str(key) for key in seen)))
"#;

/// A page that writes for as long as it is asked to.
const SLOW_PAGE: &str = r#"
import time
from django.http import HttpResponse
from django.urls import path
from . import views
def slow(request, seconds):
    until = time.time() + seconds
    while time.time() < until:
        with open("/opt/logs/slow-page", "a") as out: out.write("%f\n" % time.time())
        time.sleep(0.2)
    return HttpResponse("done")
urlpatterns = [path("", views.index, name="docs"), path("slow/<int:seconds>/", slow)]
"#;

#[track_caller]
fn good(ended: &Ended) {
    assert_eq!(ended.code, 0, "{}{}", ended.stdout, ended.stderr);
}

#[test]
#[ignore = "takes minutes: `cargo xtask test full staging`"]
fn maintenance_refuses_no_request_but_with_503_and_waits_for_what_runs() {
    let Some(server) = staging(VM) else { return };
    let open = Open::on(&server);
    fs::write(server.path("/run/load.py"), LOAD).unwrap();
    fs::write(server.path("/coursys/docs/urls.py"), SLOW_PAGE).unwrap();
    server.systemctl(&["restart", "gunicorn"]);
    let _ = server.run(&["rm", "-f", "/opt/logs/slow-page"]);
    let url = "http://127.0.0.1/docs/slow/20/";
    server.wait_until(Duration::from_secs(60), "gunicorn serves", |server| {
        server
            .run(&["curl", "-sf", "-o", "/dev/null", "-H", "Host: coursys.test", "http://127.0.0.1/docs/"])
            .code
            == 0
    });
    let (load, request, closed) = std::thread::scope(|threads| {
        let load = threads.spawn(|| server.run_within(LONG, "root", &["/venv/bin/python", "/run/load.py"]));
        server.wait_until(Duration::from_secs(30), "the load", |server| {
            server.run(&["test", "-e", "/run/load-runs"]).code == 0
        });
        let request = threads.spawn(|| server.run(&["curl", "-s", "-H", "Host: coursys.test", url]));
        open.python("nap.apply_async((30,), queue='batch')");
        server.wait_until(Duration::from_secs(20), "the slow page", |server| {
            server.run(&["test", "-s", "/opt/logs/slow-page"]).code == 0
        });
        let closed = open.ops(&["503", "--reason", "new disks", "--for", "45m"]);
        good(&closed);
        let on: f64 = server.done(&["date", "+%s.%N"]).parse().unwrap();
        let last: f64 = server.done(&["tail", "-1", "/opt/logs/slow-page"]).parse().unwrap();
        assert!(last < on, "the page still wrote at {last}, and it was on at {on}");
        open.does(&["rm503"]);
        good(&server.run(&["touch", "/run/load-stops"]));
        (load.join().unwrap(), request.join().unwrap(), closed)
    });
    assert_eq!(load.stdout.trim(), "200 503", "{}", load.stderr);
    assert_eq!(request.stdout, "done");
    assert!(closed.stderr.contains("coredata.tasks.nap") || closed.stdout.contains("done"), "{closed:?}");
    let log = server.done(&["sh", "-c", "grep -h 'nap.*succeeded' /opt/logs/celery-batch*.log | tail -1"]);
    assert!(log.contains("succeeded"), "{log}");
    open.is_open();
    good(&server.run_as("coursys", &["git", "-C", "/coursys", "checkout", "-q", "docs/urls.py"]));
    server.systemctl(&["restart", "gunicorn"]);
}

#[test]
#[ignore = "takes minutes: `cargo xtask test full staging`"]
fn nothing_but_the_program_starts_workers_in_maintenance() {
    let Some(server) = staging(VM) else { return };
    let open = Open::on(&server);
    open.does(&["maintenance", "on", "--reason", "migration"]);
    open.is("on", "-");
    let lease = open.status()["lease"].clone();
    assert_eq!(lease["stopped"], serde_json::json!(["celery", "celerybeat"]));
    assert_eq!((lease["why"].as_str(), lease["phase"].as_str()), (Some("migration"), Some("on")));
    assert_eq!(server.done(&["stat", "--format", "%U %a", FLAG]), "coursys 644");
    fire_cron(&server);
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

/// Carries out every line of root's crontab, as cron does when their time has come.
fn fire_cron(server: &Staging) {
    let crontab = server.done(&["cat", "/var/spool/cron/crontabs/root"]);
    let commands =
        crontab.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.splitn(6, ' ').nth(5));
    let commands: Vec<&str> = commands.collect();
    assert!(commands.len() >= WORKERS.len(), "{crontab}");
    for command in commands {
        let _ = server.run(&["sh", "-c", command]);
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
