//! One server: its directory, what is known about it, and its first process.

use std::fs;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

use super::{Layout, cgroup};
use crate::servers::program::tail;

/// Where the directories of all servers are. Not `/tmp`: they are large.
pub const PARENT: &str = "/var/lib/coursys-ops-staging";

/// A server by its name, whether it is up or not.
#[derive(Clone, Debug)]
pub struct Instance {
    name: String,
    directory: PathBuf,
}

/// What `up` writes into the directory.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct State {
    /// How the site is deployed.
    pub layout: Layout,
    /// What lies below the server's own layer, the uppermost first. Not to be removed while it runs.
    pub layers: Vec<PathBuf>,
    /// Whether the site has answered.
    pub ready: bool,
}

impl Instance {
    /// The server of this name.
    pub fn new(name: &str) -> Self {
        Self { name: name.to_owned(), directory: Path::new(PARENT).join(name) }
    }

    /// Every server that left anything.
    pub fn all() -> Vec<Self> {
        let mut names = cgroup::names();
        let entries = fs::read_dir(PARENT).into_iter().flatten().flatten();
        names.extend(entries.map(|entry| entry.file_name().to_string_lossy().into_owned()));
        names.iter().map(|name| Self::new(name)).collect()
    }

    /// A server that `up` needs for a while before this one can be. Nobody can choose such a name.
    pub fn helper(&self, purpose: &str) -> Self {
        Self::new(&format!("{}.{purpose}", self.name))
    }

    /// Whether it is the server of this name, or one of its helpers.
    pub fn belongs_to(&self, name: &str) -> bool {
        self.name.split('.').next() == Some(name)
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// What it wrote over the layers below.
    pub fn upper(&self) -> PathBuf {
        self.directory.join("upper")
    }

    /// What overlayfs needs beside that.
    pub fn work(&self) -> PathBuf {
        self.directory.join("work")
    }

    /// Where all layers are mounted, in its own namespace.
    pub fn mount_point(&self) -> PathBuf {
        self.directory.join("root")
    }

    /// Its `/var/lib/docker`: an overlay cannot lie on an overlay.
    pub fn docker(&self) -> PathBuf {
        self.directory.join("docker")
    }

    /// What it said while it started.
    pub fn console(&self) -> PathBuf {
        self.directory.join("console.log")
    }

    /// Makes the directory. One that is there is no error.
    ///
    /// # Errors
    /// What the file system says.
    pub fn make(&self) -> Result<()> {
        for directory in [&self.directory, &self.upper(), &self.work(), &self.mount_point(), &self.docker()] {
            // The upper layer is the server's root directory, so others must be able to enter it.
            let mode = if *directory == self.directory { 0o700 } else { 0o755 };
            fs::DirBuilder::new()
                .recursive(true)
                .mode(mode)
                .create(directory)
                .with_context(|| format!("failed to make `{}`", directory.display()))?;
        }
        Ok(())
    }

    /// What `up` wrote; nothing when it did not come so far.
    pub fn state(&self) -> Option<State> {
        serde_json::from_slice(&fs::read(self.directory.join("state.json")).ok()?).ok()
    }

    /// Replaces that, in one step.
    ///
    /// # Errors
    /// What the file system says.
    pub fn write_state(&self, state: &State) -> Result<()> {
        let new = self.directory.join("state.json.new");
        fs::write(&new, serde_json::to_vec_pretty(state)?)?;
        fs::rename(&new, self.directory.join("state.json")).context("failed to write the state")
    }

    /// Its systemd, as this machine numbers it.
    pub fn leader(&self) -> Option<u32> {
        cgroup::processes(&self.name).into_iter().find(|&pid| is_leader(pid))
    }

    /// Its systemd, when it is up.
    ///
    /// # Errors
    /// It is not up; the message says how to change that.
    pub fn running(&self) -> Result<u32> {
        self.leader().with_context(|| {
            format!("server `{0}` is not up: start it with `cargo xtask staging up --name {0}`", self.name)
        })
    }

    /// Its root directory, seen from here.
    ///
    /// # Errors
    /// It is not up.
    pub fn root(&self) -> Result<PathBuf> {
        Ok(format!("/proc/{}/root", self.running()?).into())
    }

    /// Lets it shut down in order, and waits until it has.
    ///
    /// # Errors
    /// It has not, at the deadline.
    pub fn shut_down(&self, patience: Duration) -> Result<()> {
        // What systemd as the first process takes for "power off".
        self.end_by("RTMIN+4", patience)
    }

    /// Lets it end as for a restart, and waits until it has. Whoever switched it on switches it on again.
    ///
    /// # Errors
    /// It has not ended, at the deadline.
    pub fn end_for_reboot(&self, patience: Duration) -> Result<()> {
        // The same for "reboot": the container ends then, because nobody restarts it.
        self.end_by("RTMIN+5", patience)
    }

    fn end_by(&self, signal: &str, patience: Duration) -> Result<()> {
        let argv = ["kill", "-s", signal, &self.running()?.to_string()];
        let status = crate::run::output(&argv, Path::new("/"));
        status.context("failed to ask the server to shut down")?;
        let started = Instant::now();
        while !cgroup::processes(&self.name).is_empty() {
            ensure!(started.elapsed() < patience, "the server does not shut down; {}", tail(&self.console()));
            sleep(Duration::from_millis(50));
        }
        Ok(())
    }
}

/// The first process of a namespace directly below ours: Docker's containers have one each, too, but deeper.
fn is_leader(pid: u32) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let numbers = status.lines().find_map(|line| line.strip_prefix("NSpid:"));
    let numbers: Vec<&str> = numbers.unwrap_or_default().split_whitespace().collect();
    matches!(numbers.as_slice(), [_, "1"])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_lies_in_one_directory() {
        let instance = Instance::new("x");
        for path in [instance.upper(), instance.work(), instance.mount_point(), instance.docker()] {
            assert_eq!(path.parent(), Some(instance.directory()));
        }
    }

    #[test]
    fn a_helper_belongs_to_the_server_that_needs_it() {
        let instance = Instance::new("x");
        assert!(instance.helper("template").belongs_to("x") && instance.belongs_to("x"));
        assert!(!Instance::new("xy").belongs_to("x"));
    }

    #[test]
    fn a_process_of_this_machine_is_no_servers_first() {
        assert!(!is_leader(std::process::id()));
    }

    #[test]
    fn who_enters_a_server_that_is_not_up_is_told_how_to_start_it() {
        let error = Instance::new("no-such-server").running().unwrap_err().to_string();
        assert!(error.contains("staging up --name no-such-server"), "{error}");
    }
}
