//! A run ends in time, whatever its checks do, and says what it knows.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use coursys_ops_tests::{HungMount, Leftovers, Liar, Manner, Traces, servers};
use rustix::process::{Pid, Signal, kill_process};

/// How long a probe that was killed half-way may be seen in the servers.
const EXPIRY: Duration = Duration::from_secs(12);

const SKIPPED_BY_BROKER: &str = "skipped need_failed broker.connection";

#[test]
fn what_a_short_deadline_cuts_off_is_unknown() {
    let Some(servers) = servers() else { return };
    let port = Liar::new(Manner::Silent).port;
    let run =
        servers.program().set("broker.port", port).check(["broker.*", "celery.queue.*", "--deadline", "1"]);
    run.assert(&[
        ("broker.alarms", SKIPPED_BY_BROKER),
        ("broker.connection", "unknown deadline"),
        ("celery.queue.batch", SKIPPED_BY_BROKER),
        ("celery.queue.email", SKIPPED_BY_BROKER),
        ("celery.queue.fast", SKIPPED_BY_BROKER),
        ("celery.queue.photo", SKIPPED_BY_BROKER),
        ("celery.queue.sims", SKIPPED_BY_BROKER),
    ]);
    assert!(run.took < Duration::from_millis(1200), "{:?}", run.took);
}

#[test]
fn a_signal_prints_what_is_known() {
    let Some(servers) = servers() else { return };
    let port = Liar::new(Manner::Silent).port;
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let program = servers.program().set("broker.port", port).args(["check", "--format", "json"]);
        let child = program.command().stdout(Stdio::piped()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(1500));
        let sent = Instant::now();
        kill_process(Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap(), signal).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(sent.elapsed() < Duration::from_millis(500), "{:?}", sent.elapsed());
        assert_eq!(output.status.code(), Some(code));
        let report: coursys_ops_core::model::Report = serde_json::from_slice(&output.stdout).unwrap();
        let status = |id: &str| report.checks.iter().find(|check| check.id == id).unwrap().status.as_str();
        assert_eq!((status("database.connection"), status("broker.connection")), ("passed", "unknown"));
    }
}

/// Runs something in namespaces of its own, where `setup` can replace files of the system.
fn in_namespace(setup: &str, program: &mut Command) -> Command {
    let mut command = Command::new("unshare");
    // A process namespace too: what `setup` leaves running ends with the program.
    command.args(["--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-euc"]);
    command.arg(format!("ip link set lo up; {setup}; exec \"$@\"")).arg("sh");
    command.arg(program.get_program()).args(program.get_args());
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command
}

fn is_root() -> bool {
    let root = rustix::process::geteuid().is_root();
    assert!(root || std::env::var("CI").as_deref() != Ok("true"), "CI runs this as root");
    root
}

#[test]
fn a_resolver_that_never_answers_costs_one_timeout() {
    let Some(servers) = servers() else { return };
    if !is_root() {
        return eprintln!("skipped: needs root for a network namespace");
    }
    let directory = tempfile::tempdir().unwrap();
    let resolv = directory.path().join("resolv.conf");
    std::fs::write(&resolv, "nameserver 127.0.0.53\noptions timeout:30\n").unwrap();
    let setup = format!(
        "mount --bind {} /etc/resolv.conf; python3 -c 'import socket,time; s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM); s.bind((\"127.0.0.53\",53)); time.sleep(60)' & sleep 0.5",
        resolv.display()
    );
    let program = servers.program().set("database.host", "db.example.org").args([
        "check",
        "database.*",
        "--format",
        "json",
    ]);
    let started = Instant::now();
    let output = in_namespace(&setup, &mut program.command()).output().unwrap();
    let report: coursys_ops_core::model::Report =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"));
    let check = report.checks.iter().find(|check| check.id == "database.connection").unwrap();
    assert_eq!(check.findings[0].code.as_str(), "timeout");
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    assert_eq!(report.run.abandoned, 0);
}

#[test]
fn a_hung_file_system_costs_one_timeout_and_leaves_no_process() {
    let Some(servers) = servers() else { return };
    if !is_root() {
        return eprintln!("skipped: needs root to mount");
    }
    let before = Traces::now(&[]);
    let mount = HungMount::new();
    let submitted = mount.path().display();
    let run = servers.program().set("files.submitted", submitted).check([]);
    run.assert(&[
        ("files.writable.submitted", "failed timeout"),
        ("disk.space.submitted", "skipped need_failed files.writable.submitted"),
    ]);
    drop(mount);
    Traces::now(&[]).assert_nothing_new(&before);
}

#[test]
fn nothing_is_left_after_many_runs_of_which_some_are_killed() {
    let Some(servers) = servers() else { return };
    let root = servers.config.parent().unwrap().to_owned();
    let directories = [root.join("site"), root.join("files"), PathBuf::from("/dev/shm")];
    let traces = || Traces::now(&directories.each_ref().map(PathBuf::as_path));
    let before = (traces(), Leftovers::now(&servers));
    for round in 0..50_u64 {
        // What is looked at by a worker goes through the broker, whatever becomes of who sent it.
        let located =
            if round % 2 == 0 { r#"{ "disk.space.tmp" = "batch", "*.dumps" = "fast" }"# } else { "{}" };
        let program =
            servers.program().set("checks.located", located).args(["check", "--tier", "slow", "-q"]);
        let mut child = program.command().stdout(Stdio::null()).spawn().unwrap();
        if round % 5 == 0 {
            std::thread::sleep(Duration::from_millis(5 + round * 3));
            child.kill().unwrap();
        }
        child.wait().unwrap();
    }
    // What a killed run could not take back expires: probe messages after 5 s, cache keys likewise.
    std::thread::sleep(EXPIRY);
    traces().assert_nothing_new(&before.0);
    assert_eq!(Leftovers::now(&servers), before.1);
}
