//! The helper process of the Python package as a program of its own: it starts in a fifth of the time that the interpreter
//! takes, and there are hosts, such as uWSGI, in which `sys.executable` is no interpreter.

use std::io::Write as _;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments = std::env::args_os().skip(1);
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
