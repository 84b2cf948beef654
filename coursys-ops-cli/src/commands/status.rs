//! `coursys-ops status`: one view of everything that runs, and of the site in a few lines.

mod table;

use std::time::{Duration, Instant};

use coursys_ops_checks::status::{self, Document};
use coursys_ops_core::model::Event;

use crate::failure::Failure;
use crate::glance::Deployment;
use crate::global::Global;
use crate::output::{self, Reader};
use crate::setup::Setup;
use crate::{signals, terminal};

/// How often a waiting `--watch` looks whether a signal came.
const TICK: Duration = Duration::from_millis(50);

/// Home, and clear to the end of the screen.
const CLEAR: &str = "\x1b[H\x1b[2J";

/// How to tell it.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Waits for the checks that take longer than a glance, and runs those that write a log row
    #[arg(long)]
    pub full: bool,
    /// Looks again every so often, until a signal [default: 2]
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = "2", value_parser = seconds)]
    pub watch: Option<Duration>,
    /// The form of the output
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: Format,
}

/// The form of the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people: a table and a few lines
    Text,
    /// For programs: one document
    Json,
}

const EXAMPLES: &str = "\
Examples:
  coursys-ops status                 what runs, and how the site is
  coursys-ops status --full          the same, with every health check
  coursys-ops status --watch         again and again
  coursys-ops status --format json | jq '.components[] | select(.state != \"running\")'

Cells that this user may not see, and checks that take longer than a glance, say so.

Exit codes: 0 everything runs, 1 something does not or is unwell, 2 usage or configuration,
3 refused, 130 and 143 on SIGINT and SIGTERM.";

/// Shows the state.
pub fn run(args: &Args, global: &Global) -> Result<u8, Failure> {
    let setup = Setup::load(global, None)?;
    let deployment = Deployment::of(&setup)?;
    let (_canceller, cancel) =
        signals::listen().map_err(|error| Failure::refused(format!("cannot listen to signals: {error}")))?;
    loop {
        let started = Instant::now();
        let document = look(&deployment, args.full, &cancel)?;
        let text = match args.format {
            Format::Text => terminal::harmless(&table::render(&document, terminal::width())) + "\n",
            Format::Json => serde_json::to_string_pretty(&document).map_err(Failure::refused)? + "\n",
        };
        let clear = args.watch.is_some() && args.format == Format::Text && terminal::can_clear();
        let reader = output::print(&if clear { format!("{CLEAR}{text}") } else { text })?;
        if let Some(reason) = cancel.reason() {
            return Ok(reason.exit_code());
        }
        let (Some(pause), Reader::Listens) = (args.watch, reader) else { return Ok(document.exit_code) };
        while started.elapsed() < pause {
            if let Some(reason) = cancel.reason() {
                return Ok(reason.exit_code());
            }
            std::thread::sleep(TICK.min(pause));
        }
    }
}

/// Shows one component; it has been found before.
pub fn show_one(deployment: &Deployment, name: &str, format: Format) -> Result<u8, Failure> {
    let mut document = look(deployment, false, &coursys_ops_core::run::Cancel::never())?;
    document.only(name);
    let text = match format {
        Format::Text => terminal::harmless(&table::render(&document, terminal::width())) + "\n",
        Format::Json => serde_json::to_string_pretty(&document).map_err(Failure::refused)? + "\n",
    };
    output::print(&text)?;
    Ok(document.exit_code)
}

/// What is seen at this moment, as the document that is printed.
pub fn look(
    deployment: &Deployment,
    full: bool,
    cancel: &coursys_ops_core::run::Cancel,
) -> Result<Document, Failure> {
    let Deployment { context, registry, services } = deployment;
    status::look(context, registry, services, full, cancel, &mut |_: &Event| ()).map_err(Failure::usage)
}

/// A number of seconds between a tenth of one and one day.
fn seconds(text: &str) -> Result<Duration, String> {
    match text.parse::<f64>() {
        Ok(seconds) if (0.1..=86_400.0).contains(&seconds) => Ok(Duration::from_secs_f64(seconds)),
        _ => Err("expected a number of seconds from 0.1 to 86400".to_owned()),
    }
}
