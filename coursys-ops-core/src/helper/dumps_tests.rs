//! Tests of the look at dumps.

use std::io::Write as _;
use std::path::PathBuf;

use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;

use super::*;

const LONG: Duration = Duration::from_secs(60);

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn file(dir: &tempfile::TempDir, name: &str, bytes: &[u8]) -> PathBuf {
    let path = dir.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

/// Text that does not compress to nothing.
fn text() -> Vec<u8> {
    (0..200_000_u32)
        .flat_map(|n| format!("INSERT INTO t VALUES ({});\n", n.wrapping_mul(2_654_435_761)).into_bytes())
        .collect()
}

#[test]
fn the_newest_are_told_with_both_ends() {
    let dir = tempfile::tempdir().unwrap();
    for n in 0..40_u64 {
        let path = file(&dir, &format!("{n:02}.dump.gz"), &gzip(format!("dump {n}").as_bytes()));
        let time = UNIX_EPOCH + Duration::from_secs(1_000_000 + n);
        File::options().write(true).open(path).unwrap().set_modified(time).unwrap();
    }
    file(&dir, "README", b"no dump");
    let dumps = dumps(dir.path(), "*.dump.gz").unwrap();
    assert_eq!((dumps.count, dumps.newest.len()), (40, TOLD));
    let newest = &dumps.newest[0];
    assert_eq!((newest.name.as_str(), newest.modified_s), ("39.dump.gz", 1_000_039));
    assert_eq!(newest.head[..3], [0x1f, 0x8b, 8]);
    assert_eq!(newest.tail[4..], 7_u32.to_le_bytes());
}

#[test]
fn a_short_file_has_short_ends_and_an_empty_one_none() {
    let dir = tempfile::tempdir().unwrap();
    file(&dir, "a.gz", b"abc");
    file(&dir, "b.gz", b"");
    let mut found = dumps(dir.path(), "*.gz").unwrap().newest;
    found.sort_by(|a, b| a.name.cmp(&b.name));
    assert_eq!((found[0].head.as_slice(), found[0].tail.as_slice()), (&b"abc"[..], &b"abc"[..]));
    assert_eq!((found[1].head.len(), found[1].tail.len(), found[1].bytes), (0, 0, 0));
}

#[test]
fn links_pipes_and_directories_are_no_dumps_and_hold_nobody_up() {
    let dir = tempfile::tempdir().unwrap();
    let secret = file(&dir, "secret", b"secret");
    std::os::unix::fs::symlink(&secret, dir.path().join("link.gz")).unwrap();
    std::os::unix::fs::symlink("/dev/zero", dir.path().join("zero.gz")).unwrap();
    std::fs::create_dir(dir.path().join("dir.gz")).unwrap();
    let fifo = dir.path().join("pipe.gz");
    rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, Mode::RUSR, 0).unwrap();
    assert_eq!(dumps(dir.path(), "*.gz").unwrap(), Dumps { newest: vec![], count: 0 });
    for name in ["link.gz", "zero.gz", "dir.gz", "pipe.gz"] {
        let path = dir.path().join(name);
        assert_eq!(look(&path, name).unwrap(), None, "{name}");
        assert!(contents(&path, LONG).is_err(), "{name}");
    }
}

#[test]
fn a_sound_dump_is_read_to_its_end() {
    let dir = tempfile::tempdir().unwrap();
    let mut text = text();
    text.extend_from_slice(b"\n-- Dump completed on 2026-11-22\n");
    let bytes = gzip(&text);
    let found = contents(&file(&dir, "a.gz", &bytes), LONG).unwrap();
    assert_eq!((found.end, found.text_bytes), (ContentsEnd::Sound, text.len() as u64));
    assert_eq!((found.bytes, found.read_bytes), (bytes.len() as u64, bytes.len() as u64));
    assert!(found.ending.ends_with("-- Dump completed on 2026-11-22\n"), "{}", found.ending);
    assert_eq!(found.ending.len(), ENDING);
}

#[test]
fn damage_and_a_missing_end_are_told_apart() {
    let dir = tempfile::tempdir().unwrap();
    let bytes = gzip(&text());
    let end = |bytes: &[u8]| contents(&file(&dir, "a.gz", bytes), LONG).unwrap().end;
    assert_eq!(end(&bytes[..bytes.len() / 2]), ContentsEnd::BrokenOff);
    assert_eq!(end(&bytes[..bytes.len() - 1]), ContentsEnd::BrokenOff);
    let mut wrong_checksum = bytes.clone();
    let at = bytes.len() - 8;
    wrong_checksum[at] ^= 1;
    assert!(matches!(end(&wrong_checksum), ContentsEnd::Damaged(_)));
    let mut flipped = bytes.clone();
    flipped[bytes.len() / 2] ^= 0x55;
    assert!(matches!(end(&flipped), ContentsEnd::Damaged(_) | ContentsEnd::BrokenOff));
    assert!(matches!(end(b"-- MariaDB dump, not compressed"), ContentsEnd::Damaged(_)));
    assert_ne!(end(&[bytes.clone(), b"and more".to_vec()].concat()), ContentsEnd::Sound);
    assert!(matches!(end(&[bytes, b"and more than a header".to_vec()].concat()), ContentsEnd::Damaged(_)));
}

#[test]
fn when_the_time_is_up_the_beginning_was_read() {
    let dir = tempfile::tempdir().unwrap();
    let found = contents(&file(&dir, "a.gz", &gzip(&text())), Duration::ZERO).unwrap();
    assert_eq!(found.end, ContentsEnd::TimeUp);
    assert!(found.read_bytes > 0 && found.read_bytes < found.bytes, "{found:?}");
}

proptest! {
    #[test]
    fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400), cut in 0..400_usize) {
        let dir = tempfile::tempdir().unwrap();
        let mut damaged = gzip(&bytes);
        let at = cut % damaged.len();
        damaged[at] ^= 0x10;
        for bytes in [bytes, damaged] {
            let path = file(&dir, "a.gz", &bytes);
            contents(&path, LONG).unwrap();
            look(&path, "a.gz").unwrap();
        }
    }
}
