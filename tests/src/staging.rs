//! A staging server for tests: a booted system that `cargo xtask staging test` switched on.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::program::sibling;

/// One test at a time has the server.
static TURN: Mutex<()> = Mutex::new(());

/// How long a program on the server may take, unless told otherwise. Those that hang are what some tests are about.
const PATIENCE: Duration = Duration::from_secs(120);

/// How often something is asked for again.
const PAUSE: Duration = Duration::from_millis(200);

/// A server that is up, for one test alone.
pub struct Staging {
    name: String,
    owned: bool,
    _turn: Option<MutexGuard<'static, ()>>,
}

/// What a program on the server printed, and how it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// The exit code; 128 and the signal's number when it was killed.
    pub code: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

/// The server that `cargo xtask staging test` switched on; nothing when there is none and that is allowed, or when it has
/// another layout than this test is about.
#[must_use]
pub fn staging(layout: &str) -> Option<Staging> {
    let Ok(name) = std::env::var("COURSYS_OPS_STAGING") else {
        eprintln!("skipped: needs a staging server, run it with `cargo xtask staging test`");
        return None;
    };
    if std::env::var("COURSYS_OPS_STAGING_LAYOUT").is_ok_and(|given| given != layout) {
        eprintln!("skipped: needs a server of layout `{layout}`");
        return None;
    }
    let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    Some(Staging { name, owned: false, _turn: Some(turn) })
}

impl Staging {
    /// Another server beside it, taken down when dropped.
    ///
    /// # Panics
    /// It does not start.
    #[must_use]
    pub fn another(layout: &str) -> Self {
        let name = format!("other{}", std::process::id());
        let server = Self { name, owned: true, _turn: None };
        xtask(&["staging", "up", "--name", &server.name, "--layout", layout]);
        server
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The program that switches servers on and enters them.
    #[must_use]
    pub fn xtask(&self) -> PathBuf {
        sibling("xtask")
    }

    /// Where everything of it lies on this machine.
    #[must_use]
    pub fn directory(&self) -> PathBuf {
        Path::new("/var/lib/coursys-ops-staging").join(&self.name)
    }

    /// Runs a program as root and waits for its end.
    #[must_use]
    pub fn run(&self, argv: &[&str]) -> Ended {
        self.run_as("root", argv)
    }

    /// Runs a program as `root`, `admin` (may use sudo), `coursys` (the site) or `visitor` (nothing at all).
    ///
    /// # Panics
    /// It cannot be started, or takes too long.
    #[must_use]
    pub fn run_as(&self, user: &str, argv: &[&str]) -> Ended {
        self.run_within(PATIENCE, user, argv)
    }

    /// The same for programs that may take longer.
    ///
    /// # Panics
    /// It cannot be started, or takes too long.
    #[must_use]
    pub fn run_within(&self, patience: Duration, user: &str, argv: &[&str]) -> Ended {
        let seconds = patience.as_secs().to_string();
        let mut command = Command::new("timeout");
        command.args(["--kill-after=5", &seconds]).arg(sibling("xtask"));
        command.args(["staging", "run", "--name", &self.name, "--user", user, "--"]).args(argv);
        let output = command.output().expect("`timeout` starts");
        let ended = Ended::of(&output);
        assert_ne!(ended.code, 124, "{argv:?} takes longer than {patience:?}: {}", ended.stderr);
        ended
    }

    /// Runs a program as root that must succeed; returns what it prints, without white space at the ends.
    ///
    /// # Panics
    /// It fails.
    pub fn done(&self, argv: &[&str]) -> String {
        let ended = self.run(argv);
        assert_eq!(ended.code, 0, "{argv:?}: {}{}", ended.stdout, ended.stderr);
        ended.stdout.trim().to_owned()
    }

    /// Runs `systemctl` as root; it must succeed.
    ///
    /// # Panics
    /// It fails.
    pub fn systemctl(&self, args: &[&str]) -> String {
        self.done(&[&["systemctl"], args].concat())
    }

    /// One property of a unit, as `systemctl show` tells it.
    ///
    /// # Panics
    /// `systemctl` fails.
    #[must_use]
    pub fn property(&self, unit: &str, name: &str) -> String {
        self.systemctl(&["show", "--value", "--property", name, unit])
    }

    /// Runs docker-compose in the site's directory, as the site's account; it must succeed.
    ///
    /// # Panics
    /// It fails.
    pub fn compose(&self, args: &[&str]) -> String {
        let argv = ["env", "--chdir=/coursys", "docker-compose", "--ansi", "never"];
        let ended = self.run_as("coursys", &[&argv, args].concat());
        assert_eq!(ended.code, 0, "{args:?}: {}{}", ended.stdout, ended.stderr);
        ended.stdout.trim().to_owned()
    }

    /// Asks until the answer is yes.
    ///
    /// # Panics
    /// It is not within the time.
    pub fn wait_until(&self, patience: Duration, what: &str, mut condition: impl FnMut(&Self) -> bool) {
        let started = Instant::now();
        while !condition(self) {
            assert!(started.elapsed() < patience, "not within {patience:?}: {what}");
            std::thread::sleep(PAUSE);
        }
    }

    /// A file of the server, seen from here: for reading and writing without a program.
    ///
    /// # Panics
    /// The server is not up.
    #[must_use]
    pub fn path(&self, path: &str) -> PathBuf {
        let leader = self.status().leader.expect("a server that is up");
        Path::new("/proc").join(leader.to_string()).join("root").join(path.trim_start_matches('/'))
    }

    /// What `staging status` tells of it; nothing of one that left nothing.
    ///
    /// # Panics
    /// The answer is not understood.
    #[must_use]
    pub fn status(&self) -> Status {
        let output = Command::new(sibling("xtask")).args(["staging", "status", "--json"]).output();
        let output = output.expect("xtask starts");
        let all: All = serde_json::from_slice(&output.stdout).expect("a list of servers");
        all.servers.into_iter().find(|server| server.name == self.name).unwrap_or_default()
    }

    /// Restarts it, and waits until its systemd has started everything.
    ///
    /// # Panics
    /// It does not come back.
    pub fn reboot(&self) {
        xtask(&["staging", "reboot", "--name", &self.name]);
    }

    /// Takes it down.
    ///
    /// # Panics
    /// It cannot be taken down.
    pub fn down(&self) {
        xtask(&["staging", "down", "--name", &self.name]);
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        if self.owned {
            self.down();
        }
    }
}

impl Ended {
    fn of(output: &Output) -> Self {
        use std::os::unix::process::ExitStatusExt as _;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let status = output.status;
        Self {
            code: status.code().or_else(|| status.signal().map(|signal| 128 + signal)).expect("an end"),
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
        }
    }
}

/// What `staging status --json` prints.
#[derive(serde::Deserialize)]
struct All {
    servers: Vec<Status>,
}

/// One server in it.
#[derive(Debug, Clone, Default, serde::Deserialize)]
pub struct Status {
    /// What it is called.
    pub name: String,
    /// `up`, `starting` or `dead`.
    pub state: String,
    /// Its systemd, as this machine numbers it.
    pub leader: Option<i32>,
    /// How many processes it has.
    pub processes: usize,
}

/// Runs a task of the workspace.
fn xtask(args: &[&str]) {
    let output = Command::new(sibling("xtask")).args(args).output().expect("xtask starts");
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
}
