//! `cargo xtask faults`: builds the program and the fault matrix of `tests/src/matrix`, and runs that.
#![expect(
    clippy::disallowed_methods,
    reason = "a developer's tool starts another one; core's module is for the product"
)]

use std::os::unix::process::CommandExt as _;
use std::process::{Command, ExitCode};

use anyhow::{Context as _, Result};

use crate::run::{cargo, root, target};
use crate::servers;

/// What is passed on to the matrix.
#[derive(clap::Args)]
pub struct Args {
    /// Only rows that hold this in their name, area, mechanism, set of servers or a culprit's id.
    filter: Option<String>,
    /// Print one JSON document instead of the table.
    #[arg(long)]
    json: bool,
    /// The name of the servers; a set that is up already is used and left up.
    #[arg(long)]
    name: Option<String>,
    /// The first row of each mechanism only.
    #[arg(long)]
    one_of_each_mechanism: bool,
    /// List the rows instead of running them.
    #[arg(long)]
    list: bool,
}

impl Args {
    fn argv(&self) -> Vec<String> {
        let flags = [
            ("--json", self.json),
            ("--one-of-each-mechanism", self.one_of_each_mechanism),
            ("--list", self.list),
        ];
        let mut argv: Vec<String> = self.filter.iter().cloned().collect();
        argv.extend(flags.iter().filter(|(_, given)| *given).map(|(flag, _)| (*flag).to_owned()));
        argv.extend(self.name.iter().flat_map(|name| ["--name".to_owned(), name.clone()]));
        argv
    }
}

/// Becomes the matrix: signals reach it alone, and its exit code is ours.
///
/// # Errors
/// It cannot be built or started.
pub fn run(args: &Args) -> Result<ExitCode> {
    if !args.list {
        servers::install()?;
    }
    build()?;
    Err(command(&args.argv()).exec()).context("failed to start the matrix")
}

/// Builds what the matrix runs: itself, the program and this tool.
///
/// # Errors
/// cargo fails.
pub fn build() -> Result<()> {
    cargo(&["build", "-p", "coursys-ops-cli", "-p", "xtask", "-p", "coursys-ops-tests"], &[])
}

/// The matrix with these arguments.
pub fn command(argv: &[String]) -> Command {
    let mut command = Command::new(target().join("debug/coursys-ops-faults"));
    command.args(argv).current_dir(root());
    command
}
