//! `coursys-ops purge-cache`: memcached forgets everything.

use std::collections::BTreeMap;
use std::time::Duration;

use coursys_ops_checks::tools::{self, Sessions};
use coursys_ops_core::plan::{Action, Plan, Step};
use coursys_ops_core::run::Cancel;

use crate::acting::{self, Losses};
use crate::built_ins::CACHE_PURGE as PURGE;
use crate::errand::{self, Told as _};
use crate::failure::{Failure, Level, say};
use crate::global::Global;
use crate::setup::Setup;

/// How to act.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Does it also when everybody would be signed out
    #[arg(long)]
    sign_out: bool,
    #[command(flatten)]
    options: acting::Options,
}

const EXAMPLES: &str = "\
Examples:
  coursys-ops purge-cache               after a change that makes cached pages wrong
  coursys-ops purge-cache --dry-run

A marker is written before and must be gone afterwards. The site keeps running and fills the cache again, a little
slower meanwhile. Who is signed in stays so where the site keeps its sessions in the database, as CourSys does; where
they are nowhere but in the cache, it is done only with `--sign-out`.

Exit codes: 0 the cache is empty, 1 it is not, 2 usage or configuration, 3 refused,
130 and 143 on SIGINT and SIGTERM.";

/// The site's Python takes seconds to start.
const ASK: Duration = Duration::from_secs(15);

/// A flush takes a moment; a hung server costs this much.
const DEADLINE: Duration = Duration::from_secs(15);

/// Empties the cache.
pub fn run(args: &Args, global: &Global) -> Result<u8, Failure> {
    let losses = if args.sign_out { Losses::Allowed } else { Losses::Refused("--sign-out") };
    acting::carry_out(&args.options, global, losses, plan)
}

fn plan(setup: &Setup) -> Result<Plan, Failure> {
    let config = &setup.context.config;
    if !config.components.contains_key("memcached") {
        let layout = &config.site.layout;
        return Err(Failure::refused(format!("layout `{layout}` has no memcached"))
            .with_hint("its cache goes with the process of the site"));
    }
    let place = config.cache.server.place();
    let action = Action::BuiltIn { name: PURGE.to_owned(), arguments: BTreeMap::new() };
    let step = Step::new(PURGE, format!("empty memcached at {place}"), action)
        .deadline(DEADLINE)
        .repeatable()
        .component("memcached");
    let asked = errand::run(&setup.context, "sessions", ASK, &Cancel::never(), |scope| {
        Box::pin(tools::sessions(scope))
    });
    let step = match asked {
        Ok(Sessions::Cache) => step.loses("every session: everybody is signed out"),
        Ok(Sessions::Elsewhere) => step,
        Err(mishap) => {
            let why = mishap.failure().line();
            say(Level::Warning, &format!("whether this signs people out is not known: {why}"));
            step
        }
    };
    Ok(Plan::new("empty the cache").step(step))
}
