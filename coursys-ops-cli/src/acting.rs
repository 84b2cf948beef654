//! The one way in which commands act: root's rights, the lock, a plan that is made under it, the journal, the audit log,
//! progress, the report.

mod options;
mod session;
mod show;

use coursys_ops_core::ledger::Past;
use coursys_ops_core::model::CourseKind;
use coursys_ops_core::plan::Plan;
use coursys_ops_core::run::course;

pub use options::{Losses, Options, Shape, Waiting};
pub use session::{Session, last_open, unusable};

use crate::failure::Failure;
use crate::global::Global;
use crate::output;
use crate::setup::Setup;

/// Carries out the plan that `make` makes; returns the exit code.
///
/// `make` looks at the deployment and acts on nothing. It runs under the lock, as root; with `--dry-run` as whoever asks,
/// without the lock, and then the plan is printed. A plan without steps is done already.
///
/// # Errors
///
/// Nothing was done: no right, another plan acts or is unfinished, messages would be lost, the journal cannot be written.
pub fn carry_out(
    options: &Options,
    global: &Global,
    losses: Losses,
    make: impl FnOnce(&Setup) -> Result<Plan, Failure>,
) -> Result<u8, Failure> {
    carry_out_over(options, global, losses, |_| false, make)
}

/// The same for a plan that completes what an unfinished one began, wherever that stopped: `completes` says which it
/// completes. Those are given up, and the journal says so.
///
/// # Errors
///
/// As those of [`carry_out`].
pub fn carry_out_over(
    options: &Options,
    global: &Global,
    losses: Losses,
    completes: impl FnOnce(&Past) -> bool,
    make: impl FnOnce(&Setup) -> Result<Plan, Failure>,
) -> Result<u8, Failure> {
    if options.dry_run {
        let setup = Setup::load(global, None)?;
        return options.print(&make(&setup)?);
    }
    let mut session = Session::open(global, options)?;
    let unfinished = session.unfinished(completes)?;
    let plan = make(session.setup())?;
    if let Some(past) = unfinished {
        session.give_up(past)?;
    }
    if plan.steps.is_empty() {
        return session.nothing_to_do(plan);
    }
    losses.judge(&plan)?;
    session.judge(&plan)?;
    let journal = session.begin(&plan)?;
    let turns = course::begin(&plan);
    session.carry_out(CourseKind::Begin, plan, turns, journal, None)
}

impl Options {
    /// Prints a plan instead of carrying it out.
    fn print(&self, plan: &Plan) -> Result<u8, Failure> {
        use coursys_ops_core::render::plan::{document, text};
        output::print(&match self.format {
            Shape::Text => text(plan),
            Shape::Json => document(plan).map_err(Failure::refused)?,
        })?;
        Ok(0)
    }
}
