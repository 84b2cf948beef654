//! Options of every command.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// Options of every command.
#[derive(Debug, Args)]
pub struct Global {
    /// The configuration file [default: $COURSYS_OPS_CONFIG, else /etc/coursys-ops/config.toml]
    #[arg(long, value_name = "FILE", global = true, help_heading = GLOBAL)]
    pub config: Option<PathBuf>,
    /// The layout of the deployment: `vm`, `compose` or `devel` [default: key `site.layout`, else `vm`]
    #[arg(long, value_name = "NAME", global = true, help_heading = GLOBAL)]
    pub layout: Option<String>,
    /// Sets a key of the configuration, such as `database.host=db.example.ca`; repeatable
    #[arg(id = SET, long, value_name = "KEY=VALUE", help_heading = GLOBAL)]
    pub set: Vec<String>,
    /// When to use colour
    #[arg(long, value_name = "WHEN", default_value = "auto", global = true, help_heading = GLOBAL)]
    pub color: When,
    /// Prints nothing when all is well
    #[arg(short, long, global = true, help_heading = GLOBAL)]
    pub quiet: bool,
    /// Tells on standard error what the program does; twice tells more
    #[arg(short, long, action = clap::ArgAction::Count, global = true, help_heading = GLOBAL)]
    pub verbose: u8,
}

const GLOBAL: &str = "Options of every command";

/// When to use colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum When {
    /// On a terminal that can show it, unless NO_COLOR is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// The id of `--set`.
pub const SET: &str = "set";
