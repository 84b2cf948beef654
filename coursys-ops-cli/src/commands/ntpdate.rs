//! `coursys-ops ntpdate`: this machine's clock beside the time server's.

use std::path::Path;
use std::time::Duration;

use coursys_ops_core::model::{Code, Finding, Status};
use coursys_ops_core::plan::{Plan, Step};
use coursys_ops_core::registry::Selection;
use coursys_ops_core::run::Cancel;
use serde::Serialize;

use crate::acting::{self, Losses, Shape};
use crate::errand;
use crate::failure::{Failure, Level, say};
use crate::global::Global;
use crate::output;
use crate::setup::Setup;
use crate::terminal;

/// What to do.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Lets the machine's own time service set the clock at once, if it is off by more than it may be
    #[arg(long)]
    step: bool,
    #[command(flatten)]
    options: acting::Options,
}

const EXAMPLES: &str = "\
Examples:
  coursys-ops ntpdate                      the offset from the time server of `time.host`
  coursys-ops ntpdate --format json | jq .offset_s
  coursys-ops ntpdate --step --dry-run     what would be done about it

To set the clock is the business of chrony or systemd-timesyncd, which do it slowly and all the time; `--step` tells
whichever is here to do it at once. A clock that jumps can confuse whatever measures time by it.

Exit codes: 0 the clock is right, 1 it is off or the time server does not answer, 2 usage or configuration, 3 refused,
130 and 143 on SIGINT and SIGTERM.";

/// The check that asks the time server.
const CHECK: &str = "time.offset";

/// It asks up to three times.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Those who can set the clock: their program, what makes them do it at once, and for people.
const SETTERS: [(&str, &[&str], &str); 2] = [
    ("/usr/bin/chronyc", &["chronyc", "makestep"], "let chrony set the clock now"),
    (
        "/lib/systemd/systemd-timesyncd",
        &["systemctl", "restart", "systemd-timesyncd.service"],
        "let systemd-timesyncd set the clock now",
    ),
];

/// What `--format json` prints.
#[derive(Serialize)]
struct Document {
    schema: u32,
    good: bool,
    code: Code,
    message: String,
    hint: Option<String>,
    /// Without its sign; the message has it.
    offset_s: Option<f64>,
    round_trip_ms: Option<f64>,
    server: String,
}

/// Compares the clocks.
pub fn run(args: &Args, global: &Global) -> Result<u8, Failure> {
    if args.step {
        return acting::carry_out(&args.options, global, Losses::Allowed, plan);
    }
    if args.options.dry_run {
        return Err(Failure::usage("`--dry-run` makes sense with `--step` only: without it nothing is done"));
    }
    let setup = Setup::load(global, None)?;
    let finding = offset(&setup);
    let good = finding.status == Status::Passed;
    let usage = finding.code == Code::NotConfigured;
    match args.options.format {
        Shape::Json => {
            let figure = |name: &str| {
                finding
                    .measurements
                    .iter()
                    .find(|measured| measured.name == name)
                    .map(|measured| measured.value)
            };
            let document = Document {
                schema: 1,
                good,
                code: finding.code,
                offset_s: figure("offset"),
                round_trip_ms: figure("round_trip"),
                server: setup.context.config.time.server.place(),
                message: finding.message,
                hint: finding.hint,
            };
            output::print(&(serde_json::to_string_pretty(&document).map_err(Failure::refused)? + "\n"))?;
        }
        Shape::Text if finding.measurements.is_empty() => tell(&finding),
        Shape::Text => {
            output::print(&(terminal::harmless(&finding.message) + "\n"))?;
            if let Some(hint) = finding.hint.filter(|_| !good) {
                say(Level::Hint, &hint);
            }
        }
    }
    Ok(if usage { crate::failure::USAGE } else { u8::from(!good) })
}

fn tell(finding: &Finding) {
    say(Level::Error, &finding.message);
    if let Some(hint) = &finding.hint {
        say(Level::Hint, hint);
    }
}

fn offset(setup: &Setup) -> Finding {
    let selection = Selection { patterns: vec![CHECK.to_owned()], tier: None };
    let check = setup.registry.select(&selection).ok().and_then(|checks| checks.into_iter().next());
    let Some(check) = check else { return Finding::unknown(Code::NoFinding, "nobody asked the time server") };
    let nothing = || Finding::unknown(Code::NoFinding, "the time server told nothing");
    let asked = errand::run(&setup.context, "clock", TIMEOUT, &Cancel::never(), move |scope| {
        Box::pin(async move { check.look(scope).await.into_iter().next().ok_or_else(nothing) })
    });
    match asked {
        Ok(finding) => finding,
        Err(errand::Mishap::Found(finding)) => *finding,
        Err(errand::Mishap::Stopped(_)) => nothing(),
    }
}

/// Nothing to do when the clock is right. One that cannot be compared is left alone.
fn plan(setup: &Setup) -> Result<Plan, Failure> {
    let finding = offset(setup);
    let plan = Plan::new("set the clock");
    match finding.code {
        Code::Ok => return Ok(plan),
        Code::ClockOff => {}
        _ => {
            let failure = Failure::refused(format!("the clock is left alone: {}", finding.message));
            return Err(match finding.hint {
                Some(hint) => failure.with_hint(hint),
                None => failure,
            });
        }
    }
    let (_, argv, title) =
        SETTERS.iter().find(|(program, ..)| Path::new(program).exists()).ok_or_else(|| {
            Failure::refused("neither chrony nor systemd-timesyncd is installed")
                .with_hint("install `chrony`")
        })?;
    let step = Step::run("clock.step", *title, argv.iter().copied()).repeatable().gate([CHECK]);
    Ok(plan.step(step))
}
