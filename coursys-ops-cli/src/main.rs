//! The program `coursys-ops`: arguments in, renderers out.
//!
//! One file per command below `commands`; what they share lies beside this file. Exit codes: 0 done and good, 1 done
//! and bad, 2 usage or configuration, 3 refused, 130 and 143 on SIGINT and SIGTERM.

mod acting;
mod args;
mod audience;
mod built_ins;
mod caller;
mod commands;
mod crash;
mod engine;
mod errand;
mod escalate;
mod failure;
mod glance;
mod global;
mod log;
mod output;
mod program;
mod setup;
mod signals;
mod terminal;
mod who;

use std::process::ExitCode;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next().is_some_and(|first| first == setup::HELPER_ENTRY) {
        let code = coursys_ops_checks::helper::run(arguments, &mut std::io::stdout(), &mut std::io::stderr());
        return ExitCode::from(code);
    }
    signals::hear_of_children();
    crash::fence(program::run)
}
