//! `coursys-ops drain`: closes the site and waits until its workers have nothing left to do.

use std::time::Duration;

use coursys_ops_core::maintenance::{Draining, drain};
use jiff::SignedDuration;

use super::maintenance::{duration, is_ours, make, wish};
use crate::acting::{self, Losses};
use crate::failure::{Failure, Level, say};
use crate::global::Global;

/// How to drain.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = EXAMPLES, disable_help_subcommand = true)]
pub struct Args {
    /// How long the queues are waited for
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = duration)]
    timeout: SignedDuration,
    /// Starts workers that do not run
    #[arg(long)]
    start_workers: bool,
    /// Why, for everybody who asks
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Takes over a flag that somebody else made
    #[arg(long)]
    take_over: bool,
    #[command(flatten)]
    options: acting::Options,
}

const EXAMPLES: &str = "\
Examples:
  coursys-ops drain                            before RabbitMQ is recreated
  coursys-ops drain --timeout 1h               long tasks are on their way
  coursys-ops drain && coursys-ops 503         and then nothing runs any more

New requests are refused and the beat stops; the workers run on until no message waits, none is
in their hands and no task runs. What nobody does ends it at once: messages without a worker, and
tasks for a later time than the timeout, each with its name. A task that does not end is named with
its age and its worker. The site stays closed: `coursys-ops 503` goes on to a maintenance,
`coursys-ops rm503` opens it.

Exit codes: 0 drained, RabbitMQ may be recreated; 1 not drained, and why; 2 usage or configuration,
3 refused, 130 and 143 on SIGINT and SIGTERM.";

/// Does it.
pub fn run(args: &Args, global: &Global) -> Result<u8, Failure> {
    let timeout = Duration::try_from(args.timeout).map_err(Failure::usage)?;
    let draining = Draining { timeout, start_workers: args.start_workers };
    let code = acting::carry_out_over(&args.options, global, Losses::Allowed, is_ours, |setup| {
        let mut wish = wish(setup, args.take_over);
        wish.why.clone_from(&args.reason);
        make(setup, &wish, |config, services, facts, wish| drain(config, services, facts, wish, draining))
    })?;
    if code == 0 && !args.options.dry_run && !global.quiet {
        say(
            Level::Hint,
            "drained: RabbitMQ may be recreated; `coursys-ops 503` stops the workers, `coursys-ops rm503` opens the site",
        );
    }
    Ok(code)
}
