//! The core of `coursys-ops`: the model of checks and reports, the runner, the configuration, renderers.
//!
//! Core has no terminal, prints nothing, reads no environment variable, installs no signal handler, holds no
//! statics and starts no runtime but the one that [`run::run_blocking`] builds on its own thread and takes
//! down with it. The environment and the clock are values in the [`Context`].

pub mod check;
pub mod config;
pub mod containers;
pub mod context;
pub mod disk;
pub mod drain;
mod errands;
pub mod glob;
pub mod helper;
pub mod import;
pub mod ledger;
mod machine;
pub mod maintenance;
pub mod model;
pub mod nearest;
pub mod net;
pub mod plan;
pub mod process;
pub mod queues;
pub mod registry;
pub mod render;
pub mod run;
pub mod secret;
pub mod service;
mod shell;
#[cfg(test)]
mod testing;
mod trust;

pub use check::{Check, Scope};
pub use context::Context;
pub use errands::ErrandError;
pub use registry::{Registry, RegistryError, Selection};
