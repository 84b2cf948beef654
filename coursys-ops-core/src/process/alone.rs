//! For the program itself, outside of any run: one process to its end, and becoming another program.

use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::process::Stdio;
use std::time::Duration;

use super::{Children, Command, Helper, Output, ProcessError};

/// How long it may go on after TERM.
const GRACE: Duration = Duration::from_millis(200);

/// Runs a command to its end; nothing when that takes too long, and then it is ended.
///
/// # Errors
///
/// The process could not be started; its failure is in the [`Output`].
pub async fn run_alone(
    helper: &Helper,
    command: Command,
    timeout: Duration,
) -> Result<Option<Output>, ProcessError> {
    let children = Children::default();
    let ended = tokio::time::timeout(timeout, children.run(helper, command)).await;
    if ended.is_err() {
        children.end(GRACE).await;
    }
    ended.ok().transpose()
}

/// Becomes another program, with the caller's environment and one variable more, and with another standard input if one is
/// given; returns only when that failed.
#[must_use]
pub fn become_program(argv: &[OsString], name: &str, value: &str, input: Option<Stdio>) -> std::io::Error {
    let Some((program, args)) = argv.split_first() else {
        return std::io::ErrorKind::InvalidInput.into();
    };
    #[allow(clippy::disallowed_methods, reason = "becomes the program, starts no other")]
    let mut command = std::process::Command::new(program);
    input.into_iter().fold(command.args(args).env(name, value), std::process::Command::stdin).exec()
}
