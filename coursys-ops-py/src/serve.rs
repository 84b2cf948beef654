//! The helper process, where the interpreter is its program; see `bin/helper.rs` for the other one.

use std::ffi::OsString;
use std::io::Write as _;

use pyo3::prelude::*;

/// Serves one request of the package itself and returns the exit code.
#[pyfunction]
pub fn serve(arguments: Vec<OsString>) -> u8 {
    let told = match coursys_ops_core::helper::serve(arguments, coursys_ops_checks::serve) {
        Ok(answer) => tell(&answer).map_err(|error| error.to_string()),
        Err(complaint) => Err(complaint),
    };
    match told {
        Ok(()) => 0,
        Err(complaint) => {
            // Nobody else could be told.
            let _ = writeln!(std::io::stderr(), "{complaint}");
            1
        }
    }
}

/// Writes to standard output, which the interpreter's end does not flush: it is Rust's own.
fn tell(answer: &str) -> std::io::Result<()> {
    let mut output = std::io::stdout();
    output.write_all(answer.as_bytes())?;
    output.flush()
}
