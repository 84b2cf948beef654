//! Maintenance on a server of containers: closed means that nothing runs and that nobody starts it by the way.

use std::time::Duration;

use coursys_ops_tests::compose::{FLAG, HOLD, acts, is, is_open, running, status};
use coursys_ops_tests::{Staging, container, healthy_compose, killed_at, settles};

/// `docker compose` by the site's account, as a person calls it; whether it worked.
fn compose(server: &Staging, args: &[&str]) -> (i32, String) {
    let argv = ["env", "--chdir=/coursys", "docker", "compose", "--ansi", "never"];
    let ended = server.run_as("coursys", &[&argv, args].concat());
    (ended.code, ended.stdout + &ended.stderr)
}

/// State and code, or `-`.
type Told = (&'static str, &'static str);

#[test]
fn a_maintenance_of_containers_is_held_against_deployments_and_restarts_of_docker() {
    let Some(server) = healthy_compose() else { return };
    acts(&server, &["503", "--reason", "new disks", "--for", "45m"]);
    is(&server, "on", "-");
    assert_eq!(running(&server), [""; 0]);
    let page = ["curl", "--silent", "--output", "/dev/null", "--write-out", "%{http_code}"];
    let url = ["--header", "Host: coursys.test", "http://127.0.0.1/docs/"];
    assert_eq!(server.done(&[&page[..], &url].concat()), "503");

    // What `make start-all`, the end of every deployment and a person do.
    assert_eq!(compose(&server, &["up", "--detach", "--remove-orphans"]).0, 0);
    assert_eq!(compose(&server, &["start"]).0, 0);
    for args in [&["start", "celery-fast"][..], &["up", "--detach", "beat"]] {
        let (code, told) = compose(&server, args);
        assert!(code != 0 && told.contains("coursys-ops-rm503"), "{args:?}: {told}");
    }
    assert_eq!(running(&server), [""; 0]);
    server.systemctl(&["restart", "docker"]);
    server.wait_until(Duration::from_secs(120), "a site after Docker's restart", |server| {
        server.run(&[&page[..], &url].concat()).stdout == "503"
    });
    assert_eq!(running(&server), [""; 0]);
    is(&server, "on", "-");
    // Nothing of it is a change of the site's code.
    let code = server.run(&["coursys-ops", "check", "code.state", "maintenance.state"]);
    assert_eq!(code.code, 0, "{}", code.stdout);

    acts(&server, &["rm503"]);
    is_open(&server);
    settles(0, || server.run(&["coursys-ops", "check"]).code);
}

#[test]
fn a_maintenance_sees_who_starts_a_worker_all_the_same_and_closes_again() {
    let Some(server) = healthy_compose() else { return };
    acts(&server, &["503"]);
    is(&server, "on", "-");
    server.done(&["docker", "start", &container("celery-fast")]);
    is(&server, "inconsistent", "flag_but_workers");
    acts(&server, &["503"]);
    is(&server, "on", "-");
    assert_eq!(running(&server), [""; 0]);

    server.done(&["rm", HOLD]);
    is(&server, "inconsistent", "not_held");
    acts(&server, &["503"]);
    is(&server, "on", "-");

    // As `make rm503` of the site does.
    server.done(&["rm", FLAG]);
    assert_eq!(compose(&server, &["up", "--detach"]).0, 0);
    is(&server, "inconsistent", "held_no_flag");
    acts(&server, &["rm503"]);
    is_open(&server);
}

#[test]
fn a_maintenance_leaves_an_override_file_of_others_alone() {
    let Some(server) = healthy_compose() else { return };
    let own = "services:\n  memcached:\n    labels: [own=yes]\n";
    let put = ["sh", "-c", "printf %s \"$1\" > \"$2\"", "-", own, HOLD];
    assert_eq!(server.run_as("coursys", &put).code, 0);
    let said = acts(&server, &["503"]);
    let words = "nothing keeps others from starting `celery`: `compose.override.yml` is not ours";
    assert!(said.contains(words), "{said}");
    is(&server, "on", "cannot_hold");
    let check = server.run(&["coursys-ops", "check", "maintenance.state"]);
    // It is wrapped there.
    let warned = check.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(check.code == 0 && warned.contains(words), "{check:?}");
    assert_eq!(running(&server), [""; 0]);
    acts(&server, &["rm503"]);
    is(&server, "up", "-");
    assert_eq!(server.done(&["cat", HOLD]), own.trim());
}

#[test]
fn a_maintenance_that_was_killed_half_way_is_completed_by_the_next() {
    let Some(server) = healthy_compose() else { return };
    // The step may have ended just before the program did.
    let at: [(&str, &str, &[Told]); 4] = [
        ("503", "hold.services", &[("entering", "not_held"), ("entering", "flag_but_workers")]),
        ("503", "workers.quiet", &[("entering", "flag_but_workers")]),
        ("rm503", "lift.services", &[("leaving", "not_started")]),
        ("rm503", "pages.open", &[("leaving", "flag_left"), ("up", "-")]),
    ];
    for (verb, step, true_then) in at {
        if verb == "rm503" {
            acts(&server, &["503"]);
        }
        killed_at(&server, verb, step);
        // On a busy machine a look may see nothing at first.
        settles(true, || {
            let told = status(&server);
            let word = |key: &str| told[key].as_str().unwrap_or("-");
            let is_true = true_then.contains(&(word("state"), word("code")));
            if !is_true {
                eprintln!("{verb} at {step}: {told:#}");
            }
            is_true
        });
        // Whoever goes on completes it; whoever opens it instead, too.
        acts(&server, &["503"]);
        is(&server, "on", "-");
        acts(&server, &["rm503"]);
        is_open(&server);
    }
}
