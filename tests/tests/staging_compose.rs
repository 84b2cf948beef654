//! The staging server of layout `compose`: every component is a service, and only nginx publishes a port.

use std::time::Duration;

use coursys_ops_tests::{Staging, staging};

const COMPOSE: &str = "compose";

/// Runs `docker compose` in the site's directory, as its account.
fn compose(server: &Staging, args: &[&str]) -> String {
    let argv = ["env", "--chdir=/coursys", "docker", "compose", "--ansi", "never"];
    let ended = server.run_as("coursys", &[&argv, args].concat());
    assert_eq!(ended.code, 0, "{args:?}: {}{}", ended.stdout, ended.stderr);
    ended.stdout
}

#[test]
fn every_service_runs_and_those_for_one_off_commands_do_not() {
    let Some(server) = staging(COMPOSE) else { return };
    let running = compose(&server, &["ps", "--services", "--filter", "status=running"]);
    let mut running: Vec<&str> = running.lines().collect();
    running.sort_unstable();
    let expected = [
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
    assert_eq!(running, expected);
    assert!(compose(&server, &["version", "--short"]).trim_start_matches('v').starts_with("2."));
}

#[test]
fn only_nginx_publishes_a_port() {
    let Some(server) = staging(COMPOSE) else { return };
    let listening = server.done(&["ss", "--listening", "--tcp", "--numeric", "--no-header"]);
    let ports: Vec<&str> = listening.lines().filter_map(|line| line.split_whitespace().nth(3)).collect();
    assert!(ports.iter().all(|address| address.ends_with(":80")), "{ports:?}");
    let url = "http://127.0.0.1/docs/";
    server.done(&["curl", "--fail", "--silent", "--header", "Host: coursys.test", url]);
}

#[test]
fn two_containers_of_the_site_stand_side_by_side() {
    let Some(server) = staging(COMPOSE) else { return };
    server.wait_until(Duration::from_secs(60), "two healthy containers", |server| {
        compose(server, &["ps", "app", "--format", "{{.Health}}"]) == "healthy\nhealthy\n"
    });
}

#[test]
fn one_off_commands_reach_the_servers_inside() {
    let Some(server) = staging(COMPOSE) else { return };
    let printed = compose(&server, &["run", "--rm", "--no-TTY", "manage", "check"]);
    assert!(printed.contains("no issues"), "{printed}");
}
