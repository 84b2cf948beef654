use super::*;
use crate::testing::config;

const NOW: i64 = 1_800_000_000;

/// A clean work tree on `master`, level with its upstream.
fn clean() -> Seen {
    let status = Status {
        commit: Some("0123456789abcdef".to_owned()),
        branch: Some("master".to_owned()),
        upstream: Some("origin/master".to_owned()),
        ahead_behind: Some((0, 0)),
        ..Status::default()
    };
    Seen { status, last_move: None, files: vec![(FETCHED.to_owned(), NOW - 7_200)], now: NOW }
}

fn judged(edit: impl FnOnce(&mut Seen)) -> Vec<Finding> {
    let mut seen = clean();
    edit(&mut seen);
    findings(&config().code, &seen)
}

fn codes(edit: impl FnOnce(&mut Seen)) -> Vec<Code> {
    judged(edit).iter().map(|finding| finding.code).collect()
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn a_clean_tree_passes_and_says_how_old_that_knowledge_is() {
    let found = judged(|_| ());
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].code, Code::Ok);
    assert!(found[0].message.contains("012345678") && found[0].message.ends_with("as fetched 2.0 h ago"));
}

#[test]
fn the_files_of_the_site_may_differ_and_no_others() {
    let expected = |seen: &mut Seen| {
        seen.status.changed = names(&["deploy/run-list.json", "package-lock.json"]);
        seen.status.untracked = names(&["503", "this_is_production.txt"]);
    };
    assert_eq!(codes(expected), [Code::Ok]);
    let found = judged(|seen| {
        seen.status.changed = names(&["deploy/run-list.json", "courses/settings.py"]);
        seen.status.untracked = names(&["503", "dump.sql", "old/"]);
    });
    assert_eq!(found.iter().map(|one| one.code).collect::<Vec<_>>(), [Code::Uncommitted, Code::Untracked]);
    assert!(found[0].message.contains("courses/settings.py") && !found[0].message.contains("run-list"));
    assert!(found[1].message.contains("`dump.sql`, `old/`"), "{}", found[1].message);
}

#[test]
fn another_branch_and_none_are_told_apart() {
    assert_eq!(codes(|seen| seen.status.branch = Some("hotfix".to_owned())), [Code::WrongBranch]);
    let detached = |seen: &mut Seen| {
        seen.status = Status { branch: None, upstream: None, ahead_behind: None, ..seen.status.clone() };
    };
    assert_eq!(codes(detached), [Code::DetachedHead]);
}

#[test]
fn a_rebase_under_way_explains_that_there_is_no_branch() {
    let found = judged(|seen| {
        seen.status = Status { branch: None, upstream: None, ahead_behind: None, ..seen.status.clone() };
        seen.files.push(("rebase-merge".to_owned(), NOW - 60));
    });
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].code, found[0].subject.as_deref()), (Code::Unfinished, Some("rebase")));
}

#[test]
fn distance_to_the_upstream_is_a_warning() {
    for (distance, code) in [
        (Some((0, 3)), Code::Behind),
        (Some((2, 0)), Code::Ahead),
        (Some((2, 3)), Code::Ahead),
        (None, Code::NoUpstream),
    ] {
        let found = judged(|seen| seen.status.ahead_behind = distance);
        assert_eq!((found.len(), found[0].code), (1, code), "{distance:?}");
        assert_eq!(found[0].status.as_str(), "warning");
    }
}

#[test]
fn a_lock_is_left_over_only_when_it_is_old() {
    let lock = |age: i64| move |seen: &mut Seen| seen.files.push((LOCK.to_owned(), NOW - age));
    assert_eq!(codes(lock(60)), [Code::Ok]);
    assert_eq!(codes(lock(61)), [Code::LeftOver]);
    assert_eq!(codes(lock(-5)), [Code::Ok]);
}
