//! The core of `coursys-ops`: the model of checks and reports, the runner, the configuration.
//!
//! Core has no terminal, prints nothing, reads no environment variable, holds no statics and starts no runtime.

pub mod model;
