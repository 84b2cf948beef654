//! A change of a file, as whoever the helper runs as.

use std::io::Read as _;

use super::{Answer, Refusal};
use crate::disk::{self, DiskError, Links};
use crate::plan::FileChange;

/// More than this, in bytes, is no change of a plan.
const LONGEST: u64 = 16 << 20;

/// Reads the change from standard input and carries it out. No symbolic link is followed, whoever asks.
pub(super) fn change() -> Answer<()> {
    let mut text = Vec::new();
    std::io::stdin().lock().take(LONGEST).read_to_end(&mut text)?;
    let change: FileChange = serde_json::from_slice(&text).map_err(std::io::Error::from)?;
    let changed = match &change.content {
        Some(content) => {
            disk::replace(&change.path, content.as_bytes(), Some(change.mode & 0o7777), Links::Refused)
        }
        None => disk::remove(&change.path, Links::Refused),
    };
    changed.map_err(|error| match error {
        DiskError::System(error) => error.into(),
        other => Refusal { errno: None, message: other.to_string() },
    })
}
