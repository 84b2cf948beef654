//! `cargo xtask faults`: builds the program and the fault matrix of `tests/src/matrix`, and runs that.
#![expect(
    clippy::disallowed_methods,
    reason = "a developer's tool starts another one; core's module is for the product"
)]

use std::os::unix::process::CommandExt as _;
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;

use crate::run::{self, root, target};
use crate::servers;

/// What is passed on to the matrix, which knows its arguments and explains them.
#[derive(clap::Args)]
#[command(disable_help_flag = true)]
pub struct Args {
    /// `--help` lists them.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    args: Vec<String>,
}

/// Becomes the matrix: signals reach it alone, and its exit code is ours.
///
/// # Errors
/// It cannot be built or started.
pub fn run(args: &Args) -> Result<ExitCode> {
    // What only tells something needs no servers.
    if !args.args.iter().any(|arg| ["--list", "--culprits", "--help", "-h"].contains(&arg.as_str())) {
        servers::install()?;
    }
    build()?;
    Err(command(&args.args).exec()).context("failed to start the matrix")
}

/// Builds what the matrix runs: itself, the program and this tool.
///
/// # Errors
/// cargo fails.
pub fn build() -> Result<()> {
    // The faults of the reporting database are real ones only for a program that can ask it.
    run::build(&["--features", "coursys-ops-cli/odbc"])
}

/// What came of one row.
#[derive(Debug, Deserialize)]
pub struct Verdict {
    /// What was wrong.
    pub name: String,
    /// Which part of the deployment it was in.
    pub area: String,
    /// How it was brought about.
    pub mechanism: String,
    /// What should have been found.
    pub culprits: Vec<String>,
    /// How long the run took.
    pub ms: u64,
    /// Whether that was found, and nothing else.
    pub right: bool,
}

/// What `--json` prints.
#[derive(Debug, Deserialize)]
struct Document {
    faults: Vec<Verdict>,
}

/// Runs every row once, on servers of its own. A row that goes wrong is a verdict and no error.
///
/// # Errors
/// The matrix cannot be started, or did not come to its end.
pub fn pass() -> Result<Vec<Verdict>> {
    let output = command(&["--json".to_owned()]).stderr(Stdio::inherit()).output();
    let output = output.context("failed to start the matrix")?;
    let document: Document =
        serde_json::from_slice(&output.stdout).context("the matrix printed no verdicts")?;
    if !output.status.success() && document.faults.iter().all(|verdict| verdict.right) {
        bail!("the matrix did not come to its end");
    }
    Ok(document.faults)
}

/// Runs the first row of each mechanism, and of each check what first trips it.
///
/// # Errors
/// A row went wrong.
pub fn one_of_each_mechanism() -> Result<()> {
    build()?;
    let status = command(&["--one-of-each-mechanism".to_owned()]).status();
    if status.context("failed to start the matrix")?.success() {
        Ok(())
    } else {
        bail!("a fault was not found")
    }
}

/// Runs the first row of each mechanism, and asks the Python package of this interpreter, too.
///
/// # Errors
/// A row went wrong, or the package says something else.
pub fn in_python(python: &std::path::Path) -> Result<()> {
    build()?;
    let python = ["--python".to_owned(), python.to_string_lossy().into_owned()];
    let status = command(&[&["--one-of-each-mechanism".to_owned()][..], &python].concat()).status();
    if status.context("failed to start the matrix")?.success() {
        Ok(())
    } else {
        bail!("a fault was not found, or not as the program finds it")
    }
}

/// The ids that are the culprit of some row.
///
/// # Errors
/// The matrix cannot be started.
pub fn culprits() -> Result<Vec<String>> {
    let output = command(&["--culprits".to_owned()]).output().context("failed to start the matrix")?;
    Ok(String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect())
}

/// Runs the checks of the healthy site over and over under a normal load.
///
/// # Errors
/// Something raised an alarm.
pub fn soak() -> Result<()> {
    build()?;
    let status = Command::new(target().join("debug/coursys-ops-soak")).current_dir(root()).status();
    if status.context("failed to start the soak")?.success() {
        Ok(())
    } else {
        bail!("there were false alarms")
    }
}

/// The matrix with these arguments.
fn command(argv: &[String]) -> Command {
    let mut command = Command::new(target().join("debug/coursys-ops-faults"));
    command.args(argv).current_dir(root());
    command
}
