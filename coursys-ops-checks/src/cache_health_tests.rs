use coursys_ops_core::model::Status;
use proptest::prelude::*;

use super::*;
use crate::testing::{config, converses, look};

/// A healthy server, a day old, with some of its figures changed.
fn said(changes: &[(&str, &str)]) -> Said {
    let mut statistics: BTreeMap<String, String> = [
        ("uptime", "86400"),
        ("version", "1.6.18"),
        ("evictions", "24"),
        ("get_hits", "90000"),
        ("get_misses", "10000"),
        ("curr_connections", "40"),
        ("rejected_connections", "0"),
        ("listen_disabled_num", "0"),
        ("bytes", "1000000"),
        ("limit_maxbytes", "67108864"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into();
    let mut settings: BTreeMap<String, String> = [("maxconns", "1024"), ("item_size_max", "1048576")]
        .map(|(a, b)| (a.to_owned(), b.to_owned()))
        .into();
    for (name, value) in changes {
        let table = if settings.contains_key(*name) { &mut settings } else { &mut statistics };
        table.insert((*name).to_owned(), (*value).to_owned());
    }
    Said { statistics, settings }
}

/// What is not as it should be: subject, status and code.
fn wrong(changes: &[(&str, &str)]) -> Vec<(String, Status, Code)> {
    let findings = judge(&said(changes), &config().cache);
    let wrong = findings.into_iter().filter(|finding| finding.status != Status::Passed);
    wrong.map(|finding| (finding.subject.unwrap_or_default(), finding.status, finding.code)).collect()
}

fn warning(subject: &str, code: Code) -> Vec<(String, Status, Code)> {
    vec![(subject.to_owned(), Status::Warning, code)]
}

#[test]
fn a_healthy_server_has_every_figure_and_nothing_wrong() {
    assert_eq!(wrong(&[]), []);
    let findings = judge(&said(&[]), &config().cache);
    let names: Vec<_> = findings
        .iter()
        .flat_map(|finding| &finding.measurements)
        .map(|figure| figure.name.as_str())
        .collect();
    assert_eq!(
        names,
        [
            "evictions_per_hour",
            "gets",
            "hit_percent",
            "connections",
            "connections_percent",
            "refused_connections",
            "item_size_max",
            "bytes",
            "limit_bytes"
        ]
    );
}

#[test]
fn evictions_count_by_the_hour_and_a_young_server_as_an_hour_old() {
    assert_eq!(wrong(&[("evictions", "24000")]), []);
    assert_eq!(wrong(&[("evictions", "24001")]), warning("evictions", Code::Evicting));
    assert_eq!(wrong(&[("evictions", "900"), ("uptime", "60")]), []);
    assert_eq!(wrong(&[("evictions", "1100"), ("uptime", "60")]), warning("evictions", Code::Evicting));
}

#[test]
fn a_low_hit_rate_counts_only_after_enough_questions() {
    assert_eq!(wrong(&[("get_hits", "4000"), ("get_misses", "6000")]), warning("hits", Code::LowHitRate));
    assert_eq!(wrong(&[("get_hits", "0"), ("get_misses", "9999")]), []);
}

#[test]
fn connections_warn_before_there_are_none_left_and_after_there_were_none() {
    assert_eq!(wrong(&[("curr_connections", "820")]), warning("connections", Code::TooManyConnections));
    assert_eq!(wrong(&[("curr_connections", "810")]), []);
    let reserved = wrong(&[("curr_connections", "810"), ("reserved_fds", "20")]);
    assert_eq!(reserved, warning("connections", Code::TooManyConnections));
    for counter in ["rejected_connections", "listen_disabled_num"] {
        let expected = warning("refused connections", Code::TooManyConnections);
        assert_eq!(wrong(&[(counter, "1")]), expected, "{counter}");
    }
}

#[test]
fn values_that_do_not_fit_fail_and_an_old_version_warns() {
    let small = vec![("largest value".to_owned(), Status::Failed, Code::LimitTooLow)];
    assert_eq!(wrong(&[("item_size_max", "524288")]), small);
    assert_eq!(wrong(&[("version", "1.4.33")]), warning("version", Code::TooOld));
    assert_eq!(wrong(&[("version", "unstable")]), []);
}

#[test]
fn a_server_that_tells_nothing_is_the_wrong_one() {
    let mute = Said { statistics: BTreeMap::new(), settings: BTreeMap::new() };
    let codes: Vec<_> = judge(&mute, &config().cache).iter().map(|finding| finding.code).collect();
    assert_eq!(codes, [Code::WrongServer]);
}

#[tokio::test]
async fn statistics_and_settings_are_asked_for_over_one_connection() {
    let old = |line: &str| match line {
        "stats" => "STAT uptime 7200\r\nSTAT evictions 0\r\nSTAT version 1.4.33\r\nEND\r\n".to_owned(),
        "stats settings" => "STAT item_size_max 1048576\r\nSTAT inter \r\nEND\r\n".to_owned(),
        _ => "ERROR\r\n".to_owned(),
    };
    let mut config = config();
    config.cache.server.port = converses("", old).await;
    let findings = look(CacheHealth::new(), config).await;
    let codes: Vec<_> = findings.iter().map(|finding| finding.code).collect();
    assert_eq!(codes, [Code::Ok, Code::Ok, Code::TooOld], "{findings:?}");
}

proptest! {
    #[test]
    fn no_figure_of_a_stranger_takes_the_judge_down(
        statistics in proptest::collection::btree_map("(uptime|evictions|get_hits|get_misses|bytes|version)", "\\PC{0,20}|[0-9]{1,21}", 0..7),
        settings in proptest::collection::btree_map("(maxconns|item_size_max)", "\\PC{0,20}|[0-9]{1,21}", 0..3),
    ) {
        let said = Said { statistics, settings };
        prop_assert!(!judge(&said, &config().cache).is_empty());
    }
}
