//! `coursys-ops resume`: goes on with the plan that stopped.

use coursys_ops_core::ledger::Past;
use coursys_ops_core::model::CourseKind;
use coursys_ops_core::run::{Decision, NotSafe, course};

use crate::acting::{Session, Shape, Waiting, last_open};
use crate::failure::Failure;
use crate::global::Global;

/// What to go on with, and how.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES, disable_help_subcommand = true)]
pub struct Args {
    /// The run [default: the last one; no other can be resumed]
    run: Option<String>,
    /// Does the step again at which it stopped, although that may have been done
    #[arg(long, conflicts_with = "past")]
    again: bool,
    /// Takes the step for done at which it stopped
    #[arg(long)]
    past: bool,
    #[command(flatten)]
    waiting: Waiting,
    /// The form of what is printed at the end
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Shape,
}

const EXAMPLES: &str = "\
Examples:
  coursys-ops resume             at the step that failed or was cut off, with the same plan
  coursys-ops resume --past      that step was done by hand, or was done after all
  coursys-ops abandon --undo     instead: give the plan up and take back what was done

Exit codes: 0 the plan is done, 1 a step failed, 3 refused: nothing to resume, or a step that may
have been done and must not be done twice; 130 and 143 on SIGINT and SIGTERM.";

/// Goes on.
pub fn run(args: &Args, global: &Global) -> Result<u8, Failure> {
    let session = Session::to_go_on(global, &args.waiting, args.format)?;
    let past = last_open(session.ledger(), args.run.as_deref())?;
    if let Some(line) = past.damaged {
        let journal = past.dir.join("journal.jsonl");
        return Err(Failure::refused(format!("`{}` is damaged in line {line}", journal.display()))
            .with_hint("look what was done, then `coursys-ops abandon` gives the plan up"));
    }
    let plan = past.plan.clone().map_err(Failure::refused)?;
    let decision = match (args.again, args.past) {
        (true, _) => Some(Decision::Again),
        (_, true) => Some(Decision::Past),
        _ => None,
    };
    let steps = past.report().steps;
    let turns = course::resume(&plan, &steps, decision).map_err(|error| not_safe(&error, &past))?;
    session.judge(&plan)?;
    let journal = session.ledger().reopen(&past.id).map_err(crate::acting::unusable)?;
    session.carry_out(CourseKind::Resume, plan, turns, journal, Some(past.fold))
}

/// Why it does not go on, and what to look at.
fn not_safe(error: &NotSafe, past: &Past) -> Failure {
    let hint = match error {
        NotSafe::InDoubt { id, .. } => {
            let report = past.report();
            let log = report.run.start.log.unwrap_or_default();
            let step = past.plan.as_ref().ok().and_then(|plan| plan.steps.iter().find(|step| step.id == *id));
            let look = step
                .and_then(|step| step.component.as_ref())
                .map_or_else(String::new, |name| format!(" and at `{name}`"));
            format!("look at `{log}`{look}; then `--again` does it again, `--past` takes it for done")
        }
        NotSafe::GoesBack => "`coursys-ops abandon --undo` goes on taking it back".to_owned(),
        NotSafe::OtherPlan => "look what was done, then `coursys-ops abandon` gives the plan up".to_owned(),
    };
    Failure::refused(error).with_hint(hint)
}
