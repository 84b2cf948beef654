//! Tests of what dumps say together.

use coursys_ops_core::helper::Dump;
use coursys_ops_core::model::Status;

use super::*;
use crate::testing;

const NOW_S: i64 = 1_800_000_000;
const HOUR_S: i64 = 3600;

fn dump(name: &str, age_s: i64, bytes: u64) -> Dump {
    let length = u32::try_from(bytes * 4).unwrap();
    Dump {
        name: name.to_owned(),
        modified_s: NOW_S - age_s,
        bytes,
        head: vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3],
        tail: [[9; 4], length.to_le_bytes()].concat(),
    }
}

/// A dump without an end.
fn broken(name: &str, age_s: i64, bytes: u64) -> Dump {
    Dump { tail: vec![0xee; 8], ..dump(name, age_s, bytes) }
}

fn judged(dumps: Vec<Dump>) -> Vec<Finding> {
    let count = dumps.len() as u64;
    let shelf = Shelf { dir: "/filestore/prod/db_backup".into(), dumps, count };
    judge(&testing::config().dumps, &shelf, NOW_S)
}

fn codes(dumps: Vec<Dump>) -> Vec<Code> {
    judged(dumps).iter().map(|finding| finding.code).collect()
}

const MIB: u64 = 1 << 20;

#[test]
fn a_fresh_dump_as_large_as_the_one_before_passes() {
    assert_eq!(codes(vec![dump("b", HOUR_S, 90 * MIB), dump("a", 4 * HOUR_S, 100 * MIB)]), [Code::Ok]);
    assert_eq!(codes(vec![dump("a", HOUR_S, 90 * MIB)]), [Code::Ok], "the only one");
    assert_eq!(
        codes(vec![dump("a", -10, 90 * MIB)]),
        [Code::Ok],
        "the file server's clock is a little ahead"
    );
}

#[test]
fn exactly_the_threshold_is_young_enough() {
    assert_eq!(codes(vec![dump("a", 4 * HOUR_S, 90 * MIB)]), [Code::Ok]);
    let late = judged(vec![dump("a", 4 * HOUR_S + 1, 90 * MIB)]);
    assert_eq!(late[0].code, Code::Stale);
    assert_eq!(late[0].measurements[0].crit, Some(14_400.0));
}

#[test]
fn one_that_grows_is_judged_by_its_predecessor() {
    let growing = || broken("c", 5, MIB);
    assert_eq!(codes(vec![growing(), dump("b", 3 * HOUR_S, 90 * MIB)]), [Code::Ok]);
    assert_eq!(codes(vec![growing(), dump("b", 5 * HOUR_S, 90 * MIB)]), [Code::Stale]);
    assert_eq!(codes(vec![growing()]), [Code::NotFound], "nothing to fall back on yet");
}

#[test]
fn one_that_still_changes_and_is_too_small_is_growing_though_its_middle_looks_like_an_end() {
    let growing = |age_s| dump("c", age_s, 50 * MIB);
    let before = || dump("b", 3 * HOUR_S, 90 * MIB);
    assert_eq!(codes(vec![growing(5), before()]), [Code::Ok]);
    assert_eq!(codes(vec![growing(121), before()]), [Code::TooSmall]);
    assert_eq!(codes(vec![dump("c", 5, MIB / 2), before()]), [Code::Ok]);
}

#[test]
fn one_that_broke_off_fails_whatever_was_before() {
    let found = judged(vec![broken("b", HOUR_S, MIB), dump("a", 3 * HOUR_S, 90 * MIB)]);
    assert_eq!(found.iter().map(|finding| finding.code).collect::<Vec<_>>(), [Code::Incomplete, Code::Ok]);
    assert_eq!(Status::of(&found), Status::Failed);
    assert_eq!(codes(vec![broken("b", HOUR_S, MIB)]), [Code::Incomplete]);
    // An old accident that was followed by good dumps is history.
    assert_eq!(
        codes(vec![
            dump("c", HOUR_S, 90 * MIB),
            broken("b", 4 * HOUR_S, MIB),
            dump("a", 7 * HOUR_S, 90 * MIB)
        ]),
        [Code::Ok]
    );
}

#[test]
fn a_dump_that_shrank_or_is_tiny_is_suspicious() {
    let found = judged(vec![dump("b", HOUR_S, 79 * MIB), dump("a", 4 * HOUR_S, 100 * MIB)]);
    assert_eq!(found[0].code, Code::TooSmall);
    assert!(found[0].message.contains("21 % smaller than a"), "{}", found[0].message);
    assert_eq!(codes(vec![dump("b", HOUR_S, MIB - 1), dump("a", 4 * HOUR_S, MIB)]), [Code::TooSmall]);
}

#[test]
fn nothing_at_all_is_not_found_and_the_future_is_not_believed() {
    let found = judged(vec![]);
    assert_eq!(found[0].code, Code::NotFound);
    assert!(found[0].message.contains("`*.dump.gz`"), "{}", found[0].message);
    assert_eq!(codes(vec![dump("a", -HOUR_S, 90 * MIB)]), [Code::ClockOff]);
}

#[tokio::test]
async fn a_site_without_a_directory_for_dumps_makes_none() {
    let mut config = testing::config();
    config.files.dumps = None;
    config.maintenance.flag = None;
    let found = testing::look(DatabaseDumps::new(), config).await;
    assert_eq!((found[0].status, found[0].code), (Status::Skipped, Code::NotInLayout));
}

proptest::proptest! {
    #[test]
    fn no_dumps_make_it_panic(dumps in proptest::collection::vec(proptest::prelude::any::<(i64, u64, Vec<u8>, Vec<u8>)>(), 0..5), now_s: i64) {
        let dumps = dumps.into_iter().map(|(modified_s, bytes, head, tail)| {
            Dump { name: "x".to_owned(), modified_s, bytes, head, tail }
        });
        let shelf = Shelf { dir: "/".into(), dumps: dumps.collect(), count: 5 };
        proptest::prop_assert!(!judge(&testing::config().dumps, &shelf, now_s).is_empty());
    }
}
