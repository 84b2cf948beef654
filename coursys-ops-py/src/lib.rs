//! The native half of the Python package `coursys_ops`: conversion only.
//!
//! There are no globals, no pools and no threads that outlive a call: gunicorn and Celery fork after import.
#![allow(missing_docs, reason = "what `#[pymodule]` generates")]

use pyo3::prelude::*;

/// What Python sees as `coursys_ops._native`.
#[pymodule]
mod _native {
    use pyo3::prelude::*;

    /// The number of the report's shape that this build speaks.
    #[pymodule_export]
    const SCHEMA: u32 = coursys_ops_core::model::SCHEMA;

    /// The closed list of finding codes with their meanings, for those who translate or document them.
    #[pyfunction]
    fn codes() -> Vec<(&'static str, &'static str)> {
        coursys_ops_core::model::Code::ALL.iter().map(|code| (code.as_str(), code.meaning())).collect()
    }
}
