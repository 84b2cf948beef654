//! A change of a file, as whoever the helper runs as.

use std::io::Read as _;

use serde::{Deserialize, Serialize};

use super::{Answer, Refusal};
use crate::disk::{self, DiskError, Links};
use crate::plan::FileChange;

/// More than this, in bytes, is no change of a plan.
const LONGEST: u64 = 16 << 20;

/// A change, and what it may replace.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Placing {
    /// The change.
    #[serde(flatten)]
    pub change: FileChange,
    /// Whether a new file takes the place of what is no regular file, too. Plans never ask for that.
    #[serde(default)]
    pub over_anything: bool,
}

/// Reads the change from standard input and carries it out. No symbolic link is followed, whoever asks.
pub(super) fn change() -> Answer<()> {
    let mut text = Vec::new();
    std::io::stdin().lock().take(LONGEST).read_to_end(&mut text)?;
    let Placing { change, over_anything } = serde_json::from_slice(&text).map_err(std::io::Error::from)?;
    let replace = if over_anything { disk::replace_anything } else { disk::replace };
    let changed = match &change.content {
        Some(content) => {
            replace(&change.path, content.as_bytes(), Some(change.mode & 0o7777), Links::Refused)
        }
        None => disk::remove(&change.path, Links::Refused),
    };
    changed.map_err(|error| match error {
        DiskError::System(error) => error.into(),
        other => Refusal { errno: None, message: other.to_string() },
    })
}
