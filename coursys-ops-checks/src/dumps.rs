//! The dumps of the database as files: where they are, and whether one is whole, as far as its two ends tell.

use std::path::PathBuf;

use coursys_ops_core::Scope;
use coursys_ops_core::helper::{Ask, Dump, Dumps, Refusal};
use coursys_ops_core::model::{Code, Finding};
use rustix::io::Errno;

use crate::helper_answer::ask;

/// What to do when the file system does not answer.
pub(crate) const HANGS: &str = "the file system hangs: look at its mount, its server and the network between";

/// No deflate stream is longer than its text by more than this: what stored blocks cost, in parts of the text.
const STORED_BLOCKS: u64 = 1000;

/// No text is longer than its deflate stream by more than this factor.
const DEFLATE_AT_BEST: u64 = 1032;

/// The dumps that there are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shelf {
    /// Where.
    pub(crate) dir: PathBuf,
    /// The newest, newest first.
    pub(crate) dumps: Vec<Dump>,
    /// How many in all.
    pub(crate) count: u64,
}

/// What both ends of a file tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum State {
    /// It begins and ends as a dump does.
    Complete,
    /// It has no end, and was changed just now.
    Growing,
    /// It is no dump, or has no end: why.
    Incomplete(&'static str),
}

/// Looks for the dumps, as the site's user: they are for their owner alone.
///
/// # Errors
///
/// A finding: not configured, not permitted, not there.
pub(crate) async fn shelf(scope: &Scope) -> Result<Shelf, Finding> {
    let config = scope.config();
    let Some(dir) = &config.files.dumps else {
        return Err(Finding::skipped(
            Code::NotInLayout,
            "`files.dumps` is not set: this site makes no dumps",
        ));
    };
    let dir = config.site.dir.join(dir);
    let user = scope.site_user().await?;
    let pattern = config.dumps.pattern.clone();
    let found = ask::<Dumps>(scope, Ask::Dumps(dir.clone(), pattern), user).await?;
    let found = found.map_err(|refusal| refused(&refusal, &dir.display().to_string()))?;
    Ok(Shelf { dir, dumps: found.newest, count: found.count })
}

/// What it means that the operating system refused.
pub(crate) fn refused(refusal: &Refusal, place: &str) -> Finding {
    if refusal.is(Errno::ACCESS) || refusal.is(Errno::PERM) {
        Finding::skipped(Code::NotPermitted, format!("this user may not read {place}"))
            .with_hint("run the check with sudo; dumps are for the site's user alone")
    } else if refusal.is(Errno::NOENT) || refusal.is(Errno::NOTDIR) {
        Finding::failed(
            Code::NotFound,
            format!("{place} does not exist"),
            "mount or make it, or correct `files.dumps`",
        )
    } else {
        Finding::failed(
            Code::ServerError,
            format!("cannot read {place}: {}", refusal.message),
            "look at the kernel's log, the mount and its server",
        )
    }
}

/// What both ends of a dump tell at this time.
pub(crate) fn state(dump: &Dump, now_s: i64, growing_s: u64) -> State {
    let Some(why) = incomplete(dump) else { return State::Complete };
    if is_settling(dump, now_s, growing_s) { State::Growing } else { State::Incomplete(why) }
}

/// Whether a dump was changed so lately that it may still be growing.
pub(crate) fn is_settling(dump: &Dump, now_s: i64, growing_s: u64) -> bool {
    // One that is dated in the future is not growing: it would be for ever.
    u64::try_from(now_s.saturating_sub(dump.modified_s)).is_ok_and(|since_s| since_s < growing_s)
}

/// Why a file cannot be a whole gzip file (RFC 1952): ten bytes first, four of the text's length last.
fn incomplete(dump: &Dump) -> Option<&'static str> {
    const MAGIC: [u8; 3] = [0x1f, 0x8b, 8];
    const RESERVED_FLAGS: u8 = 0b1110_0000;
    let ends = Dump::HEAD as u64 + Dump::TAIL as u64;
    if dump.bytes == 0 {
        return Some("it is empty");
    }
    let flags = dump.head.get(3).copied().unwrap_or_default();
    if !dump.head.starts_with(&MAGIC) || flags & RESERVED_FLAGS != 0 {
        return Some("it does not begin as gzip does");
    }
    let length =
        dump.tail.get(4..8).and_then(|bytes| <[u8; 4]>::try_from(bytes).ok()).map(u32::from_le_bytes);
    let stream = dump.bytes.checked_sub(ends);
    match (length, stream) {
        (Some(length), Some(stream @ 1..)) if could_give(stream, length) => None,
        _ => Some("it breaks off before the end"),
    }
}

/// Whether a deflate stream of so many bytes can give a text of this length, which is told modulo 2³².
fn could_give(stream: u64, length: u32) -> bool {
    const MODULUS: u64 = 1 << 32;
    // The header may hold a name and the stream has a few bytes of its own.
    const SLACK: u64 = 512;
    let shortest = stream.saturating_sub(stream / STORED_BLOCKS + SLACK);
    let longest = stream.saturating_mul(DEFLATE_AT_BEST);
    let length = u64::from(length);
    // The first text of that length that is long enough.
    let rounds = shortest.saturating_sub(length).div_ceil(MODULUS);
    length + rounds * MODULUS <= longest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dump(bytes: u64, head: &[u8], length: u32) -> Dump {
        let tail = [&[1, 2, 3, 4][..], &length.to_le_bytes()].concat();
        Dump { name: "x.dump.gz".to_owned(), modified_s: 1000, bytes, head: head.to_vec(), tail }
    }

    const HEAD: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3];

    #[test]
    fn a_file_with_both_ends_is_complete_whatever_its_age() {
        for (bytes, length) in [
            (20, 0),
            (10_000, 80_000),
            (300 << 20, 3 << 30),
            // Five GiB of text, of which the trailer tells one.
            (1 << 30, 1 << 30),
        ] {
            assert_eq!(state(&dump(bytes, &HEAD, length), 1000, 120), State::Complete, "{bytes} {length}");
        }
    }

    #[test]
    fn without_an_end_it_is_growing_at_first_and_broken_off_later() {
        // The middle of a deflate stream, as a length.
        let broken = dump(10_000, &HEAD, 0x9c3a_77f1);
        assert_eq!(state(&broken, 1119, 120), State::Growing);
        assert!(matches!(state(&broken, 1120, 120), State::Incomplete(_)));
        assert!(matches!(state(&broken, 900, 120), State::Incomplete(_)), "dated in the future");
        let short = Dump { tail: vec![], ..dump(9, &HEAD[..9], 0) };
        assert!(matches!(state(&short, 2000, 120), State::Incomplete(_)));
        let empty = Dump { head: vec![], tail: vec![], ..dump(0, &[], 0) };
        assert_eq!(state(&empty, 1001, 120), State::Growing);
    }

    #[test]
    fn what_does_not_begin_as_gzip_is_no_dump() {
        for head in [&b"-- MariaDB"[..], &[0x1f, 0x8b, 8, 0xff, 0, 0, 0, 0, 0, 0], &[0x1f, 0x8b]] {
            assert!(
                matches!(state(&dump(10_000, head, 80_000), 2000, 120), State::Incomplete(_)),
                "{head:?}"
            );
        }
    }

    proptest::proptest! {
        #[test]
        fn every_real_gzip_file_is_complete(stream in 2..1_u64 << 40, factor in 1..1000_u64) {
            let length = u32::try_from((stream * factor) & 0xffff_ffff).unwrap();
            proptest::prop_assert!(could_give(stream, length));
        }

        #[test]
        fn no_ends_make_it_panic(bytes: u64, head: Vec<u8>, tail: Vec<u8>, modified_s: i64, now_s: i64, growing_s: u64) {
            let _ = state(&Dump { name: String::new(), modified_s, bytes, head, tail }, now_s, growing_s);
        }
    }
}
