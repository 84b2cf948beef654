//! A site of containers that is closed and opened under load: nobody gets an error but 503, what writes is waited for, and
//! between "on" and "leaving" nothing is written.

use std::fs;
use std::time::Duration;

use coursys_ops_tests::compose::{STAMPS, WORKERS, acts, is, is_open, python, running, stamps};
use coursys_ops_tests::{LOAD, Staging, healthy_compose, slow_page, was_served};

/// The site is under load for as long as it is closed and opened.
const LONG: Duration = Duration::from_secs(900);

/// How long the site rests.
const REST: Duration = Duration::from_secs(20);

/// Where the slow page writes its times, as the site sees it; on the server it is below `/data`.
const PAGE: &str = "/submitted_files/slow-page";

/// Gives the containers of the site a page that writes; they are made anew when this is dropped.
struct Slow<'a>(&'a Staging);

impl<'a> Slow<'a> {
    fn on(server: &'a Staging) -> Self {
        fs::write(server.path("/run/urls.py"), slow_page(PAGE)).unwrap();
        server.done(&["chmod", "644", "/run/urls.py"]);
        for name in ["coursys-app-1", "coursys-app-2"] {
            server.done(&["docker", "cp", "/run/urls.py", &format!("{name}:/coursys/docs/urls.py")]);
            server.done(&["docker", "restart", name]);
        }
        let slow = Self(server);
        server.wait_until(Duration::from_secs(120), "two containers that serve", |server| {
            server.docker_compose(&["ps", "app", "--format", "{{.Health}}"]) == "healthy\nhealthy\n"
        });
        slow
    }
}

impl Drop for Slow<'_> {
    fn drop(&mut self) {
        let _ = self.0.run(&["touch", "/run/load-stops"]);
        let argv = ["up", "--detach", "--wait", "--force-recreate", "--no-deps", "app"];
        self.0.docker_compose(&argv);
        // It asked for the containers' addresses when it started.
        self.0.docker_compose(&["restart", "nginx"]);
    }
}

/// How many rows the site has written for its tasks, and for pages that somebody else than the health check asked for.
fn rows(server: &Staging) -> String {
    let count = "from log.models import *; print('rows', CeleryTaskLog.objects.count(), \
                 RequestLog.objects.exclude(data__ip='127.0.0.1').count())";
    let argv =
        ["docker", "exec", "coursys-app-1", "/venv/bin/python", "manage.py", "shell", "--command", count];
    let printed = server.done(&argv);
    printed.lines().find(|line| line.starts_with("rows ")).unwrap_or_else(|| panic!("{printed}")).to_owned()
}

/// Now, on the server, and when the page wrote for the last time, seconds.
fn now_and_last(server: &Staging) -> [f64; 2] {
    let page = format!("/data{PAGE}");
    [&["date", "+%s.%N"][..], &["tail", "-1", &page]].map(|argv| server.done(argv).parse().unwrap())
}

#[test]
#[ignore = "takes minutes: `cargo xtask test full compose`"]
fn a_maintenance_of_containers_refuses_no_request_but_with_503_and_waits_for_what_writes() {
    let Some(server) = healthy_compose() else { return };
    let slow = Slow::on(&server);
    let _ = server.run(&["rm", "-f", "/run/load-runs", "/run/load-stops"]);
    fs::write(server.path("/run/load.py"), LOAD).unwrap();
    let there = |path: &'static str, what: &str| {
        server
            .wait_until(Duration::from_secs(60), what, |server| server.run(&["test", "-e", path]).code == 0);
    };
    let url = ["--header", "Host: coursys.test", "http://127.0.0.1/docs/slow/20/"];
    let (load, request) = std::thread::scope(|threads| {
        let load = threads.spawn(|| server.run_within(LONG, "root", &["python3", "/run/load.py"]));
        there("/run/load-runs", "the load");
        let request = threads.spawn(|| server.run(&[&["curl", "--silent"][..], &url].concat()));
        // It writes in its last moment.
        python(&server, &format!("stamp.delay('{STAMPS}', 'long', 120)"));
        there("/data/submitted_files/slow-page", "the slow page");
        // What waits behind others is left in its queue, and done when the site is open again.
        let many = format!(
            "for n in range(200): stamp.apply_async(('{STAMPS}', 'many', 1), queue='sims', ignore_result=True)"
        );
        python(&server, &many);
        let said = acts(&server, &["503", "--reason", "new disks", "--for", "45m"]);
        let [on, last] = now_and_last(&server);
        assert!(last < on, "the page still wrote at {last}, and it was on at {on}");
        assert!(said.contains("coredata.tasks.stamp"), "what is waited for is named: {said}");
        is(&server, "on", "-");
        assert_eq!(running(&server), [""; 0]);
        let stamped = stamps(&server);
        assert!(stamped.iter().any(|(word, _)| word == "long"), "the long task was waited for: {stamped:?}");
        let before = rows(&server);
        std::thread::sleep(REST);
        assert_eq!(rows(&server), before, "nothing is written while it is on");
        assert_eq!(stamps(&server), stamped);
        acts(&server, &["rm503"]);
        server.done(&["touch", "/run/load-stops"]);
        (load.join().unwrap(), request.join().unwrap())
    });
    was_served(&load);
    assert_eq!(request.stdout, "done");
    is_open(&server);
    assert_eq!(running(&server), WORKERS);
    server.wait_until(Duration::from_secs(240), "all that had waited", |server| {
        stamps(server).iter().filter(|(word, _)| word == "many").count() == 200
    });
    std::thread::sleep(Duration::from_secs(3));
    let count = |wanted: &str| stamps(&server).iter().filter(|(word, _)| word == wanted).count();
    assert_eq!([count("long"), count("many")], [1, 200], "each once");
    drop(slow);
}
