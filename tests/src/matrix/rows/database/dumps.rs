//! Dumps of the database that are missing, old, small, broken off or damaged.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::inject;
use crate::matrix::{Fault, Scene};

/// Longer ago than a dump may still be growing.
const SETTLED: Duration = Duration::from_mins(10);

/// The fixture's dumps, newest first: their names are their times.
fn dumps(scene: &Scene<'_>) -> Vec<PathBuf> {
    let dir = PathBuf::from(scene.servers.configured("files", "dumps"));
    let entries = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let mut dumps: Vec<_> = entries.filter(|path| path.to_string_lossy().ends_with(".dump.gz")).collect();
    dumps.sort_unstable_by(|a, b| b.cmp(a));
    dumps
}

/// The newest dump holds what `change` makes of it, since so long ago.
fn newest(change: fn(Vec<u8>) -> Vec<u8>, ago: Duration) -> impl Fn(&mut Scene<'_>) {
    move |scene| {
        let path = dumps(scene).remove(0);
        let bytes = change(std::fs::read(&path).unwrap());
        inject::replaced(&path, bytes)(scene);
        inject::touched(&path, ago)(scene);
    }
}

/// What a program makes of its input.
fn piped(program: &str, args: &[&str], input: &[u8]) -> Vec<u8> {
    let mut child =
        Command::new(program).args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(move || stdin.write_all(input).unwrap());
        child.wait_with_output().unwrap().stdout
    })
}

/// As `mysqldump` leaves it that lost its connection: sound gzip of the first half.
fn half_a_database(bytes: Vec<u8>) -> Vec<u8> {
    let text = piped("gzip", &["-dc"], &bytes);
    piped("gzip", &["-c"], &text[..text.len() / 2])
}

fn half(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.truncate(bytes.len() / 2);
    bytes
}

/// The checksum of the trailer is another one.
fn damaged(mut bytes: Vec<u8>) -> Vec<u8> {
    const TRAILER: usize = 8;
    let at = bytes.len() - TRAILER;
    bytes[at] ^= 1;
    bytes
}

fn tiny(_: Vec<u8>) -> Vec<u8> {
    piped("gzip", &["-c"], b"-- Dump completed\n")
}

/// The rows of this area.
pub(super) fn rows() -> Vec<Fault> {
    vec![
        Fault::new("the newest dump breaks off", "dump truncated")
            .with(newest(half, SETTLED))
            .culprit("database.dumps", "failed incomplete"),
        Fault::new("the newest dump is no gzip at all", "dump truncated")
            .with(newest(|_| b"mysqldump: Got error: 2013\n".to_vec(), SETTLED))
            .culprit("database.dumps", "failed incomplete"),
        Fault::new("the newest dump is damaged inside", "dump corrupt")
            .with(newest(damaged, SETTLED))
            .slow()
            .culprit("database.dumps.content", "failed corrupt"),
        Fault::new("mysqldump did not finish", "dump corrupt")
            .with(newest(half_a_database, SETTLED))
            // Half a dump is smaller than it should be, too; that is the affair of another row.
            .set("dumps.max_shrink_percent", 100)
            .set("dumps.min_bytes", 1)
            .slow()
            .culprit("database.dumps.content", "failed incomplete"),
        Fault::new("the newest dump is tiny", "dump of another size")
            .with(newest(tiny, SETTLED))
            .culprit("database.dumps", "failed too_small"),
        Fault::new("the dump before was three times as large", "dump of another size")
            .with(|scene| {
                // gzip files one after the other are one.
                let path = dumps(scene).remove(1);
                let bytes = std::fs::read(&path).unwrap().repeat(3);
                inject::replaced(&path, bytes)(scene);
                inject::touched(&path, Duration::from_hours(3))(scene);
                inject::touched(dumps(scene).remove(0), SETTLED)(scene);
            })
            .culprit("database.dumps", "failed too_small"),
        Fault::new("the dumps are old", "dump of another age")
            .with(|scene| {
                for (path, hours) in dumps(scene).into_iter().zip([5, 8]) {
                    inject::touched(path, Duration::from_hours(hours))(scene);
                }
            })
            .culprit("database.dumps", "failed stale"),
        Fault::new("a dump grows and the one before is old", "dump of another age")
            .with(newest(half, Duration::ZERO))
            .with(|scene| inject::touched(dumps(scene).remove(1), Duration::from_hours(5))(scene))
            .culprit("database.dumps", "failed stale"),
        Fault::new("there is no dump", "missing file")
            .with(|scene| {
                for path in dumps(scene) {
                    inject::missing(path)(scene);
                }
            })
            .culprit("database.dumps", "failed not_found"),
    ]
}
