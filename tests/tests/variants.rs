//! The same results whatever the zone, the locale, the address family, sockets, TLS, names and versions.

use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use coursys_ops_core::model::Code;
use coursys_ops_tests::matrix::baseline;
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

/// Pacific time with its two changes a year, spelled out: newer tables of zones have British Columbia without them.
const CHANGING_ZONE: &str = "PST8PDT,M3.2.0,M11.1.0";

/// Seconds since 1970: the hour that does not exist, the second time that one hour begins, and midnight of a leap day.
/// They are years ahead, because a task that was sent in the past is thrown away by the workers.
const CHANGES: [(&str, u64); 3] = [
    ("2037-03-08T10:00Z", 2_120_119_200),
    ("2037-11-01T09:00Z", 2_140_678_800),
    ("2036-02-29T08:00Z", 2_087_884_800),
];

/// Seconds since 1970, so late in the second that the next one begins during a run that starts now.
fn seconds_just_before_the_next() -> u64 {
    let since = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    std::thread::sleep(Duration::from_millis(u64::from((1950 - since().subsec_millis()) % 1000)));
    since().as_secs()
}

#[test]
fn a_change_to_daylight_saving_makes_no_difference() {
    let Some(servers) = servers() else { return };
    let program =
        servers.program().args(["check", "celery.beat", "database.*", "--format", "json"]).command();
    for (name, change) in CHANGES {
        // Half an hour before, a second before, so that it happens during the run, and half an hour after.
        for moment in [change - 1800, change - 1, change + 1800] {
            let ahead = moment - seconds_just_before_the_next();
            let mut faked = Command::new("faketime");
            faked.args(["-f", &format!("+{ahead}s")]).arg(program.get_program()).args(program.get_args());
            let path = std::env::var_os("PATH").unwrap_or_default();
            let Ok(output) = faked.env_clear().env("PATH", path).env("TZ", CHANGING_ZONE).output() else {
                assert!(std::env::var("CI").as_deref() != Ok("true"), "faketime is not installed");
                return eprintln!("skipped: needs the command of the package `faketime`");
            };
            let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
            let report: coursys_ops_core::model::Report = serde_json::from_slice(&output.stdout)
                .unwrap_or_else(|error| panic!("{name}: {error}: {said}"));
            for check in &report.checks {
                let ages = ["celery.beat", "database.dumps"].contains(&check.id.as_str());
                let stale = check.findings.iter().all(|finding| finding.code == Code::Stale);
                assert!(if ages { stale } else { baseline::is_healthy(check) }, "{name}: {check:?}");
            }
            // The marker is of now, so its age is the distance to the faked clock, and not an hour more or less.
            let beat = report.checks.iter().find(|check| check.id == "celery.beat").unwrap();
            let age = beat.findings[0].measurements.iter().find(|measurement| measurement.name == "age");
            let surplus = age.expect("an age").value - Duration::from_secs(ahead).as_secs_f64();
            assert!((-10.0..600.0).contains(&surplus), "{name}: {surplus} s off: {beat:?}");
        }
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
