//! `coursys-ops config`: what holds, whether it is valid, where it is, and how to get one.

mod import;

use std::path::{Path, PathBuf};

use coursys_ops_core::config::{self, Loaded, SecretValue};
use coursys_ops_core::import::{self as import_django, ImportError};

use crate::caller;
use crate::failure::{Failure, Level, REFUSED, USAGE, say};
use crate::global::Global;
use crate::output;
use crate::setup::{self, options, refusal};

/// What to do with the configuration.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES, disable_help_subcommand = true)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  coursys-ops config show                        every value, and where it comes from
  coursys-ops config check                       everything that is wrong, with its line
  coursys-ops config init --layout vm            a commented file to start from
  sudo coursys-ops config import-django          a file of what the site's settings say

Every key is described in docs/configuration.md.";

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Prints every key that has a value, and where it comes from; secrets are redacted
    Show {
        /// The form of the output
        #[arg(long, value_name = "FORMAT", default_value = "text")]
        format: Format,
    },
    /// Says what is wrong or doubtful in all layers
    Check,
    /// Prints the path of the configuration file that counts
    Path,
    /// Makes a commented file of all keys with the defaults of the layout; never overwrites one
    Init {
        /// The file to make, `-` for standard output [default: the configuration file that counts]
        #[arg(long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Makes a file of what the site's own settings say, or shows what they say differently
    ImportDjango(import::Args),
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Format {
    /// For people: TOML with the origin of each value as comment
    Text,
    /// For programs: one document
    Json,
}

/// Carries one of the subcommands out.
pub fn run(args: Args, global: &Global) -> Result<u8, Failure> {
    match args.command {
        Command::Show { format } => show(format, global),
        Command::Check => check(global),
        Command::Path => path(global),
        Command::Init { output } => init(output.as_deref(), global),
        Command::ImportDjango(args) => import::run(&args, global),
    }
}

/// The configuration after all layers.
fn load(global: &Global) -> Result<Loaded, Failure> {
    let sources = config::read_sources(options(global), caller::environment()).map_err(refusal)?;
    config::load(&sources).map_err(refusal)
}

fn show(format: Format, global: &Global) -> Result<u8, Failure> {
    let loaded = load(global)?;
    let text = match format {
        Format::Text => config::show_text(&loaded),
        Format::Json => format!("{:#}\n", config::show_json(&loaded)),
    };
    output::print(&text)?;
    Ok(0)
}

fn check(global: &Global) -> Result<u8, Failure> {
    let loaded = load(global)?;
    for warning in &loaded.warnings {
        say(Level::Warning, &warning.to_string());
    }
    let servers = loaded.config.servers();
    let unreadable = servers.iter().filter_map(|server| match &server.secret {
        SecretValue::Unreadable(why) => Some(format!("the password of `{}`: {why}", server.section)),
        SecretValue::Known(_) | SecretValue::Missing => None,
    });
    unreadable.for_each(|text| say(Level::Warning, &text));
    let registry = setup::registry(&loaded.config, coursys_ops_checks::all(&loaded.config))?;
    setup::tell_idle_patterns(&loaded.config, &registry);
    if !global.quiet {
        let all = loaded.settings.len();
        let own = loaded.settings.values().filter(|shown| shown.origin.word() != "profile").count();
        let (given, layout) = (all - own, &loaded.config.site.layout);
        output::print(&format!(
            "no errors; of {all} keys the profile `{layout}` gives {given}, other layers {own}\n"
        ))?;
    }
    Ok(0)
}

fn path(global: &Global) -> Result<u8, Failure> {
    let path = config::file_path(&options(global), &caller::environment());
    output::print(&format!("{}\n", path.display()))?;
    if matches!(path.try_exists(), Ok(false)) && !global.quiet {
        say(Level::Hint, "there is no such file; `coursys-ops config init` makes one");
    }
    Ok(0)
}

fn init(to: Option<&Path>, global: &Global) -> Result<u8, Failure> {
    let layout = global.layout.as_deref().unwrap_or(config::DEFAULT_LAYOUT);
    let template = config::template(layout).ok_or_else(|| {
        let near = coursys_ops_core::nearest::nearest(layout, config::LAYOUTS.iter().copied());
        let hint = near.unwrap_or(config::DEFAULT_LAYOUT);
        Failure::usage(format!("there is no layout `{layout}`")).with_hint(format!("did you mean `{hint}`?"))
    })?;
    if to == Some(Path::new("-")) {
        output::print(&template)?;
        return Ok(0);
    }
    let path = output_path(to, global);
    import_django::create(&path, &template, rustix::process::geteuid().is_root()).map_err(failure)?;
    if !global.quiet {
        output::print(&format!("made {}\n", path.display()))?;
    }
    Ok(0)
}

/// The file to make: the one that was named, else the configuration file that counts.
fn output_path(named: Option<&Path>, global: &Global) -> PathBuf {
    let options = options(global);
    match (named, &options.directory) {
        (Some(path), Some(directory)) => directory.join(path),
        (Some(path), None) => path.to_owned(),
        (None, _) => config::file_path(&options, &caller::environment()),
    }
}

fn failure(error: ImportError) -> Failure {
    let code = if error.refused { REFUSED } else { USAGE };
    Failure::of(code, [error.message]).with_hint(error.hint)
}
