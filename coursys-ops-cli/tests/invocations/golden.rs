//! What is said word by word: help and mistakes. Each file in `golden` is one invocation; renew them with
//! `COURSYS_OPS_BLESS=1 cargo test -p coursys-ops-cli`, and read the difference.

use std::path::Path;

use crate::support::run;

/// Nobody can have this file.
const NO_FILE: &str = "/nonexistent/coursys-ops.toml";

#[track_caller]
fn golden(name: &str, args: &[&str]) {
    let got = run(args);
    let code = got.code.map_or_else(|| "none".to_owned(), |code| code.to_string());
    // Two blanks that clap leaves at the end of a line are nobody's business.
    let lines = |text: &str| text.lines().map(|line| format!("{}\n", line.trim_end())).collect::<String>();
    let text = format!(
        "$ coursys-ops {}\n--- exit code {code}\n--- standard output\n{}--- standard error\n{}",
        args.join(" "),
        lines(&got.stdout),
        lines(&got.stderr)
    );
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/invocations/golden").join(name);
    if std::env::var_os("COURSYS_OPS_BLESS").is_some() {
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, &text).unwrap();
    }
    let expected = std::fs::read_to_string(&file).unwrap_or_default();
    assert_eq!(text, expected, "{} differs; renew it with COURSYS_OPS_BLESS=1", file.display());
}

#[test]
fn every_help_text_has_examples_and_exit_codes() {
    golden("help.txt", &["--help"]);
    golden("help-check.txt", &["check", "--help"]);
    golden("help-config.txt", &["config", "--help"]);
    golden("help-config-import-django.txt", &["config", "import-django", "--help"]);
    golden("help-status.txt", &["status", "--help"]);
    golden("help-service.txt", &["service", "--help"]);
    golden("help-start-all.txt", &["start-all", "--help"]);
    golden("help-restart-all.txt", &["restart-all", "--help"]);
    golden("help-history.txt", &["history", "--help"]);
    golden("help-resume.txt", &["resume", "--help"]);
    golden("help-abandon.txt", &["abandon", "--help"]);
    golden("help-kinit.txt", &["kinit", "--help"]);
    golden("help-queues.txt", &["queues", "--help"]);
    golden("help-queues-peek.txt", &["queues", "peek", "--help"]);
    golden("help-purge-cache.txt", &["purge-cache", "--help"]);
    golden("help-clear-cache.txt", &["clear-cache", "--help"]);
    golden("help-rebuild-index.txt", &["rebuild-index", "--help"]);
    golden("help-email-check.txt", &["email-check", "--help"]);
    golden("help-ntpdate.txt", &["ntpdate", "--help"]);
    golden("help-drain.txt", &["drain", "--help"]);
    golden("help-503.txt", &["503", "--help"]);
    golden("help-rm503.txt", &["rm503", "--help"]);
    golden("help-maintenance.txt", &["maintenance", "--help"]);
    golden("help-demo.txt", &["demo", "--help"]);
}

#[test]
fn mistakes_on_the_command_line_exit_with_2_and_name_what_is_near() {
    golden("unknown-option.txt", &["check", "--fromat", "json"]);
    golden("unknown-command.txt", &["chekc"]);
    golden("bad-values.txt", &["check", "--deadline", "0"]);
    golden("bad-address.txt", &["check", "--email", "nobody"]);
    golden("no-match.txt", &["--layout", "devel", "check", "cache.conection"]);
    golden("no-match-skip.txt", &["--layout", "devel", "check", "--skip", "disk.spaec.*"]);
    golden("no-match-explain.txt", &["--layout", "devel", "check", "--explain", "cache.unicod"]);
    golden("email-not-selected.txt", &["check", "--email", "me@example.ca", "disk.space.tmp"]);
    golden("list-in-another-format.txt", &["check", "--list", "--format", "junit"]);
}

#[test]
fn mistakes_in_the_configuration_are_all_told_with_their_place() {
    golden("no-file.txt", &["--config", NO_FILE, "check"]);
    golden("bad-set.txt", &["--set", "databse.host=x", "check", "--set", "broker.port=high"]);
}

#[test]
fn nagios_gets_one_line_and_3_for_every_mistake() {
    golden("nagios-usage.txt", &["check", "--format", "nagios", "--fromat"]);
    golden("nagios-no-match.txt", &["--layout", "devel", "check", "--format=nagios", "disk.spac"]);
    golden("nagios-config.txt", &["--config", NO_FILE, "check", "--format", "nagios"]);
}

#[test]
fn the_version_is_printed_alone() {
    let got = run(["--version"]).exits(0);
    assert_eq!(got.stdout, format!("coursys-ops {}\n", env!("CARGO_PKG_VERSION")));
    assert_eq!(got.stderr, "");
}

#[test]
fn the_helper_is_for_the_program_alone() {
    let got = run(["__helper", "1", "dance", "x"]).exits(1);
    assert_eq!((got.stdout.as_str(), got.stderr.as_str()), ("", "this entry is for the program itself\n"));
}
