//! A set of private servers that `cargo xtask servers` manages.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::process::Pid;
use serde::Deserialize;

use crate::Program;

/// One test at a time has the servers.
static TURN: Mutex<()> = Mutex::new(());

/// A set of servers that is up.
pub struct Servers {
    name: String,
    /// The configuration file of the set.
    pub config: PathBuf,
    owned: bool,
    _turn: Option<MutexGuard<'static, ()>>,
}

/// What `servers status --json` prints.
#[derive(Debug, Deserialize)]
struct Status {
    servers: Vec<Server>,
}

/// One server of a set.
#[derive(Debug, Clone, Deserialize)]
pub struct Server {
    /// What it is called.
    pub name: String,
    /// Every process of it.
    pub pids: Vec<i32>,
    /// Where it listens.
    pub port: Option<u16>,
}

impl Server {
    /// Its processes: those that nobody of it started, and those that one of them started.
    #[must_use]
    pub fn mains_and_children(&self) -> (Vec<Pid>, Vec<Pid>) {
        let is_child = |pid: &i32| {
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            let parent =
                stat.rsplit(") ").next().and_then(|rest| rest.split(' ').nth(1)?.parse::<i32>().ok());
            parent.is_some_and(|parent| self.pids.contains(&parent))
        };
        let (children, mains): (Vec<i32>, _) = self.pids.iter().copied().partition(is_child);
        let existing = |pids: Vec<i32>| pids.into_iter().filter_map(Pid::from_raw).collect();
        (existing(mains), existing(children))
    }
}

/// The set that `cargo xtask test` brought up, for this test alone; nothing when there is none and that is allowed.
#[must_use]
pub fn servers() -> Option<Servers> {
    let Ok(name) = std::env::var("COURSYS_OPS_TEST_SERVERS") else {
        assert!(
            std::env::var("CI").as_deref() != Ok("true"),
            "COURSYS_OPS_TEST_SERVERS names no set of servers: run this with `cargo xtask test`"
        );
        eprintln!("skipped: needs servers, run it with `cargo xtask test`");
        return None;
    };
    let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let config = Servers::up_again(&name, &[]);
    let servers = Servers { name, config, owned: false, _turn: Some(turn) };
    servers.wait_until_well();
    Some(servers)
}

impl Servers {
    /// A set of its own with these options, taken down when dropped; nothing where there are no servers at all.
    #[must_use]
    pub fn up(name: &str, options: &[&str]) -> Option<Self> {
        let base = std::env::var("COURSYS_OPS_TEST_SERVERS");
        if base.is_err() {
            return servers();
        }
        let name = format!("{}-{name}", base.unwrap());
        let config = Self::up_again(&name, options);
        Some(Self { name, config, owned: true, _turn: None })
    }

    /// A set of this name. One that is up already is used and left up, any other one is taken down when dropped.
    #[must_use]
    pub fn named(name: &str, options: &[&str]) -> Self {
        let owned = !xtask(&["servers", "status", "--name", name]).status.success();
        let config = Self::up_again(name, options);
        Self { name: name.to_owned(), config, owned, _turn: None }
    }

    /// The directory of everything that belongs to the set.
    #[must_use]
    pub fn root(&self) -> &Path {
        self.config.parent().expect("a directory")
    }

    /// Where its programs keep what they need for a moment.
    #[must_use]
    pub fn tmp(&self) -> PathBuf {
        self.root().join("tmp")
    }

    /// A value of the set's configuration, as text.
    #[must_use]
    pub fn configured(&self, section: &str, key: &str) -> String {
        let text = std::fs::read_to_string(&self.config).unwrap();
        let table: toml::Table = text.parse().unwrap();
        let value = table[section].get(key).unwrap_or_else(|| panic!("no {section}.{key}"));
        value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned)
    }

    /// Brings a set up, or finds that it is up already; returns its configuration.
    fn up_again(name: &str, options: &[&str]) -> PathBuf {
        let output = xtask(&[&["servers", "up", "--name", name], options].concat());
        assert!(output.status.success(), "servers up: {}", String::from_utf8_lossy(&output.stderr));
        PathBuf::from(String::from_utf8(output.stdout).unwrap().trim())
    }

    /// The program with this set's configuration.
    #[must_use]
    pub fn program(&self) -> Program {
        Program::new().args(["--config", self.config.to_str().unwrap()])
    }

    /// Every server of the set.
    #[must_use]
    pub fn list(&self) -> Vec<Server> {
        let output = xtask(&["servers", "status", "--name", &self.name, "--json"]);
        assert!(output.status.success(), "servers status: {}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice::<Status>(&output.stdout).expect("a list of servers").servers
    }

    /// One server of the set.
    #[must_use]
    pub fn server(&self, name: &str) -> Server {
        let servers = self.list();
        let names: Vec<_> = servers.iter().map(|server| server.name.clone()).collect();
        let found = servers.into_iter().find(|server| server.name == name);
        found.unwrap_or_else(|| panic!("no server `{name}` among {names:?}"))
    }

    /// Starts a server again that a test has ended.
    pub fn start(&self, server: &str) {
        let output = xtask(&["servers", "start", "--name", &self.name, server]);
        let complaint = String::from_utf8_lossy(&output.stderr);
        // A test that fails already must not end the others by a second panic.
        assert!(output.status.success() || std::thread::panicking(), "servers start: {complaint}");
    }

    /// Waits until a check finds nothing wrong: workers need a moment to find their broker again.
    pub fn wait_until_well(&self) {
        const ATTEMPTS: u32 = 40;
        let mut last = None;
        for _ in 0..ATTEMPTS {
            let run = self.program().args(["check", "--format", "json"]).run();
            if run.code == 0 {
                return;
            }
            last = Some(run);
            std::thread::sleep(std::time::Duration::from_millis(500));
        }
        panic!("the servers do not get well: {}", last.map_or_else(String::new, |run| run.stdout));
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        if self.owned {
            xtask(&["servers", "down", "--name", &self.name]);
        }
    }
}

/// Runs `cargo xtask` itself, without cargo.
fn xtask(args: &[&str]) -> Output {
    Command::new(crate::program::sibling("xtask")).args(args).output().expect("xtask is built")
}
