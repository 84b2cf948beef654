//! `coursys-ops service NAME …`, `start-all`, `restart-all`: one way to act on components, whoever manages them.

use std::sync::Arc;

use coursys_ops_checks::glance::{EMPTY, Empty};
use coursys_ops_checks::{FlagLook, LogLines, MaintenanceLook};
use coursys_ops_core::Check;
use coursys_ops_core::config::Config;
use coursys_ops_core::maintenance::{Facts, Flag, permit};
use coursys_ops_core::model::Status;
use coursys_ops_core::plan::{Plan, Step};
use coursys_ops_core::run::Cancel;
use coursys_ops_core::service::{self, Deed, Look, Refusal, Service, Wanted};

use super::status;
use crate::acting::{self, Losses};
use crate::built_ins;
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
  coursys-ops service gunicorn reload
  coursys-ops service rabbitmq restart --dry-run    Celery rests meanwhile
  coursys-ops service celery logs --lines 100

Exit codes: 0 done and good, 1 done and bad, 2 usage or configuration, 3 refused,
130 and 143 on SIGINT and SIGTERM.";

/// What to do with a component.
#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// Starts it when what it needs answers
    Start(Act),
    /// Stops it, and before it those that must not run without it
    Stop(Act),
    /// Stops and starts it, in the container that it has
    Restart(Act),
    /// Lets it read its configuration anew, without an interruption
    Reload(Act),
    /// Makes its container anew, of the image and the compose file of today
    Recreate {
        #[command(flatten)]
        act: Act,
        /// Does it also when messages would be lost
        #[arg(long)]
        lose_messages: bool,
    },
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

/// How to act.
#[derive(Debug, Clone, clap::Args)]
#[command(disable_help_subcommand = true)]
pub struct Act {
    #[command(flatten)]
    options: acting::Options,
}

/// `coursys-ops start-all`, `coursys-ops restart-all`: how to act.
#[derive(Debug, clap::Args)]
#[command(after_help = ALL_EXAMPLES)]
pub struct All {
    #[command(flatten)]
    options: acting::Options,
}

const ALL_EXAMPLES: &str = "\
Examples:
  coursys-ops start-all --dry-run     what would be done, in which order
  coursys-ops restart-all             Celery rests while RabbitMQ restarts; nothing starts before what it
                                      needs answers

Exit codes: 0 everything runs and is healthy, 1 a step did not work, 2 usage or configuration,
3 refused, 130 and 143 on SIGINT and SIGTERM.";

/// The option that lets messages be lost.
const LOSE: &str = "--lose-messages";

/// Starts everything that does not run.
pub fn start_all(args: &All, global: &Global) -> Result<u8, Failure> {
    all(args, global, service::start_all)
}

/// Restarts everything.
pub fn restart_all(args: &All, global: &Global) -> Result<u8, Failure> {
    all(args, global, service::restart_all)
}

type Maker = fn(&Config, &[Arc<dyn Service>], &[Look]) -> Result<Plan, Refusal>;

fn all(args: &All, global: &Global, make: Maker) -> Result<u8, Failure> {
    acting::carry_out(&args.options, global, Losses::Refused(LOSE), |setup| {
        let deployment = Deployment::of(setup)?;
        let looks = deployment.components()?;
        let plan = make(&deployment.context.config, &deployment.services, &looks).map_err(refused)?;
        permitted(&deployment, plan)
    })
}

/// Does something to one component.
pub(super) fn act(
    name: &str,
    deed: Deed,
    act: &Act,
    lose_messages: bool,
    global: &Global,
) -> Result<u8, Failure> {
    let losses = if lose_messages { Losses::Allowed } else { Losses::Refused(LOSE) };
    acting::carry_out(&act.options, global, losses, |setup| {
        let deployment = Deployment::of(setup)?;
        deployment.service(name)?;
        let looks = deployment.components()?;
        let wanted = Wanted { name, deed };
        let plan = service::chain(&deployment.context.config, &deployment.services, &looks, wanted);
        let plan = plan.map_err(refused)?;
        let plan = if lose_messages { plan } else { without_losses_of_nothing(&deployment, plan) };
        permitted(&deployment, plan)
    })
}

/// A plan that no maintenance is in the way of.
fn permitted(deployment: &Deployment, plan: Plan) -> Result<Plan, Failure> {
    if plan.steps.is_empty() || deployment.context.config.maintenance.flag.is_none() {
        return Ok(plan);
    }
    let looker = Arc::new(MaintenanceLook::of_this_machine(deployment.services.clone()));
    let flag = Arc::new(FlagLook::new());
    let beside: Vec<Arc<dyn Check>> = vec![looker.clone(), flag.clone()];
    deployment.look(beside, true, &Cancel::never());
    permits(looker.take().as_ref(), flag.take(), &plan).map_err(refused)?;
    Ok(plan)
}

/// Whether a plan may be carried out: with all that was seen, or, where that took too long, by the flag alone.
fn permits(facts: Option<&Facts>, flag: Option<Flag>, plan: &Plan) -> Result<(), Refusal> {
    let why = match (facts, flag) {
        (Some(facts), _) => return permit(facts, plan),
        (None, Some(Flag::Absent)) => return Ok(()),
        (None, Some(Flag::Unseen(why))) => format!("nobody can tell whether it is in maintenance: {why}"),
        (None, Some(Flag::Ours(_) | Flag::Bare(_))) => "its flag of maintenance is there".to_owned(),
        (None, None) => "nobody can tell whether it is in maintenance".to_owned(),
    };
    let message = format!("the site could not be looked at in time, and {why}");
    Err(Refusal::new(message, "look at the load of the machine, and at `coursys-ops maintenance status`"))
}

/// What would lose messages loses none when every queue is empty, now and just before it; else what they hold is told.
fn without_losses_of_nothing(deployment: &Deployment, plan: Plan) -> Plan {
    if plan.losses().next().is_none() {
        return plan;
    }
    let empty: Vec<Arc<dyn Check>> = vec![Arc::new(Empty::new())];
    let seen = deployment.look(empty, true, &Cancel::never());
    let found = seen.report.checks.into_iter().find(|check| check.id == EMPTY);
    let passed = found.as_ref().is_some_and(|check| check.status == Status::Passed);
    let finding = found.and_then(|check| check.findings.into_iter().next());
    let why = finding.map_or_else(String::new, |finding| format!(" ({})", finding.message));
    let judged = |mut step: Step| match step.loses.take() {
        Some(_) if passed => vec![built_ins::nothing_to_lose(), step],
        Some(loses) => vec![step.loses(format!("{loses}{why}"))],
        None => vec![step],
    };
    Plan { steps: plan.steps.into_iter().flat_map(judged).collect(), ..plan }
}

fn refused(refusal: Refusal) -> Failure {
    Failure::refused(refusal.message).with_hint(refusal.hint)
}

/// Does it.
pub fn run(args: &Args, global: &Global) -> Result<u8, Failure> {
    let name = args.name.as_str();
    match &args.verb {
        Verb::Start(how) => return act(name, Deed::Start, how, false, global),
        Verb::Stop(how) => return act(name, Deed::Stop, how, false, global),
        Verb::Restart(how) => return act(name, Deed::Restart, how, false, global),
        Verb::Reload(how) => return act(name, Deed::Reload, how, false, global),
        Verb::Recreate { act: how, lose_messages } => {
            return act(name, Deed::Recreate, how, *lose_messages, global);
        }
        Verb::Status { .. } | Verb::Logs { .. } => {}
    }
    let setup = Setup::load(global, None)?;
    let deployment = Deployment::of(&setup)?;
    let service = Arc::clone(deployment.service(&args.name)?);
    match &args.verb {
        Verb::Status { format } => status::show_one(&deployment, &args.name, *format),
        Verb::Logs { lines } => {
            let text = logs(&deployment, &Arc::new(LogLines::new(service, *lines)));
            output::print(&(terminal::harmless(&text) + "\n"))?;
            Ok(0)
        }
        // Done above.
        _ => Ok(0),
    }
}

/// The last lines of a component's logs.
fn logs(deployment: &Deployment, reader: &Arc<LogLines>) -> String {
    let beside: Vec<Arc<dyn Check>> = vec![reader.clone()];
    deployment.look(beside, true, &Cancel::never());
    reader.take().join("\n")
}

#[cfg(test)]
mod tests {
    use coursys_ops_core::maintenance::Bare;

    use super::*;

    #[test]
    fn where_the_site_cannot_be_looked_at_only_a_flag_that_is_not_there_lets_a_plan_through() {
        let plan = Plan { title: "start".into(), steps: vec![Step::run("celery.start", "start", ["true"])] };
        assert!(permits(None, Some(Flag::Absent), &plan).is_ok());
        let closed = [Some(Flag::Bare(Bare::NotAFile)), Some(Flag::Unseen("it hangs".into())), None];
        for flag in closed {
            let refusal = permits(None, flag, &plan).unwrap_err();
            assert!(refusal.message.contains("could not be looked at in time"), "{refusal}");
            assert!(refusal.hint.contains("maintenance status"));
        }
    }
}
