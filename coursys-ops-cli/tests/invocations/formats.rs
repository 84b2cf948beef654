//! What a run prints in each format, and what it exits with.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use crate::support::{Silent, Site, hanging, rest};

#[test]
fn every_format_tells_the_same_run_and_standard_error_is_silent() {
    let site = Site::new();
    for (format, begins, ends) in [
        ("text", "", "s\n"),
        ("json", "{\n  \"schema\": 1,", "}\n"),
        ("jsonl", "{\"event\":\"run_started\"", "}\n"),
        ("junit", "<?xml ", "</testsuites>\n"),
        ("nagios", "COURSYS OK - ", "\n"),
        ("prometheus", "# HELP ", "\n"),
    ] {
        let got = site.run(["check", "--format", format]).exits(0);
        assert!(got.stdout.starts_with(begins) && got.stdout.ends_with(ends), "{got:#?}");
        assert_eq!(got.stderr, "", "{format}");
        if format != "nagios" {
            assert!(got.stdout.contains("database.connection"), "{got:#?}");
        }
    }
}

#[test]
fn exit_codes_follow_the_report_and_nagios_has_its_own() {
    let site = Site::new();
    let low = ["--set", "disk.tmp_gib=1000000", "check", "disk.space.tmp"];
    let run = |more: &[&str]| site.run(low.iter().chain(more).copied());
    run(&[]).exits(1);
    assert_eq!(run(&["--format", "json"]).exits(1).json()["run"]["exit_code"], 1);
    assert!(run(&["--format", "nagios"]).exits(2).stdout.starts_with("COURSYS CRITICAL - "));
    run(&["--skip", "disk.*"]).exits(0);
}

#[test]
fn a_quiet_run_prints_nothing_when_all_is_well_and_everything_when_not() {
    let site = Site::new();
    for format in ["text", "json", "jsonl", "junit", "prometheus"] {
        let got = site.run(["-q", "check", "--format", format]).exits(0);
        assert_eq!((got.stdout.as_str(), got.stderr.as_str()), ("", ""), "{format}");
        let got = site.run(["check", "-q", "--set", "disk.tmp_gib=1000000", "--format", format]).exits(1);
        assert!(got.stdout.contains("disk.space.tmp"), "{got:#?}");
    }
    assert!(site.run(["-q", "check", "--format", "nagios"]).exits(0).stdout.starts_with("COURSYS OK"));
}

#[test]
fn colour_is_used_only_where_it_is_wanted() {
    let site = Site::new();
    let coloured = |args: &[&str], name: &str, value: &str| {
        let got = site.program(args.iter().copied()).env(name, value).output().unwrap();
        got.stdout.contains(&0x1b)
    };
    assert!(!coloured(&["check"], "TERM", "xterm"), "a pipe shows no colour");
    assert!(!coloured(&["check"], "NO_COLOR", "1"));
    assert!(coloured(&["check", "--color", "always"], "TERM", "xterm"));
    assert!(coloured(&["--color=always", "check"], "NO_COLOR", "1"), "what is asked for by name counts more");
    assert!(!coloured(&["check", "--color", "never"], "CLICOLOR_FORCE", "1"));
    assert!(!coloured(&["check", "--format", "json", "--color", "always"], "TERM", "xterm"));
}

#[test]
fn options_before_and_after_the_command_both_count() {
    let site = Site::new();
    let got = site.run([
        "--set",
        "disk.tmp_gib=1000000",
        "check",
        "--set",
        "disk.root_gib=1000000",
        "--format",
        "json",
    ]);
    assert_eq!(got.exits(1).json()["summary"]["failed"], 2);
}

#[test]
fn events_are_written_while_they_happen() {
    let (site, silent) = (Site::new(), Silent::new());
    let mut child = hanging(&site, &silent, &["disk.space.tmp", "--format", "jsonl"]);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut seen = String::new();
    while !seen.contains(r#""event":"check_finished","id":"disk.space.tmp""#) {
        seen = lines.next().expect("the event comes").unwrap();
    }
    assert!(child.try_wait().unwrap().is_none(), "the run goes on");
    let _guest = silent.wait_for_a_guest();
    let last = lines.last().unwrap().unwrap();
    assert!(last.contains(r#""event":"run_ended""#), "{last}");
    assert_eq!(child.wait().unwrap().code(), Some(1));
}

#[test]
fn a_closed_pipe_is_no_panic_and_stops_a_stream_at_once() {
    let site = Site::new();
    for args in [&["check"][..], &["check", "--help"], &["check", "--list"], &["--version"]] {
        let mut child =
            site.program(args.iter().copied()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        assert_eq!(child.wait().unwrap().code(), Some(0), "{args:?}");
        assert_eq!(rest(child.stderr.take().unwrap()), "", "{args:?}");
    }
    let silent = Silent::new();
    let started = std::time::Instant::now();
    let mut child = hanging(&site, &silent, &["--format", "jsonl", "--watch", "1"]);
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(1), "it did not find out everything");
    assert!(started.elapsed().as_secs() < 2, "nobody reads: {:?}", started.elapsed());
    assert_eq!(rest(child.stderr.take().unwrap()), "");
}

#[test]
fn a_full_disk_behind_standard_output_is_told() {
    let site = Site::new();
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let got = site.program(["check"]).stdout(full).output().unwrap();
    assert_eq!(got.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&got.stderr).starts_with("error: cannot write to standard output: "));
}

#[test]
fn the_log_is_on_standard_error_and_only_when_asked_for() {
    let site = Site::new();
    let got = site.run(["check", "-v", "--format", "json"]).exits(0);
    assert!(got.stderr.contains("INFO the configuration is loaded"), "{}", got.stderr);
    assert!(got.stderr.contains("disk.space.tmp passed"), "{}", got.stderr);
    got.json();
    let by_variable = |level: &str| site.program(["check"]).env("COURSYS_OPS_LOG", level).output().unwrap();
    assert!(String::from_utf8_lossy(&by_variable("info").stderr).contains("the run ends"));
    assert_eq!(by_variable("loud").status.code(), Some(2));
}

#[test]
fn no_secret_reaches_any_output_however_much_is_asked_for() {
    const HOSTILE: &str = "p@ss/w%rd ü'";
    let (site, silent) = (Site::new(), Silent::new());
    let port = silent.address().port().to_string();
    for format in ["text", "json", "jsonl", "junit", "nagios", "prometheus"] {
        let mut command =
            site.program(["--layout", "vm", "-vv", "check", "broker.connection", "--deadline", "0.2"]);
        command.args(["--format", format]).env("COURSYS_OPS_LOG", "trace");
        command.env("COURSYS_OPS_BROKER__HOST", "127.0.0.1").env("COURSYS_OPS_BROKER__PORT", &port);
        let got = command.env("COURSYS_OPS_BROKER__PASSWORD", HOSTILE).output().unwrap();
        let said = String::from_utf8([got.stdout, got.stderr].concat()).unwrap();
        assert!(said.contains("broker.connection"), "{said}");
        for form in [HOSTILE, "p%40ss", "cEBzcy93JXJkIMO8J", r"w%rd \u00fc"] {
            assert!(!said.contains(form), "{form} is in {said}");
        }
    }
}
