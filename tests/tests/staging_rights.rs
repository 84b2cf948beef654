//! Who may act on a whole server, what a dry run leaves, and what becomes of a plan of which nobody can take note.

use std::fs;

use coursys_ops_tests::{Ended, Staging, staging};

const VM: &str = "vm";

/// What the administrators are given.
const SUDOERS: &str = include_str!("../../docs/sudoers.example");

#[track_caller]
fn assert_refused(ended: &Ended, words: &[&str]) {
    assert_eq!(ended.code, 3, "{}{}", ended.stdout, ended.stderr);
    for word in words {
        assert!(ended.stderr.contains(word), "`{word}` is not in: {}", ended.stderr);
    }
}

/// The program as somebody who has no terminal.
fn as_user(server: &Staging, user: &str, args: &str) -> Ended {
    server.run_as(user, &["sh", "-c", &format!("exec coursys-ops {args} </dev/null")])
}

fn started(server: &Staging) -> String {
    server.property("nginx", "InvocationID")
}

#[test]
fn an_administrator_may_what_the_sudoers_example_lists_and_nothing_more() {
    let Some(server) = staging(VM) else { return };
    let _kept = server.keep();
    server.done(&["rm", "/etc/sudoers.d/staging"]);
    let refused = as_user(&server, "admin", "service nginx reload");
    assert_refused(&refused, &["only root may do this", "`sudo` would not run it", "docs/sudoers.example"]);

    fs::write(server.path("/etc/sudoers.d/coursys-ops"), SUDOERS).expect("rules");
    server.done(&["chmod", "0440", "/etc/sudoers.d/coursys-ops"]);
    server.done(&["visudo", "--check", "--strict"]);
    let done = as_user(&server, "admin", "service nginx reload");
    assert_eq!(done.code, 0, "{}{}", done.stdout, done.stderr);
    let history = as_user(&server, "admin", "history");
    let line = history.stdout.lines().last().unwrap_or_default();
    assert!(line.contains("admin") && line.contains("reload nginx"), "{history:?}");
    let audit = server.done(&["tail", "-n", "1", "/var/log/coursys-ops/audit.jsonl"]);
    assert!(audit.contains("\"sudo\":\"admin\"") && audit.contains("\"exit_code\":0"), "{audit}");
    let readable = server.run_as("admin", &["tail", "-n", "1", "/var/log/coursys-ops/audit.jsonl"]);
    assert_eq!(readable.code, 0, "administrators may read it: {}", readable.stderr);

    let before = started(&server);
    for more in [
        "service nginx restart",
        "service nginx reload --wait",
        "--config /home/admin/own.toml service nginx reload",
        "--set site.dir=/home/admin service nginx reload",
        "resume --again",
    ] {
        assert_refused(
            &as_user(&server, "admin", more),
            &["`sudo` would not run it", "docs/sudoers.example"],
        );
    }
    let chosen = server.run_as(
        "admin",
        &["sh", "-c", "COURSYS_OPS_CONFIG=/home/admin/own.toml coursys-ops restart-all </dev/null"],
    );
    assert_ne!(chosen.code, 0, "whoever chooses the configuration chooses what root runs: {chosen:?}");
    let set =
        server.run_as("admin", &["sh", "-c", "COURSYS_OPS_SITE__DIR=/ coursys-ops restart-all </dev/null"]);
    assert_refused(&set, &["does not hand on the environment", "COURSYS_OPS_SITE__DIR"]);
    assert_eq!(started(&server), before, "nothing was done");
}

#[test]
fn the_site_itself_and_who_has_no_rights_are_refused_and_told_what_to_do() {
    let Some(server) = staging(VM) else { return };
    let before = started(&server);
    for args in ["service nginx restart", "restart-all", "start-all", "resume", "abandon", "history"] {
        let own = as_user(&server, "coursys", args);
        assert_refused(&own, &["`coursys` runs the site and may not act on it", "log in as yourself"]);
        let nobody = as_user(&server, "visitor", args);
        assert_refused(&nobody, &["only root may do this", "docs/sudoers.example"]);
    }
    assert_eq!(started(&server), before);
}

#[test]
fn a_password_comes_through_sudo_from_whatever_descriptor_it_is_read() {
    let Some(server) = staging(VM) else { return };
    let files = ["sh", "-c", "sha256sum /home/coursys/kerberos/*"];
    let before = server.done(&files);
    // That it is wrong and not empty can be told only by who was given it.
    for (option, redirect) in [("--password-fd 0", "<"), ("--password-fd 3", "3<"), ("--password-fd=7", "7<")]
    {
        let script =
            format!("echo no-such-secret >~/typed; coursys-ops kinit coursys {option} {redirect}~/typed");
        let ended = server.run_as("admin", &["sh", "-c", &script]);
        let _ = server.run(&["rm", "-f", "/home/admin/typed"]);
        let said = format!("{}{}", ended.stdout, ended.stderr);
        assert_eq!(ended.code, 1, "{option}: {said}");
        assert!(said.contains("the password of `coursys@EXAMPLE.TEST` is wrong"), "{option}: {said}");
    }
    let closed = server.run_as("admin", &["coursys-ops", "kinit", "coursys", "--password-fd", "9"]);
    assert_eq!(closed.code, 2, "{closed:?}");
    assert!(closed.stderr.contains("cannot read descriptor 9"), "{closed:?}");
    assert_eq!(server.done(&files), before);
    let told =
        server.run(&["grep", "-r", "-l", "no-such-secret", "/var/log", "/var/lib/coursys-ops", "/run/log"]);
    assert_eq!(told.stdout, "", "the password was written down");
}

#[test]
fn who_may_not_see_everything_is_told_of_each_cell_why() {
    let Some(server) = staging(VM) else { return };
    let ended = server.run_as("visitor", &["coursys-ops", "status", "--format", "json"]);
    let document: serde_json::Value = serde_json::from_str(&ended.stdout).expect("a document");
    let components = document["components"].as_array().expect("components");
    let find = |name: &str| components.iter().find(|one| one["component"] == name).expect("a component");
    for unit in ["nginx", "gunicorn", "celery", "celerybeat", "docker"] {
        assert_eq!(find(unit)["state"], "running", "anybody may ask systemd");
    }
    for service in ["rabbitmq", "elasticsearch", "memcached", "ruby-markup"] {
        let part = &find(service)["parts"][0];
        assert_eq!(part["state"], "unseen", "{service}");
        for cell in ["state", "since", "main_pid", "memory", "restarts", "enabled", "version", "drift"] {
            let why = part["unseen"][cell].as_str().unwrap_or_default();
            assert!(why.contains("this user may not"), "{service}, {cell}: `{why}`");
        }
    }
    // A cell without anything has a reason, whoever looks.
    for part in components.iter().flat_map(|one| one["parts"].as_array().cloned().unwrap_or_default()) {
        for (cell, key) in [("memory", "memory_bytes"), ("restarts", "restarts"), ("since", "since_ms")] {
            let is_up = part["state"] == "running";
            assert!(!is_up || !part[key].is_null() || part["unseen"][cell].is_string(), "{cell} of {part}");
        }
    }
    for line in document["site"].as_array().expect("lines") {
        assert!(line["message"].as_str().is_some_and(|message| !message.is_empty()), "{line}");
    }
    let text = server.run_as("visitor", &["coursys-ops", "status"]).stdout;
    assert!(text.contains("not seen") && text.contains("this user may not"), "{text}");
}

/// All that a plan could change: units, containers, processes of the site, files.
const SNAPSHOT: &str = r"
for unit in docker nginx gunicorn celery celerybeat; do
    systemctl show --property=ActiveEnterTimestampMonotonic,InvocationID,MainPID,NRestarts,SubState $unit
done
docker ps --all --quiet --no-trunc | sort | xargs docker inspect --format '{{.Id}} {{.State.StartedAt}} {{.State.Pid}}'
ps -u coursys -o pid=,lstart=,args= | sort
pgrep --list-full --exact coursys-ops
find /etc /run /var/lib/coursys-ops /var/log/coursys-ops /coursys -xdev \
    \( -path /run/systemd/journal -o -path /run/docker -o -path /run/containerd -o -path /run/systemd/units \) -prune \
    -o -printf '%p %T@ %C@ %s %m %u\n' | sort
true
";

#[test]
fn a_dry_run_of_whatever_acts_changes_nothing() {
    let Some(server) = staging(VM) else { return };
    let snapshot = || server.done(&["sh", "-c", SNAPSHOT]);
    let mut commands: Vec<Vec<&str>> = vec![vec!["start-all"], vec!["restart-all"]];
    let containers = ["rabbitmq", "elasticsearch", "memcached", "ruby-markup"];
    for name in ["docker", "nginx", "gunicorn", "celery", "celerybeat"].into_iter().chain(containers) {
        for verb in ["start", "stop", "restart", "reload", "recreate"] {
            commands.push(vec!["service", name, verb]);
        }
    }
    // What looks for the first time makes caches of its own, as Python does.
    let _ = server.coursys_ops(&["restart-all", "--dry-run"]);
    let before = snapshot();
    let mut plans = 0;
    for command in &commands {
        for format in ["text", "json"] {
            let ended = server.coursys_ops(&[&command[..], &["--dry-run", "--format", format]].concat());
            assert!(matches!(ended.code, 0 | 3), "{command:?}: {ended:?}");
            assert_eq!(ended.stdout.is_empty(), ended.code == 3, "{command:?}: {ended:?}");
            plans += u32::from(ended.code == 0);
        }
    }
    assert!(plans > 60, "{plans} plans were shown");
    let after = snapshot();
    let new: Vec<&str> = after.lines().filter(|line| !before.lines().any(|old| old == *line)).collect();
    let gone: Vec<&str> = before.lines().filter(|line| !after.lines().any(|new| new == *line)).collect();
    assert!(new.is_empty() && gone.is_empty(), "new: {new:#?}, gone: {gone:#?}");
}

/// A small file system on the server, gone with this.
struct Small<'a>(&'a Staging);

impl<'a> Small<'a> {
    const PATH: &'static str = "/run/small";

    fn new(server: &'a Staging, options: &str) -> Self {
        server.done(&["mkdir", "-p", "-m", "0700", Self::PATH]);
        server.done(&["mount", "-t", "tmpfs", "-o", options, "small", Self::PATH]);
        Self(server)
    }

    fn left(&self) -> String {
        self.0.done(&["find", Self::PATH, "-mindepth", "1", "-type", "f"])
    }
}

impl Drop for Small<'_> {
    fn drop(&mut self) {
        let _ = self.0.run(&["umount", Self::PATH]);
    }
}

#[test]
fn a_plan_of_which_nobody_can_take_note_does_nothing_and_leaves_the_lock_free() {
    let Some(server) = staging(VM) else { return };
    let _kept = server.keep();
    let before = started(&server);
    let with = |key: &str, path: &str| {
        let set = format!("plans.{key}={}/{path}", Small::PATH);
        server.coursys_ops(&["--set", &set, "service", "nginx", "restart"])
    };
    {
        let small = Small::new(&server, "size=64k,mode=0700");
        let _ = server.run(&["dd", "if=/dev/zero", &format!("of={}/full", Small::PATH), "bs=4k"]);
        assert_refused(&with("state_dir", "state"), &["No space left on device", "nothing was done"]);
        assert_eq!(small.left(), format!("{}/full", Small::PATH), "nothing is half-written");
    }
    {
        // The plan finds room, its outcome would not.
        let _small = Small::new(&server, "size=128k,mode=0700");
        let ended = with("state_dir", "state");
        assert_eq!(ended.code, 1, "{}{}", ended.stdout, ended.stderr);
        assert!(
            ended.stdout.contains("cannot write the journal: No space left on device"),
            "{}",
            ended.stdout
        );
        assert!(ended.stdout.contains("it was not begun"), "{}", ended.stdout);
        // Nothing was begun, so nothing has to be resumed or given up.
        let set = format!("plans.state_dir={}/state", Small::PATH);
        let list = server.coursys_ops(&["--set", &set, "history"]);
        assert!(list.stdout.contains("0/") && !list.stdout.contains("unfinished"), "{}", list.stdout);
    }
    {
        let _small = Small::new(&server, "ro,mode=0700");
        assert_refused(
            &with("audit_log", "audit.jsonl"),
            &["cannot write the audit log", "nothing was done"],
        );
        assert_refused(&with("state_dir", "state"), &["Read-only file system", "nothing was done"]);
    }
    assert_eq!(started(&server), before, "nginx is as it was");
    let ended = server.coursys_ops(&["service", "nginx", "restart"]);
    assert_eq!(ended.code, 0, "the lock is free: {}{}", ended.stdout, ended.stderr);
    assert_ne!(started(&server), before);
}
