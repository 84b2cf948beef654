//! A password appears nowhere: in no output, error, panic, trace-level log, process list, environment or message.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Stdio;

use base64::Engine as _;
use coursys_ops_tests::{Liar, Manner, Servers, servers};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

const SECTIONS: [&str; 5] = ["database", "broker", "cache", "search", "email"];

const FORMATS: [&str; 6] = ["text", "json", "jsonl", "junit", "nagios", "prometheus"];

const HOSTILE: &str = "p@ss/w%rd ü'";

/// The forms in which a password could be recognised.
fn forms(password: &str) -> Vec<String> {
    let base64 = base64::engine::general_purpose::STANDARD;
    let url = utf8_percent_encode(password, NON_ALPHANUMERIC).to_string();
    let json = serde_json::to_string(password).unwrap();
    vec![
        password.to_owned(),
        url.to_lowercase(),
        url.replace("%20", "+"),
        url,
        base64.encode(password),
        base64.encode(format!("\0coursys\0{password}")),
        base64.encode(format!("elastic:{password}")),
        json.trim_matches('"').to_owned(),
        json.trim_matches('"').replace('ü', "\\u00fc"),
    ]
}

#[track_caller]
fn assert_nowhere(text: &str, password: &str, place: &str) {
    for form in forms(password) {
        assert!(!text.contains(&form), "the password is in {place} as `{form}`: {text}");
    }
}

/// The passwords of a set of servers: the files that its configuration names.
fn passwords(servers: &Servers) -> Vec<String> {
    let text = std::fs::read_to_string(&servers.config).unwrap();
    let files = text.lines().filter_map(|line| line.trim().strip_prefix("password_file"));
    let files: Vec<String> = files.map(|rest| rest.trim_matches([' ', '=', '"']).to_owned()).collect();
    assert!(!files.is_empty(), "the configuration names no password file: {text}");
    let directory = servers.config.parent().unwrap();
    files
        .iter()
        .map(|file| std::fs::read_to_string(directory.join(file)).unwrap().trim_end_matches('\n').to_owned())
        .collect()
}

#[test]
fn no_format_and_no_log_shows_a_password_of_a_healthy_site() {
    let Some(servers) = servers() else { return };
    let passwords = passwords(&servers);
    for format in FORMATS {
        let program = servers.program().args(["-v", "-v", "check", "--tier", "slow", "--format", format]);
        let run = program
            .env("RUST_LOG", "trace")
            .env("COURSYS_OPS_LOG", "trace")
            .env("RUST_BACKTRACE", "full")
            .run();
        assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
        for password in &passwords {
            assert_nowhere(&run.stdout, password, format);
            assert_nowhere(&run.stderr, password, "the log");
        }
    }
    let shown = servers.program().args(["config", "show"]).run();
    for password in &passwords {
        assert_nowhere(&shown.stdout, password, "config show");
    }
}

#[test]
fn no_error_shows_a_password_that_is_refused_or_that_a_liar_got() {
    let Some(servers) = servers() else { return };
    let garbage = Liar::new(Manner::Garbage).port;
    for section in SECTIONS {
        let password = format!("{section}.password");
        let refused = servers.program().set(&password, HOSTILE).set(&format!("{section}.user"), "coursys");
        let deceived = refused
            .clone()
            .set(&format!("{section}.host"), "127.0.0.1")
            .set(&format!("{section}.port"), garbage);
        for program in [refused, deceived] {
            let run = program
                .args(["-v", "-v", "check"])
                .env("RUST_LOG", "trace")
                .env("COURSYS_OPS_LOG", "trace")
                .run();
            assert_nowhere(&run.stdout, HOSTILE, section);
            assert_nowhere(&run.stderr, HOSTILE, section);
        }
    }
}

#[test]
fn a_mistake_in_the_configuration_does_not_show_the_password_beside_it() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("coursys-ops.toml");
    for text in [
        format!("[broker]\npassword = \"{HOSTILE}\" oops\n"),
        format!("[broker]\npassword = [\"{HOSTILE}\"]\n"),
        format!("[broker]\npasword = \"{HOSTILE}\"\n"),
        format!("[broker]\nhost = \"amqp://coursys:{HOSTILE}@localhost/\"\n"),
        format!("broker = \"{HOSTILE}\"\n"),
    ] {
        std::fs::write(&file, &text).unwrap();
        let program = coursys_ops_tests::Program::new().args(["--config", file.to_str().unwrap(), "check"]);
        let run = program.run();
        assert_eq!(run.code, 2, "{text}: {}{}", run.stdout, run.stderr);
        assert_nowhere(&run.stdout, HOSTILE, &text);
        assert_nowhere(&run.stderr, HOSTILE, &text);
    }
    let by_argument = coursys_ops_tests::Program::new().set("broker.pasword", HOSTILE).args(["check"]).run();
    assert_nowhere(&by_argument.stderr, HOSTILE, "--set");
}

#[test]
fn no_process_carries_a_password_in_its_arguments_or_environment() {
    let Some(servers) = servers() else { return };
    let passwords = passwords(&servers);
    let own = std::process::id().to_string();
    let before: BTreeSet<String> = process_ids();
    let program = servers.program().args(["check", "--tier", "slow", "-q"]);
    let mut child = program.command().stdout(Stdio::null()).spawn().unwrap();
    let mut seen = BTreeSet::new();
    while child.try_wait().unwrap().is_none() {
        for pid in process_ids().difference(&before).filter(|pid| **pid != own) {
            for file in ["cmdline", "environ"] {
                let bytes = std::fs::read(Path::new("/proc").join(pid).join(file)).unwrap_or_default();
                let text = String::from_utf8_lossy(&bytes);
                seen.insert(text.replace('\0', " "));
                for password in &passwords {
                    assert_nowhere(&text, password, file);
                }
            }
        }
    }
    assert!(child.wait().unwrap().success());
    assert!(seen.iter().any(|line| line.contains("__helper")), "no child was seen: {seen:?}");
}

fn process_ids() -> BTreeSet<String> {
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    entries
        .map(|entry| entry.file_name().display().to_string())
        .filter(|name| name.parse::<u32>().is_ok())
        .collect()
}

#[test]
fn a_config_file_with_an_inline_password_draws_a_warning_when_others_can_read_it() {
    use std::os::unix::fs::PermissionsExt as _;
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("coursys-ops.toml");
    std::fs::write(&file, format!("[broker]\npassword = \"{HOSTILE}\"\n")).unwrap();
    let warned = |mode| {
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
        let run = coursys_ops_tests::Program::new()
            .args(["--config", file.to_str().unwrap(), "config", "check"])
            .run();
        assert_eq!(run.code, 0, "{}", run.stderr);
        assert_nowhere(&run.stderr, HOSTILE, "the warning");
        run.stderr.contains("warning") && run.stderr.contains("broker.password")
    };
    assert!(warned(0o644));
    assert!(!warned(0o640));
}
