use coursys_ops_core::model::Status;

use super::*;
use crate::kerberos::made::{ccache, keytab};
use crate::testing::config;

const NAME: &str = "coursys@AD.SFU.CA";
const GRANTING: &str = "krbtgt/AD.SFU.CA@AD.SFU.CA";
const NOW: u32 = 1_800_000_000;
const HOUR: u32 = 3600;

fn judged(holder: &str, server: &str, times: [u32; 4]) -> Finding {
    let cache = Cache::parse(&ccache(4, holder, &[(holder, server, times)])).unwrap();
    judge(&cache, NAME, i64::from(NOW), &config().kerberos)
}

fn between(starts: u32, ends: u32) -> Finding {
    judged(NAME, GRANTING, [starts, starts, ends, 0])
}

#[test]
fn a_ticket_is_good_while_it_lasts_two_hours_more_and_was_refreshed() {
    for (starts, ends, code, status) in [
        (NOW, NOW + 2 * HOUR, Code::Ok, Status::Passed),
        (NOW, NOW + 2 * HOUR - 1, Code::ExpiresSoon, Status::Warning),
        (NOW - HOUR, NOW, Code::Expired, Status::Failed),
        (NOW - 4 * HOUR, NOW + 6 * HOUR, Code::Ok, Status::Passed),
        (NOW - 4 * HOUR - 1, NOW + 6 * HOUR, Code::Stale, Status::Warning),
        (NOW + 300, NOW + 10 * HOUR, Code::Ok, Status::Passed),
        (NOW + 301, NOW + 10 * HOUR, Code::NotYetValid, Status::Failed),
        (0, u32::MAX, Code::Stale, Status::Warning),
    ] {
        let finding = between(starts, ends);
        assert_eq!((finding.code, finding.status), (code, status), "{finding:?}");
        assert_eq!(finding.measurements[0].name, "remaining");
    }
}

#[test]
fn somebody_elses_ticket_or_none_to_get_others_with_is_said_so() {
    let times = [NOW, NOW, NOW + 9 * HOUR, NOW + 99 * HOUR];
    let code = |holder, server| judged(holder, server, times).code;
    assert_eq!(code("root@AD.SFU.CA", GRANTING), Code::WrongPrincipal);
    assert_eq!(code("coursys@EXAMPLE.TEST", GRANTING), Code::WrongPrincipal);
    assert_eq!(code(NAME, "MSSQLSvc/db@AD.SFU.CA"), Code::NoTicket);
    let renewable = judged(NAME, GRANTING, times);
    let last = renewable.measurements.last().unwrap();
    assert_eq!((last.name.as_str(), last.value), ("renewable", f64::from(99 * HOUR)));
}

#[test]
fn a_keytab_needs_a_current_key_of_the_principal_of_a_safe_kind() {
    let code = |entries: &[(&str, u32, u16)]| keys(&keytab(entries), NAME).code;
    assert_eq!(code(&[(NAME, 3, 18)]), Code::Ok);
    assert_eq!(code(&[(NAME, 3, 23), (NAME, 3, 17)]), Code::Ok);
    assert_eq!(code(&[(NAME, 3, 23)]), Code::WeakKey);
    assert_eq!(code(&[(NAME, 3, 23), (NAME, 2, 18)]), Code::WeakKey, "an old version opens nothing");
    assert_eq!(code(&[("other@AD.SFU.CA", 3, 18)]), Code::WrongPrincipal);
    assert_eq!(code(&[]), Code::WrongPrincipal);
    assert_eq!(keys(b"nothing", NAME).code, Code::Garbage);
}

#[test]
fn keytab_and_cache_are_their_owners_alone() {
    let look = |uid, mode, directory_uid, directory_mode| FileLook {
        uid,
        mode,
        directory_uid,
        directory_mode,
        content: Content::NotAFile,
    };
    let path = Path::new("/home/coursys/kerberos/adsfu.keytab");
    let file =
        |uid, mode| owned(&look(uid, mode, 998, 0o700), 998, path, "keytab").err().map(|found| found.code);
    assert_eq!(file(998, 0o600), None);
    assert_eq!(file(998, 0o400), None);
    assert_eq!(file(998, 0o604), Some(Code::TooOpen));
    assert_eq!(file(998, 0o640), Some(Code::TooOpen));
    assert_eq!(file(0, 0o600), Some(Code::WrongOwner));
    let dir = |uid, mode| {
        directory(&look(998, 0o600, uid, mode), 998, path).map(|found| (found.code, found.status))
    };
    assert_eq!(dir(998, 0o700), None);
    assert_eq!(dir(0, 0o700), None);
    assert_eq!(dir(998, 0o755), Some((Code::TooOpen, Status::Warning)));
    assert_eq!(dir(998, 0o770), Some((Code::TooOpen, Status::Failed)));
    assert_eq!(dir(7, 0o700), Some((Code::WrongOwner, Status::Failed)));
}

#[test]
fn durations_read_as_people_say_them() {
    let texts = [59, 60, 3599, 3600, 27_000, 86_400, 270_000].map(duration);
    assert_eq!(texts, ["59 s", "1 min", "59 min", "1 h 0 min", "7 h 30 min", "1 d 0 h", "3 d 3 h"]);
}
