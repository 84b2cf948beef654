//! `coursys-ops check`: looks at the deployment and says what is wrong and what to do.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use coursys_ops_core::model::{DEFAULT_DEADLINE, ExitPolicy, Tier};
use coursys_ops_core::registry::{SelectError, Selection};
use coursys_ops_core::render::Format;
use coursys_ops_core::run::leave_out;

use super::listing;
use crate::engine::{self, MAIL_CHECK, Request};
use crate::failure::Failure;
use crate::global::Global;
use crate::setup::Setup;

/// What to look at, and how to tell it.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Looks at these only, and at what they need: ids or globs such as `celery.*` [default: all]
    #[arg(value_name = "ID or GLOB")]
    pub patterns: Vec<String>,
    /// Looks at the checks of this tier and below [default: deploy, or any tier for a check named by its whole id]
    #[arg(long, value_parser = tier())]
    pub tier: Option<Tier>,
    /// Leaves these out; repeatable
    #[arg(long, value_name = "ID or GLOB")]
    pub skip: Vec<String>,
    /// Lists the checks instead of looking, those of later tiers too
    #[arg(long)]
    pub list: bool,
    /// Explains a check instead of looking: what it does, why, and what to do when it fails
    #[arg(long, value_name = "ID or GLOB", conflicts_with_all = ["patterns", "list"])]
    pub explain: Option<String>,
    /// How long the whole run may take; what is not known by then is `unknown` [default: 15]
    #[arg(long, value_name = "SECONDS", value_parser = seconds(0.01), allow_negative_numbers = true)]
    pub deadline: Option<Duration>,
    /// Exits with 1 on a warning too
    #[arg(long)]
    pub strict: bool,
    /// Leaves out what writes or sends, even if it cleans up after itself
    #[arg(long)]
    pub read_only: bool,
    /// Looks again every so often, until a signal
    #[arg(
        long,
        value_name = "SECONDS",
        value_parser = seconds(1.0),
        allow_negative_numbers = true,
        conflicts_with_all = ["list", "explain"]
    )]
    pub watch: Option<Duration>,
    /// How to tell it
    #[arg(long, default_value_t = Format::Text, value_parser = format())]
    pub format: Format,
    /// Writes the report to a file instead, in whole or not at all; `-` is standard output
    #[arg(long, value_name = "FILE", conflicts_with_all = ["list", "explain"])]
    pub output: Option<PathBuf>,
    /// Sends a test mail to this address and tells what the mail server answers
    #[arg(
        long,
        value_name = "ADDRESS",
        value_parser = address,
        conflicts_with_all = ["read_only", "watch", "list", "explain"]
    )]
    pub email: Option<String>,
}

const EXAMPLES: &str = "\
Examples:
  coursys-ops check                             everything that a deployment needs
  coursys-ops check 'celery.*'                  the queues and the beat, and what they need
  coursys-ops check --tier sanity --deadline 5  quickly: does anything work at all?
  coursys-ops check --list                      what is looked at
  coursys-ops check --explain database.unicode  why, and what to do
  coursys-ops check --email me@example.ca email.smtp
  coursys-ops check --format prometheus --output /var/lib/node_exporter/coursys.prom
  coursys-ops check --watch 10 --format jsonl | jq .

Exit codes: 0 all is well, 1 something is failed or unknown (with --strict also a warning),
2 usage or configuration, 3 refused, 130 and 143 on SIGINT and SIGTERM, which print what is known.
With --format nagios alone: 0 ok, 1 warning, 2 critical, 3 unknown.";

/// Looks, or tells what there is to be looked at.
pub fn run(args: Args, global: &Global) -> Result<u8, Failure> {
    let setup = Setup::load(global, args.email.clone())?;
    for pattern in &args.skip {
        setup.registry.matching(pattern).map_err(no_match)?;
    }
    if let Some(pattern) = &args.explain {
        return listing::explain(&setup.registry.matching(pattern).map_err(no_match)?, args.format);
    }
    let every = args.list.then_some(Tier::Slow);
    let selection = Selection { patterns: args.patterns, tier: args.tier.or(every) };
    let checks = setup.registry.select(&selection).map_err(no_match)?;
    if args.list {
        let specs: Vec<_> = checks.iter().map(|check| check.spec()).collect();
        return listing::list(&specs, args.format);
    }
    if args.email.is_some() && !checks.iter().any(|check| check.spec().id == MAIL_CHECK) {
        return Err(Failure::usage(format!(
            "`--email` needs the check `{MAIL_CHECK}`, which is not selected"
        ))
        .with_hint(format!("add `{MAIL_CHECK}`, or leave the ids and `--tier` away")));
    }
    let specs = checks.iter().map(|check| check.spec());
    let left_out = leave_out(specs, &setup.context, &args.skip, args.read_only);
    engine::run(&Request {
        checks,
        context: setup.context,
        left_out,
        deadline: args.deadline.unwrap_or(DEFAULT_DEADLINE),
        tier: selection.shown_tier(),
        policy: ExitPolicy { strict: args.strict },
        watch: args.watch,
        format: args.format,
        output: args.output.filter(|path| path.as_os_str() != "-"),
        quiet: global.quiet,
        verbose: global.verbose > 0,
    })
}

fn no_match(error: SelectError) -> Failure {
    Failure::usage(error).with_hint("`coursys-ops check --list` shows every check")
}

fn tier() -> impl TypedValueParser<Value = Tier> {
    PossibleValuesParser::new(Tier::ALL.map(Tier::as_str))
        .map(|word| Tier::ALL.into_iter().find(|tier| tier.as_str() == word).unwrap_or_default())
}

fn format() -> impl TypedValueParser<Value = Format> {
    PossibleValuesParser::new(Format::ALL.map(Format::as_str)).try_map(|word| word.parse::<Format>())
}

/// A number of seconds, with a fraction if need be, between `least` and one day.
fn seconds(least: f64) -> impl Fn(&str) -> Result<Duration, String> + Clone + Send + Sync + 'static {
    const DAY: f64 = 86_400.0;
    move |text| match text.parse::<f64>() {
        Ok(seconds) if (least..=DAY).contains(&seconds) => Ok(Duration::from_secs_f64(seconds)),
        _ => Err(format!("expected a number of seconds from {least} to {DAY}")),
    }
}

/// An address that can stand on a command line; the mail server judges the rest.
fn address(text: &str) -> Result<String, String> {
    let odd = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '<' | '>' | ',');
    match text.rsplit_once('@') {
        Some((local, domain)) if !local.is_empty() && !domain.is_empty() && !text.contains(odd) => {
            Ok(text.to_owned())
        }
        _ => Err("expected one address such as `somebody@example.ca`".to_owned()),
    }
}
