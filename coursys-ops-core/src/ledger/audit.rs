//! The audit log: who did what, as JSON lines, which are only ever appended.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use rustix::fs::Gid;
use serde::{Deserialize, Serialize};

use super::owned;
use crate::disk;
use crate::model::{CourseKind, PlanEnded, Who};

/// The number of the shape of [`AuditEntry`].
const SCHEMA: u32 = 1;

/// A line of the audit log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// The shape's number.
    pub schema: u32,
    /// RFC 3339, UTC.
    pub at: String,
    /// What happened.
    pub event: AuditEvent,
    /// Who.
    pub who: Who,
    /// The command line, without secrets.
    pub command: Vec<String>,
    /// The run.
    pub run: String,
    /// What the plan is, a few words.
    pub title: String,
    /// What the go at it is for.
    pub course: CourseKind,
    /// The ids of the steps: those to be done when it begins, those that were begun when it has ended.
    pub steps: Vec<String>,
    /// How it ended.
    pub ended: Option<PlanEnded>,
    /// The step that stopped it.
    pub stopped_at: Option<String>,
    /// What the program exits with.
    pub exit_code: Option<u8>,
}

/// What the audit log tells.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuditEvent {
    /// Somebody begins.
    #[default]
    Begun,
    /// It has ended. This line is missing when the program was killed.
    Ended,
}

impl Default for AuditEntry {
    fn default() -> Self {
        Self {
            schema: SCHEMA,
            at: String::new(),
            event: AuditEvent::Begun,
            who: Who::default(),
            command: Vec::new(),
            run: String::new(),
            title: String::new(),
            course: CourseKind::Begin,
            steps: Vec::new(),
            ended: None,
            stopped_at: None,
            exit_code: None,
        }
    }
}

/// The audit log, open.
#[derive(Debug)]
pub struct AuditLog {
    file: File,
}

impl AuditLog {
    /// Opens the log, or makes it, readable by this group.
    ///
    /// # Errors
    ///
    /// It is a link or belongs to somebody else; or the operating system refuses.
    pub fn open(path: &Path, group: Option<u32>) -> io::Result<Self> {
        let parent = path.parent().unwrap_or(Path::new("/"));
        let is_new = std::fs::symlink_metadata(parent).is_err();
        disk::make_directory(parent, 0o750)?;
        let group = group.map(Gid::from_raw);
        if is_new && group.is_some() {
            rustix::fs::chownat(rustix::fs::CWD, parent, None, group, rustix::fs::AtFlags::SYMLINK_NOFOLLOW)?;
        }
        owned::believe(parent)?;
        let mut file = owned::open(path, true, 0o640)?;
        if group.is_some() && file.metadata()?.len() == 0 {
            rustix::fs::fchown(&file, None, group)?;
        }
        if torn(&mut file)? {
            file.write_all(b"\n")?;
        }
        Ok(Self { file })
    }

    /// Appends a line; it is on disk when this returns.
    ///
    /// # Errors
    ///
    /// It could not be written.
    pub fn append(&mut self, entry: &AuditEntry) -> io::Result<()> {
        let mut line = serde_json::to_vec(entry)?;
        line.push(b'\n');
        self.file.write_all(&line)?;
        self.file.sync_all()
    }
}

/// Whether the last line has no end, because the machine stopped in the middle of it.
fn torn(file: &mut File) -> io::Result<bool> {
    if file.metadata()?.len() == 0 {
        return Ok(false);
    }
    file.seek(SeekFrom::End(-1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    Ok(last != *b"\n")
}

#[cfg(test)]
#[path = "audit_tests.rs"]
mod tests;
