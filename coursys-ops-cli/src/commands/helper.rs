//! The hidden entry: the program as its own helper process. See [`coursys_ops_core::helper`].

use std::ffi::OsString;
use std::io::Write as _;
use std::process::ExitCode;

/// Serves one request of the program itself.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let told = match coursys_ops_core::helper::serve(arguments, coursys_ops_checks::serve) {
        Ok(answer) => std::io::stdout().write_all(answer.as_bytes()).map_err(|error| error.to_string()),
        Err(complaint) => Err(complaint),
    };
    match told {
        Ok(()) => ExitCode::SUCCESS,
        Err(complaint) => {
            // Nobody else could be told.
            let _ = writeln!(std::io::stderr(), "{complaint}");
            ExitCode::FAILURE
        }
    }
}
