//! A whole server to break: a booted Debian in a container, with a real systemd and Docker inside it.
//!
//! Nothing of it is on the machine but processes, one directory below [`instance::PARENT`] and one control group in
//! each hierarchy: its mounts and its network are in namespaces that go with its last process. So whatever is left after
//! any accident is found and removed by these two.
//!
//! What takes long is made once and cached: the trees of Debian ([`tree`]), Docker's images ([`images`]) and a whole
//! server that was set up and switched off ([`template`]). `up` lays an empty layer over the last and switches it on.

mod boot;
mod borrowed;
mod cgroup;
mod compose;
mod down;
mod enter;
mod files;
mod images;
mod instance;
mod lay_out;
mod outside;
mod possible;
mod program;
mod recipe;
mod settings;
mod status;
mod template;
mod test;
mod tree;
mod up;

use std::ffi::OsString;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Subcommand, ValueEnum};
use serde::{Deserialize, Serialize};

use crate::servers::options::parse_name;

pub use borrowed::Borrowed;

/// What `cargo xtask staging` can do.
#[derive(Subcommand)]
pub enum Command {
    /// Switch a server on; the first time, make it from nothing. Returns 0 when its site answers.
    Up(Which),
    /// Switch it off and remove whatever it left.
    Down {
        #[command(flatten)]
        name: Name,
        /// Every server, whatever its name.
        #[arg(long, conflicts_with = "name")]
        all: bool,
    },
    /// Switch it off and on again, as a restart of the machine does. Returns 0 when its systemd has started everything.
    Reboot {
        #[command(flatten)]
        name: Name,
    },
    /// An interactive shell on it.
    Shell {
        #[command(flatten)]
        name: Name,
        /// As whom: `root`, `admin` (may use sudo), `coursys` (the site) or `visitor` (nothing at all).
        #[arg(long, default_value = "root")]
        user: String,
    },
    /// Run a command on it as root, with its output and exit code.
    Run {
        #[command(flatten)]
        name: Name,
        /// As whom.
        #[arg(long, default_value = "root")]
        user: String,
        /// Program and arguments; there is no shell in between.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true)]
        argv: Vec<OsString>,
    },
    /// Which servers are up.
    Status {
        /// Print JSON instead of lines.
        #[arg(long)]
        json: bool,
    },
    /// Run the tests that need such a server; what was not up is taken down again.
    ///
    /// Ends with the line `N passed, M failed`. Exit code 1 when one failed, and when none was run.
    Test {
        #[command(flatten)]
        which: Which,
        /// Only tests whose names contain this.
        filter: Option<String>,
    },
    /// In namespaces of its own: mount the layers and become the server.
    #[command(hide = true)]
    Boot(boot::Boot),
}

/// Which server, and how it is laid out.
#[derive(Args, Clone)]
pub struct Which {
    #[command(flatten)]
    pub name: Name,
    /// How the site is deployed on it.
    #[arg(long, value_enum, default_value_t = Layout::Vm)]
    pub layout: Layout,
}

/// The name of a server; several can be up at once.
#[derive(Args, Clone)]
pub struct Name {
    /// The server's name: letters, digits, `_` and `-`.
    #[arg(long, default_value = "default", value_parser = parse_name)]
    pub name: String,
}

/// How the site is deployed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Layout {
    /// nginx, gunicorn and Celery under systemd, the rest in containers.
    Vm,
    /// Everything is a service of Docker Compose, version 2; only nginx publishes a port.
    Compose,
}

impl Layout {
    /// As arguments and names have it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Vm => "vm",
            Self::Compose => "compose",
        }
    }
}

/// Carries out one command. Exit code 3 where such servers cannot be.
pub fn run(command: Command) -> Result<ExitCode> {
    if let Some(reason) = possible::refusal() {
        eprintln!("error: a staging server cannot run here: {reason}");
        return Ok(ExitCode::from(3));
    }
    match command {
        Command::Up(which) => up::run(&which.name.name, which.layout),
        Command::Down { name, all } => down::run((!all).then_some(name.name.as_str())),
        Command::Reboot { name } => up::reboot(&name.name),
        Command::Shell { name, user } => enter::shell(&name.name, &user),
        Command::Run { name, user, argv } => enter::run(&name.name, &user, &argv),
        Command::Status { json } => status::run(json),
        Command::Test { which, filter } => test::run(&which, filter.as_deref()),
        Command::Boot(boot) => boot.become_server(),
    }
}

/// The stage of `cargo xtask test`.
///
/// # Errors
/// A test failed, or such servers cannot be here.
pub fn stage() -> Result<()> {
    test::stage(Layout::Vm, test::Part::All, false)
}

/// The stage of `cargo xtask test full`: the tests that take minutes, too; those of maintenance are another stage.
///
/// # Errors
/// A test failed, or such servers cannot be here.
pub fn whole_stage() -> Result<()> {
    test::stage(Layout::Vm, test::Part::Rest, true)
}

/// The tests of maintenance, also those that take minutes.
///
/// # Errors
/// As [`whole_stage`].
pub fn maintenance_stage() -> Result<()> {
    test::stage(Layout::Vm, test::Part::Maintenance, true)
}

/// The same for a server of layout `compose`, with everything.
///
/// # Errors
/// As [`whole_stage`].
pub fn compose_stage() -> Result<()> {
    test::stage(Layout::Compose, test::Part::All, true)
}
