//! Tests of where checks are made, and of what is wrong with `checks.located`.

use coursys_ops_core::Registry;
use coursys_ops_core::config::{FileSource, Sources, load};
use coursys_ops_core::model::Location;

use super::*;

fn config(located: &str) -> Config {
    let text = format!("[checks]\nlocated = {located}\n");
    let file = FileSource { path: "/etc/x.toml".into(), text, readable_by_everybody: false };
    load(&Sources { file: Some(file), ..Sources::default() })
        .unwrap_or_else(|errors| panic!("{errors}"))
        .config
}

fn registry(located: &str) -> Registry {
    let config = config(located);
    let checks = settled(&config, crate::all(&config)).unwrap_or_else(|problems| panic!("{problems:?}"));
    Registry::new(checks).unwrap()
}

fn complaint(located: &str) -> String {
    let config = config(located);
    let problems = settled(&config, crate::all(&config)).map(drop).unwrap_err();
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_located_check_keeps_its_name_and_needs_the_way_to_its_workers() {
    let there = registry(r#"{ "database.dumps" = "batch" }"#);
    let here = registry("{}");
    let (there, here) = (there.spec("database.dumps").unwrap(), here.spec("database.dumps").unwrap());
    assert_eq!(there.location, Location::Queue("batch".to_owned()));
    assert_eq!((&there.title, there.tier, there.timeout), (&here.title, here.tier, here.timeout));
    assert_eq!(there.needs, ["files.writable.dumps", "broker.alarms"]);
    assert_eq!(there.effects, Effects::SelfCleaning);
    assert!(there.explanation.starts_with(here.explanation.trim_end()));
}

#[test]
fn a_check_that_comes_early_needs_only_what_comes_early() {
    let there = registry(r#"{ "cache.connection" = "fast" }"#);
    assert_eq!(there.spec("cache.connection").unwrap().needs.last().unwrap(), "broker.connection");
}

#[test]
fn whatever_is_located_ends_within_a_run() {
    let there = registry(r#"{ "database.dumps*" = "batch", "*.dumps" = "batch" }"#);
    let content = there.spec("database.dumps.content").unwrap();
    assert!(content.timeout < Duration::from_secs(6) && content.timeout > Duration::from_secs(3));
    assert_eq!(there.spec("disk.space.dumps").unwrap().effects, Effects::SiteLog);
    // One that is not located itself, but needs one that is.
    let there = registry(r#"{ "files.writable.dumps" = "batch" }"#);
    assert!(there.spec("files.writable.dumps").unwrap().timeout < Duration::from_secs(5));
    assert_eq!(
        there.spec("files.writable.dumps").unwrap().needs,
        ["broker.connection"],
        "no time for its alarms"
    );
    assert_eq!(there.spec("disk.space.dumps").unwrap().timeout, Duration::from_secs(5));
    let slow = complaint(r#"{ "search.connection" = "batch" }"#);
    assert!(slow.contains("longer than the 15 s of a run"), "{slow}");
}

#[test]
fn the_quickest_check_still_has_time_for_its_way() {
    let there = registry(r#"{ "service.ruby-markup" = "batch", "files.writable.dumps" = "batch" }"#);
    assert!(registry("{}").spec("service.ruby-markup").unwrap().timeout < LEAST);
    assert_eq!(there.spec("service.ruby-markup").unwrap().timeout, LEAST);
    assert!(there.spec("files.writable.dumps").unwrap().timeout >= LEAST);
    // Where a row of checks begins with it, that one must end within a run, too.
    let slow = complaint(r#"{ "service.nginx" = "batch" }"#);
    assert!(slow.contains("longer than the 15 s of a run"), "{slow}");
}

#[test]
fn a_whole_id_says_more_than_a_glob() {
    let there = registry(r#"{ "disk.space.*" = "batch", "disk.space.tmp" = "fast" }"#);
    let queue = |id: &str| there.spec(id).unwrap().location.clone();
    assert_eq!(queue("disk.space.tmp"), Location::Queue("fast".to_owned()));
    assert_eq!(queue("disk.space.root"), Location::Queue("batch".to_owned()));
    let torn = complaint(r#"{ "disk.*" = "batch", "*.root" = "fast" }"#);
    assert_eq!(
        torn,
        "/etc/x.toml:2: checks.located: `disk.space.root` cannot be looked at in `fast` and in `batch`"
    );
}

#[test]
fn a_slip_of_the_pen_is_told_with_the_nearest_id() {
    assert_eq!(
        complaint(r#"{ "database.dump" = "batch" }"#),
        "/etc/x.toml:2: checks.located: no check matches `database.dump`; did you mean `database.dumps`?"
    );
}

#[test]
fn the_way_to_the_workers_is_looked_at_from_here() {
    for id in
        ["celery.queue.batch", "broker.alarms", "broker.connection", "service.rabbitmq", "service.celery"]
    {
        let told = complaint(&format!(r#"{{ "{id}" = "batch" }}"#));
        assert!(told.contains(&format!("`{id}` is on the way to the workers of `batch`")), "{told}");
    }
    // Another queue is not on the way.
    registry(r#"{ "celery.queue.fast" = "batch" }"#);
}

#[test]
fn what_sends_a_mail_for_somebody_is_made_here() {
    let config = config(r#"{ "email.smtp" = "email" }"#);
    let location = |checks: Vec<Arc<dyn Check>>| {
        let checks = settled(&config, checks).unwrap();
        checks.iter().find(|check| check.spec().id == "email.smtp").unwrap().spec().location.clone()
    };
    assert_eq!(location(crate::all_and_send_mail(&config)), Location::Local);
    assert_eq!(location(crate::all(&config)), Location::Queue("email".to_owned()));
}
