//! The staging server itself: laid out as layout `vm` is, all of it running, and leaving nothing.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::time::Duration;

use coursys_ops_tests::{Staging, staging};

const VM: &str = "vm";

/// Paths of the real server with owner, group and mode.
const LAYOUT: &[(&str, &str)] = &[
    ("/coursys", "coursys:coursys 755 directory"),
    ("/coursys/manage.py", "coursys:coursys 644 regular file"),
    ("/coursys/.git", "coursys:coursys 755 directory"),
    ("/coursys/.env", "coursys:coursys 600 regular file"),
    ("/coursys/docker-compose.yml", "coursys:coursys 644 regular file"),
    ("/coursys/this_is_production.txt", "coursys:coursys 644 regular file"),
    ("/venv/bin/python", "root:root 777 symbolic link"),
    ("/venv/bin/gunicorn", "root:root 755 regular file"),
    ("/opt/static/static", "coursys:coursys 755 directory"),
    ("/opt/static/503.html", "coursys:coursys 644 regular file"),
    ("/opt/config/celery-environment", "coursys:coursys 644 regular file"),
    ("/opt/logs", "coursys:coursys 755 directory"),
    ("/opt/logs/gunicorn-error.log", "coursys:coursys 600 regular file"),
    ("/opt/logs/celery-fast.log", "coursys:coursys 600 regular file"),
    ("/opt/logs/celery-photo-5.log", "coursys:coursys 600 regular empty file"),
    ("/opt/nginx-logs", "coursys:coursys 755 directory"),
    ("/opt/run/celery", "coursys:coursys 755 directory"),
    ("/opt/run/celery/batch.pid", "coursys:coursys 600 regular file"),
    ("/filestore/prod/submitted_files", "coursys:coursys 755 directory"),
    ("/filestore/prod/db_backup", "coursys:coursys 755 directory"),
    ("/home/coursys/kerberos", "coursys:coursys 700 directory"),
    ("/home/coursys/kerberos/adsfu.keytab", "coursys:coursys 600 regular file"),
    ("/etc/profile.d/coursys-environment.sh", "root:root 644 regular file"),
    ("/etc/systemd/system/gunicorn.service", "root:root 644 regular file"),
    ("/etc/systemd/system/celery.service", "root:root 644 regular file"),
    ("/etc/systemd/system/celerybeat.service", "root:root 644 regular file"),
    ("/var/spool/cron/crontabs/root", "root:crontab 600 regular file"),
    ("/var/spool/cron/crontabs/coursys", "coursys:crontab 600 regular file"),
    ("/etc/coursys-ops/config.toml", "root:root 644 regular file"),
    ("/etc/coursys-ops/secrets/database", "root:adm 640 regular file"),
    ("/usr/bin/coursys-ops", "root:root 755 regular file"),
];

#[test]
fn every_path_has_the_owner_and_the_mode_of_the_real_server() {
    let Some(server) = staging(VM) else { return };
    let paths: Vec<&str> = LAYOUT.iter().map(|(path, _)| *path).collect();
    let seen = server.done(&[&["stat", "--format", "%U:%G %a %F"], &paths[..]].concat());
    for ((path, expected), seen) in LAYOUT.iter().zip(seen.lines()) {
        assert_eq!(seen, *expected, "{path}");
    }
}

#[test]
fn every_unit_and_every_container_runs() {
    let Some(server) = staging(VM) else { return };
    for unit in ["nginx", "docker", "gunicorn", "celery", "celerybeat", "cron"] {
        assert_eq!(server.property(unit, "ActiveState"), "active", "{unit}");
        assert_eq!(server.property(unit, "UnitFileState"), "enabled", "{unit}");
    }
    let types = ["gunicorn", "celery", "celerybeat"].map(|unit| server.property(unit, "Type"));
    assert_eq!(types, ["exec", "forking", "simple"]);
    assert_eq!(server.property("celery", "TimeoutStopUSec"), "1min 30s");
    let containers = server.compose(&["ps", "--services", "--filter", "status=running"]);
    let mut containers: Vec<&str> = containers.lines().collect();
    containers.sort_unstable();
    assert_eq!(containers, ["elasticsearch", "memcached", "rabbitmq", "ruby-markup"]);
    assert_eq!(server.systemctl(&["list-units", "--failed", "--no-legend"]), "");
}

#[test]
fn the_checks_pass_for_root_and_for_an_administrator_with_sudo() {
    let Some(server) = staging(VM) else { return };
    let ended = server.run(&["coursys-ops", "check"]);
    assert_eq!(ended.code, 0, "{}{}", ended.stdout, ended.stderr);
    let ended = server.run_as("admin", &["sudo", "--non-interactive", "coursys-ops", "check"]);
    assert_eq!(ended.code, 0, "{}{}", ended.stdout, ended.stderr);
}

#[test]
fn the_accounts_may_what_those_of_the_real_server_may() {
    let Some(server) = staging(VM) else { return };
    assert_eq!(server.run_as("admin", &["sudo", "--non-interactive", "id", "--user"]).stdout, "0\n");
    for user in ["coursys", "visitor"] {
        assert_ne!(server.run_as(user, &["sudo", "--non-interactive", "true"]).code, 0, "{user}");
    }
    assert_ne!(server.run(&["su", "--login", "coursys", "--command", "true"]).code, 0);
    assert_eq!(server.run_as("coursys", &["docker", "ps", "--quiet"]).code, 0);
    assert_ne!(server.run_as("visitor", &["docker", "ps", "--quiet"]).code, 0);
    // As root it would execute what the site's account can write.
    assert!(server.run(&["git", "-C", "/coursys", "status"]).stderr.contains("dubious ownership"));
}

#[test]
fn the_maintenance_page_is_for_everybody_but_the_one_who_may_pass() {
    let Some(server) = staging(VM) else { return };
    let status = |path: &str, header: &str| {
        let url = format!("http://127.0.0.1{path}");
        let ask = ["curl", "--silent", "--output", "/dev/null", "--write-out", "%{http_code}"];
        server.done(&[&ask[..], &["--header", header, "--header", "Host: coursys.test", &url]].concat())
    };
    assert_eq!(status("/docs/", "X-A: b"), "200");
    assert_eq!(server.run_as("coursys", &["touch", "/coursys/503"]).code, 0);
    let seen = [
        status("/docs/", "X-A: b"),
        status("/docs/", "X-Forwarded-For: 10.1.2.3"),
        status("/static/icons/favicon.ico", "X-A: b"),
    ];
    let page = server.done(&["curl", "--silent", "--header", "Host: coursys.test", "http://127.0.0.1/docs/"]);
    assert_eq!(server.run_as("coursys", &["rm", "/coursys/503"]).code, 0);
    assert_eq!(seen, ["503", "200", "200"]);
    assert!(page.contains("503 Service Unavailable"), "{page}");
    let other =
        ["curl", "--silent", "--output", "/dev/null", "--write-out", "%{http_code}", "http://127.0.0.1/"];
    assert_eq!(server.done(&other), "301");
}

#[test]
fn the_database_is_another_server() {
    let Some(server) = staging(VM) else { return };
    let listening = server.done(&["ss", "--listening", "--tcp", "--numeric", "--no-header"]);
    assert!(!listening.contains(":3306"), "{listening}");
    let config = server.done(&["cat", "/etc/coursys-ops/config.toml"]);
    assert!(config.contains("host = \"10.20.0.2\""), "{config}");
}

#[test]
fn time_can_be_moved_forward_for_cron_alone() {
    let Some(server) = staging(VM) else { return };
    let crontab = "/etc/cron.d/staging-test";
    fs::write(server.path(crontab), "0 0 2 1 * root touch /run/midnight\n").expect("a crontab");
    let cron = server.cron_at("2030-01-01 23:59:30");
    cron.wait_for("touch /run/midnight");
    server.wait_until(Duration::from_secs(10), "cron's midnight", |server| {
        server.run(&["test", "-e", "/run/midnight"]).code == 0
    });
    drop(cron);
    server.done(&["rm", crontab, "/run/midnight"]);
    assert!(!server.done(&["date", "+%Y"]).contains("2030"));
}

#[test]
fn the_output_and_the_exit_code_of_a_command_are_passed_on() {
    let Some(server) = staging(VM) else { return };
    let ended = server.run(&["sh", "-c", "echo out; echo err >&2; exit 7"]);
    assert_eq!((ended.code, ended.stdout.as_str(), ended.stderr.as_str()), (7, "out\n", "err\n"));
    assert_eq!(server.run_as("visitor", &["id", "--user", "--name"]).stdout, "visitor\n");
}

#[test]
fn nobody_on_it_can_set_the_clock_of_the_machine() {
    let Some(server) = staging(VM) else { return };
    assert_ne!(server.run(&["date", "--set", "@0"]).code, 0);
}

#[test]
fn two_are_up_side_by_side_and_what_is_down_leaves_nothing() {
    let Some(server) = staging(VM) else { return };
    let other = Staging::another(VM);
    assert_eq!([server.status().state, other.status().state], ["up", "up"]);
    // The same ports, and yet neither sees the other's.
    for server in [&server, &other] {
        assert_eq!(server.run(&["curl", "--fail", "--silent", "http://127.0.0.1:9200/"]).code, 0);
    }
    server.done(&["touch", "/run/here"]);
    assert_ne!(other.run(&["test", "-e", "/run/here"]).code, 0);

    let before = Machine::look(&other);
    assert!(before.processes > 20 && before.groups > 0 && before.directory, "{before:?}");
    other.down();
    assert_eq!(Machine::look(&other), Machine::default());
    assert_eq!(server.run(&["systemctl", "is-active", "--quiet", "gunicorn"]).code, 0);
}

#[test]
fn an_up_that_was_killed_leaves_nothing_after_down() {
    let Some(_server) = staging(VM) else { return };
    let name = format!("killed{}", std::process::id());
    let xtask = std::env::current_exe().expect("a path");
    let xtask = xtask.ancestors().map(|dir| dir.join("xtask")).find(|path| path.is_file()).expect("xtask");
    for after_ms in [200, 1500, 4000] {
        let mut child = std::process::Command::new(&xtask)
            .args(["staging", "up", "--name", &name])
            .stderr(std::process::Stdio::null())
            .spawn()
            .expect("xtask starts");
        std::thread::sleep(Duration::from_millis(after_ms));
        child.kill().expect("a process to kill");
        child.wait().expect("its end");
        let down = std::process::Command::new(&xtask).args(["staging", "down", "--name", &name]).output();
        assert!(down.expect("xtask starts").status.success());
        assert_eq!(Machine::of(&name), Machine::default(), "killed after {after_ms} ms");
    }
}

/// What this machine has of a server.
#[derive(Debug, Default, PartialEq, Eq)]
struct Machine {
    processes: usize,
    groups: usize,
    mounts: usize,
    directory: bool,
}

impl Machine {
    fn look(server: &Staging) -> Self {
        Self::of(server.name())
    }

    fn of(name: &str) -> Self {
        let group = format!("coursys-ops-staging-{name}");
        let hierarchies = fs::read_dir("/sys/fs/cgroup").expect("control groups").flatten();
        let places = hierarchies.map(|entry| entry.path()).chain(["/sys/fs/cgroup".into()]);
        let directory = format!("/var/lib/coursys-ops-staging/{name}");
        let mounts = fs::read_to_string("/proc/self/mountinfo").expect("mounts");
        Self {
            processes: fs::read_dir("/proc")
                .expect("processes")
                .flatten()
                .filter(|entry| {
                    let text = |file: &str| fs::read_to_string(entry.path().join(file)).unwrap_or_default();
                    text("cgroup").contains(&format!("/{group}/"))
                        || text("cgroup").contains(&format!("/{group}\n"))
                })
                .count(),
            groups: places.filter(|place| place.join(&group).exists()).count(),
            mounts: mounts.lines().filter(|line| line.contains(&directory)).count(),
            directory: fs::metadata(&directory).is_ok_and(|data| data.uid() == 0),
        }
    }
}
