use proptest::prelude::*;

use super::*;
use crate::kerberos::made::{self, ccache, principal};

const HOLDER: &str = "coursys@EXAMPLE.TEST";
const GRANTING: &str = "krbtgt/EXAMPLE.TEST@EXAMPLE.TEST";

#[test]
fn versions_3_and_4_say_the_same() {
    for version in [3, 4] {
        let bytes = ccache(version, HOLDER, &[(HOLDER, GRANTING, [100, 0, 300, 400])]);
        let cache = Cache::parse(&bytes).unwrap();
        assert_eq!(cache.principal.to_string(), HOLDER);
        let ticket = cache.granting().unwrap();
        assert_eq!((ticket.starts, ticket.ends, ticket.renew_until), (100, 300, 400));
    }
}

#[test]
fn settings_and_tickets_for_services_grant_nothing() {
    let times = [100, 200, 300, 0];
    let tickets = [
        (HOLDER, "krb5_ccache_conf_data/fast_avail@X-CACHECONF:", times),
        (HOLDER, "MSSQLSvc/db.example.test@EXAMPLE.TEST", times),
        (HOLDER, "krbtgt/OTHER.TEST@EXAMPLE.TEST", times),
        ("other@EXAMPLE.TEST", GRANTING, times),
    ];
    let cache = Cache::parse(&ccache(4, HOLDER, &tickets)).unwrap();
    assert_eq!((cache.tickets.len(), cache.granting()), (3, None));
}

#[test]
fn of_several_granting_tickets_the_longest_counts() {
    let ticket = |ends| (HOLDER, GRANTING, [100, 100, ends, 0]);
    let cache = Cache::parse(&ccache(4, HOLDER, &[ticket(300), ticket(500), ticket(400)])).unwrap();
    assert_eq!(cache.granting().unwrap().ends, 500);
}

#[test]
fn what_is_no_cache_of_today_is_refused_with_the_reason() {
    assert_eq!(Cache::parse(b""), Err(Malformed::Stranger));
    assert_eq!(Cache::parse(b"root:x:0:0\n"), Err(Malformed::Stranger));
    assert_eq!(Cache::parse(&[5, 2, 0, 0]), Err(Malformed::Old(2)));
    assert_eq!(Cache::parse(&[5, 9, 0, 0]), Err(Malformed::Stranger));
    assert_eq!(Cache::parse(&[5, 4, 0, 0]), Err(Malformed::CutOff));
}

#[test]
fn a_cache_that_kinit_made_is_read_as_klist_reads_it() {
    let cache = Cache::parse(include_bytes!("fixtures/krb5cc")).unwrap();
    assert_eq!(cache.principal.to_string(), HOLDER);
    let ticket = cache.granting().unwrap();
    assert_eq!(ticket.server.to_string(), GRANTING);
    let times = [ticket.obtained, ticket.starts, ticket.ends, ticket.renew_until];
    assert_eq!(times, FIXTURE_TIMES);
}

/// What `klist` shows of the fixture: from 2026-11-22 20:13:03 UTC for thirty days, renewable as long.
const FIXTURE_TIMES: [u32; 4] = [0x6b03_4ccf, 0x6b03_4ccf, 0x6b2a_d9cf, 0x6b2a_d9cf];

fn name() -> impl Strategy<Value = String> {
    "[a-zü$.-]{1,8}(/[a-z.]{1,8}){0,2}@[A-Z.]{1,8}"
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), version in 1_u8..=4) {
        let _ = Cache::parse(&bytes);
        let _ = Cache::parse(&[&[5, version][..], &bytes].concat());
    }

    #[test]
    fn what_is_written_is_read_and_what_is_cut_off_never_grows(
        version in 3_u8..=4,
        holder in name(),
        tickets in prop::collection::vec((name(), name(), any::<[u32; 4]>()), 0..4),
        cut in any::<prop::sample::Index>(),
    ) {
        let written: Vec<made::Ticket<'_>> =
            tickets.iter().map(|(client, server, times)| (client.as_str(), server.as_str(), *times)).collect();
        let bytes = ccache(version, &holder, &written);
        let cache = Cache::parse(&bytes).unwrap();
        prop_assert_eq!(&cache.principal, &principal(&holder));
        let expected: Vec<_> = tickets.iter().map(|(client, server, times)| Ticket {
            client: principal(client),
            server: principal(server),
            obtained: times[0],
            starts: if times[1] == 0 { times[0] } else { times[1] },
            ends: times[2],
            renew_until: times[3],
        }).filter(|ticket| !ticket.server.realm.starts_with("X-")).collect();
        prop_assert_eq!(&cache.tickets, &expected);
        let part = Cache::parse(&bytes[..cut.index(bytes.len())]);
        prop_assert!(part.map_or(0, |part| part.tickets.len()) <= expected.len());
    }

    #[test]
    fn one_wrong_byte_of_a_real_cache_does_not_make_it_panic(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut bytes = include_bytes!("fixtures/krb5cc").to_vec();
        let index = at.index(bytes.len());
        bytes[index] = byte;
        let _ = Cache::parse(&bytes);
    }
}
