//! `coursys-ops config import-django`: what the site's settings say, as a configuration.

use std::path::{Path, PathBuf};

use coursys_ops_core::config::{self, Config};
use coursys_ops_core::import::{self, Imported, Plan};
use coursys_ops_core::process::User;

use super::{failure, load, output_path};
use crate::failure::{Failure, Level, say};
use crate::global::Global;
use crate::setup::{helper, options, refusal};
use crate::{caller, output};

/// The directory of secrets beside the configuration file.
const SECRETS: &str = "secrets";

/// Where to write what the settings say.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The file to make or to compare with [default: the configuration file that counts]
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// The directory of new files of secrets [default: `secrets` beside the file]
    #[arg(long, value_name = "DIR")]
    secrets_dir: Option<PathBuf>,
    /// Changes a file that is there already; without it, the difference is shown only
    #[arg(long)]
    write: bool,
}

const EXAMPLES: &str = "\
Examples:
  sudo coursys-ops config import-django
  sudo coursys-ops config import-django --write
  coursys-ops --set site.dir=/srv/site config import-django --output site.toml

Runs `site.python` in `site.dir` once, as the site's user, and asks for the settings that checks
need. Files are made with mode 0640, readable by the site's group; passwords go to files of their
own. When the file is there already, the difference is shown and nothing is changed unless `--write`
is given.";

/// Asks the site, and writes what it says or shows what differs.
pub fn run(args: &Args, global: &Global) -> Result<u8, Failure> {
    let config = load(global)?.config;
    let path = output_path(args.output.as_deref(), global);
    let current = existing(&path, global)?;
    let (imported, user) = ask(&config)?;
    let secrets_dir = match &args.secrets_dir {
        Some(dir) => output_path(Some(dir), global),
        None => path.with_file_name(SECRETS),
    };
    let environment = caller::environment();
    let plan = import::plan(imported, &config, &path, current.as_deref(), &secrets_dir, &environment);
    let plan = plan.map_err(failure)?;
    for note in plan.notes.iter().filter(|_| !global.quiet) {
        say(Level::Warning, note);
    }
    if plan.is_empty() {
        if !global.quiet {
            output::print(&format!("{}: no difference to the site's settings\n", path.display()))?;
        }
        return Ok(0);
    }
    if plan.exists && !args.write {
        output::print(&plan.difference)?;
        if !global.quiet {
            say(Level::Hint, "nothing is changed; `--write` changes the file");
        }
        return Ok(0);
    }
    write(&plan, user.as_ref(), global)
}

/// What the file that would be made holds already.
fn existing(path: &Path, global: &Global) -> Result<Option<String>, Failure> {
    if matches!(path.try_exists(), Ok(false)) {
        return Ok(None);
    }
    let options = config::Options { config: Some(path.to_owned()), ..options(global) };
    let sources = config::read_sources(options, caller::environment()).map_err(refusal)?;
    Ok(sources.file.map(|file| file.text))
}

/// Asks the site for its settings.
fn ask(config: &Config) -> Result<(Imported, Option<User>), Failure> {
    let caller = caller::caller(&caller::environment());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::refused(format!("cannot wait for the site: {error}")))?;
    let asked = runtime.block_on(import::ask(config, &caller, &helper()?, import::DEADLINE));
    let (answer, user) = asked.map_err(failure)?;
    Ok((answer.understand(&config.site.dir), user))
}

fn write(plan: &Plan, user: Option<&User>, global: &Global) -> Result<u8, Failure> {
    let as_root = rustix::process::geteuid().is_root();
    plan.write(user.map(|user| user.gid), as_root).map_err(failure)?;
    if !global.quiet {
        let made = |path: &Path| format!("wrote {}\n", path.display());
        let secrets = plan.secrets.iter().map(|file| made(&file.path));
        let text: String = secrets.chain([made(&plan.path)]).collect();
        output::print(&text)?;
    }
    Ok(0)
}
