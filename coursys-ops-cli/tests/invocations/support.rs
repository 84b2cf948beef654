//! How the tests run the program.

use std::ffi::OsStr;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// The program with a clean environment, in a directory of its own.
#[allow(clippy::disallowed_methods, reason = "the tests are outside of the program")]
pub fn program<A: AsRef<OsStr>>(args: impl IntoIterator<Item = A>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_coursys-ops"));
    command.args(args).env_clear().env("PATH", "/usr/bin:/bin").stdin(Stdio::null());
    command
}

/// What an invocation left.
#[derive(Debug)]
pub struct Run {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl From<Output> for Run {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).expect("standard output is UTF-8"),
            stderr: String::from_utf8(output.stderr).expect("standard error is UTF-8"),
        }
    }
}

impl Run {
    /// Asserts the exit code, and shows everything when it is another.
    #[track_caller]
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:#?}");
        self
    }

    /// The document on standard output.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:#?}"))
    }
}

/// Runs the program to its end.
pub fn run<A: AsRef<OsStr>>(args: impl IntoIterator<Item = A>) -> Run {
    program(args).output().expect("the program starts").into()
}

/// A demo site that goes away with its owner.
pub struct Site {
    pub dir: TempDir,
}

impl Site {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().expect("there is a temporary directory");
        run([OsStr::new("demo"), dir.path().as_os_str()]).exits(0);
        Self { dir }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The program on this site.
    pub fn program<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> Command {
        let mut command = program(args);
        command.env("COURSYS_OPS_CONFIG", self.path("coursys-ops.toml")).current_dir(self.dir.path());
        command
    }

    pub fn run<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> Run {
        self.program(args).output().expect("the program starts").into()
    }
}

/// How long the program may take to do what a test waits for.
const PATIENCE: Duration = Duration::from_secs(20);

/// A server that accepts connections and never says a word.
pub struct Silent(TcpListener);

impl Silent {
    pub fn new() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").expect("there is a free port"))
    }

    pub fn address(&self) -> SocketAddr {
        self.0.local_addr().expect("a listener has an address")
    }

    /// Waits until the program is in the middle of its run; the guest stays as long as what is returned.
    pub fn wait_for_a_guest(&self) -> TcpStream {
        self.0.set_nonblocking(true).expect("a listener can be asked");
        let until = Instant::now() + PATIENCE;
        loop {
            match self.0.accept() {
                Ok((guest, _)) => return guest,
                Err(_) if Instant::now() < until => std::thread::sleep(Duration::from_millis(5)),
                Err(error) => panic!("nobody came: {error}"),
            }
        }
    }
}

/// A run that hangs at a silent cache.
pub fn hanging(site: &Site, silent: &Silent, args: &[&str]) -> Child {
    let set = format!("cache.port={}", silent.address().port());
    let common =
        ["--layout", "vm", "--set", "cache.host=127.0.0.1", "--set", &set, "check", "cache.connection"];
    let mut command = site.program(common.into_iter().chain(args.iter().copied()));
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts")
}

/// Waits for the end of a program.
pub fn end(child: Child) -> Run {
    child.wait_with_output().expect("the program ends").into()
}

/// Reads until the other end is closed.
pub fn rest(mut from: impl std::io::Read) -> String {
    let mut text = String::new();
    from.read_to_string(&mut text).expect("it is UTF-8");
    text
}

/// The names in a directory, in order.
pub fn names(dir: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(dir).expect("there is the directory");
    let name = |entry: std::io::Result<std::fs::DirEntry>| entry.expect("readable").file_name();
    let mut names: Vec<_> = entries.map(|entry| name(entry).to_string_lossy().into_owned()).collect();
    names.sort();
    names
}
