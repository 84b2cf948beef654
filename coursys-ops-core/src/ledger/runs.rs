//! The directory of all runs: `runs/ID/{plan.json,journal.jsonl,output.log}` below the state directory.

use std::fs::Permissions;
use std::io::{self, ErrorKind};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::journal::{JOURNAL, Journal};
use super::owned;
use super::past::{self, Past, parse};
use crate::disk::{self, DiskError, Links};
use crate::plan::{Plan, PlanDocument};
use crate::render;

/// The plan of a run, in its directory.
const PLAN: &str = "plan.json";
/// How the directory of a run begins that is not whole yet.
const UNFINISHED: &str = ".new-";
/// The form of an id: later ones sort behind earlier ones.
const ID: &str = "%Y%m%d-%H%M%S";
/// A longer plan, in bytes, is none of ours.
const LONGEST_PLAN: u64 = 64 << 20;

/// Why the ledger cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// There is no run of this id.
    #[error("there is no run `{0}`")]
    NoSuchRun(String),
    /// A file or directory could not be used.
    #[error("cannot use `{path}`: {error}")]
    System {
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
}

/// The runs of plans below one state directory.
#[derive(Debug, Clone)]
pub struct Ledger {
    runs: PathBuf,
    keep: usize,
}

impl Ledger {
    /// The ledger below a state directory, which need not be there yet; `keep` is how many runs are kept, at least one.
    #[must_use]
    pub fn new(state_dir: &Path, keep: usize) -> Self {
        Self { runs: state_dir.join("runs"), keep: keep.max(1) }
    }

    /// The ids of all runs, the oldest first.
    ///
    /// # Errors
    ///
    /// The directory cannot be read; one that is not there holds no run.
    pub fn ids(&self) -> Result<Vec<String>, LedgerError> {
        let entries = match std::fs::read_dir(&self.runs) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            other => other.map_err(|error| self.failed(&self.runs, error))?,
        };
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let mut ids: Vec<String> = names.filter(|name| time(name).is_some()).collect();
        ids.sort_unstable();
        Ok(ids)
    }

    /// A run.
    ///
    /// # Errors
    ///
    /// There is none of this id, or it cannot be read; a plan that makes no sense is no error yet.
    pub fn read(&self, id: &str) -> Result<Past, LedgerError> {
        let no_run = || LedgerError::NoSuchRun(id.to_owned());
        time(id).ok_or_else(no_run)?;
        let dir = self.runs.join(id);
        if !std::fs::symlink_metadata(&dir).is_ok_and(|metadata| metadata.is_dir()) {
            return Err(no_run());
        }
        let plan = self.content(&dir.join(PLAN)).and_then(|bytes| {
            let text = String::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned())?;
            PlanDocument::parse(&text)
        });
        let plan = plan.map_err(|why| format!("cannot use `{}`: {why}", dir.join(PLAN).display()));
        let journal = dir.join(JOURNAL);
        let parsed = self.content(&journal).map_err(|why| self.failed(&journal, io::Error::other(why)))?;
        Ok(Past::new(id.to_owned(), dir, plan, parse(&parsed)))
    }

    /// The last run; nothing when there is none.
    ///
    /// # Errors
    ///
    /// As those of [`Self::ids`] and [`Self::read`].
    pub fn last(&self) -> Result<Option<Past>, LedgerError> {
        self.ids()?.last().map(|id| self.read(id)).transpose()
    }

    /// Makes the directory of a new run, durable before this returns, and removes runs that are too many.
    ///
    /// # Errors
    ///
    /// It could not be written. Then there is no such run.
    pub fn begin(&self, plan: &Plan, now: Timestamp) -> Result<Journal, LedgerError> {
        let failed = |error| self.failed(&self.runs, error);
        let runs = disk::make_directory(&self.runs, 0o700).map_err(failed)?;
        owned::believe(&self.runs).map_err(failed)?;
        // Also when somebody else made it: what a plan printed is for root's eyes.
        std::fs::set_permissions(&self.runs, Permissions::from_mode(0o700)).map_err(failed)?;
        self.sweep();
        let ids = self.ids()?;
        let id = next(now, ids.last().and_then(|last| time(last)));
        let new = self.runs.join(format!("{UNFINISHED}{id}"));
        let dir = self.runs.join(&id);
        let made = self.make(&new, plan).and_then(|()| {
            std::fs::rename(&new, &dir)?;
            disk::sync(&runs)?;
            Journal::open(&id, &dir)
        });
        let journal = made.map_err(|error| {
            // The first error is the one that counts.
            let _ = std::fs::remove_dir_all(&new);
            self.failed(&dir, error)
        })?;
        for old in ids.iter().rev().skip(self.keep - 1) {
            // What cannot be removed is tried again at the next run.
            let _ = std::fs::remove_dir_all(self.runs.join(old));
        }
        Ok(journal)
    }

    /// Opens the journal of a run to go on with it.
    ///
    /// # Errors
    ///
    /// There is no such run, or it cannot be written.
    pub fn reopen(&self, id: &str) -> Result<Journal, LedgerError> {
        time(id).ok_or_else(|| LedgerError::NoSuchRun(id.to_owned()))?;
        let dir = self.runs.join(id);
        Journal::open(id, &dir).map_err(|error| self.failed(&dir, error))
    }

    fn make(&self, dir: &Path, plan: &Plan) -> io::Result<()> {
        let made = disk::make_directory(dir, 0o700)?;
        let text = render::plan::document(plan).map_err(io::Error::other)?;
        disk::replace(&dir.join(PLAN), text.as_bytes(), Some(0o600), Links::Refused).map_err(|error| {
            match error {
                DiskError::System(error) => error,
                other => io::Error::other(other),
            }
        })?;
        owned::open(&dir.join(JOURNAL), true, 0o600)?.sync_all()?;
        disk::sync(&made)
    }

    /// Removes what a killed program left of runs that never began.
    fn sweep(&self) {
        let entries = std::fs::read_dir(&self.runs).into_iter().flatten().flatten();
        for entry in entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(UNFINISHED)) {
            // The next run tries again.
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }

    fn content(&self, path: &Path) -> Result<Vec<u8>, String> {
        let read = || {
            owned::believe(path)?;
            let mut file = owned::open(path, false, 0)?;
            if file.metadata()?.len() > LONGEST_PLAN {
                return Err(io::Error::new(ErrorKind::InvalidData, "it is too long"));
            }
            past::read(&mut file)
        };
        read().map_err(|error: io::Error| error.to_string())
    }

    fn failed(&self, path: &Path, error: io::Error) -> LedgerError {
        LedgerError::System { path: path.to_owned(), error }
    }
}

/// The id of a run that begins now, behind the last one even when the clock was set back or two begin in one second.
fn next(now: Timestamp, last: Option<Timestamp>) -> String {
    let after = last.and_then(|last| last.checked_add(jiff::SignedDuration::from_secs(1)).ok());
    let at = after.map_or(now, |after| after.max(now));
    at.to_zoned(TimeZone::UTC).strftime(ID).to_string()
}

/// The time in an id; nothing for what is none.
fn time(id: &str) -> Option<Timestamp> {
    let good = id.len() == 15 && id.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    let at = jiff::civil::DateTime::strptime(ID, id).ok().filter(|_| good)?;
    at.to_zoned(TimeZone::UTC).ok().map(|at| at.timestamp())
}

#[cfg(test)]
#[path = "runs_tests.rs"]
mod tests;
