//! `coursys-ops abandon`: gives up the plan that stopped.

use coursys_ops_core::model::CourseKind;
use coursys_ops_core::plan::Plan;
use coursys_ops_core::run::course;

use crate::acting::{Session, Shape, Waiting, last_open};
use crate::failure::Failure;
use crate::global::Global;

/// What to give up, and how.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES, disable_help_subcommand = true)]
pub struct Args {
    /// The run [default: the last one; no other is unfinished]
    run: Option<String>,
    /// Takes back what was done, the last step first
    #[arg(long)]
    undo: bool,
    #[command(flatten)]
    waiting: Waiting,
    /// The form of what is printed at the end
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Shape,
}

const EXAMPLES: &str = "\
Examples:
  coursys-ops abandon            everything stays as it is
  coursys-ops abandon --undo     what was done is taken back, as far as the plan says how
  coursys-ops resume             instead: go on with the plan

Exit codes: 0 given up, 1 a step could not be taken back, 3 refused: nothing to give up;
130 and 143 on SIGINT and SIGTERM.";

/// Gives up.
pub fn run(args: &Args, global: &Global) -> Result<u8, Failure> {
    let session = Session::to_go_on(global, &args.waiting, args.format)?;
    let past = last_open(session.ledger(), args.run.as_deref())?;
    let report = past.report();
    let (course, plan, turns) = if args.undo {
        if let Some(line) = past.damaged {
            let message = format!("the journal is damaged in line {line}: nobody knows what to take back");
            return Err(
                Failure::refused(message).with_hint("`coursys-ops abandon` without `--undo` gives it up")
            );
        }
        let plan = past.plan.clone().map_err(Failure::refused)?;
        session.judge(&plan)?;
        let turns = course::undo(&plan, &report.steps);
        (CourseKind::Undo, plan, turns)
    } else {
        // A plan that cannot be read can be given up all the same.
        let plan = past.plan.clone().unwrap_or_else(|_| Plan::new(report.run.start.title.clone()));
        (CourseKind::Abandon, plan, Vec::new())
    };
    let journal = session.ledger().reopen(&past.id).map_err(crate::acting::unusable)?;
    session.carry_out(course, plan, turns, journal, Some(past.fold))
}
