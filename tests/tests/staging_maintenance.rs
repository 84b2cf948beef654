//! Maintenance on a whole server: closed means that nothing runs, open that everything does, and nothing in between is lost.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use coursys_ops_tests::{Ended, Staging, staging};
use serde_json::Value;

const VM: &str = "vm";
const FLAG: &str = "/coursys/503";
const WORKERS: [&str; 2] = ["celery", "celerybeat"];

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

/// Whatever a test did, the next one finds an open site.
struct Open<'a>(&'a Staging);

impl<'a> Open<'a> {
    fn on(server: &'a Staging) -> Self {
        let open = Self(server);
        open.restore();
        open
    }

    fn restore(&self) {
        let _ = self.0.run(&["rm", "-rf", "/run/load-stops", "/run/load-runs"]);
        if self.0.run(&["test", "-d", FLAG]).code == 0 {
            let _ = self.0.run(&["rm", "-r", FLAG]);
        }
        let _ = self.0.run(&["coursys-ops", "rm503", "--take-over", "--wait=60", "--quiet"]);
        for unit in WORKERS {
            let _ = self.0.run(&["systemctl", "start", unit]);
        }
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.restore();
    }
}

fn status(server: &Staging) -> Value {
    let ended = server.run(&["coursys-ops", "maintenance", "status", "--format", "json"]);
    serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {ended:?}"))
}

#[track_caller]
fn is(server: &Staging, state: &str, code: &str) {
    let status = status(server);
    let told = (status["state"].as_str().unwrap(), status["code"].as_str().unwrap_or("-"));
    assert_eq!(told, (state, code), "{status:#}");
}

fn active(server: &Staging) -> [String; 2] {
    WORKERS.map(|unit| server.property(unit, "ActiveState"))
}

#[track_caller]
fn good(ended: &Ended) {
    assert_eq!(ended.code, 0, "{}{}", ended.stdout, ended.stderr);
}

#[track_caller]
fn is_open(server: &Staging) {
    is(server, "up", "-");
    assert_eq!(active(server), ["active", "active"]);
    assert_ne!(server.run(&["test", "-e", FLAG]).code, 0);
    let left = server.done(&["find", "/etc/systemd/system", "-name", "*coursys-ops-maintenance*"]);
    assert_eq!(left, "");
}

#[test]
#[ignore = "takes minutes: `cargo xtask test full staging`"]
fn maintenance_refuses_no_request_but_with_503_and_waits_for_what_runs() {
    let Some(server) = staging(VM) else { return };
    let _open = Open::on(&server);
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
        let load = threads.spawn(|| server.run(&["/venv/bin/python", "/run/load.py"]));
        server.wait_until(Duration::from_secs(30), "the load", |server| {
            server.run(&["test", "-e", "/run/load-runs"]).code == 0
        });
        let request = threads.spawn(|| server.run(&["curl", "-s", "-H", "Host: coursys.test", url]));
        let delay = "import django; django.setup(); from coredata.tasks import nap; nap.apply_async((30,), queue='batch')";
        let send = ["env", "--chdir=/coursys", "DJANGO_SETTINGS_MODULE=site_fixture.settings"];
        good(&server.run_as("coursys", &[&send[..], &["/venv/bin/python", "-c", delay]].concat()));
        server.wait_until(Duration::from_secs(20), "the slow page", |server| {
            server.run(&["test", "-s", "/opt/logs/slow-page"]).code == 0
        });
        let closed = server.run(&["coursys-ops", "503", "--reason", "new disks", "--for", "45m"]);
        good(&closed);
        let on: f64 = server.done(&["date", "+%s.%N"]).parse().unwrap();
        let last: f64 = server.done(&["tail", "-1", "/opt/logs/slow-page"]).parse().unwrap();
        assert!(last < on, "the page still wrote at {last}, and it was on at {on}");
        good(&server.run(&["coursys-ops", "rm503"]));
        good(&server.run(&["touch", "/run/load-stops"]));
        (load.join().unwrap(), request.join().unwrap(), closed)
    });
    assert_eq!(load.stdout.trim(), "200 503", "{}", load.stderr);
    assert_eq!(request.stdout, "done");
    assert!(closed.stderr.contains("coredata.tasks.nap") || closed.stdout.contains("done"), "{closed:?}");
    let log = server.done(&["sh", "-c", "grep -h 'nap.*succeeded' /opt/logs/celery-batch*.log | tail -1"]);
    assert!(log.contains("succeeded"), "{log}");
    is_open(&server);
    good(&server.run_as("coursys", &["git", "-C", "/coursys", "checkout", "-q", "docs/urls.py"]));
    server.systemctl(&["restart", "gunicorn"]);
}

#[test]
#[ignore = "takes minutes: `cargo xtask test full staging`"]
fn nothing_but_the_program_starts_workers_in_maintenance() {
    let Some(server) = staging(VM) else { return };
    let _open = Open::on(&server);
    good(&server.run(&["coursys-ops", "maintenance", "on", "--reason", "migration"]));
    is(&server, "on", "-");
    let lease = status(&server)["lease"].clone();
    assert_eq!(lease["stopped"], serde_json::json!(["celery", "celerybeat"]));
    assert_eq!((lease["why"].as_str(), lease["phase"].as_str()), (Some("migration"), Some("on")));
    assert_eq!(server.done(&["stat", "--format", "%U %a", FLAG]), "coursys 644");
    // What root's crontab does.
    for unit in WORKERS {
        let _ = server.run(&["systemctl", "restart", unit]);
    }
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
    assert_eq!(active(&server), ["inactive", "inactive"]);
    is(&server, "on", "-");
    let check = server.run(&["coursys-ops", "check", "maintenance.state"]);
    good(&check);
    let again = server.run(&["coursys-ops", "503"]);
    good(&again);
    assert!(again.stdout.contains("nothing to do"), "{again:?}");
    good(&server.run(&["coursys-ops", "rm503"]));
    is_open(&server);
    assert!(server.run(&["coursys-ops", "rm503"]).stdout.contains("nothing to do"));
}

#[test]
#[ignore = "takes minutes: `cargo xtask test full staging`"]
fn a_maintenance_that_is_killed_at_any_step_tells_the_truth_and_is_completed() {
    let Some(server) = staging(VM) else { return };
    let _open = Open::on(&server);
    let full = std::env::var_os("COURSYS_OPS_FULL").is_some();
    let entering: &[&str] = if full {
        &[
            "flag.entering",
            "hold.directories",
            "hold.celery",
            "hold.reload",
            "celerybeat.stop",
            "workers.quiet",
            "celery.stop",
            "workers.gone",
            "pages.closed",
            "flag.on",
        ]
    } else {
        &["hold.reload", "workers.quiet", "pages.closed"]
    };
    let leaving: &[&str] = if full {
        &[
            "flag.leaving",
            "lift.celery",
            "lift.reload",
            "celery.start",
            "workers.consume",
            "celerybeat.start",
            "pages.open",
        ]
    } else {
        &["lift.reload", "celery.start"]
    };
    for step in entering {
        killed_at(&server, "503", step);
        let state = status(&server)["state"].as_str().unwrap().to_owned();
        assert!(["entering", "up", "on"].contains(&state.as_str()), "{step}: {state}");
        assert!(state != "on" || *step == "flag.on", "{step}");
        good(&server.run(&["coursys-ops", "503"]));
        is(&server, "on", "-");
        good(&server.run(&["coursys-ops", "rm503"]));
        is_open(&server);
    }
    for step in leaving {
        good(&server.run(&["coursys-ops", "503"]));
        killed_at(&server, "rm503", step);
        let state = status(&server)["state"].as_str().unwrap().to_owned();
        assert!(
            state == "leaving" || state == "on" && *step == "flag.leaving" || state == "up",
            "{step}: {state}"
        );
        assert!(state != "up" || *step == "pages.open", "{step}");
        good(&server.run(&["coursys-ops", "rm503"]));
        is_open(&server);
    }
    killed_at(&server, "503", "workers.quiet");
    good(&server.run(&["coursys-ops", "rm503"]));
    is_open(&server);
    good(&server.run(&["coursys-ops", "check", "celery.*"]));
}

/// Runs a command and kills it when it has begun a step.
fn killed_at(server: &Staging, command: &str, step: &str) {
    let script = format!(
        "coursys-ops {command} >/dev/null 2>&1 & pid=$!
         for i in $(seq 3000); do
             run=$(ls -d /var/lib/coursys-ops/runs/* | tail -1)
             grep -q 'step_started\",\"id\":\"{step}\"' $run/journal.jsonl 2>/dev/null && [ $run -nt /run/before-the-run ] && break
             kill -0 $pid 2>/dev/null || break
             sleep 0.02
         done
         kill -9 $pid; wait $pid; true"
    );
    server.done(&["touch", "/run/before-the-run"]);
    std::thread::sleep(Duration::from_millis(20));
    let _ = server.run(&["sh", "-c", &script]);
}

#[test]
fn what_lies_in_the_place_of_the_flag_harms_nobody_and_is_no_maintenance_of_ours() {
    let Some(server) = staging(VM) else { return };
    let _open = Open::on(&server);
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
        is(&server, "inconsistent", "flag_without_lease");
        for command in ["503", "rm503"] {
            let ended = server.run(&["coursys-ops", command]);
            assert_eq!(ended.code, 3, "{what}: {ended:?}");
            assert!(ended.stderr.contains("--take-over"), "{what}: {ended:?}");
        }
        assert_eq!(active(&server), ["active", "active"], "{what}");
        good(&server.run_as("coursys", &["rm", "-r", "-f", FLAG]));
    }
    assert_eq!(server.done(&["sha256sum", "/etc/passwd"]), passwd);
    // A lease that the site's user wrote itself: what it names counts only if it is ours.
    good(&server.run_as("coursys", &["cp", "/run/lease", FLAG]));
    is(&server, "inconsistent", "flag_but_workers");
    let plan = server.done(&["coursys-ops", "rm503", "--dry-run"]);
    assert!(!plan.contains("ssh") && !plan.contains("cron") && plan.contains("celery"), "{plan}");
    good(&server.run_as("coursys", &["rm", FLAG]));
    is_open(&server);
}

#[test]
fn a_maintenance_that_cannot_be_written_down_begins_nothing() {
    let Some(server) = staging(VM) else { return };
    let _open = Open::on(&server);
    // Nobody but root can write there, and the flag is written as the site's user.
    server.done(&["chown", "root", "/coursys"]);
    let ended = server.run(&["coursys-ops", "503"]);
    server.done(&["chown", "coursys", "/coursys"]);
    assert_eq!(ended.code, 1, "{ended:?}");
    assert!(format!("{}{}", ended.stdout, ended.stderr).contains("cannot write the flag"), "{ended:?}");
    is_open(&server);
    let refused = server.run_as("coursys", &["coursys-ops", "503"]);
    assert_eq!(refused.code, 3, "{refused:?}");
    let [one, two] = std::thread::scope(|threads| {
        let go = || threads.spawn(|| server.run(&["coursys-ops", "503"]));
        [go(), go()].map(|thread| thread.join().unwrap())
    });
    let mut codes = [one.code, two.code];
    codes.sort_unstable();
    assert_eq!(codes, [0, 3], "{one:?} {two:?}");
    is(&server, "on", "-");
    // Somebody removes the flag by hand: the workers are not forgotten.
    good(&server.run_as("coursys", &["rm", FLAG]));
    is(&server, "inconsistent", "held_no_flag");
    good(&server.run(&["coursys-ops", "rm503"]));
    is_open(&server);
}

#[test]
#[ignore = "takes minutes: `cargo xtask test full staging`"]
fn a_task_that_does_not_end_keeps_the_maintenance_entering_and_is_named_and_killed_only_on_request() {
    let Some(server) = staging(VM) else { return };
    let _open = Open::on(&server);
    let delay = "import django; django.setup(); from coredata.tasks import nap; nap.apply_async((600,), queue='sims')";
    let send = ["env", "--chdir=/coursys", "DJANGO_SETTINGS_MODULE=site_fixture.settings"];
    good(&server.run_as("coursys", &[&send[..], &["/venv/bin/python", "-c", delay]].concat()));
    let ended = server.run(&["coursys-ops", "503", "--within", "10s"]);
    assert_eq!(ended.code, 1, "{ended:?}");
    assert!(format!("{}{}", ended.stdout, ended.stderr).contains("coredata.tasks.nap"), "{ended:?}");
    is(&server, "entering", "flag_but_workers");
    // The site opens again, and the task has not noticed.
    good(&server.run(&["coursys-ops", "rm503"]));
    is(&server, "up", "-");
    good(&server.run(&["coursys-ops", "check", "celery.nodes", "celery.queue.fast"]));
}
