//! The same results whatever the zone, the locale, the address family, sockets, TLS, names and versions.

use std::process::Command;

use coursys_ops_tests::{Liar, Manner, Program, Servers, servers};

/// A report without what differs between two runs: ids, statuses, codes and reasons.
fn gist(program: &Program) -> Vec<String> {
    let run = program.clone().check(["--tier", "slow"]);
    let line = |check: &coursys_ops_core::model::CheckReport| {
        let codes: Vec<_> = check.findings.iter().map(|finding| finding.code.as_str()).collect();
        format!("{} {} {codes:?} {:?}", check.id, check.status, check.because)
    };
    run.report().checks.iter().map(line).collect()
}

#[test]
fn zone_locale_and_terminal_make_no_difference() {
    let Some(servers) = servers() else { return };
    let plain = servers.program();
    // One failure among them, so that messages of the system are involved.
    let broken = servers.program().set("broker.port", Liar::new(Manner::HangUp).port);
    for program in [plain, broken] {
        let expected = gist(&program);
        for (name, value) in [
            ("TZ", "Pacific/Auckland"),
            ("TZ", "America/Vancouver"),
            ("TZ", "nonsense"),
            ("LC_ALL", "C"),
            ("LC_ALL", "de_DE.UTF-8"),
            ("LANGUAGE", "de"),
            ("http_proxy", "http://127.0.0.1:1"),
            ("HTTPS_PROXY", "http://127.0.0.1:1"),
            ("ALL_PROXY", "socks5://127.0.0.1:1"),
            ("HOME", "/nonexistent"),
            ("TERM", "dumb"),
        ] {
            assert_eq!(gist(&program.clone().env(name, value)), expected, "{name}={value}");
        }
    }
}

#[test]
fn a_change_to_daylight_saving_makes_no_difference() {
    let Some(servers) = servers() else { return };
    // The hour that does not exist, the hour that is there twice, and midnight of a leap day, in the site's own zone.
    let mut command =
        servers.program().args(["check", "celery.beat", "database.*", "--format", "json"]).command();
    for zone in ["America/Vancouver", "Pacific/Auckland"] {
        command.env("TZ", zone);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }
    for (moment, zone) in
        [("2026-03-08 09:59:58", "America/Vancouver"), ("2026-11-01 08:59:58", "America/Vancouver")]
    {
        let mut faked = Command::new("faketime");
        faked.args(["-f", &format!("@{moment}")]).env("TZ", zone);
        faked.arg(command.get_program()).args(command.get_args());
        let Ok(output) = faked.output() else {
            assert!(std::env::var("CI").as_deref() != Ok("true"), "faketime is not installed");
            return;
        };
        // The marker is months away from the faked clock, in a direction that no zone can hide.
        let report: coursys_ops_core::model::Report = serde_json::from_slice(&output.stdout).unwrap();
        let beat = report.checks.iter().find(|check| check.id == "celery.beat").unwrap();
        assert_eq!(beat.status.as_str(), "failed", "{moment}: {beat:?}");
        let age = beat.findings[0].measurements.iter().find(|measurement| measurement.name == "age");
        assert!(age.is_none_or(|age| age.value.abs() > 1200.0), "{moment}: {beat:?}");
    }
}

/// A set with these options passes in full, and a wrong password is noticed on each server that has one.
fn a_variant_passes(name: &str, options: &[&str], secured: &[(&str, &str)]) {
    let Some(servers) = Servers::up(name, options) else { return };
    servers.wait_until_well();
    servers.program().check(["--tier", "slow"]).assert(&[]);
    for (section, culprit) in secured {
        let run = servers.program().set(&format!("{section}.password"), "wrong").check([culprit]);
        assert_eq!(run.report().checks[0].findings[0].code.as_str(), "access_denied", "{section}");
    }
}

#[test]
fn tls_with_an_authority_of_our_own_passes_and_its_mistakes_are_told_apart() {
    let Some(servers) = Servers::up("tls", &["--tls"]) else { return };
    servers.wait_until_well();
    servers.program().check(["--tier", "slow"]).assert(&[]);
    for (section, culprit) in [
        ("database", "database.connection"),
        ("broker", "broker.connection"),
        ("search", "search.connection"),
        ("email", "email.smtp"),
    ] {
        let code = |program: Program| {
            let report = program.check([culprit]).report();
            report.checks.iter().find(|check| check.id == culprit).unwrap().findings[0].code.to_string()
        };
        let key = |name: &str| format!("{section}.{name}");
        assert_eq!(
            code(servers.program().set(&key("tls_server_name"), "other.example")),
            "tls_wrong_host",
            "{section}"
        );
        assert_eq!(code(servers.program().set(&key("tls_server_name"), "localhost")), "ok", "{section}");
        assert_eq!(
            code(servers.program().set(&key("tls_ca_file"), "/etc/hostname")),
            "tls_failed",
            "{section}"
        );
        let system = "/etc/ssl/certs/ca-certificates.crt";
        if std::path::Path::new(system).exists() {
            assert_eq!(
                code(servers.program().set(&key("tls_ca_file"), system)),
                "tls_untrusted",
                "{section}"
            );
        }
        let wrong = code(servers.program().set(&key("password"), "wrong"));
        assert_eq!(wrong, "access_denied", "{section}");
        let plain = code(servers.program().set(&key("tls"), "off"));
        assert_ne!(plain, "ok", "{section} without TLS");
    }
}

#[test]
fn elasticsearch_7_with_a_password_passes() {
    a_variant_passes("search7", &["--search", "7"], &[("search", "search.connection")]);
}

#[test]
fn ipv6_passes() {
    a_variant_passes("ipv6", &["--ipv6"], &[("database", "database.connection")]);
}

#[test]
fn unix_sockets_and_other_names_than_the_usual_pass() {
    a_variant_passes(
        "weird",
        &["--sockets", "--weird"],
        &[("database", "database.connection"), ("broker", "broker.connection")],
    );
}

#[test]
fn tls_required_of_a_server_that_has_none_is_told() {
    let Some(servers) = servers() else { return };
    for (section, culprit) in [
        ("broker", "broker.connection"),
        ("search", "search.connection"),
        ("cache", "cache.connection"),
        ("database", "database.connection"),
    ] {
        let run = servers.program().set(&format!("{section}.tls"), "required").check([culprit]);
        let code = run.report().checks[0].findings[0].code.to_string();
        assert_eq!(code, "tls_not_offered", "{section}");
    }
}
