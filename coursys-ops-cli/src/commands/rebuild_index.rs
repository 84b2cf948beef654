//! `coursys-ops rebuild-index`: the search index is made anew by the site's own command.

use std::time::Duration;

use coursys_ops_checks::tools;
use coursys_ops_core::plan::{Action, Plan, RunAs, Step};
use coursys_ops_core::run::Cancel;

use crate::acting::{self, Losses};
use crate::built_ins::{INDEX_COUNT as COUNT, INDEX_SEEN as SEEN};
use crate::errand::{self, Mishap, Told as _};
use crate::failure::{Failure, REFUSED};
use crate::glance::Deployment;
use crate::global::Global;
use crate::setup::Setup;

/// How to act.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    options: acting::Options,
}

const EXAMPLES: &str = "\
Examples:
  coursys-ops rebuild-index            takes some minutes; searches find little meanwhile
  coursys-ops rebuild-index --dry-run

The site's own command empties the index and fills it from the database; its output is shown as it comes. Before
anything is emptied, Elasticsearch must answer. The documents are counted before and after.

Exit codes: 0 the index is made anew, 1 it is not, 2 usage or configuration, 3 refused: Elasticsearch does not answer,
or no right; 130 and 143 on SIGINT and SIGTERM.";

/// The check that must pass before anything is emptied.
const ANSWERS: &str = "search.connection";

/// How long the count before may take.
const ASK: Duration = Duration::from_secs(10);

/// Hundreds of thousands of documents take a quarter of an hour; nobody waits longer than this.
const DEADLINE: Duration = Duration::from_secs(6 * 3600);

/// How compose runs one command of the site, with its output as it comes. Without `--no-deps` it would make containers
/// anew that are not what the compose file describes, RabbitMQ's among them.
const ONCE: [&str; 7] = ["run", "--rm", "--no-deps", "-T", "-e", "PYTHONUNBUFFERED=1", "manage"];

/// Makes the index anew.
pub fn run(args: &Args, global: &Global) -> Result<u8, Failure> {
    acting::carry_out(&args.options, global, Losses::Allowed, plan)
}

fn plan(setup: &Setup) -> Result<Plan, Failure> {
    let config = &setup.context.config;
    if !config.components.contains_key("elasticsearch") {
        let layout = &config.site.layout;
        return Err(Failure::refused(format!("layout `{layout}` has no Elasticsearch"))
            .with_hint("run `manage.py rebuild_index` in the site's directory"));
    }
    let before = errand::run(&setup.context, "search index", ASK, &Cancel::never(), |scope| {
        Box::pin(tools::documents(scope))
    });
    let before = before.map_err(refused)?;
    let held =
        before.map_or_else(|| "there is no index yet".to_owned(), |count| format!("{count} documents now"));
    let gate = Step::new("search.answers", "Elasticsearch answers", Action::Gate)
        .gate([ANSWERS])
        .deadline(Duration::from_secs(30))
        .repeatable()
        .component("elasticsearch");
    let rebuild = command(setup)?.deadline(DEADLINE).repeatable().component("elasticsearch");
    let arguments = before.map(|count| ("before".to_owned(), count.to_string())).into_iter().collect();
    let count =
        Step::new(COUNT, "count the documents", Action::BuiltIn { name: COUNT.to_owned(), arguments })
            .deadline(SEEN + ASK)
            .repeatable()
            .component("elasticsearch");
    let index = &config.search.index;
    Ok(Plan::new(format!("make the index `{index}` anew: {held}")).step(gate).step(rebuild).step(count))
}

/// A count that cannot be had is a refusal: nothing is emptied then.
fn refused(mishap: Mishap) -> Failure {
    match mishap {
        Mishap::Found(finding) => {
            let failure = Failure::of(REFUSED, [format!("nothing was emptied: {}", finding.message)]);
            match finding.hint {
                Some(hint) => failure.with_hint(hint),
                None => failure,
            }
        }
        stopped @ Mishap::Stopped(_) => stopped.failure(),
    }
}

/// The site's own command: in its Python, or in a container for one command.
fn command(setup: &Setup) -> Result<Step, Failure> {
    const TITLE: &str = "empty the index and fill it";
    const ID: &str = "search.rebuild";
    let site = &setup.context.config.site;
    let words = ["rebuild_index", "--noinput"].map(ToOwned::to_owned);
    if site.service.is_some() {
        let deployment = Deployment::of(setup)?;
        let looks = deployment.components()?;
        let compose = looks.into_iter().map(|look| look.compose).find(|compose| !compose.is_empty());
        let compose = compose.ok_or_else(|| {
            Failure::refused("there is no compose to run the site's command with")
                .with_hint("install `docker compose`")
        })?;
        let argv = compose.into_iter().chain(ONCE.map(ToOwned::to_owned)).chain(words);
        return Ok(Step::run(ID, TITLE, argv).run_as(RunAs::Site).directory(&site.dir));
    }
    let python = site.python.display().to_string();
    let mut step = Step::run(ID, TITLE, [python, "manage.py".to_owned()].into_iter().chain(words));
    step = step.run_as(RunAs::Site).directory(&site.dir);
    for (name, value) in site.environment() {
        step.environment.insert(name.to_owned(), value.to_string_lossy().into_owned());
    }
    // Otherwise its output comes in pieces of 8 KiB.
    step.environment.insert("PYTHONUNBUFFERED".to_owned(), "1".to_owned());
    Ok(step)
}
