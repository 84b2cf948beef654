//! The site's code.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// The checkout in the site's directory, and what belongs to it.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub struct SiteCode {
    /// The branch that the site runs.
    pub branch: String,
    /// Patterns of paths that may differ from what is committed, or be untracked.
    pub expected_changes: Vec<String>,
    /// Git's patterns of the files that processes read once.
    pub patterns: Vec<String>,
    /// How old git's lock of the index may be, in seconds.
    pub lock_max_age_s: u32,
    /// The program that compares submissions, from the site's directory; nothing where the layout has none.
    pub moss: Option<PathBuf>,
}
