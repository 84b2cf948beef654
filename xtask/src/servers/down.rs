//! `servers down`: leaves nothing, whatever happened before.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::process;
use super::state::{self, UpLock};

/// Takes down the set `name`, or every set. Nothing to take down is no error.
///
/// # Errors
/// A process or directory that cannot be removed.
pub fn run(name: Option<&str>) -> Result<ExitCode> {
    let directories = state::directories(name)?;
    if directories.is_empty() {
        eprintln!("no servers are up");
    }
    for directory in &directories {
        process::wait_until_reaped(&remove(directory)?);
    }
    Ok(ExitCode::SUCCESS)
}

/// Kills every process of the set in `directory` and removes the directory. An `up` that is still at work ends first.
/// Returns the processes that were killed.
///
/// # Errors
/// A process or directory that cannot be removed.
pub fn remove(directory: &Path) -> Result<BTreeSet<u32>> {
    if let Some(pid) = UpLock::holder(directory)? {
        eprintln!("process {pid} is still bringing servers up in {}: ending it", directory.display());
        process::kill(pid)?;
        UpLock::wait_until_free(directory)?;
    }
    let killed = process::kill_all(directory)?;
    remove_directory(directory)?;
    eprintln!("removed {} with {} processes", directory.display(), killed.len());
    Ok(killed)
}

/// The data is thrown away, so nobody was asked to end in order; a dying process may still make a file.
fn remove_directory(directory: &Path) -> Result<()> {
    let started = Instant::now();
    loop {
        match fs::remove_dir_all(directory) {
            Ok(()) => return Ok(()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(_) if started.elapsed() < Duration::from_secs(5) => sleep(Duration::from_millis(50)),
            Err(error) => return Err(error).context(format!("failed to remove `{}`", directory.display())),
        }
    }
}
