//! `coursys-ops history`: what was done, by whom, and how it went.

use comfy_table::{Table, presets};
use coursys_ops_core::ledger::{Ledger, Lock, Past};
use coursys_ops_core::model::{PlanReport, StepState};
use coursys_ops_core::render::escape;
use coursys_ops_core::render::plan::{account, json, moment};
use serde::Serialize;

use crate::acting::{Shape, unusable};
use crate::failure::Failure;
use crate::global::Global;
use crate::setup::Setup;
use crate::{escalate, output};

/// What to show.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES, disable_help_subcommand = true, args_conflicts_with_subcommands = true)]
pub struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    /// How many of the latest runs
    #[arg(long, value_name = "COUNT", default_value_t = 20)]
    last: usize,
    /// The form of the output
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Shape,
}

const EXAMPLES: &str = "\
Examples:
  coursys-ops history            the latest runs, the newest last
  coursys-ops history show       the last run with all its steps
  coursys-ops history --format json | jq '.runs[].run.ended'

The directory of a run, below `plans.state_dir`, holds its plan, its journal and all output.

Exit codes: 0 shown, 3 refused: no right, or no such run.";

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Shows one run with all its steps
    Show {
        /// The run [default: the last one]
        run: Option<String>,
        /// The form of the output
        #[arg(long, value_name = "FORMAT", default_value = "text")]
        format: Shape,
    },
}

/// What `--format json` prints.
#[derive(Serialize)]
struct Document {
    schema: u32,
    runs: Vec<PlanReport>,
}

/// Shows what was done.
pub fn run(args: Args, global: &Global) -> Result<u8, Failure> {
    escalate::ensure_root(global)?;
    let setup = Setup::load(global, None)?;
    let plans = &setup.context.config.plans;
    let ledger = Ledger::new(&plans.state_dir, plans.keep_runs);
    match args.command {
        Some(Command::Show { run, format }) => show(&ledger, run, format),
        None => {
            let ids = ledger.ids().map_err(unusable)?;
            let latest = ids.iter().skip(ids.len().saturating_sub(args.last));
            let runs: Vec<Past> =
                latest.map(|id| ledger.read(id)).collect::<Result<_, _>>().map_err(unusable)?;
            // Who acts at this moment; where that cannot be told, nobody seems to.
            let holder = Lock::holder(&plans.lock).ok().flatten();
            list(&runs, holder.and_then(|holder| holder.run), args.format)
        }
    }
}

fn list(runs: &[Past], running: Option<String>, format: Shape) -> Result<u8, Failure> {
    if format == Shape::Json {
        let runs = runs.iter().map(Past::report).collect();
        let document = Document { schema: coursys_ops_core::model::PLAN_REPORT_SCHEMA, runs };
        let text = serde_json::to_string_pretty(&document).map_err(Failure::refused)?;
        output::print(&format!("{}\n", escape::json(&text)))?;
        return Ok(0);
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(["RUN", "BY", "STARTED", "STEPS", "ENDED", "WHAT"]);
    for past in runs {
        let report = past.report();
        let start = &report.run.start;
        let done = report.count(StepState::Done) + report.count(StepState::Past);
        let ended = match past.damaged {
            _ if running.as_deref() == Some(&*past.id) => "runs",
            Some(_) => "damaged",
            None => report.run.ended.as_str(),
        };
        let open = if past.is_open() && ended != "runs" { " (unfinished)" } else { "" };
        table.add_row([
            escape::line(&past.id),
            escape::line(&start.who.person),
            escape::line(&moment(&start.started_at)),
            format!("{done}/{}", report.steps.len()),
            format!("{ended}{open}"),
            escape::line(&start.title),
        ]);
    }
    let lines = table.to_string();
    let lines = lines.lines().map(|line| format!("{}\n", line.trim()));
    output::print(&if runs.is_empty() {
        "no plan was carried out yet\n".to_owned()
    } else {
        lines.collect()
    })?;
    Ok(0)
}

fn show(ledger: &Ledger, run: Option<String>, format: Shape) -> Result<u8, Failure> {
    let id = match run {
        Some(id) => id,
        None => ledger
            .ids()
            .map_err(unusable)?
            .pop()
            .ok_or_else(|| Failure::refused("no plan was carried out yet"))?,
    };
    let past = ledger.read(&id).map_err(unusable)?;
    let report = past.report();
    output::print(&match format {
        Shape::Json => json(&report).map_err(Failure::refused)?,
        Shape::Text => {
            let damage = past.damaged.map(|line| format!("the journal is damaged in line {line}\n"));
            account(&report) + &damage.unwrap_or_default()
        }
    })?;
    Ok(0)
}
