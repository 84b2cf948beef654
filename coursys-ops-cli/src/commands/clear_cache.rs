//! `coursys-ops clear-cache`: memcached is restarted, as the handbook's verb of that name does.

use coursys_ops_core::service::Deed;

use super::service;
use crate::failure::Failure;
use crate::global::Global;

/// How to act.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    how: service::Act,
}

const EXAMPLES: &str = "\
Examples:
  coursys-ops clear-cache              the same as `coursys-ops service memcached restart`
  coursys-ops clear-cache --dry-run

For the moment that it takes, the site has no cache. `coursys-ops purge-cache` empties it without an interruption.

Exit codes: 0 it runs again and answers, 1 it does not, 2 usage or configuration, 3 refused,
130 and 143 on SIGINT and SIGTERM.";

/// Restarts memcached.
pub fn run(args: &Args, global: &Global) -> Result<u8, Failure> {
    service::act("memcached", Deed::Restart, &args.how, false, global)
}
