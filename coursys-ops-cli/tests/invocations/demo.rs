//! `coursys-ops demo` on any machine.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

use crate::support::{Site, names, program, run};

#[test]
fn a_fresh_demo_is_well_without_network_and_says_what_to_try_next() {
    let dir = tempfile::tempdir().unwrap();
    let got = run_in(dir.path(), &["demo"]).exits(0);
    assert_eq!(got.stderr, "");
    assert!(got.stdout.contains("--config coursys-demo/coursys-ops.toml check --list"), "{}", got.stdout);
    let report =
        run_in(dir.path(), &["--config", "coursys-demo/coursys-ops.toml", "check", "--format", "json"]);
    let report = report.exits(0).json();
    let count = |status: &str| report["summary"][status].as_u64().unwrap();
    assert!(count("passed") >= 6, "{report:#}");
    assert_eq!((count("failed"), count("unknown")), (0, 0), "{report:#}");
    for check in report["checks"].as_array().unwrap().iter().filter(|check| check["status"] == "skipped") {
        assert_eq!(check["findings"][0]["code"], "not_in_layout", "{check:#}");
    }
}

#[test]
fn what_was_broken_in_a_demo_is_mended_by_the_next() {
    let site = Site::new();
    let dir = site.dir.path().to_str().unwrap();
    let before = names(site.dir.path());
    std::fs::remove_file(site.path("db.sqlite")).unwrap();
    std::fs::remove_dir(site.path("submitted_files")).unwrap();
    let broken = site.run(["check", "--format", "json"]).exits(1).json();
    for id in ["database.connection", "files.writable.submitted"] {
        assert_eq!(status_of(&broken, id), "failed", "{broken:#}");
    }
    std::fs::write(site.path("coursys-ops.toml"), "# A demo site of coursys-ops.\n[disk]\ntmp_gib = 1e6\n")
        .unwrap();
    std::fs::set_permissions(site.path("static/CACHE"), std::fs::Permissions::from_mode(0o500)).unwrap();
    run(["demo", dir]).exits(0);
    assert_eq!(names(site.dir.path()), before);
    assert_eq!(std::fs::metadata(site.path("static/CACHE")).unwrap().mode() & 0o777, 0o755);
    site.run(["check"]).exits(0);
}

#[test]
fn a_demo_is_never_made_where_something_else_is() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("thesis.tex"), "precious").unwrap();
    std::fs::write(dir.path().join("coursys-ops.toml"), "[site]\n").unwrap();
    let got = run(["demo", dir.path().to_str().unwrap()]).exits(3);
    assert!(got.stderr.contains("is not empty and holds no demo"), "{}", got.stderr);
    assert_eq!(names(dir.path()), ["coursys-ops.toml", "thesis.tex"]);
    let file = dir.path().join("thesis.tex");
    let got = run(["demo", file.to_str().unwrap()]).exits(3);
    assert!(got.stderr.contains("is not a directory"), "{}", got.stderr);
    let link = dir.path().join("link");
    let target = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(target.path(), &link).unwrap();
    run(["demo", link.to_str().unwrap()]).exits(3);
    assert!(names(target.path()).is_empty());
}

#[test]
fn a_demo_takes_no_notice_of_the_machine_it_is_on() {
    let dir = tempfile::tempdir().unwrap();
    let mut command = program(["demo"]);
    command.current_dir(dir.path()).envs([
        ("COURSYS_OPS_CONFIG", "/nonexistent"),
        ("COURSYS_OPS_DATABASE__NAME", "elsewhere"),
        ("COURSYS_DIR", "/coursys"),
        ("COURSYS_USER", "coursys"),
        ("http_proxy", "http://192.0.2.1:1"),
        ("TZ", "Pacific/Auckland"),
        ("LC_ALL", "de_DE.UTF-8"),
    ]);
    crate::support::Run::from(command.output().unwrap()).exits(0);
    run_in(dir.path(), &["--config", "x", "demo"]).exits(2);
}

#[test]
fn sample_dumps_are_real_and_for_their_owner_only() {
    let site = Site::new();
    let dump = site.path("db_backup").join(names(&site.path("db_backup")).remove(0));
    assert_eq!(std::fs::metadata(&dump).unwrap().mode() & 0o777, 0o600);
    let mut text = String::new();
    let file = std::fs::File::open(dump).unwrap();
    std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(file), &mut text).unwrap();
    assert!(text.contains("CREATE TABLE coredata_semester") && text.contains("O''Brien"), "{text}");
}

fn run_in(dir: &std::path::Path, args: &[&str]) -> crate::support::Run {
    program(args).current_dir(dir).output().unwrap().into()
}

fn status_of<'a>(report: &'a serde_json::Value, id: &str) -> &'a str {
    let checks = report["checks"].as_array().unwrap();
    checks.iter().find(|check| check["id"] == id).unwrap()["status"].as_str().unwrap()
}
