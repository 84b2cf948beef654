//! SIGINT and SIGTERM in the middle of a run, and `--watch`, which only they end.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::support::{Silent, Site, end, hanging};

fn send(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).expect("the program runs still");
}

#[test]
fn a_signal_ends_the_run_and_what_is_known_is_printed() {
    let site = Site::new();
    for (signal, code, word) in [(Signal::INT, 130, "interrupt"), (Signal::TERM, 143, "terminate")] {
        let silent = Silent::new();
        let child = hanging(&site, &silent, &["disk.space.tmp", "--format", "json"]);
        let _guest = silent.wait_for_a_guest();
        let sent = Instant::now();
        send(&child, signal);
        let report = end(child).exits(code).json();
        assert!(sent.elapsed() < Duration::from_secs(1), "{word}: {:?}", sent.elapsed());
        assert_eq!(report["run"]["ended"], "interrupted");
        assert_eq!(report["run"]["exit_code"], code);
        assert_eq!(report["run"]["abandoned"], 0);
        let check = |id: &str| {
            let checks = report["checks"].as_array().unwrap();
            checks.iter().find(|check| check["id"] == id).unwrap().clone()
        };
        assert_eq!(check("disk.space.tmp")["status"], "passed", "{report:#}");
        assert_eq!(check("cache.connection")["findings"][0]["code"], "interrupted", "{report:#}");
    }
}

#[test]
fn a_deadline_is_kept_and_what_it_cuts_off_is_unknown() {
    let (site, silent) = (Site::new(), Silent::new());
    let started = Instant::now();
    let report = end(hanging(&site, &silent, &["--deadline", "0.5", "--format", "json"])).exits(1).json();
    assert!(started.elapsed() < Duration::from_millis(1500), "{:?}", started.elapsed());
    assert_eq!(report["run"]["ended"], "deadline");
    assert!(report["run"]["duration_ms"].as_f64().unwrap() < 700.0, "{report:#}");
    assert_eq!(report["checks"][0]["findings"][0]["code"], "deadline");
}

#[test]
fn a_signal_is_unknown_to_nagios() {
    let (site, silent) = (Site::new(), Silent::new());
    let child = hanging(&site, &silent, &["--format", "nagios"]);
    let _guest = silent.wait_for_a_guest();
    send(&child, Signal::TERM);
    assert!(end(child).exits(3).stdout.starts_with("COURSYS UNKNOWN - "));
}

#[test]
fn a_watch_goes_on_until_a_signal() {
    let site = Site::new();
    let mut command = site.program(["check", "--watch", "1", "--format", "jsonl"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let started = Instant::now();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let runs =
        (0..3).map(|_| lines.find(|line| line.contains(r#""event":"run_ended""#)).expect("it goes on"));
    assert_eq!(runs.count(), 3);
    assert!(started.elapsed() >= Duration::from_secs(2), "{:?}", started.elapsed());
    send(&child, Signal::TERM);
    // The third run is over: what comes now is the end.
    assert_eq!(lines.filter(|line| line.contains("run_ended")).count(), 0);
    assert_eq!(child.wait().unwrap().code(), Some(143));
}

#[test]
fn a_watch_of_text_clears_nothing_that_is_no_terminal_and_renews_its_file() {
    let site = Site::new();
    let mut command = site.program(["check", "--watch", "1", "--output", "report"]);
    let child = command.env("TERM", "xterm").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let inode = || std::os::unix::fs::MetadataExt::ino(&std::fs::metadata(site.path("report")).ok()?).into();
    let wait = |not: Option<u64>| {
        let until = Instant::now() + Duration::from_secs(10);
        loop {
            let now: Option<u64> = inode();
            if now.is_some() && now != not {
                return now;
            }
            assert!(Instant::now() < until, "the file is not written");
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    let first = wait(None);
    wait(first);
    send(&child, Signal::INT);
    let got = end(child).exits(130);
    assert_eq!((got.stdout.as_str(), got.stderr.as_str()), ("", ""));
    assert!(!std::fs::read_to_string(site.path("report")).unwrap().contains('\x1b'));
}
