//! The kernel's log: what its lines say that should worry, and the two forms in which they are told.

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::Value;

/// A line of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    /// When it was written, as far as that is known.
    pub(crate) at: Option<Timestamp>,
    /// What it says.
    pub(crate) text: String,
}

/// From this level on lines are errors; smaller numbers are worse.
const ERROR: u8 = 3;

/// A line of the journal as far as it is read.
#[derive(Deserialize)]
struct Entry {
    #[serde(rename = "MESSAGE")]
    message: Value,
    #[serde(rename = "__REALTIME_TIMESTAMP")]
    at: Option<String>,
}

/// Reads what `journalctl --output=json` prints: one object a line, in which a message that is no text is a list of
/// bytes. Others are left out.
pub(crate) fn of_journal(printed: &[u8]) -> Vec<Line> {
    let line = |line: &[u8]| {
        let entry: Entry = serde_json::from_slice(line).ok()?;
        let text = match entry.message {
            Value::String(text) => text,
            Value::Array(bytes) => {
                let bytes = bytes.iter().map(|byte| u8::try_from(byte.as_u64()?).ok());
                String::from_utf8_lossy(&bytes.collect::<Option<Vec<u8>>>()?).into_owned()
            }
            _ => return None,
        };
        let at = entry.at.and_then(|micros| Timestamp::from_microsecond(micros.parse().ok()?).ok());
        Some(Line { at, text })
    };
    printed.split(|byte| *byte == b'\n').filter_map(line).collect()
}

/// Reads what `dmesg --raw` prints, errors only: `<3>[   12.345678] text`, where the time counts from `boot`. The lines that
/// a message of several lines goes on with are left out.
pub(crate) fn of_dmesg(printed: &str, boot: Timestamp) -> Vec<Line> {
    let line = |line: &str| {
        let (level, rest) = line.strip_prefix('<')?.split_once('>')?;
        // The lower three bits are the level, the others say whose line it is.
        if level.parse::<u16>().ok()? % 8 > u16::from(ERROR) {
            return None;
        }
        let (since, text) = rest.strip_prefix('[')?.split_once("] ")?;
        let since = SignedDuration::try_from_secs_f64(since.trim().parse().ok()?).ok()?;
        Some(Line { at: boot.checked_add(since).ok(), text: text.to_owned() })
    };
    printed.lines().filter_map(line).collect()
}

/// Something in the log that should worry.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Trouble {
    /// A process was ended because there was no memory left.
    OutOfMemory {
        /// Its id.
        pid: String,
        /// Its name, at most fifteen bytes of it.
        name: String,
    },
    /// A file system or its disk is broken.
    FileSystem {
        /// The device, as far as the line names one.
        device: String,
    },
}

/// What a file system or a disk says that is broken. All in lower case.
const BROKEN: [&str; 12] = [
    "ext4-fs error",
    "ext3-fs error",
    "ext2-fs error",
    "remounting filesystem read-only",
    "i/o error",
    "io failure",
    "btrfs critical",
    "corruption detected",
    "corruption of in-memory data",
    "filesystem has been shut down",
    "detected io errors",
    "aborting journal",
];

/// File systems of which each error counts, whatever it says.
const BTRFS: [&str; 2] = ["btrfs error", "btrfs: error"];

/// What stands before the name of a device.
const BEFORE_DEVICE: [&str; 8] =
    ["(device ", "on device ", "on dev ", "dev ", "-fs (", "xfs (", "btrfs (", "data on "];

/// What a line says that should worry, if it does.
pub(crate) fn trouble(text: &str) -> Option<Trouble> {
    if let Some(victim) = victim(text) {
        return Some(victim);
    }
    let lower = text.to_ascii_lowercase();
    let is_broken = BROKEN.iter().chain(&BTRFS).any(|sign| lower.contains(sign));
    is_broken.then(|| Trouble::FileSystem { device: device(text, &lower) })
}

/// `Out of memory: Killed process 4242 (java) total-vm:…`, also `Memory cgroup out of memory: …`; older kernels say the
/// second half on a line of its own.
fn victim(text: &str) -> Option<Trouble> {
    let (_, victim) = text.split_once("Killed process ")?;
    let (pid, rest) = victim.split_once(" (")?;
    // A name may hold brackets itself.
    let end = [") total-vm", "), UID"].iter().find_map(|end| rest.find(end));
    let end = end.or_else(|| rest.find(')'))?;
    let name = rest.get(..end)?;
    let is_pid = !pid.is_empty() && pid.bytes().all(|byte| byte.is_ascii_digit());
    is_pid.then(|| Trouble::OutOfMemory { pid: pid.to_owned(), name: name.to_owned() })
}

/// The device that a line names. `lower` is the line in lower case, which has the same bytes elsewhere.
fn device(text: &str, lower: &str) -> String {
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '/' | '.' | '!' | ':');
    let named = BEFORE_DEVICE.iter().find_map(|before| {
        let start = lower.find(before)? + before.len();
        let name: String = text.get(start..)?.chars().take_while(|c| is_name(*c)).collect();
        let name = name.trim_end_matches([':', '.', '-']);
        // The journal of ext4 adds its inode: `sda1-8`, and `dm-0-8`.
        let is_inode =
            |(name, end): &(&str, &str)| *name != "dm" && end.bytes().all(|byte| byte.is_ascii_digit());
        let name = name.rsplit_once('-').filter(is_inode).map_or(name, |(name, _)| name);
        (!name.is_empty()).then(|| name.to_owned())
    });
    named.unwrap_or_else(|| "a disk".to_owned())
}

#[cfg(test)]
#[path = "kernel_log_tests.rs"]
mod tests;
