//! Dumps of the database: which are there, how they begin and end, and whether one is sound throughout. In the helper,
//! because they are on network storage, for their owner alone, and large.

use std::fs::File;
use std::io::{BufReader, Read};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::time::{Duration, Instant, UNIX_EPOCH};

use flate2::bufread::MultiGzDecoder;
use rustix::fs::{Mode, OFlags};
use serde::{Deserialize, Serialize};

use super::Refusal;
use crate::glob::glob_matches;

/// Of the dumps in a directory, so many are told, newest first.
const TOLD: usize = 16;

/// How much is decompressed at once, and then the clock is looked at.
const CHUNK: usize = 256 << 10;

/// How much is read from the file at once.
const READ: usize = 128 << 10;

/// How much of the end of the text is told, in bytes.
const ENDING: usize = 256;

/// How much others come first: this is nobody's hurry.
const NICE: i32 = 10;

/// The dumps in a directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dumps {
    /// The newest of them, newest first.
    pub newest: Vec<Dump>,
    /// How many there are in all.
    pub count: u64,
}

/// One file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dump {
    /// Its name in the directory.
    pub name: String,
    /// When it was changed last, in seconds of unix time.
    pub modified_s: i64,
    /// How large it is.
    pub bytes: u64,
    /// Its first bytes: as many as gzip's header has.
    pub head: Vec<u8>,
    /// Its last bytes: as many as gzip's trailer has.
    pub tail: Vec<u8>,
}

impl Dump {
    /// How long gzip's header without optional fields is.
    pub const HEAD: usize = 10;
    /// How long gzip's trailer is.
    pub const TAIL: usize = 8;
}

/// What a dump holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contents {
    /// How large the file is.
    pub bytes: u64,
    /// How much of the file was read.
    pub read_bytes: u64,
    /// How much text that gave.
    pub text_bytes: u64,
    /// How the reading ended.
    pub end: ContentsEnd,
    /// The last bytes of the text that was read; what is not UTF-8 is replaced.
    pub ending: String,
}

/// How the reading of a dump ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ContentsEnd {
    /// At the end of the file: length and checksum are right.
    Sound,
    /// The time was up; what was read is sound.
    TimeUp,
    /// The file ends in the middle.
    BrokenOff,
    /// It is damaged, or no gzip at all.
    Damaged(String),
}

/// The dumps in a directory whose names match a glob. Only plain files count: no link is followed.
pub(super) fn dumps(dir: &Path, pattern: &str) -> Result<Dumps, Refusal> {
    let mut newest: Vec<(i64, String)> = Vec::new();
    let mut count = 0;
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        let Some(name) = entry.file_name().to_str().map(ToOwned::to_owned) else { continue };
        if !glob_matches(pattern, &name) {
            continue;
        }
        // One that was removed meanwhile is no dump any more.
        let Ok(metadata) = entry.metadata() else { continue };
        if metadata.is_file() {
            count += 1;
            newest.push((modified_s(&metadata), name));
            if newest.len() > 2 * TOLD {
                keep_newest(&mut newest);
            }
        }
    }
    keep_newest(&mut newest);
    let mut told = Vec::new();
    for (_, name) in newest {
        match look(&dir.join(&name), &name) {
            Ok(dump) => told.extend(dump),
            Err(refusal) if refusal.is(rustix::io::Errno::NOENT) => count -= 1,
            Err(refusal) => return Err(refusal),
        }
    }
    Ok(Dumps { newest: told, count })
}

fn keep_newest(files: &mut Vec<(i64, String)>) {
    files.sort_unstable_by(|a, b| b.cmp(a));
    files.truncate(TOLD);
}

fn modified_s(metadata: &std::fs::Metadata) -> i64 {
    let seconds = |duration: Duration| i64::try_from(duration.as_secs()).unwrap_or(i64::MAX);
    let modified = metadata.modified().unwrap_or(UNIX_EPOCH);
    modified
        .duration_since(UNIX_EPOCH)
        .map_or_else(|before: std::time::SystemTimeError| -seconds(before.duration()), seconds)
}

/// Opens a plain file for reading; nothing when it is something else by now. Nothing that a name leads to can hold us up.
fn open(path: &Path) -> Result<Option<File>, Refusal> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    match rustix::fs::open(path, flags, Mode::empty()) {
        Ok(file) => {
            let file = File::from(file);
            Ok(file.metadata()?.is_file().then_some(file))
        }
        // A symbolic link.
        Err(rustix::io::Errno::LOOP) => Ok(None),
        Err(errno) => Err(errno.into()),
    }
}

fn look(path: &Path, name: &str) -> Result<Option<Dump>, Refusal> {
    let Some(file) = open(path)? else { return Ok(None) };
    let metadata = file.metadata()?;
    let bytes = metadata.len();
    let part = |from: u64, length: usize| {
        let mut part = vec![0; length];
        let mut filled = 0;
        while let Some(rest) = part.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match file.read_at(rest, from.saturating_add(filled as u64))? {
                0 => break,
                count => filled += count,
            }
        }
        part.truncate(filled);
        Ok::<_, std::io::Error>(part)
    };
    Ok(Some(Dump {
        name: name.to_owned(),
        modified_s: modified_s(&metadata),
        bytes,
        head: part(0, Dump::HEAD)?,
        tail: part(bytes.saturating_sub(Dump::TAIL as u64), Dump::TAIL)?,
    }))
}

/// Decompresses a file to its end, or until the time is up.
pub(super) fn contents(path: &Path, at_most: Duration) -> Result<Contents, Refusal> {
    let ends = Instant::now() + at_most;
    // Manners, no more: where it is refused, others wait a little.
    let _ = rustix::process::nice(NICE);
    let file =
        open(path)?.ok_or_else(|| Refusal { errno: None, message: "it is no plain file".to_owned() })?;
    let bytes = file.metadata()?.len();
    let mut decoder = MultiGzDecoder::new(BufReader::with_capacity(READ, Counted { file, count: 0 }));
    let (mut chunk, mut text_bytes, mut ending) = (vec![0; CHUNK], 0_u64, Vec::new());
    let end = loop {
        match decoder.read(&mut chunk) {
            Ok(0) => break ContentsEnd::Sound,
            Ok(count) => {
                text_bytes += count as u64;
                keep_ending(&mut ending, chunk.get(..count).unwrap_or_default());
            }
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => break ContentsEnd::BrokenOff,
            // What the file system says, not what the bytes are.
            Err(error) if error.raw_os_error().is_some() => return Err(error.into()),
            Err(error) => break ContentsEnd::Damaged(error.to_string()),
        }
        if Instant::now() >= ends {
            break ContentsEnd::TimeUp;
        }
    };
    let unread = decoder.get_ref().buffer().len() as u64;
    let read_bytes = decoder.get_ref().get_ref().count.saturating_sub(unread);
    let ending = String::from_utf8_lossy(&ending).into_owned();
    Ok(Contents { bytes, read_bytes, text_bytes, end, ending })
}

/// Keeps the last bytes of a text that comes in pieces.
fn keep_ending(ending: &mut Vec<u8>, piece: &[u8]) {
    ending.extend_from_slice(piece.get(piece.len().saturating_sub(ENDING)..).unwrap_or_default());
    let surplus = ending.len().saturating_sub(ENDING);
    ending.drain(..surplus);
}

/// A file that counts what was read of it.
struct Counted {
    file: File,
    count: u64,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.file.read(buffer)?;
        self.count += count as u64;
        Ok(count)
    }
}

#[cfg(test)]
#[path = "dumps_tests.rs"]
mod tests;
