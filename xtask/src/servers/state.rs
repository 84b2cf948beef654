//! What is known about each set of servers, in its own directory, and where those directories are.
//!
//! The directory's name says to which set it belongs, so that it is found even if nothing was written into it yet.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use super::names::random_word;
use super::options::Up;
use super::plan::Server;
use super::ports::Ports;

/// Not `$TMPDIR`: `down` must find what `up` made, whoever's environment it has.
const PARENT: &str = "/tmp";

/// What `up` knows, written before it starts anything.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct State {
    /// Whether all servers have answered.
    pub ready: bool,
    /// What was asked for.
    pub options: Up,
    /// The configuration file for `coursys-ops --config`.
    pub config: PathBuf,
    /// The ports that are promised to this set.
    pub ports: Ports,
    /// The servers, workers and web server, in the order of their start.
    pub servers: Vec<Server>,
}

impl State {
    /// Reads the state of the set in `directory`; nothing when none was written.
    ///
    /// # Errors
    /// The file cannot be read or understood.
    pub fn read(directory: &Path) -> Result<Option<Self>> {
        let path = directory.join("state.json");
        match fs::read_to_string(&path) {
            Ok(text) => {
                serde_json::from_str(&text).with_context(|| format!("`{}` is damaged", path.display()))
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("failed to read `{}`", path.display())),
        }
    }

    /// Replaces the state on disk, in one step.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&self, directory: &Path) -> Result<()> {
        let mut file = tempfile::NamedTempFile::new_in(directory)?;
        file.write_all(&serde_json::to_vec_pretty(self)?)?;
        file.persist(directory.join("state.json")).context("failed to write the state")?;
        Ok(())
    }
}

/// A new directory for the set `name`.
///
/// # Errors
/// It cannot be made.
pub fn create(name: &str) -> Result<PathBuf> {
    let directory = Path::new(PARENT).join(format!("coursys-ops-{name}-{}", random_word(6)?));
    fs::DirBuilder::new()
        .mode(0o755)
        .create(&directory)
        .with_context(|| format!("failed to make `{}`", directory.display()))?;
    Ok(directory)
}

/// Our own directories of the set `name`, or of every set: usually one or none, more after accidents.
///
/// # Errors
/// `/tmp` cannot be listed.
pub fn directories(name: Option<&str>) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(PARENT).with_context(|| format!("failed to list `{PARENT}`"))? {
        let entry = entry?;
        let Some(set) = entry.file_name().to_str().and_then(set_name).map(str::to_owned) else { continue };
        let ours = entry
            .metadata()
            .is_ok_and(|data| data.is_dir() && data.uid() == rustix::process::geteuid().as_raw());
        if ours && name.is_none_or(|name| name == set) {
            found.push(entry.path());
        }
    }
    found.sort();
    Ok(found)
}

/// The name of the set that a directory's name tells.
pub fn set_name(directory: &str) -> Option<&str> {
    let (name, word) = directory.strip_prefix("coursys-ops-")?.rsplit_once('-')?;
    (word.len() == 6 && !name.is_empty()).then_some(name)
}

/// All ports that are promised to some set of servers, running or stopped. Damaged states promise nothing.
///
/// # Errors
/// `/tmp` cannot be listed.
pub fn promised_ports() -> Result<BTreeSet<u16>> {
    let states =
        directories(None)?.into_iter().filter_map(|directory| State::read(&directory).ok().flatten());
    Ok(states.flat_map(|state| state.ports.all()).collect())
}

/// Held by `up` as long as it works. The kernel lets go of it when `up` ends, however it ends, and not before its last
/// forked child has become the program it was forked for (and so carries its mark).
#[derive(Debug)]
pub struct UpLock {
    _file: File,
}

impl UpLock {
    /// Takes the lock of a new directory and leaves our process id in it.
    ///
    /// # Errors
    /// The file cannot be made or locked.
    pub fn take(directory: &Path) -> Result<Self> {
        let mut file = open(directory)?;
        file.try_lock().context("this set of servers is locked by another process")?;
        write!(file, "{}", std::process::id())?;
        Ok(Self { _file: file })
    }

    /// The process that is bringing the set up right now.
    ///
    /// # Errors
    /// The file cannot be read or locked.
    pub fn holder(directory: &Path) -> Result<Option<u32>> {
        let mut file = open(directory)?;
        match file.try_lock() {
            Ok(()) => Ok(None),
            Err(TryLockError::WouldBlock) => {
                let mut pid = String::new();
                file.read_to_string(&mut pid)?;
                Ok(Some(pid.trim().parse().context("the lock does not name its holder")?))
            }
            Err(TryLockError::Error(error)) => Err(error).context("failed to look at the lock"),
        }
    }

    /// Waits until nobody holds the lock.
    ///
    /// # Errors
    /// Somebody still does after 10 seconds.
    pub fn wait_until_free(directory: &Path) -> Result<()> {
        let started = Instant::now();
        while let Some(pid) = Self::holder(directory)? {
            if started.elapsed() > Duration::from_secs(10) {
                bail!("process {pid} does not let go of `{}`", directory.display());
            }
            sleep(Duration::from_millis(20));
        }
        Ok(())
    }
}

fn open(directory: &Path) -> Result<File> {
    let path = directory.join("up.lock");
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).read(true).write(true).mode(0o600);
    options.open(&path).with_context(|| format!("failed to open `{}`", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::servers::{options, ports};

    #[test]
    fn a_directory_tells_its_set_and_a_prefix_of_a_name_is_another_set() {
        assert_eq!(set_name("coursys-ops-default-abc234"), Some("default"));
        assert_eq!(set_name("coursys-ops-ci-2-abc234"), Some("ci-2"));
        assert_eq!(set_name("coursys-ops-abc234"), None);
        assert_eq!(set_name("coursys-ops-default-abc"), None);
        assert_eq!(set_name("something-else"), None);
    }

    #[test]
    fn a_state_is_read_back_as_written_and_only_by_its_owner() {
        let directory = tempfile::tempdir().unwrap();
        assert!(State::read(directory.path()).unwrap().is_none());
        let state = State {
            ready: false,
            options: options::up(&["--tls"]),
            config: "/tmp/x/coursys-ops.toml".into(),
            ports: ports::sample(),
            servers: Vec::new(),
        };
        state.write(directory.path()).unwrap();
        let read = State::read(directory.path()).unwrap().unwrap();
        assert_eq!((read.ready, read.ports, read.options), (false, ports::sample(), options::up(&["--tls"])));
        let mode = fs::metadata(directory.path().join("state.json")).unwrap().mode();
        assert_eq!(mode & 0o777, 0o600, "it holds passwords");
    }

    #[test]
    fn a_damaged_state_is_an_error_that_names_the_file() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("state.json"), "{").unwrap();
        assert!(State::read(directory.path()).unwrap_err().to_string().contains("state.json"));
    }

    #[test]
    fn the_lock_names_its_holder_and_goes_with_it() {
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(UpLock::holder(directory.path()).unwrap(), None);
        let lock = UpLock::take(directory.path()).unwrap();
        assert_eq!(UpLock::holder(directory.path()).unwrap(), Some(std::process::id()));
        assert!(UpLock::take(directory.path()).is_err());
        drop(lock);
        assert_eq!(UpLock::holder(directory.path()).unwrap(), None);
    }
}
