//! The lock that lets one plan act at a time: of the kernel, so that whoever holds it and dies lets it go.

use std::fs::{File, TryLockError};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::owned;

/// More than this, in bytes, nobody writes about himself.
const LONGEST: u64 = 64 << 10;

/// How often and how long one waits for a holder to say who he is: between taking the lock and writing that, a moment passes.
const ASK_AGAIN: (u32, Duration) = (10, Duration::from_millis(20));

/// Who holds the lock.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// The process.
    pub pid: u32,
    /// The person.
    pub owner: String,
    /// The command line, without secrets.
    pub command: Vec<String>,
    /// RFC 3339, UTC.
    pub since: String,
    /// The run, once it has begun.
    pub run: Option<String>,
}

/// Why the lock was not taken.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another has it; nothing when he does not say who he is.
    #[error("another plan is being carried out")]
    Held(Option<Holder>),
    /// The file cannot be used.
    #[error("cannot use the lock `{path}`: {error}")]
    System {
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
}

/// The lock, held until this is dropped. No child inherits it.
#[derive(Debug)]
pub struct Lock {
    file: File,
}

impl Lock {
    /// Takes the lock, or says at once who has it.
    ///
    /// # Errors
    ///
    /// See [`LockError`].
    pub fn take(path: &Path, holder: &Holder) -> Result<Self, LockError> {
        let failed = |error| LockError::System { path: path.to_owned(), error };
        loop {
            // Who can open it can hold it: it is for its owner alone.
            let file = owned::open(path, true, 0o600).map_err(failed)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Err(LockError::Held(asked(file))),
                Err(TryLockError::Error(error)) => return Err(failed(error)),
            }
            // Somebody may have removed the file between the two; then others lock another one.
            let same = std::fs::symlink_metadata(path).and_then(|there| {
                let ours = file.metadata()?;
                Ok((there.dev(), there.ino()) == (ours.dev(), ours.ino()))
            });
            if same.is_ok_and(|same| same) {
                let mut lock = Self { file };
                lock.note(holder).map_err(failed)?;
                return Ok(lock);
            }
        }
    }

    /// Writes down who holds it.
    ///
    /// # Errors
    ///
    /// It could not be written, on a full disk say.
    pub fn note(&mut self, holder: &Holder) -> io::Result<()> {
        let text = serde_json::to_vec(holder)?;
        self.file.set_len(0)?;
        self.file.write_all(&text)
    }

    /// Who holds the lock at this moment; nothing when nobody does. Nobody notices the question.
    ///
    /// # Errors
    ///
    /// The file or the kernel's list of locks cannot be read.
    pub fn holder(path: &Path) -> io::Result<Option<Holder>> {
        let file = match owned::open(path, false, 0) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other?,
        };
        let (device, inode) = (file.metadata()?.dev(), file.metadata()?.ino());
        let locks = procfs::locks().map_err(io::Error::other)?;
        let (major, minor) = (rustix::fs::major(device), rustix::fs::minor(device));
        let ours = |lock: &procfs::Lock| lock.inode == inode && (lock.devmaj, lock.devmin) == (major, minor);
        let held = locks.iter().any(|lock| ours(lock) && matches!(lock.lock_type, procfs::LockType::FLock));
        Ok(if held { Some(asked(file).unwrap_or_default()) } else { None })
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Nobody believes it once the lock is free; it would only puzzle who looks.
        let _ = self.file.set_len(0);
    }
}

/// What the holder wrote about himself.
fn asked(mut file: File) -> Option<Holder> {
    let (times, pause) = ASK_AGAIN;
    for _ in 0..times {
        let mut bytes = Vec::new();
        file.seek(SeekFrom::Start(0)).ok()?;
        (&mut file).take(LONGEST).read_to_end(&mut bytes).ok()?;
        if let Ok(holder) = serde_json::from_slice(&bytes) {
            return Some(holder);
        }
        std::thread::sleep(pause);
    }
    None
}

#[cfg(test)]
#[path = "lock_tests.rs"]
mod tests;
