//! Programs as values: what is started, as whom, where, with which environment. The only module that starts processes.

#![expect(
    clippy::disallowed_methods,
    reason = "a developer's tool starts servers that outlive it; core's module must not"
)]

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use super::account::{Account, is_root};
use super::layout::Layout;
use super::process::{MARK, SERVER_MARK};

/// How often a running child is looked at.
const POLL: Duration = Duration::from_millis(20);

/// A program that belongs to a set of servers.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Program {
    /// Program and arguments.
    pub argv: Vec<String>,
    /// The whole environment.
    pub env: BTreeMap<String, String>,
    /// Working directory.
    pub cwd: PathBuf,
    /// As whom it runs, when root starts it.
    pub account: Account,
    /// Where its output is appended.
    pub log: PathBuf,
    /// What it reads from standard input; nothing otherwise.
    pub stdin: Option<String>,
}

impl Program {
    /// A program of the server `server`, with the environment that all of them have: a path, a UTF-8 locale, a
    /// temporary directory of their own and the marks by which [`super::process`] finds them again.
    pub fn new(layout: &Layout, server: &str, account: &Account, argv: &[&str]) -> Self {
        let text = |path: PathBuf| path.to_string_lossy().into_owned();
        let home = layout.server(server);
        let env = [
            ("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".to_owned()),
            ("LANG", "C.UTF-8".to_owned()),
            ("HOME", text(home.clone())),
            ("USER", account.user.clone()),
            ("TMPDIR", text(layout.tmp())),
            (MARK, text(layout.root().to_owned())),
            (SERVER_MARK, server.to_owned()),
        ];
        Self {
            argv: argv.iter().map(|&argument| argument.to_owned()).collect(),
            env: env.map(|(key, value)| (key.to_owned(), value)).into(),
            cwd: home,
            account: account.clone(),
            log: layout.log(server),
            stdin: None,
        }
    }

    /// Adds to the environment.
    pub fn env<const N: usize>(mut self, variables: [(&str, String); N]) -> Self {
        self.env.extend(variables.map(|(key, value)| (key.to_owned(), value)));
        self
    }

    /// Starts it in a session of its own, so that neither a Ctrl-C nor the end of this program reaches it.
    ///
    /// # Errors
    /// It cannot be started, or its log not be opened.
    pub fn spawn(&self) -> Result<Child> {
        let log = self.open_log()?;
        self.start(Some("setsid"), Stdio::from(log.try_clone()?), Stdio::from(log))
    }

    /// Runs it to its end.
    ///
    /// # Errors
    /// Anything but exit status 0 within the deadline; the message carries the end of its log.
    pub fn run(&self, deadline: Duration) -> Result<()> {
        let log = self.open_log()?;
        let mut child = self.start(None, Stdio::from(log.try_clone()?), Stdio::from(log))?;
        match wait(&mut child, deadline)? {
            Some(status) if status.success() => Ok(()),
            Some(status) => bail!("`{}` ended with {status}; {}", self.title(), tail(&self.log)),
            None => bail!("`{}` took longer than {deadline:?}; {}", self.title(), tail(&self.log)),
        }
    }

    /// Runs it to its end and returns what it printed on standard output; its complaints become the error.
    ///
    /// # Errors
    /// Anything but exit status 0 within the deadline.
    pub fn output(&self, deadline: Duration) -> Result<String> {
        let mut child = self.start(None, Stdio::piped(), Stdio::piped())?;
        let status = wait(&mut child, deadline)?;
        let mut output = String::new();
        let mut complaint = String::new();
        if let (Some(status), Some(stdout), Some(stderr)) = (status, &mut child.stdout, &mut child.stderr) {
            stdout.read_to_string(&mut output)?;
            stderr.read_to_string(&mut complaint)?;
            if status.success() {
                return Ok(output);
            }
        }
        bail!("`{}` failed: {}", self.title(), complaint.trim());
    }

    /// Starts the program, or a `wrapper` that replaces itself by the program named in its arguments.
    fn start(&self, wrapper: Option<&str>, stdout: Stdio, stderr: Stdio) -> Result<Child> {
        let mut words = wrapper.into_iter().chain(self.argv.iter().map(String::as_str));
        let mut command = Command::new(words.next().context("nothing to start")?);
        command.args(words).env_clear().envs(&self.env).current_dir(&self.cwd);
        command.stdin(if self.stdin.is_some() { Stdio::piped() } else { Stdio::null() });
        command.stdout(stdout).stderr(stderr);
        if is_root() {
            command.uid(self.account.uid).gid(self.account.gid);
        }
        let mut child = command.spawn().with_context(|| format!("failed to start `{}`", self.title()))?;
        if let (Some(text), Some(mut pipe)) = (&self.stdin, child.stdin.take()) {
            pipe.write_all(text.as_bytes()).context("failed to write to standard input")?;
        }
        Ok(child)
    }

    fn open_log(&self) -> Result<File> {
        let mut options = OpenOptions::new();
        options.create(true).append(true);
        options.open(&self.log).with_context(|| format!("failed to open `{}`", self.log.display()))
    }

    fn title(&self) -> &str {
        self.argv.first().map_or("", String::as_str)
    }
}

/// Runs a tool of the machine (a package manager, an archiver) with the caller's own environment, its output on
/// standard error: standard output carries data only.
///
/// # Errors
/// It cannot be started or ends with anything but 0.
pub fn tool(argv: &[&str], env: &[(&str, &str)], mark: Option<&Path>) -> Result<()> {
    let (program, arguments) = argv.split_first().context("nothing to run")?;
    let mut command = Command::new(program);
    command.args(arguments).envs(env.iter().copied()).stdin(Stdio::null());
    if let Some(directory) = mark {
        command.env(MARK, directory);
    }
    command.stdout(Stdio::from(std::io::stderr()));
    let status = command.status().with_context(|| format!("failed to start `{program}`"))?;
    if !status.success() {
        bail!("`{}` ended with {status}", argv.join(" "));
    }
    Ok(())
}

/// The same with its output in a log.
///
/// # Errors
/// As [`tool`]; with the end of the log.
pub fn tool_logged(argv: &[&str], log: &Path) -> Result<()> {
    let (program, arguments) = argv.split_first().context("nothing to run")?;
    let output = OpenOptions::new().create(true).append(true).open(log)?;
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
    let status = command.status().with_context(|| format!("failed to start `{program}`"))?;
    if !status.success() {
        bail!("`{program}` ended with {status}; {}", tail(log));
    }
    Ok(())
}

/// What a tool of the machine prints, on standard output and then on standard error, whatever its exit status.
///
/// # Errors
/// It cannot be started.
pub fn tool_output(program: &str, argument: &str) -> Result<String> {
    let output = Command::new(program).arg(argument).stdin(Stdio::null()).output();
    let output = output.with_context(|| format!("failed to start `{program}`"))?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr))
}

/// Waits until a child has ended. When the deadline has passed, the child is killed and there is no status.
fn wait(child: &mut Child, deadline: Duration) -> Result<Option<ExitStatus>> {
    let started = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if started.elapsed() > deadline {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        sleep(POLL);
    }
}

/// The end of a log for an error message.
pub fn tail(log: &Path) -> String {
    /// Enough for a Python traceback.
    const BYTES: u64 = 3000;
    let read = || {
        let mut file = File::open(log)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(BYTES)))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok::<_, std::io::Error>(String::from_utf8_lossy(&bytes).trim().to_owned())
    };
    match read() {
        Ok(text) if !text.is_empty() => format!("the end of `{}`:\n{text}", log.display()),
        _ => format!("`{}` is empty", log.display()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::servers::account::Accounts;

    fn program(directory: &Path, argv: &[&str]) -> Program {
        let layout = Layout::new(directory);
        let accounts = Accounts::look_up().unwrap();
        let mut program = Program::new(&layout, "probe", &accounts.caller, argv);
        program.cwd = directory.to_owned();
        program.log = directory.join("log");
        program
    }

    #[test]
    fn a_failed_program_is_an_error_with_the_end_of_its_log() {
        let directory = tempfile::tempdir().unwrap();
        let program = program(directory.path(), &["sh", "-c", "echo reason; exit 3"]);
        let error = program.run(Duration::from_secs(5)).unwrap_err().to_string();
        assert!(error.contains("exit status: 3") && error.ends_with("reason"), "{error}");
    }

    #[test]
    fn a_program_that_does_not_end_is_killed_at_its_deadline() {
        let directory = tempfile::tempdir().unwrap();
        let program = program(directory.path(), &["sleep", "60"]);
        let started = Instant::now();
        assert!(program.run(Duration::from_millis(100)).is_err());
        assert!(started.elapsed() < Duration::from_secs(5));
    }

    #[test]
    fn a_program_carries_the_marks_and_nothing_of_our_environment() {
        let directory = tempfile::tempdir().unwrap();
        let output = program(directory.path(), &["env"]).output(Duration::from_secs(5)).unwrap();
        assert!(output.contains(&format!("{MARK}={}", directory.path().display())));
        assert!(output.contains(&format!("{SERVER_MARK}=probe")));
        assert!(!output.contains("CARGO"));
    }

    #[test]
    fn a_program_reads_what_it_is_given() {
        let directory = tempfile::tempdir().unwrap();
        let mut program = program(directory.path(), &["cat"]);
        program.stdin = Some("p@ss ü".into());
        assert_eq!(program.output(Duration::from_secs(5)).unwrap(), "p@ss ü");
    }
}
