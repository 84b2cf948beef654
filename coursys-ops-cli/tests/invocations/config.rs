//! `coursys-ops config`: showing, checking and making the configuration.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use crate::support::{Run, names, program};

/// Runs the program in a directory, with settings of the site's own that no file of the machine can change.
fn run_in(dir: &Path, args: &[&str]) -> Run {
    program(args)
        .current_dir(dir)
        .env("COURSYS_USER_HOME", "/home/x")
        .output()
        .expect("the program starts")
        .into()
}

fn dir() -> tempfile::TempDir {
    tempfile::tempdir().expect("there is a temporary directory")
}

fn write(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().expect("it is in a directory")).expect("the directory is made");
    std::fs::write(path, text).expect("the file is written");
}

#[test]
fn every_value_is_shown_with_its_origin_and_no_secret() {
    let dir = dir();
    write(&dir.path().join("c.toml"), "[database]\nhost = \"db\"\npassword = \"p@ss/w%rd ü'\"\n");
    let mut command =
        program(["--config", "c.toml", "--set", "broker.port=1", "config", "show", "--format", "json"]);
    command.current_dir(dir.path()).env("COURSYS_OPS_CACHE__HOST", "::1");
    let got = Run::from(command.output().unwrap()).exits(0);
    let document = got.json();
    let of = |key: &str| {
        let settings = document["settings"].as_array().unwrap();
        let setting = settings.iter().find(|setting| setting["key"] == key).unwrap();
        format!("{} {} {}", setting["value"], setting["origin"], setting["place"])
    };
    assert_eq!(of("search.port"), r#"9200 "profile" "profile vm""#);
    assert!(of("database.host").ends_with("/c.toml:2\""), "{}", of("database.host"));
    assert_eq!(of("cache.host"), r#""::1" "environment" "COURSYS_OPS_CACHE__HOST""#);
    assert_eq!(of("broker.port"), r#"1 "argument" "--set""#);
    assert!(of("database.password").starts_with("\"[redacted]\""));
    assert!(!got.stdout.contains("p@ss"), "{}", got.stdout);
}

#[test]
fn a_variable_that_is_no_text_is_told_and_not_passed_over() {
    use std::os::unix::ffi::OsStrExt as _;
    let odd = std::ffi::OsStr::from_bytes(b"\xff");
    for variable in ["COURSYS_OPS_CONFIG", "COURSYS_OPS_DATABASE__HOST", "COURSYS_DIR"] {
        let got: Run = program(["config", "path"]).env(variable, odd).output().unwrap().into();
        assert_eq!(got.exits(2).stderr, format!("error: {variable}: is not UTF-8\n"));
    }
    let got: Run = program(["config", "path"]).env("COLUMNS", odd).output().unwrap().into();
    got.exits(0);
}

#[test]
fn a_pattern_that_switches_nothing_off_is_warned_of() {
    for command in [&["config", "check"][..], &["check", "disk.space.tmp"]] {
        let off = ["--layout", "devel", "--set", "checks.off=disk.space.temp,celery.*"];
        let args: Vec<&str> = off.iter().chain(command).copied().collect();
        let got = run_in(Path::new("/"), &args).exits(0);
        let warning =
            "warning: checks.off: no check matches `disk.space.temp`; did you mean `disk.space.tmp`?\n";
        assert_eq!(got.stderr, warning, "{command:?}");
    }
}

#[test]
fn a_valid_configuration_exits_with_0_and_warns_of_a_readable_secret() {
    let dir = dir();
    write(&dir.path().join("c.toml"), "[cache]\npassword = \"x\"\n[email]\npassword_file = \"none\"\n");
    let got = run_in(dir.path(), &["--config", "c.toml", "config", "check"]).exits(0);
    assert!(got.stdout.contains("no errors; of "), "{}", got.stdout);
    assert!(
        got.stderr.contains("c.toml:2: cache.password: everybody on this machine may read this secret"),
        "{}",
        got.stderr
    );
    assert!(got.stderr.contains("warning: the password of `email`: `"), "{}", got.stderr);
    write(&dir.path().join("bad.toml"), "[cahce]\nhost = 1\n[email]\nport = 0\n");
    let got = run_in(dir.path(), &["--config", "bad.toml", "config", "check"]).exits(2);
    assert_eq!(got.stderr.matches("error: ").count(), 2, "{}", got.stderr);
}

#[test]
fn a_commented_file_is_made_once_with_its_final_mode() {
    let dir = dir();
    run_in(dir.path(), &["config", "init", "--layout", "vm", "--output", "etc/c.toml"]).exits(0);
    let file = dir.path().join("etc/c.toml");
    assert_eq!(std::fs::metadata(&file).unwrap().mode() & 0o7777, 0o640);
    run_in(dir.path(), &["--config", "etc/c.toml", "config", "check"]).exits(0);
    let got = run_in(dir.path(), &["config", "init", "--layout", "devel", "--output", "etc/c.toml"]).exits(3);
    assert!(got.stderr.contains("exists already"), "{}", got.stderr);
    let printed = run_in(dir.path(), &["config", "init", "--output", "-"]).exits(0).stdout;
    assert_eq!(printed, std::fs::read_to_string(&file).unwrap());
}

#[test]
fn the_path_is_that_of_the_file_that_counts() {
    let dir = dir();
    let got = run_in(dir.path(), &["--config", "none.toml", "config", "path"]).exits(0);
    assert_eq!(got.stdout, format!("{}\n", dir.path().join("none.toml").display()));
}

/// A site whose settings are these lines; its `manage.py` is that of no Django.
fn site(dir: &Path, settings: &str) {
    let printing = "import sys\nprint('settings loaded', flush=True)\nexec(sys.argv[3])\n";
    write(&dir.join("site/manage.py"), printing);
    write(&dir.join("site/django/__init__.py"), "");
    write(&dir.join("site/django/conf.py"), &format!("class settings:\n    USE_CELERY = False\n{settings}"));
}

/// Imports into `new/c.toml` as the caller.
fn import(dir: &Path, more: &[&str]) -> Run {
    let args = [
        "--set",
        "site.dir=site",
        "--set",
        "site.python=/usr/bin/python3",
        "--layout",
        "devel",
        "config",
        "import-django",
        "--output",
        "new/c.toml",
    ];
    run_in(dir, &[&args, more].concat())
}

#[test]
fn an_import_writes_once_then_shows_the_difference_and_changes_nothing_unless_told() {
    let dir = dir();
    let mail = |password: &str| format!("    EMAIL_HOST = 'mail'\n    EMAIL_HOST_PASSWORD = {password:?}\n");
    site(dir.path(), &mail("p@ss/w%rd ü'"));
    import(dir.path(), &[]).exits(0);
    let file = dir.path().join("new/c.toml");
    let secret = dir.path().join("new/secrets/email.password");
    let first = std::fs::read_to_string(&file).unwrap();
    assert!(first.contains("host = \"mail\"") && !first.contains("p@ss"), "{first}");
    assert_eq!(std::fs::read_to_string(&secret).unwrap(), "p@ss/w%rd ü'\n");
    for path in [&file, &secret] {
        assert_eq!(std::fs::metadata(path).unwrap().mode() & 0o7777, 0o640);
    }
    assert!(!dir.path().join("site/django/__pycache__").exists());
    let got = import(dir.path(), &[]).exits(0);
    assert!(got.stdout.contains("no difference"), "{got:#?}");

    site(dir.path(), &mail("other s3cret").replace("'mail'", "'relay'"));
    let got = import(dir.path(), &[]).exits(0);
    assert!(got.stdout.contains("-host = \"mail\"\n+host = \"relay\"\n"), "{got:#?}");
    assert!(got.stdout.contains("email.password: another password"), "{got:#?}");
    assert!(!format!("{got:?}").contains("s3cret"), "{got:#?}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), first);

    import(dir.path(), &["--write"]).exits(0);
    assert_eq!(std::fs::read_to_string(&secret).unwrap(), "other s3cret\n");
    assert!(import(dir.path(), &[]).exits(0).stdout.contains("no difference"));
    assert_eq!(names(&dir.path().join("new")), ["c.toml", "secrets"], "nothing stays beside them");
}

#[test]
fn a_site_that_cannot_answer_is_told_and_nothing_is_written() {
    let dir = dir();
    site(dir.path(), "    import nowhere_to_be_found\n");
    let got = import(dir.path(), &[]).exits(2);
    assert!(got.stderr.contains("reading its settings raised `ModuleNotFoundError`"), "{}", got.stderr);
    assert!(got.stderr.contains("hint: run `/usr/bin/python3 manage.py check`"), "{}", got.stderr);
    assert!(!dir.path().join("new").exists());
}
