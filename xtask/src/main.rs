//! What a developer or CI runs: `cargo xtask …`.
//!
//! This file is the table of contents: one variant and one module for each subcommand.

mod servers;

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
}

fn main() -> ExitCode {
    let result = match Cli::parse().task {
        Task::Servers(command) => servers::run(command),
    };
    match result {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
