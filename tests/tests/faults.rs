//! Each server in turn stopped, hung, given a wrong password or answering garbage: the report names the culprit, skips
//! what needs it, and ends in time. Every test states what *every* check says.

use coursys_ops_tests::{Expected, Liar, Manner, Servers, hung, servers, stopped};

const DATABASE: &[Expected<'_>] = &[
    ("database.unicode", "skipped need_failed database.connection"),
    ("celery.beat", "skipped need_failed database.connection"),
];

const BROKER: &[Expected<'_>] = &[
    ("celery.queue.batch", "skipped need_failed broker.connection"),
    ("celery.queue.email", "skipped need_failed broker.connection"),
    ("celery.queue.fast", "skipped need_failed broker.connection"),
    ("celery.queue.photo", "skipped need_failed broker.connection"),
    ("celery.queue.sims", "skipped need_failed broker.connection"),
    ("celery.beat", "skipped need_failed broker.connection"),
];

const CACHE: &[Expected<'_>] = &[("cache.unicode", "skipped need_failed cache.connection")];

const SEARCH: &[Expected<'_>] = &[("search.query", "skipped need_failed search.connection")];

const NOTHING: &[Expected<'_>] = &[];

/// What each section's first check is called, and what is skipped without it.
const SECTIONS: [(&str, &str, &[Expected<'_>]); 5] = [
    ("database", "database.connection", DATABASE),
    ("broker", "broker.connection", BROKER),
    ("cache", "cache.connection", CACHE),
    ("search", "search.connection", SEARCH),
    ("email", "email.smtp", NOTHING),
];

fn with<'a>(culprit: Expected<'a>, dependents: &[Expected<'a>]) -> Vec<Expected<'a>> {
    [&[culprit], dependents].concat()
}

#[test]
fn a_healthy_site_passes_in_full() {
    let Some(servers) = servers() else { return };
    servers.program().check([]).assert(&[]);
    servers.program().check(["--tier", "slow"]).assert(&[]);
}

/// While the guard of a fault is held, the culprit is the only failure; afterwards the site is well again.
fn the_only_failure<G>(servers: &Servers, guard: G, culprit: Expected<'_>, dependents: &[Expected<'_>]) {
    servers.program().check([]).assert(&with(culprit, dependents));
    drop(guard);
    servers.wait_until_well();
}

#[test]
fn a_stopped_mariadb_is_the_only_failure() {
    let Some(servers) = servers() else { return };
    the_only_failure(
        &servers,
        stopped(&servers, "mariadb"),
        ("database.connection", "failed refused"),
        DATABASE,
    );
}

#[test]
fn a_hung_mariadb_is_the_only_failure() {
    let Some(servers) = servers() else { return };
    the_only_failure(
        &servers,
        hung(&servers, "mariadb"),
        ("database.connection", "failed timeout"),
        DATABASE,
    );
}

#[test]
fn a_stopped_rabbitmq_is_the_only_failure() {
    let Some(servers) = servers() else { return };
    the_only_failure(
        &servers,
        stopped(&servers, "rabbitmq"),
        ("broker.connection", "failed refused"),
        BROKER,
    );
}

#[test]
fn a_hung_rabbitmq_is_the_only_failure() {
    let Some(servers) = servers() else { return };
    the_only_failure(&servers, hung(&servers, "rabbitmq"), ("broker.connection", "failed timeout"), BROKER);
}

#[test]
fn a_stopped_memcached_is_the_only_failure() {
    let Some(servers) = servers() else { return };
    the_only_failure(&servers, stopped(&servers, "memcached"), ("cache.connection", "failed refused"), CACHE);
}

#[test]
fn a_hung_memcached_is_the_only_failure() {
    let Some(servers) = servers() else { return };
    the_only_failure(&servers, hung(&servers, "memcached"), ("cache.connection", "failed timeout"), CACHE);
}

#[test]
fn a_stopped_elasticsearch_is_the_only_failure() {
    let Some(servers) = servers() else { return };
    the_only_failure(
        &servers,
        stopped(&servers, "elasticsearch"),
        ("search.connection", "failed refused"),
        SEARCH,
    );
}

#[test]
fn a_hung_elasticsearch_is_the_only_failure() {
    let Some(servers) = servers() else { return };
    the_only_failure(
        &servers,
        hung(&servers, "elasticsearch"),
        ("search.connection", "failed timeout"),
        SEARCH,
    );
}

#[test]
fn a_stopped_mail_relay_is_the_only_failure() {
    let Some(servers) = servers() else { return };
    the_only_failure(&servers, stopped(&servers, "exim"), ("email.smtp", "failed refused"), NOTHING);
}

#[test]
fn a_hung_mail_relay_is_the_only_failure() {
    let Some(servers) = servers() else { return };
    the_only_failure(&servers, hung(&servers, "exim"), ("email.smtp", "failed timeout"), NOTHING);
}

#[test]
fn a_stopped_time_reference_is_the_only_failure() {
    let Some(servers) = servers() else { return };
    the_only_failure(&servers, stopped(&servers, "chrony"), ("time.offset", "failed refused"), NOTHING);
}

#[test]
fn a_hung_time_reference_is_the_only_failure() {
    let Some(servers) = servers() else { return };
    the_only_failure(&servers, hung(&servers, "chrony"), ("time.offset", "failed timeout"), NOTHING);
}

#[test]
fn a_stopped_worker_leaves_its_queue_without_consumer() {
    let Some(servers) = servers() else { return };
    let expected = [("celery.queue.email", "failed no_consumer")];
    let guard = stopped(&servers, "celery-email");
    servers.program().check([]).assert(&expected);
    drop(guard);
    servers.wait_until_well();
}

#[test]
fn a_hung_worker_fails_on_a_quick_queue_and_takes_the_beat_with_it() {
    let Some(servers) = servers() else { return };
    let guard = hung(&servers, "celery-fast");
    let beat = ("celery.beat", "skipped need_failed celery.queue.fast");
    servers.program().check([]).assert(&[("celery.queue.fast", "failed timeout"), beat]);
    drop(guard);
    servers.wait_until_well();
}

#[test]
fn a_hung_worker_is_a_warning_on_a_queue_of_long_tasks() {
    let Some(servers) = servers() else { return };
    let guard = hung(&servers, "celery-batch");
    servers.program().check([]).assert(&[("celery.queue.batch", "warning busy")]);
    assert_eq!(servers.program().check(["--strict"]).code, 1, "a warning is bad when asked to be strict");
    drop(guard);
    servers.wait_until_well();
}

#[test]
fn a_stopped_beat_leaves_a_marker_that_grows_old() {
    let Some(servers) = servers() else { return };
    let guard = stopped(&servers, "celerybeat");
    servers.program().check([]).assert(&[]);
    std::thread::sleep(std::time::Duration::from_secs(4));
    let run = servers.program().set("celery.beat_max_age_s", 3).check([]);
    run.assert(&[("celery.beat", "failed stale")]);
    drop(guard);
    servers.wait_until_well();
}

#[test]
fn stopped_web_workers_have_no_locale() {
    let Some(servers) = servers() else { return };
    let guard = stopped(&servers, "gunicorn");
    servers.program().check([]).assert(&[("site.locale", "failed not_running")]);
    drop(guard);
    servers.wait_until_well();
}

#[test]
fn a_wrong_password_is_told_from_everything_else() {
    let Some(servers) = servers() else { return };
    for (section, culprit, dependents) in SECTIONS {
        if section == "cache" || section == "search" {
            // No passwords there in layout vm; the variants with TLS try search.
            continue;
        }
        let run = servers.program().set(&format!("{section}.password"), "wrong").check([]);
        run.assert(&with((culprit, "failed access_denied"), dependents));
    }
}

#[test]
fn other_mistakes_of_the_configuration_are_told_apart() {
    let Some(servers) = servers() else { return };
    let check = |key: &str, value: &str, culprit, dependents| {
        servers.program().set(key, value).check([]).assert(&with(culprit, dependents));
    };
    check("database.name", "nosuch", ("database.connection", "failed unknown_database"), DATABASE);
    check("database.name", "information_schema", ("database.connection", "failed table_missing"), DATABASE);
    check("broker.vhost", "nosuch", ("broker.connection", "failed no_such_vhost"), BROKER);
    check("search.index", "nosuch", ("search.query", "failed no_such_index"), NOTHING);
    check("search.query", "qqqqqqqq", ("search.query", "failed no_hits"), NOTHING);
    let space = [("disk.space.dumps", "skipped need_failed files.writable.dumps")];
    check("files.dumps", "/nonexistent", ("files.writable.dumps", "failed not_found"), &space);
    check("files.dumps", "/etc/hostname", ("files.writable.dumps", "failed not_a_directory"), &space);
    check("files.dumps", "/proc", ("files.writable.dumps", "failed not_writable"), &space);
    check("disk.root_gib", "1000000", ("disk.space.root", "failed low_space"), NOTHING);
}

#[test]
fn a_queue_that_nobody_declared_is_no_queue() {
    let Some(servers) = servers() else { return };
    let queues = r#"["batch", "email", "fast", "nosuch", "photo", "sims"]"#;
    let run = servers.program().set("celery.queues", queues).check([]);
    run.assert(&[("celery.queue.nosuch", "failed no_queue")]);
}

#[test]
fn a_host_that_does_not_resolve_is_unknown_and_a_missing_one_is_not_configured() {
    let Some(servers) = servers() else { return };
    for (section, culprit, dependents) in SECTIONS {
        let run =
            servers.program().set(&format!("{section}.host"), "nosuch.invalid").check(["--deadline", "15"]);
        let says = run.report().checks.iter().find(|check| check.id == culprit).unwrap().findings[0]
            .code
            .to_string();
        // A machine without any name server cannot know that a name does not exist.
        assert!(["unknown_host", "dns_failed"].contains(&says.as_str()), "{section}: {says}");
        run.assert(&with((culprit, &format!("failed {says}")), dependents));
    }
}

#[test]
fn garbage_silence_and_a_hang_up_are_told_apart_on_every_protocol() {
    let Some(servers) = servers() else { return };
    for (manner, code) in [
        (Manner::Garbage, "garbage"),
        (Manner::Flood, "garbage"),
        (Manner::Silent, "timeout"),
        (Manner::Drip, "timeout|garbage"),
        (Manner::HangUp, "connection_lost"),
    ] {
        let port = Liar::new(manner).port;
        for (section, culprit, dependents) in SECTIONS {
            eprintln!("{section} talks to a liar of manner {manner:?}");
            let run = servers
                .program()
                .set(&format!("{section}.host"), "127.0.0.1")
                .set(&format!("{section}.port"), port);
            let run = run.check([]);
            // Of bytes that drip in one may see early that they are garbage, or not.
            let report = run.report();
            let says =
                report.checks.iter().find(|check| check.id == culprit).unwrap().findings[0].code.as_str();
            assert!(code.split('|').any(|code| code == says), "{section}: {says}");
            run.assert(&with((culprit, &format!("failed {says}")), dependents));
            assert!(!run.stdout.contains('\u{1b}'), "an escape sequence from outside reached the output");
        }
    }
}

#[test]
fn everything_broken_at_once_is_still_one_complete_report_in_time() {
    let Some(servers) = servers() else { return };
    let port = Liar::new(Manner::Silent).port;
    let program = SECTIONS.iter().fold(servers.program(), |program, (section, ..)| {
        program.set(&format!("{section}.host"), "127.0.0.1").set(&format!("{section}.port"), port)
    });
    let mut expected: Vec<_> = SECTIONS.iter().map(|(_, culprit, _)| (*culprit, "failed timeout")).collect();
    expected.extend(SECTIONS.iter().flat_map(|(_, _, dependents)| dependents.iter().copied()));
    expected.retain(|(id, _)| *id != "celery.beat");
    expected.push(("celery.beat", "skipped need_failed broker.connection database.connection"));
    program.check([]).assert(&expected);
}
