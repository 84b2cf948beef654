//! `check --output FILE`: in whole or not at all, and nothing is lost.

use crate::support::{Site, names};

#[test]
fn the_report_goes_to_the_file_and_nothing_to_standard_output() {
    let site = Site::new();
    for format in ["text", "json", "jsonl", "junit", "nagios", "prometheus"] {
        let got = site.run(["check", "--format", format, "--output", "report", "--color", "auto"]).exits(0);
        assert_eq!((got.stdout.as_str(), got.stderr.as_str()), ("", ""), "{format}");
        let report = std::fs::read_to_string(site.path("report")).unwrap();
        assert!(report.len() > 20 && !report.contains('\x1b'), "{format}: {report}");
        assert!(
            report.contains(if format == "nagios" { "COURSYS OK" } else { "disk.space.tmp" }),
            "{report}"
        );
    }
    assert!(names(site.dir.path()).iter().all(|name| !name.starts_with('.')), "something stays beside it");
}

#[test]
fn a_dash_is_standard_output_as_for_the_other_commands() {
    let site = Site::new();
    let got = site.run(["check", "disk.space.tmp", "--format", "jsonl", "--output", "-"]).exits(0);
    assert!(got.stdout.contains("disk.space.tmp"), "{got:#?}");
    assert!(!site.path("-").exists());
}

#[test]
fn a_quiet_run_writes_its_file_all_the_same() {
    let site = Site::new();
    site.run(["check", "-q", "--format", "json", "--output", "report.json"]).exits(0);
    assert!(site.path("report.json").exists());
}

#[test]
fn a_report_that_cannot_be_written_is_printed() {
    let site = Site::new();
    std::os::unix::fs::symlink(site.path("target"), site.path("link")).unwrap();
    for (file, code) in [("no/such/report", 2), ("logs", 3), ("link", 3), ("/dev/null", 3)] {
        let got = site.run(["check", "--format", "json", "--output", file]).exits(code);
        assert_eq!(got.json()["schema"], 1, "{file}");
        assert!(got.stderr.starts_with(&format!("error: cannot write to `{file}`: ")), "{}", got.stderr);
    }
    assert!(!site.path("target").exists());
    let got = site.run(["check", "--format", "nagios", "--output", "no/such/report"]).exits(3);
    assert!(got.stdout.starts_with("COURSYS OK - "), "{got:#?}");
}
