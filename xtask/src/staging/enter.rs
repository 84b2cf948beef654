//! Running programs on a server: in its namespaces, with an environment of theirs, as one of its accounts.

#![expect(clippy::disallowed_methods, reason = "a developer's tool; core's module is for the product")]

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs::{File, OpenOptions};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, ExitCode, ExitStatus, Stdio};

use anyhow::{Context, Result, ensure};

use super::instance::Instance;
use super::program;
use crate::servers::program::{Program, tail};

/// Where programs are looked for.
pub const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// As whom something runs.
#[derive(Clone, Copy, Debug)]
pub enum As<'a> {
    Root,
    /// An account of the server.
    User(&'a str),
    /// A user and a group by their numbers, with a working directory and an environment: as outside services run.
    Program(&'a Program),
}

/// What a program printed that did not end well.
#[derive(Debug)]
pub struct Failure {
    title: String,
    status: ExitStatus,
    stdout: String,
    stderr: String,
}

impl Failure {
    /// What it printed on standard output: `systemctl` tells by an exit code what it also says.
    pub fn said(self) -> String {
        self.stdout
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let said = if self.stderr.trim().is_empty() { &self.stdout } else { &self.stderr };
        write!(f, "`{}` failed with {}: {}", self.title, self.status, said.trim())
    }
}

impl std::error::Error for Failure {}

/// Runs a command with this process' input and output; its exit code is ours.
///
/// # Errors
/// The server is not up.
pub fn run(name: &str, user: &str, argv: &[OsString]) -> Result<ExitCode> {
    let instance = Instance::new(name);
    program::refresh(&instance)?;
    let status =
        command(instance.running()?, of(user), argv).status().context("failed to start `nsenter`")?;
    Ok(exit_code(status))
}

/// A login shell.
///
/// # Errors
/// The server is not up.
pub fn shell(name: &str, user: &str) -> Result<ExitCode> {
    let instance = Instance::new(name);
    program::refresh(&instance)?;
    let mut argv: Vec<&str> = vec!["su", "--login", user];
    if user == "coursys" {
        // The account has no shell of its own.
        argv.extend(["--shell", "/bin/bash"]);
    }
    let status =
        command(instance.running()?, As::Root, &argv).status().context("failed to start `nsenter`")?;
    Ok(exit_code(status))
}

/// Runs a program to its end and returns what it prints.
///
/// # Errors
/// Anything but exit code 0; then what it printed nevertheless.
pub fn output(instance: &Instance, whom: As<'_>, argv: &[&str]) -> Result<String, Failure> {
    let title = argv.join(" ");
    let failed = |message: String| Failure {
        title: title.clone(),
        status: ExitStatus::from_raw(1 << 8),
        stdout: String::new(),
        stderr: message,
    };
    let leader = instance.running().map_err(|error| failed(error.to_string()))?;
    let output = command(leader, whom, argv).stdin(Stdio::null()).output();
    let output = output.map_err(|error| failed(error.to_string()))?;
    let [stdout, stderr] =
        [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    if output.status.success() {
        Ok(stdout)
    } else {
        Err(Failure { title, status: output.status, stdout, stderr })
    }
}

/// Runs a program to its end, with its output in a log.
///
/// # Errors
/// Anything but exit code 0; with the end of the log.
pub fn logged(
    instance: &Instance,
    whom: As<'_>,
    argv: &[&str],
    input: Option<File>,
    log: &Path,
) -> Result<()> {
    let output = OpenOptions::new().create(true).append(true).open(log)?;
    let mut command = command(instance.running()?, whom, argv);
    command.stdin(input.map_or_else(Stdio::null, Stdio::from));
    let status = command.stdout(output.try_clone()?).stderr(output).status();
    let status = status.context("failed to start `nsenter`")?;
    ensure!(status.success(), "`{}` ended with {status}; {}", argv.join(" "), tail(log));
    Ok(())
}

/// Which account is meant.
fn of(user: &str) -> As<'_> {
    if user == "root" { As::Root } else { As::User(user) }
}

/// What runs a program on the server whose systemd this is.
pub fn command(leader: u32, whom: As<'_>, argv: &[impl AsRef<OsStr>]) -> Command {
    let mut command = Command::new("nsenter");
    command.arg(format!("--target={leader}"));
    command.args(["--mount", "--uts", "--ipc", "--net", "--pid", "--"]);
    command.args(prefix(whom)).args(argv);
    command.env_clear().env("PATH", PATH).env("LANG", "C.UTF-8");
    if let Some(term) = std::env::var_os("TERM") {
        command.env("TERM", term);
    }
    match whom {
        As::Root => command.env("HOME", "/root").env("USER", "root"),
        As::User(user) => command.env("HOME", format!("/home/{user}")).env("USER", user),
        As::Program(program) => command.env_clear().envs(&program.env),
    };
    command
}

/// What changes the account and the directory, inside.
fn prefix(whom: As<'_>) -> Vec<String> {
    let mut argv = Vec::new();
    match whom {
        As::Root => {}
        As::User(user) => {
            let (user, group) = (format!("--reuid={user}"), format!("--regid={user}"));
            argv.extend(["setpriv".into(), user, group, "--init-groups".into(), "--".into()]);
        }
        As::Program(program) => {
            let (user, group) = (program.account.uid, program.account.gid);
            argv.extend(["env".into(), format!("--chdir={}", program.cwd.display())]);
            argv.extend(["setpriv".into(), format!("--reuid={user}"), format!("--regid={group}")]);
            argv.extend(["--clear-groups".into(), "--".into()]);
        }
    }
    argv
}

/// As a shell tells it: 128 and the signal's number for who was killed.
fn exit_code(status: ExitStatus) -> ExitCode {
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
    ExitCode::from(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exit_code_is_passed_on_and_a_signal_is_told_as_a_shell_does() {
        let same = |status: i32, code: u8| {
            assert_eq!(
                format!("{:?}", exit_code(ExitStatus::from_raw(status))),
                format!("{:?}", ExitCode::from(code))
            );
        };
        same(0, 0);
        same(3 << 8, 3);
        same(9, 137);
    }

    #[test]
    fn nothing_of_our_environment_goes_in_and_no_shell_is_between() {
        let command = command(42, As::User("admin"), &["echo", "a b; c"]);
        let args: Vec<_> = command.get_args().map(|arg| arg.to_string_lossy().into_owned()).collect();
        assert_eq!(args.first().map(String::as_str), Some("--target=42"));
        let inside = args.iter().skip_while(|arg| *arg != "--").skip(1);
        assert_eq!(
            inside.collect::<Vec<_>>(),
            ["setpriv", "--reuid=admin", "--regid=admin", "--init-groups", "--", "echo", "a b; c"]
        );
        let names: Vec<_> = command.get_envs().map(|(name, _)| name.to_string_lossy().into_owned()).collect();
        assert!(names.iter().all(|name| ["PATH", "LANG", "TERM", "HOME", "USER"].contains(&name.as_str())));
    }
}
