//! `coursys-ops maintenance`: closes the site and proves it, opens it again and proves that, and tells how it is. `503` and
//! `rm503` are the same by their old names.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use coursys_ops_checks::MaintenanceLook;
use coursys_ops_core::Check;
use coursys_ops_core::config::Config;
use coursys_ops_core::ledger::{Holder, Lock, Past};
use coursys_ops_core::maintenance::{
    DRAIN, ENTER, Facts, Judged, LEAVE, Trouble, Wish, Worker, enter, judge, leave,
};
use coursys_ops_core::plan::Plan;
use coursys_ops_core::run::Cancel;
use coursys_ops_core::service::{Refusal, Service};
use jiff::SignedDuration;

use crate::acting::{self, Losses, Shape};
use crate::failure::{Failure, Level, say};
use crate::glance::Deployment;
use crate::global::Global;
use crate::setup::Setup;
use crate::{output, terminal, who};

/// The longest that a maintenance may be asked for: longer is a slip of the pen.
const LONGEST: SignedDuration = SignedDuration::from_hours(24 * 30);

/// What to do.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES, disable_help_subcommand = true)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

/// What to do with the maintenance.
#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Closes the site: nothing touches its database or files when this is done
    On(On),
    /// Opens the site: what ran before runs again, and pages are served
    Off(Off),
    /// Tells how it is, with everything that was seen
    Status {
        /// The form of the output
        #[arg(long, value_name = "FORMAT", default_value = "text")]
        format: Shape,
    },
}

const EXAMPLES: &str = "\
Examples:
  coursys-ops 503 --reason 'new disks' --for 45m    the same as `maintenance on`
  coursys-ops maintenance status                    how far it is, by whom, until when
  coursys-ops rm503                                 the same as `maintenance off`

Exit codes: 0 done, or for `status` told; 1 a step did not work, or `status` could not tell;
2 usage or configuration, 3 refused, 130 and 143 on SIGINT and SIGTERM.";

/// How to close the site.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = ON_EXAMPLES, disable_help_subcommand = true)]
pub struct On {
    /// Why, for everybody who asks
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// How long it should take, such as 45m; when that is over somebody is told, and nothing opens by itself
    #[arg(long = "for", value_name = "DURATION", value_parser = duration)]
    lasts: Option<SignedDuration>,
    /// How long running tasks, and running requests, are waited for [default: `maintenance.patience_s`]
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    within: Option<SignedDuration>,
    /// Kills tasks that do not end within that time
    #[arg(long)]
    kill_tasks: bool,
    /// Takes over a flag that somebody else made
    #[arg(long)]
    take_over: bool,
    #[command(flatten)]
    options: acting::Options,
}

const ON_EXAMPLES: &str = "\
Examples:
  coursys-ops 503 --reason 'new disks' --for 45m
  coursys-ops 503 --within 2m --kill-tasks    tasks that run for longer are killed
  coursys-ops 503 --for 2h                    again, when it is on: asks for more time

New requests are refused, running ones and running tasks are waited for, and nothing but
coursys-ops starts Celery until `coursys-ops rm503`. When something does not end in time, it is
named, and the site stays closed.

Exit codes: 0 the site is closed and nothing runs, 1 something does not end, 2 usage or
configuration, 3 refused, 130 and 143 on SIGINT and SIGTERM.";

/// How to open the site.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = OFF_EXAMPLES, disable_help_subcommand = true)]
pub struct Off {
    /// Removes a flag that somebody else made
    #[arg(long)]
    take_over: bool,
    #[command(flatten)]
    options: acting::Options,
}

const OFF_EXAMPLES: &str = "\
Examples:
  coursys-ops rm503              what ran before runs again, then the flag goes
  coursys-ops rm503 --dry-run    shows the plan

When pages are not served afterwards, the flag comes back.

Exit codes: 0 the site is open, 1 a step did not work, 2 usage or configuration, 3 refused,
130 and 143 on SIGINT and SIGTERM.";

/// Does it.
pub fn run(args: &Args, global: &Global) -> Result<u8, Failure> {
    match &args.verb {
        Verb::On(on) => close(on, global),
        Verb::Off(off) => open(off, global),
        Verb::Status { format } => status(*format, global),
    }
}

/// `coursys-ops 503`.
pub fn close(args: &On, global: &Global) -> Result<u8, Failure> {
    acting::carry_out_over(&args.options, global, Losses::Allowed, is_ours, |setup| {
        let now = setup.context.clock.now();
        let until = args.lasts.map(|lasts| now.checked_add(lasts)).transpose().map_err(Failure::usage)?;
        let within = args.within.and_then(|within| Duration::try_from(within).ok());
        let mut wish = wish(setup, args.take_over);
        wish.until = until;
        wish.why.clone_from(&args.reason);
        wish.kill_tasks = args.kill_tasks;
        wish.patience = within.unwrap_or(wish.patience);
        make(setup, &wish, |config, services, facts, wish| {
            // Nothing that we can do keeps others from it, so that who closes the site must know.
            let unheld = facts.workers.iter().filter_map(Worker::unheld);
            unheld.for_each(|words| say(Level::Warning, &words));
            enter(config, services, facts, wish)
        })
    })
}

/// `coursys-ops rm503`.
pub fn open(args: &Off, global: &Global) -> Result<u8, Failure> {
    acting::carry_out_over(&args.options, global, Losses::Allowed, is_ours, |setup| {
        make(setup, &wish(setup, args.take_over), leave)
    })
}

/// Whether an unfinished plan is one of these, which the next one completes from wherever it stopped.
pub(super) fn is_ours(past: &Past) -> bool {
    let title = past.report().run.start.title;
    [ENTER, LEAVE, DRAIN].contains(&title.as_str())
}

/// What is wanted, but for what the command was told.
pub(super) fn wish(setup: &Setup, take_over: bool) -> Wish {
    let context = &setup.context;
    let now = context.clock.now();
    Wish {
        id: format!("{}-{}", now.as_nanosecond(), std::process::id()),
        who: who::who(&context.environment).person,
        why: None,
        now,
        until: None,
        patience: Duration::from_secs(context.config.maintenance.patience_s),
        kill_tasks: false,
        take_over,
    }
}

/// Looks and makes a plan.
pub(super) fn make(
    setup: &Setup,
    wish: &Wish,
    maker: impl FnOnce(&Config, &[Arc<dyn Service>], &Facts, &Wish) -> Result<Plan, Refusal>,
) -> Result<Plan, Failure> {
    let deployment = Deployment::of(setup)?;
    let facts = look(&deployment)?;
    let refused = |refusal: Refusal| Failure::refused(refusal.message).with_hint(refusal.hint);
    maker(&deployment.context.config, &deployment.services, &facts, wish).map_err(refused)
}

fn look(deployment: &Deployment) -> Result<Facts, Failure> {
    let looker = Arc::new(MaintenanceLook::new(deployment.services.clone()));
    let beside: Vec<Arc<dyn Check>> = vec![looker.clone()];
    deployment.look(beside, true, &Cancel::never());
    looker.take().ok_or_else(|| {
        if deployment.context.config.maintenance.flag.is_none() {
            Failure::refused("this layout has no maintenance page")
                .with_hint("`maintenance.flag` says where its flag is")
        } else {
            Failure::refused("the site could not be looked at in time")
                .with_hint("look at the load of the machine, then try again")
        }
    })
}

fn status(format: Shape, global: &Global) -> Result<u8, Failure> {
    let setup = Setup::load(global, None)?;
    let deployment = Deployment::of(&setup)?;
    let judged = judge(&look(&deployment)?);
    let text = match format {
        Shape::Json => serde_json::to_string_pretty(&judged).map_err(Failure::refused)? + "\n",
        Shape::Text => {
            let lock = &setup.context.config.plans.lock;
            // Where that cannot be told, nobody seems to act.
            text(&judged, Lock::holder(lock).ok().flatten().as_ref())
        }
    };
    output::print(&text)?;
    Ok(u8::from(judged.code == Some(Trouble::FlagUnseen)))
}

/// The state for people.
fn text(judged: &Judged, acting: Option<&Holder>) -> String {
    let mut lines = format!("state     {}", judged.state.as_str());
    let mut line = |name: &str, text: &str| {
        // Writing to a string does not fail.
        let _ = write!(lines, "\n{name:<9} {text}");
    };
    if let Some(code) = judged.code {
        line("code", &format!("{}: {}", code.as_str(), code.meaning().trim_end_matches('.')));
    }
    if let Some(lease) = &judged.lease {
        line("who", &lease.who);
        if !lease.why.is_empty() {
            line("why", &lease.why);
        }
        line("since", &lease.since);
        if let Some(until) = &lease.until {
            line("until", until);
        }
        if !lease.stopped.is_empty() {
            line("stopped", &lease.stopped.join(", "));
        }
    }
    for evidence in &judged.evidence {
        line(&evidence.about, &evidence.message);
    }
    if let Some(holder) = acting {
        line("acting", &format!("{}, by `{}`", holder.command.join(" "), holder.owner));
    } else if let Some(code) = judged.code {
        line("hint", code.hint());
    }
    terminal::harmless(&lines) + "\n"
}

/// A duration such as `45m` or `1h 30m`.
pub(super) fn duration(text: &str) -> Result<SignedDuration, String> {
    match text.parse::<SignedDuration>() {
        Ok(duration) if duration >= SignedDuration::from_secs(1) && duration <= LONGEST => Ok(duration),
        Ok(_) => Err("expected at least a second and at most 30 days".to_owned()),
        Err(_) => Err("expected a duration such as 45m or 1h30m".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_said_as_people_say_it() {
        assert_eq!(duration("45m"), Ok(SignedDuration::from_mins(45)));
        assert_eq!(duration("1h 30m"), Ok(SignedDuration::from_mins(90)));
        for wrong in ["45", "-1h", "0s", "100000h", "soon", ""] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }
}
