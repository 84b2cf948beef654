//! Everybody's processes, as the kernel knows them: for counting those that fit a pattern.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::processes::{effective_uid, words};

/// One of everybody's processes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// Its id.
    pub pid: u32,
    /// Its effective user.
    pub uid: u32,
    /// Its name as the kernel knows it.
    pub name: String,
    /// Its command line, words joined by blanks; empty for those of the kernel and for zombies.
    pub command: String,
}

/// Everybody's processes but zombies. One that ends meanwhile is left out.
pub(super) fn everybody() -> std::io::Result<Vec<Seen>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc")? {
        let entry = entry?;
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        found.extend(seen(pid, &entry.path()));
    }
    Ok(found)
}

/// One of them, unless it has ended.
fn seen(pid: u32, place: &Path) -> Option<Seen> {
    let status = String::from_utf8_lossy(&std::fs::read(place.join("status")).ok()?).into_owned();
    let name = status.lines().find_map(|line| line.strip_prefix("Name:"))?.trim().to_owned();
    let zombie = status.lines().any(|line| line.starts_with("State:") && line.contains("Z (zombie)"));
    let command = words(&std::fs::read(place.join("cmdline")).unwrap_or_default()).join(" ");
    (!zombie).then_some(Seen { pid, uid: effective_uid(&status)?, name, command })
}
