use proptest::prelude::*;

use super::*;
use crate::kerberos::made::{self, keytab, principal};

const OWNER: &str = "coursys@EXAMPLE.TEST";

#[test]
fn a_version_beyond_a_byte_is_read_in_full() {
    let entries = parse(&keytab(&[(OWNER, 7, 17), (OWNER, 300, 18)])).unwrap();
    assert_eq!(entries.iter().map(|entry| entry.version).collect::<Vec<_>>(), [7, 300]);
    assert!(entries.iter().all(Entry::is_safe));
}

#[test]
fn old_kinds_of_keys_are_not_safe() {
    for kind in [1, 3, 16, 23, 24, 999] {
        assert!(!parse(&keytab(&[(OWNER, 1, kind)])).unwrap()[0].is_safe(), "{kind}");
    }
}

#[test]
fn holes_and_unused_space_are_passed_over() {
    let mut bytes = vec![5, 2];
    bytes.extend((-3_i32).to_be_bytes());
    bytes.extend([1, 2, 3]);
    bytes.extend(&keytab(&[(OWNER, 2, 18)])[2..]);
    bytes.extend([0, 0, 0, 0, 9, 9]);
    assert_eq!(parse(&bytes).unwrap().len(), 1);
}

#[test]
fn what_is_no_keytab_of_today_is_refused_with_the_reason() {
    assert_eq!(parse(b""), Err(Malformed::Stranger));
    assert_eq!(parse(b"[libdefaults]"), Err(Malformed::Stranger));
    assert_eq!(parse(&[5, 1, 0]), Err(Malformed::Old(1)));
    assert_eq!(parse(&[5, 2, 0]), Err(Malformed::CutOff));
    assert_eq!(parse(&[5, 2, 0, 0, 0, 2, 0, 9]), Err(Malformed::Senseless));
    assert_eq!(parse(&[5, 2]), Ok(Vec::new()));
}

#[test]
fn a_keytab_of_a_real_realm_is_read_as_klist_reads_it() {
    let entries = parse(include_bytes!("fixtures/adsfu.keytab")).unwrap();
    let found: Vec<_> =
        entries.iter().map(|entry| (entry.principal.to_string(), entry.version, entry.kind)).collect();
    assert_eq!(found, [(OWNER.to_owned(), 1, 18), (OWNER.to_owned(), 1, 17)]);
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = parse(&bytes);
        let _ = parse(&[&[5, 2][..], &bytes].concat());
    }

    #[test]
    fn what_is_written_is_read_and_what_is_cut_off_never_grows(
        keys in prop::collection::vec(
            ("[a-zü$.-]{1,8}(/[a-z.]{1,8}){0,2}@[A-Z.]{1,8}", 1_u32..100_000, any::<u16>()), 0..5),
        cut in any::<prop::sample::Index>(),
    ) {
        let written: Vec<made::Key<'_>> =
            keys.iter().map(|(owner, version, kind)| (owner.as_str(), *version, *kind)).collect();
        let bytes = keytab(&written);
        let expected: Vec<_> = keys.iter().map(|(owner, version, kind)| Entry {
            principal: principal(owner), version: *version, kind: *kind,
        }).collect();
        prop_assert_eq!(&parse(&bytes).unwrap(), &expected);
        let part = parse(&bytes[..cut.index(bytes.len())]);
        prop_assert!(part.map_or(0, |part| part.len()) <= expected.len());
    }
}
