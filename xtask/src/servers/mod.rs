//! Private servers and a fixture site on free loopback ports, for tests: `cargo xtask servers …`.
//!
//! Everything of one set of servers lies below one directory, `/tmp/coursys-ops-NAME-XXXXXX`, and every process of it
//! carries that directory's path in its environment. So whatever is left after any accident can be found and removed.
//!
//! A server is a value first ([`plan::Plan`]: directories, files, preparations, programs and the probe that tells when
//! it answers), made by a pure function in the module of its name, and carried out in one place afterwards.

pub mod account;
mod boot;
mod borrowed;
mod checkout;
pub mod chrony;
mod config;
mod down;
mod elasticsearch;
pub mod exim;
pub mod kdc;
pub mod layout;
pub mod mariadb;
mod markup;
mod memcached;
pub mod names;
mod nginx;
pub mod options;
pub mod packages;
pub mod plan;
pub mod policy;
pub mod ports;
mod probe;
pub mod process;
pub mod program;
mod rabbitmq;
pub mod reporting_db;
pub mod setting;
pub mod site;
pub mod standins;
mod start;
pub mod state;
mod status;
pub mod store;
mod tls;
mod up;
mod versions;

pub use borrowed::Borrowed;
pub use store::Store;

use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;

use options::Name;

/// What `cargo xtask servers` can do.
#[derive(Subcommand)]
pub enum Command {
    /// Start all servers and the fixture site, and print the path of a configuration file for `--config`.
    ///
    /// Returns 0 when all of them answer. Progress goes to standard error.
    Up(options::Up),
    /// Start a server again that a test has ended, on its old port and with its old data.
    Start {
        #[command(flatten)]
        name: Name,
        /// The server's name, as `status` shows it.
        server: String,
    },
    /// Tell each server's name, version, processes, port, data directory and log.
    Status {
        #[command(flatten)]
        name: Name,
        /// Print JSON instead of a table.
        #[arg(long)]
        json: bool,
    },
    /// Stop all servers of a name and remove whatever they left.
    Down {
        #[command(flatten)]
        name: Name,
        /// Take down the servers of every name.
        #[arg(long, conflicts_with = "name")]
        all: bool,
    },
}

/// Carries out one command. `status` of a name that is not up is exit code 1.
pub fn run(command: Command) -> Result<ExitCode> {
    match command {
        Command::Up(options) => up::run(&options),
        Command::Start { name, server } => start::run(name.as_str(), &server),
        Command::Status { name, json } => status::run(name.as_str(), json),
        Command::Down { name, all } => down::run((!all).then(|| name.as_str())),
    }
}

/// Installs what servers and tests need of the system, when root runs this.
///
/// # Errors
/// Something is missing and cannot be installed; the message names the packages.
pub fn install() -> anyhow::Result<()> {
    packages::ensure()
}

/// The same for what the tests need that start no servers.
///
/// # Errors
/// As [`install`].
pub fn install_without_servers() -> anyhow::Result<()> {
    packages::ensure_without_servers()
}
