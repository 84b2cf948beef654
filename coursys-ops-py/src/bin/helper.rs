//! The helper process of the Python package as a program of its own: it starts in a fifth of the time that the interpreter
//! takes, and there are hosts, such as uWSGI, in which `sys.executable` is no interpreter.

use std::io;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments = std::env::args_os().skip(1);
    ExitCode::from(coursys_ops_checks::helper::run(arguments, &mut io::stdout(), &mut io::stderr()))
}
