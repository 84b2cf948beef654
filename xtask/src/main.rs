//! What a developer or CI runs: `cargo xtask …`.
//!
//! This file is the table of contents: one variant and one module for each subcommand.

mod bench;
mod faults;
mod python;
mod run;
mod servers;
mod staging;
mod test;
mod tidy;
mod wheel;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Tasks of the workspace `coursys-ops`.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", version)]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Private servers and a fixture site to test against.
    #[command(subcommand)]
    Servers(servers::Command),
    /// A whole server to break: a booted Debian with systemd and Docker, the site deployed on it.
    #[command(subcommand)]
    Staging(staging::Command),
    /// Everything that CI runs: unit tests, rules of the house, tests against real servers.
    Test {
        #[command(subcommand)]
        extent: Option<test::Extent>,
    },
    /// Speed and memory, side by side with what people use today.
    Bench {
        /// Which benchmark; all of them without a name.
        name: Option<String>,
        /// Print JSON instead of a table.
        #[arg(long)]
        json: bool,
    },
    /// Injects faults into real servers, one after the other, and prints what the checks find of each.
    ///
    /// Exit code 1 on any difference to what should be found, 2 when FILTER matches nothing.
    Faults(faults::Args),
    /// Rules that no compiler knows: layers, circles, sizes, documents.
    Tidy,
    /// The Python package as a wheel in `target/wheels`.
    Wheel(wheel::Args),
    /// Run a command and print its cost, for `bench`.
    #[command(hide = true)]
    Measure {
        /// Program and arguments.
        #[arg(last = true)]
        argv: Vec<OsString>,
    },
}

fn main() -> ExitCode {
    let result = match Cli::parse().task {
        Task::Servers(command) => servers::run(command),
        Task::Staging(command) => staging::run(command),
        Task::Test { extent } => test::run(extent.as_ref()),
        Task::Bench { name, json } => bench::run(name.as_deref(), json),
        Task::Faults(args) => faults::run(&args),
        Task::Tidy => tidy::check().map(|()| ExitCode::SUCCESS),
        Task::Wheel(args) => wheel::run(&args),
        Task::Measure { argv } => bench::measure(&argv),
    };
    match result {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
