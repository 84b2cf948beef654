use coursys_ops_core::helper::Started;

use super::*;
use crate::testing::config;

/// The clock when the processes were listed, in seconds.
const NOW: i64 = 10_000;

fn process(pid: u32, parent: u32, command: &[&str], started: i64) -> Process {
    let started = Started { unix_ms: started * 1000, age_ms: u64::try_from((NOW - started) * 1000).unwrap() };
    Process {
        pid,
        parent,
        command: command.iter().map(|word| (*word).to_owned()).collect(),
        started: Some(started),
        in_dir: Some(true),
        ..Process::default()
    }
}

const GUNICORN: [&str; 4] = ["/venv/bin/python", "/venv/bin/gunicorn", "--workers", "20"];
const CELERY: [&str; 6] = ["/venv/bin/python", "-m", "celery", "-A", "courses", "worker"];
const BEAT: [&str; 6] = ["/venv/bin/python", "-m", "celery", "-A", "courses", "beat"];

/// gunicorn with two workers, a node of Celery with a child, and the beat; all but the main process of gunicorn as old as
/// told.
fn site(gunicorn: [i64; 2], celery: i64, beat: i64) -> Vec<Process> {
    vec![
        process(10, 1, &GUNICORN, 100),
        process(11, 10, &GUNICORN, gunicorn[0]),
        process(12, 10, &GUNICORN, gunicorn[1]),
        process(20, 1, &CELERY, celery),
        // Forked after the change, from a process that has the old code.
        process(21, 20, &CELERY, 9_999),
        process(30, 1, &BEAT, beat),
    ]
}

fn change(unix: i64) -> Change {
    let own = ToOwned::to_owned;
    let moved =
        Move { commit: own("abcdef0123456"), tree: own("t"), unix, who: own("Ann"), what: own("pull") };
    Change { moved, files: vec![own("courses/urls.py")] }
}

fn judged(processes: &[Process], change: Option<&Change>) -> Vec<Finding> {
    let config = config();
    let groups: Vec<_> = COMPONENTS
        .into_iter()
        .map(|(name, reader)| {
            let component = &config.components[name];
            (name, component, readers(processes, name, component, reader))
        })
        .filter(|(_, _, workers)| !workers.is_empty())
        .collect();
    findings(&groups, change, NOW)
}

fn codes(processes: &[Process], change: Option<&Change>) -> Vec<Code> {
    judged(processes, change).iter().map(|finding| finding.code).collect()
}

#[test]
fn everything_started_after_the_change_passes_whatever_the_main_process_of_gunicorn_is() {
    let found = codes(&site([5_001, 5_002], 5_003, 5_004), Some(&change(5_000)));
    assert_eq!(found, [Code::Ok, Code::Ok, Code::Ok]);
    assert_eq!(codes(&site([1, 2], 3, 4), None), [Code::Ok, Code::Ok, Code::Ok]);
}

#[test]
fn everything_from_before_the_change_is_old() {
    let found = judged(&site([4_000, 4_100], 4_200, 4_300), Some(&change(5_000)));
    assert!(found.iter().all(|one| one.code == Code::OldCode), "{found:?}");
    assert!(found[0].message.starts_with("2 of 2 processes of gunicorn"), "{}", found[0].message);
    assert!(
        found[1].message.starts_with("1 of 1 processes of celery"),
        "a child counts not: {}",
        found[1].message
    );
    assert!(found[0].hint.as_deref().unwrap().contains("systemctl reload gunicorn"));
    assert!(found[1].hint.as_deref().unwrap().contains("systemctl restart celery"));
}

#[test]
fn a_renewed_worker_beside_an_old_one_is_mixed() {
    let found = codes(&site([6_000, 4_100], 6_000, 6_000), Some(&change(5_000)));
    assert_eq!(found, [Code::MixedCode, Code::Ok, Code::Ok]);
}

#[test]
fn a_reload_of_gunicorn_alone_leaves_mixed_code() {
    let found = codes(&site([6_000, 6_000], 4_000, 4_000), Some(&change(5_000)));
    assert_eq!(found, [Code::Ok, Code::MixedCode, Code::MixedCode]);
}

#[test]
fn a_process_of_the_second_of_the_change_is_believed() {
    assert_eq!(codes(&site([5_000, 5_000], 5_000, 5_000), Some(&change(5_000))), [Code::Ok; 3]);
}

#[test]
fn only_moves_since_the_oldest_process_to_another_tree_are_looked_at() {
    let step = |tree: &str, unix: i64| Move { tree: tree.to_owned(), unix, ..change(0).moved };
    let moves = [step("d", 40), step("c", 30), step("c", 25), step("b", 20), step("a", 10)];
    let steps: Vec<(&str, &str)> = steps_since(&moves, 15_000)
        .into_iter()
        .map(|(old, new)| (old.tree.as_str(), new.tree.as_str()))
        .collect();
    assert_eq!(steps, [("c", "d"), ("b", "c"), ("a", "b")]);
    assert!(steps_since(&moves, 40_000).is_empty());
    assert!(steps_since(&moves[4..], 0).is_empty(), "nobody knows what was before the first");
}

#[test]
fn what_git_cannot_tell_is_left_to_the_check_of_the_repository() {
    let finding = elsewhere(Finding::failed(Code::NotFound, "no repository", "clone it"));
    assert_eq!((finding.status.as_str(), finding.code), ("skipped", Code::NotFound));
}
