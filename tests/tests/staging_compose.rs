//! The staging server of layout `compose`: every component is a service, and only nginx publishes a port.

use std::time::Duration;

use coursys_ops_tests::{PATIENCE, Staging, container, healthy_compose, settles, staging};

const COMPOSE: &str = "compose";

/// Every service that has a container.
const SERVICES: [&str; 12] = [
    "app",
    "beat",
    "celery-batch",
    "celery-email",
    "celery-fast",
    "celery-photo",
    "celery-sims",
    "elasticsearch",
    "logrotate",
    "memcached",
    "nginx",
    "rabbitmq",
];

/// Paths with owner, group and mode.
const LAYOUT: &[(&str, &str)] = &[
    ("/coursys", "coursys:coursys 755 directory"),
    ("/coursys/compose.yml", "coursys:coursys 644 regular file"),
    ("/coursys/.git", "coursys:coursys 755 directory"),
    ("/coursys/secrets/rabbitmq-default-password", "coursys:coursys 600 regular file"),
    ("/data/submitted_files", "coursys:coursys 755 directory"),
    ("/data/db_backups", "coursys:coursys 755 directory"),
    ("/data/csrpt_auth/adsfu.keytab", "coursys:coursys 600 regular file"),
    ("/etc/coursys-ops/config.toml", "root:root 644 regular file"),
    ("/usr/bin/coursys-ops", "root:root 755 regular file"),
];

fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// The part of a unit in what `status` tells.
fn part(server: &Staging, unit: &str) -> serde_json::Value {
    let status = json(&server.run(&["coursys-ops", "status", "--format", "json"]).stdout);
    let components = status["components"].as_array().expect("components").iter();
    let mut parts = components.flat_map(|component| component["parts"].as_array().expect("parts"));
    // On a busy machine a glance sees nothing.
    parts.find(|part| part["unit"] == unit).cloned().unwrap_or_default()
}

fn state(server: &Staging, unit: &str) -> String {
    part(server, unit)["state"].as_str().unwrap_or_default().to_owned()
}

/// What is shown of a unit: its state.
#[track_caller]
fn shown(server: &Staging, unit: &str, expected: &str) {
    settles(expected.to_owned(), || state(server, unit));
}

/// What is shown of a unit: how it differs from what it should be.
#[track_caller]
fn drifted(server: &Staging, unit: &str, expected: &[&str]) {
    settles(Some(expected.iter().map(|kind| (*kind).to_owned()).collect::<Vec<_>>()), || {
        let drifts = part(server, unit)["drift"].as_array()?.clone();
        Some(drifts.iter().filter_map(|drift| drift["kind"].as_str().map(ToOwned::to_owned)).collect())
    });
}

/// What `check` finds wrong.
#[track_caller]
fn found(server: &Staging, args: &[&str], expected: &[(&str, &str)]) {
    let expected = expected.iter().map(|(id, code)| ((*id).to_owned(), (*code).to_owned()));
    settles(expected.collect::<Vec<_>>(), || wrong(server, args));
}

/// The checks pass.
#[track_caller]
fn passes(server: &Staging, args: &[&str]) {
    settles(0, || {
        let ended = server.run(&[&["coursys-ops", "check"], args].concat());
        if ended.code != 0 {
            eprintln!("{}{}", ended.stdout, ended.stderr);
        }
        ended.code
    });
}

/// What `check` finds wrong: id and code of each finding that is bad or a warning.
fn wrong(server: &Staging, args: &[&str]) -> Vec<(String, String)> {
    let argv = [&["coursys-ops", "check", "--format", "json"], args].concat();
    let report = json(&server.run(&argv).stdout);
    let mut found = Vec::new();
    for check in report["checks"].as_array().expect("checks") {
        for finding in check["findings"].as_array().expect("findings") {
            if ["failed", "unknown", "warning"].iter().any(|status| finding["status"] == *status) {
                let word = |value: &serde_json::Value| value.as_str().expect("a word").to_owned();
                found.push((word(&check["id"]), word(&finding["code"])));
            }
        }
    }
    found
}

#[test]
fn every_path_has_its_owner_and_its_mode() {
    let Some(server) = staging(COMPOSE) else { return };
    let paths: Vec<&str> = LAYOUT.iter().map(|(path, _)| *path).collect();
    let seen = server.done(&[&["stat", "--format", "%U:%G %a %F"], &paths[..]].concat());
    for ((path, expected), seen) in LAYOUT.iter().zip(seen.lines()) {
        assert_eq!(seen, *expected, "{path}");
    }
}

#[test]
fn every_service_runs_and_those_for_one_off_commands_do_not() {
    let Some(server) = healthy_compose() else { return };
    let running = server.docker_compose(&["ps", "--services", "--filter", "status=running"]);
    let mut running: Vec<&str> = running.lines().collect();
    running.sort_unstable();
    assert_eq!(running, SERVICES);
    assert!(server.docker_compose(&["version", "--short"]).trim_start_matches('v').starts_with("2."));
    for unit in SERVICES {
        shown(&server, unit, "running");
    }
}

#[test]
fn only_nginx_publishes_a_port() {
    let Some(server) = healthy_compose() else { return };
    let listening = server.done(&["ss", "--listening", "--tcp", "--numeric", "--no-header"]);
    let ports: Vec<&str> = listening.lines().filter_map(|line| line.split_whitespace().nth(3)).collect();
    // containerd has a port of its own on loopback.
    let open = |address: &&str| !address.starts_with("127.0.0.1:");
    assert!(ports.into_iter().filter(open).all(|address| address.ends_with(":80")), "{listening}");
    let url = "http://127.0.0.1/docs/";
    server.done(&["curl", "--fail", "--silent", "--header", "Host: coursys.test", url]);
}

#[test]
fn one_off_commands_reach_the_servers_inside() {
    let Some(server) = healthy_compose() else { return };
    let printed = server.docker_compose(&["run", "--rm", "--no-TTY", "manage", "check"]);
    assert!(printed.contains("no issues"), "{printed}");
}

#[test]
fn the_checks_pass_for_root_and_for_an_administrator_with_sudo() {
    let Some(server) = healthy_compose() else { return };
    passes(&server, &["--tier", "slow"]);
    settles(0, || server.run_as("admin", &["sudo", "--non-interactive", "coursys-ops", "check"]).code);
}

#[test]
fn the_servers_inside_and_the_site_are_asked_and_not_passed_over() {
    let Some(server) = healthy_compose() else { return };
    let must = [
        "broker.connection",
        "cache.connection",
        "cache.shared",
        "celery.nodes",
        "celery.queue.fast",
        "database.migrations",
        "files.writable.media",
        "search.query",
        "site.python",
        "web.serving",
    ];
    for id in must {
        let ask = ["coursys-ops", "check", id, "--tier", "slow", "--format", "json"];
        settles(serde_json::json!(["passed"]), || {
            let report = json(&server.run(&ask).stdout);
            let checks = report["checks"].as_array().expect("checks").iter();
            checks.filter(|check| check["id"] == id).map(|check| check["status"].clone()).collect()
        });
    }
}

#[test]
fn who_may_not_ask_docker_is_told_so_and_nothing_fails_for_it() {
    let Some(server) = healthy_compose() else { return };
    let argv =
        ["coursys-ops", "--set", "broker.password=x", "check", "broker.connection", "--format", "json"];
    let report = json(&server.run_as("visitor", &argv).stdout);
    let checks = report["checks"].as_array().expect("checks").iter();
    let broker = checks.clone().find(|check| check["id"] == "broker.connection").expect("the check");
    assert_eq!(broker["findings"][0]["code"], "not_permitted", "{broker}");
}

#[test]
fn nothing_of_a_look_stays_in_the_containers() {
    let Some(server) = healthy_compose() else { return };
    let count = server.done(&["docker", "ps", "--all", "--quiet"]).lines().count();
    // One that is killed at its worst moment leaves a process that ends by itself.
    let killed = ["timeout", "--signal=KILL", "1", "coursys-ops", "check", "--tier", "slow", "site.python"];
    let _ = server.run(&killed);
    server.wait_until(Duration::from_secs(30), "nothing of it", |server| {
        let argv = ["docker", "exec", "coursys-app-1", "pgrep", "--full", "manage.py shell"];
        server.run(&argv).code == 1
    });
    assert_eq!(server.done(&["docker", "ps", "--all", "--quiet"]).lines().count(), count);
}

#[test]
fn a_stopped_service_is_the_one_failure() {
    let Some(server) = healthy_compose() else { return };
    for (unit, component) in
        [("memcached", "memcached"), ("rabbitmq", "rabbitmq"), ("celery-email", "celery")]
    {
        server.done(&["docker", "stop", "--time", "20", &container(unit)]);
        shown(&server, unit, "stopped");
        found(&server, &[], &[(&format!("service.{component}"), "not_running")]);
        server.mend();
    }
}

#[test]
fn without_the_site_that_is_the_one_failure() {
    let Some(server) = healthy_compose() else { return };
    server.docker_compose(&["stop", "app"]);
    shown(&server, "app", "stopped");
    found(&server, &["--tier", "slow"], &[("service.gunicorn", "not_running")]);
    server.mend();
}

#[test]
fn a_killed_paused_or_removed_container_is_shown_as_what_it_is() {
    let Some(server) = healthy_compose() else { return };
    let name = container("memcached");
    server.done(&["docker", "kill", &name]);
    shown(&server, "memcached", "stopped");
    assert_eq!(part(&server, "memcached")["detail"], "exited (137)");
    server.mend();
    server.done(&["docker", "pause", &name]);
    shown(&server, "memcached", "paused");
    found(&server, &["service.memcached"], &[("service.memcached", "paused")]);
    server.mend();
    server.done(&["docker", "rm", "--force", &name]);
    shown(&server, "memcached", "missing");
    found(&server, &["service.memcached"], &[("service.memcached", "not_running")]);
    server.mend();
}

#[test]
fn a_container_that_ends_over_and_over_is_in_a_restart_loop() {
    let Some(server) = healthy_compose() else { return };
    let name = container("logrotate");
    for _ in 0..4 {
        let pid = server.done(&["docker", "inspect", "--format", "{{.State.Pid}}", &name]);
        server.done(&["kill", "-KILL", &pid]);
        server.wait_until(Duration::from_secs(60), "its next start", |server| {
            let now = server.done(&["docker", "inspect", "--format", "{{.State.Pid}}", &name]);
            now != "0" && now != pid
        });
    }
    drifted(&server, "logrotate", &["restart_loop"]);
    found(&server, &["service.logrotate"], &[("service.logrotate", "restart_loop")]);
    server.docker_compose(&["up", "--detach", "--force-recreate", "--no-deps", "logrotate"]);
    found(&server, &["service.logrotate"], &[]);
}

#[test]
fn a_container_that_docker_finds_unwell_is_unhealthy_compose() {
    let Some(server) = healthy_compose() else { return };
    let control = |verb: &str| server.done(&["docker", "exec", &container("rabbitmq"), "rabbitmqctl", verb]);
    control("stop_app");
    server.wait_until(PATIENCE, "Docker's verdict", |server| state(server, "rabbitmq") == "unhealthy");
    found(&server, &["broker.connection"], &[("service.rabbitmq", "unhealthy")]);
    control("start_app");
    server.wait_until(PATIENCE, "Docker's verdict", |server| state(server, "rabbitmq") == "running");
    server.mend();
}

#[test]
fn a_container_of_an_older_image_or_compose_file_is_shown_as_such() {
    let Some(server) = healthy_compose() else { return };
    let tag = "memcached:1-alpine";
    let id = server.done(&["docker", "image", "inspect", "--format", "{{.Id}}", tag]);
    server.done(&["docker", "commit", "--message", "newer", &container("memcached"), tag]);
    drifted(&server, "memcached", &["old_image"]);
    server.done(&["docker", "tag", &id, tag]);
    drifted(&server, "memcached", &[]);

    let edit =
        ["sed", "--in-place", "/^  memcached:/a\\    environment: [CHANGED=yes]", "/coursys/compose.yml"];
    assert_eq!(server.run_as("coursys", &edit).code, 0);
    drifted(&server, "memcached", &["old_description"]);
    // What was not changed is not outdated.
    drifted(&server, "rabbitmq", &[]);
    server.mend();
}

#[test]
fn memory_of_containers_is_told() {
    let Some(server) = healthy_compose() else { return };
    for unit in SERVICES {
        let memory = part(&server, unit)["memory_bytes"].as_u64();
        assert!(memory.is_some_and(|bytes| bytes > 100_000), "{unit}: {memory:?}");
    }
}

#[test]
fn two_containers_of_the_site_stand_side_by_side() {
    let Some(server) = healthy_compose() else { return };
    assert_eq!(server.docker_compose(&["ps", "app", "--format", "{{.Health}}"]), "healthy\nhealthy\n");
    assert_eq!(part(&server, "app")["containers"].as_array().map(Vec::len), Some(2));
    server.done(&["docker", "stop", "--time", "20", "coursys-app-1"]);
    shown(&server, "app", "running");
    drifted(&server, "app", &["few_replicas"]);
    // The other one serves, and is asked.
    found(&server, &["--tier", "slow"], &[("service.gunicorn", "too_few")]);
    server.mend();
}

#[test]
fn all_is_well_after_a_restart_of_everything_that_was_stopped() {
    let Some(server) = healthy_compose() else { return };
    server.docker_compose(&["stop"]);
    let ended = server.run_within(Duration::from_secs(600), "root", &["coursys-ops", "restart-all"]);
    assert_eq!(ended.code, 0, "{}{}", ended.stdout, ended.stderr);
    passes(&server, &[]);
}

#[test]
fn a_service_is_stopped_started_and_restarted_in_its_container() {
    let Some(server) = healthy_compose() else { return };
    let id = || server.done(&["docker", "inspect", "--format", "{{.Id}}", &container("memcached")]);
    let before = id();
    for (verb, expected) in [("stop", "stopped"), ("start", "running"), ("restart", "running")] {
        let ended = server.run(&["coursys-ops", "service", "memcached", verb]);
        assert_eq!(ended.code, 0, "{verb}: {}{}", ended.stdout, ended.stderr);
        shown(&server, "memcached", expected);
    }
    assert_eq!(id(), before);
    let ended = server.run(&["coursys-ops", "service", "memcached", "recreate"]);
    assert_eq!(ended.code, 0, "{}{}", ended.stdout, ended.stderr);
    assert_ne!(id(), before);
}

#[test]
fn the_broker_is_not_made_anew_while_a_message_waits_in_it() {
    let Some(server) = healthy_compose() else { return };
    // Nobody takes what is put there.
    server.done(&["docker", "stop", "--time", "20", &container("celery-photo")]);
    let put =
        "from site_fixture.celery import app; app.send_task('celery.accumulate', args=[1], queue='photo')";
    let shell = ["docker", "exec", "coursys-celery-fast-1", "/venv/bin/python", "manage.py", "shell", "-c"];
    server.done(&[&shell[..], &[put]].concat());
    let id = || server.done(&["docker", "inspect", "--format", "{{.Id}}", &container("rabbitmq")]);
    let before = id();
    let ended = server.run(&["coursys-ops", "service", "rabbitmq", "recreate"]);
    assert_eq!(ended.code, 3, "{}{}", ended.stdout, ended.stderr);
    assert!(ended.stderr.contains("--lose-messages"), "{}", ended.stderr);
    assert_eq!(id(), before);
    server.mend();
}
