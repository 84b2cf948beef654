//! What other commands may not do to workers while a maintenance wants them otherwise. Pure.

use super::facts::{Facts, Held, Worker};
use super::{Flag, LeasePhase};
use crate::plan::Plan;
use crate::service::{Deed, Refusal};

/// Why a plan that is none of ours is not carried out: it would start workers that rest in a maintenance, which would fail
/// or break it, or stop those that are being drained, which would kill their tasks.
///
/// # Errors
///
/// The maintenance that is in the way, and what to do.
pub fn permit(facts: &Facts, plan: &Plan) -> Result<(), Refusal> {
    let does = |worker: &Worker, deeds: &[Deed]| {
        let is = |deed: &Deed| plan.steps.iter().any(|step| step.id == step_id(&worker.name, *deed));
        deeds.iter().any(is)
    };
    for worker in &facts.workers {
        let name = &worker.name;
        let held = matches!(worker.held, Held::Yes | Held::Partly);
        let starts = does(worker, &[Deed::Start, Deed::Restart, Deed::Recreate]);
        let stops = does(worker, &[Deed::Stop, Deed::Restart, Deed::Recreate]);
        match &facts.flag {
            Flag::Ours(lease) if lease.phase == LeasePhase::Draining => {
                if held && stops && worker.runs() {
                    return Err(Refusal::new(
                        format!(
                            "the queues are drained, and to stop `{name}` now would kill tasks; {}",
                            by(lease)
                        ),
                        "wait until `coursys-ops drain` is done, or go on to a maintenance with `coursys-ops 503`",
                    ));
                }
            }
            Flag::Ours(lease) if starts => {
                return Err(Refusal::new(
                    format!("the site is in maintenance, in which `{name}` must not run; {}", by(lease)),
                    "`coursys-ops rm503` ends the maintenance and starts what ran before",
                ));
            }
            Flag::Absent if held && starts => {
                return Err(Refusal::new(
                    format!("what keeps others from starting `{name}` in a maintenance is there still"),
                    "somebody removed the flag by hand: `coursys-ops rm503` starts what was stopped",
                ));
            }
            Flag::Unseen(why) if starts => {
                return Err(Refusal::new(
                    format!(
                        "nobody can tell whether the site is in maintenance, in which `{name}` must not run: {why}"
                    ),
                    "run it as root, or mend what keeps from looking at the flag",
                ));
            }
            Flag::Ours(_) | Flag::Absent | Flag::Bare(_) | Flag::Unseen(_) => {}
        }
    }
    Ok(())
}

fn step_id(component: &str, deed: Deed) -> String {
    format!("{component}.{}", deed.as_str())
}

fn by(lease: &super::Lease) -> String {
    let why = if lease.why.is_empty() { String::new() } else { format!(" ({})", lease.why) };
    format!("by `{}` since {}{why}", lease.who, lease.since)
}

#[cfg(test)]
#[path = "refuse_tests.rs"]
mod tests;
