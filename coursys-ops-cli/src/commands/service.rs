//! `coursys-ops service NAME …`, `start-all`, `restart-all`: one way to act on components, whoever manages them.

use std::sync::Arc;

use coursys_ops_checks::LogLines;
use coursys_ops_core::Check;
use coursys_ops_core::run::Cancel;

use super::status;
use crate::failure::Failure;
use crate::glance::Deployment;
use crate::global::Global;
use crate::setup::Setup;
use crate::{output, terminal};

/// The component and what is to be done.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES, disable_help_subcommand = true)]
pub struct Args {
    /// The component, as `coursys-ops status` names it
    #[arg(value_name = "NAME")]
    pub name: String,
    /// What to do
    #[command(subcommand)]
    pub verb: Verb,
}

const EXAMPLES: &str = "\
Examples:
  coursys-ops service celery status
  coursys-ops service celery logs --lines 100

Exit codes: 0 done and good, 1 done and bad, 2 usage or configuration, 3 refused,
130 and 143 on SIGINT and SIGTERM.";

/// What to do with a component.
#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// Shows the component as `coursys-ops status` does
    Status {
        /// The form of the output
        #[arg(long, value_name = "FORMAT", default_value = "text")]
        format: status::Format,
    },
    /// Prints the last lines of its journal, its container's log and its log files
    Logs {
        /// How many lines of each
        #[arg(short = 'n', long, value_name = "COUNT", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=100_000))]
        lines: u32,
    },
}

/// Does it.
pub fn run(args: &Args, global: &Global) -> Result<u8, Failure> {
    let setup = Setup::load(global, None)?;
    let deployment = Deployment::of(&setup)?;
    let service = Arc::clone(deployment.service(&args.name)?);
    match &args.verb {
        Verb::Status { format } => status::show_one(&deployment, &args.name, *format),
        Verb::Logs { lines } => {
            let text = logs(&deployment, Arc::new(LogLines::new(service, *lines)));
            output::print(&(terminal::harmless(&text) + "\n"))?;
            Ok(0)
        }
    }
}

/// The last lines of a component's logs.
pub fn logs(deployment: &Deployment, reader: Arc<LogLines>) -> String {
    let beside: Vec<Arc<dyn Check>> = vec![reader.clone()];
    deployment.look(beside, true, &Cancel::never());
    reader.take().join("\n")
}
