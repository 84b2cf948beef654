//! What keeps the site safe while nobody looks: its dumps, and the flag of its maintenance.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Dumps of the database, in the directory `files.dumps`.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub struct Dumps {
    /// A glob that their names match.
    pub pattern: String,
    /// The oldest that the newest may be, in seconds.
    pub max_age_s: u64,
    /// How much smaller one may be than the one before it, in per cent.
    pub max_shrink_percent: f64,
    /// The smallest that one may be, compressed, in bytes.
    pub min_bytes: u64,
    /// How long after its last change one without an end may still be growing, in seconds.
    pub growing_s: u64,
    /// What its last line begins with; nothing when that is not looked at.
    pub ending: Option<String>,
}

/// The site's maintenance page.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
pub struct Maintenance {
    /// The file that turns it on by being there.
    pub flag: Option<PathBuf>,
}
