//! The native half of the Python package `coursys_ops`: conversion only.
//!
//! Every call is synchronous: it builds what it needs, gives up the interpreter's lock, runs on a fresh thread and leaves
//! nothing behind. There are no globals, no pools and no threads that outlive a call: gunicorn and Celery fork after
//! import. What Python's users see is made of this in Python, in `python/coursys_ops`.
#![allow(missing_docs, reason = "what `#[pymodule]` generates")]

mod callable;
mod check;
mod config;
mod deployment;
mod error;
mod onlooker;
mod serve;
mod show;

use pyo3::prelude::*;

/// What Python sees as `coursys_ops._native`.
#[pymodule]
mod _native {
    #[pymodule_export]
    use crate::callable::Reply;
    #[pymodule_export]
    use crate::check::{check, checks};
    #[pymodule_export]
    use crate::config::{Config, settings_reader};
    #[pymodule_export]
    use crate::deployment::{maintenance, queues, status};
    #[pymodule_export]
    use crate::serve::serve;
    #[pymodule_export]
    use crate::show::{codes, nagios_code, rendered};

    /// The number of the report's shape that this build speaks.
    #[pymodule_export]
    const SCHEMA: u32 = coursys_ops_core::model::SCHEMA;

    /// The version of the package.
    #[pymodule_export]
    const VERSION: &str = env!("CARGO_PKG_VERSION");
}
