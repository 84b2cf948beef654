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
    /// The value of `X-Forwarded-For` whose requests nginx lets pass.
    pub bypass: Option<String>,
    /// How long running tasks, and running requests, are waited for, in seconds.
    #[serde(default)]
    pub patience_s: u64,
}

/// How plans are carried out.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub struct Plans {
    /// The directory that holds the journals of runs.
    pub state_dir: PathBuf,
    /// The file whose lock lets one plan act at a time.
    pub lock: PathBuf,
    /// The file that tells who did what.
    pub audit_log: PathBuf,
    /// The group that may read the audit log.
    pub administrators: String,
    /// How many runs are kept.
    pub keep_runs: usize,
}
