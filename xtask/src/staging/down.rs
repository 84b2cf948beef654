//! `staging down`: leaves nothing, whatever happened before.

use std::fs;
use std::process::ExitCode;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::cgroup;
use super::instance::{Instance, PARENT};
use crate::servers::process;
use crate::servers::state::UpLock;

/// Takes down the server `name`, or every one. Nothing to take down is no error.
///
/// # Errors
/// A process, control group or directory that cannot be removed.
pub fn run(name: Option<&str>) -> Result<ExitCode> {
    let all = Instance::all();
    let wanted: Vec<_> =
        all.iter().filter(|instance| name.is_none_or(|name| instance.belongs_to(name))).collect();
    if wanted.is_empty() {
        eprintln!("no such server is up");
    }
    for instance in wanted {
        if instance.directory().exists()
            && let Some(pid) = UpLock::holder(instance.directory())?
        {
            eprintln!("process {pid} is still switching it on: ending it");
            process::kill(pid)?;
            UpLock::wait_until_free(instance.directory())?;
        }
        let killed = clean(instance)?;
        eprintln!("removed server `{}` with {killed} processes", instance.name());
    }
    Ok(ExitCode::SUCCESS)
}

/// Ends every process of the server and removes its control groups and its directory. Its mounts and its network go with
/// its last process. Returns how many processes there were.
///
/// # Errors
/// One of these cannot be removed.
pub fn clean(instance: &Instance) -> Result<usize> {
    // Those that were not in its control groups yet; only `up` itself is marked and none of them.
    let mut killed = process::kill_all(instance.directory())?;
    killed.extend(cgroup::remove(instance.name())?);
    process::wait_until_reaped(&killed);
    remove_directory(instance)?;
    // The last one takes the common directory with it.
    let _ = fs::remove_dir(PARENT);
    Ok(killed.len())
}

/// A mount goes a moment after the last process of its namespace.
fn remove_directory(instance: &Instance) -> Result<()> {
    let started = Instant::now();
    loop {
        match fs::remove_dir_all(instance.directory()) {
            Ok(()) => return Ok(()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(_) if started.elapsed() < Duration::from_secs(10) => sleep(Duration::from_millis(50)),
            Err(error) => {
                return Err(error)
                    .with_context(|| format!("failed to remove `{}`", instance.directory().display()));
            }
        }
    }
}

/// Takes a server down however its maker ends.
pub struct OnDrop<'a>(pub &'a Instance);

impl Drop for OnDrop<'_> {
    fn drop(&mut self) {
        if let Err(error) = clean(self.0) {
            eprintln!("warning: {error:#}");
        }
    }
}
