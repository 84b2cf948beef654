//! The helper process, where the interpreter is its program; see `bin/helper.rs` for the other one.

use std::ffi::OsString;
use std::io;

use pyo3::prelude::*;

/// Serves one request of the package itself and returns the exit code.
#[pyfunction]
pub fn serve(arguments: Vec<OsString>) -> u8 {
    coursys_ops_checks::helper::run(arguments, &mut io::stdout(), &mut io::stderr())
}
