//! A server as a value, and the one place that carries such a value out.

use std::fs::{self, DirBuilder};
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::PathBuf;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use super::account::{Account, give};
use super::probe::Probe;
use super::program::{Program, tail};

/// How long a preparation or a start may take. Generous: two sets may start on two busy cores.
const PATIENCE: Duration = Duration::from_secs(120);

/// After this long a starting server is asked again whether it answers; longer each time, because every question
/// that comes too early leaves a complaint in some server's log.
const FIRST_PAUSE: Duration = Duration::from_millis(50);

/// The longest pause between two questions.
const LAST_PAUSE: Duration = Duration::from_millis(300);

/// How to make a server from nothing.
#[derive(Debug)]
pub struct Plan {
    /// Directories, parents first.
    pub directories: Vec<Directory>,
    /// Files of its configuration.
    pub files: Vec<ConfigFile>,
    /// What runs to its end before the server starts.
    pub preparations: Vec<Program>,
    /// The server itself.
    pub server: Server,
}

/// A directory to make.
#[derive(Debug)]
pub struct Directory {
    /// Where.
    pub path: PathBuf,
    /// Whose.
    pub account: Account,
    /// Permission bits.
    pub mode: u32,
}

/// A file to write.
#[derive(Debug)]
pub struct ConfigFile {
    /// Where.
    pub path: PathBuf,
    /// What.
    pub content: String,
    /// Whose.
    pub account: Account,
    /// Permission bits.
    pub mode: u32,
}

/// A server that was made: what is needed to show it and to start it again.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Server {
    /// Its name in `status`.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The TCP port (UDP for the time server) it listens on.
    pub port: Option<u16>,
    /// The Unix socket it listens on.
    pub socket: Option<PathBuf>,
    /// Its data.
    pub data_dir: PathBuf,
    /// Its log.
    pub log: PathBuf,
    /// The process to start.
    pub program: Program,
    /// Tells when it answers.
    pub probe: Probe,
}

impl Directory {
    /// Readable for everybody, writable for its owner.
    pub fn open(path: impl Into<PathBuf>, account: &Account) -> Self {
        Self { path: path.into(), account: account.clone(), mode: 0o755 }
    }

    /// For its owner alone.
    pub fn private(path: impl Into<PathBuf>, account: &Account) -> Self {
        Self { path: path.into(), account: account.clone(), mode: 0o700 }
    }

    /// Makes it, with its parents; one that is there gets owner and mode.
    ///
    /// # Errors
    /// What the file system says.
    pub fn make(&self) -> Result<()> {
        DirBuilder::new()
            .recursive(true)
            .create(&self.path)
            .with_context(|| format!("failed to make `{}`", self.path.display()))?;
        fs::set_permissions(&self.path, fs::Permissions::from_mode(self.mode))?;
        give(&self.path, &self.account)
    }
}

impl ConfigFile {
    /// For its owner alone.
    pub fn private(path: impl Into<PathBuf>, account: &Account, content: impl Into<String>) -> Self {
        Self { path: path.into(), content: content.into(), account: account.clone(), mode: 0o600 }
    }

    /// Writes it, never readable by more than it should be. Replaces what is there.
    ///
    /// # Errors
    /// What the file system says.
    pub fn write(&self) -> Result<()> {
        let mut options = fs::OpenOptions::new();
        options.create(true).truncate(true).write(true).mode(self.mode);
        let mut file =
            options.open(&self.path).with_context(|| format!("failed to write `{}`", self.path.display()))?;
        file.set_permissions(fs::Permissions::from_mode(self.mode))?;
        file.write_all(self.content.as_bytes())?;
        give(&self.path, &self.account)
    }
}

impl Plan {
    /// Makes the server, starts it and waits until it answers.
    ///
    /// # Errors
    /// Whatever fails first; when the server ends or stays silent, with the end of its log.
    pub fn carry_out(&self) -> Result<()> {
        self.prepare()?;
        self.server.start()
    }

    /// Everything but the start.
    ///
    /// # Errors
    /// Whatever fails first.
    pub fn prepare(&self) -> Result<()> {
        self.directories.iter().try_for_each(Directory::make)?;
        self.files.iter().try_for_each(ConfigFile::write)?;
        self.preparations.iter().try_for_each(|program| program.run(PATIENCE))
    }
}

impl Server {
    /// Starts the process and waits until it answers.
    ///
    /// # Errors
    /// It cannot be started, ends at once or stays silent; with the end of its log then.
    pub fn start(&self) -> Result<()> {
        // One that was killed leaves its pid file, and by then the number may be somebody else's.
        let _ = fs::remove_file(self.data_dir.join("pid"));
        let mut child = self.program.spawn()?;
        self.wait(PATIENCE, || match child.try_wait()? {
            Some(status) => bail!("{} ended with {status}; {}", self.name, tail(&self.log)),
            None => Ok(()),
        })
    }

    /// Waits for an answer of a server that was started earlier.
    ///
    /// # Errors
    /// It stays silent.
    pub fn answers(&self, patience: Duration) -> Result<()> {
        self.wait(patience, || Ok(()))
    }

    fn wait(&self, patience: Duration, mut still_alive: impl FnMut() -> Result<()>) -> Result<()> {
        let started = Instant::now();
        let mut pause = FIRST_PAUSE;
        loop {
            let Err(error) = self.probe.ask() else { return Ok(()) };
            still_alive()?;
            if started.elapsed() >= patience {
                bail!("{} does not answer ({error:#}); {}", self.name, tail(&self.log));
            }
            sleep(pause);
            pause = (pause + pause / 4).min(LAST_PAUSE);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::servers::account::Accounts;

    #[test]
    fn a_file_has_its_final_mode_also_when_it_replaces_a_wider_one() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("secret");
        fs::write(&path, "old and longer").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let caller = Accounts::look_up().unwrap().caller;
        ConfigFile::private(&path, &caller, "new").write().unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
