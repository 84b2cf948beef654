//! `coursys-ops demo`: a small self-contained site, for a machine without a CourSys.

mod content;
mod site;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use coursys_ops_core::config::{self, FileSource, Options, Sources};
use coursys_ops_core::model::{DEFAULT_DEADLINE, ExitPolicy, Tier};
use coursys_ops_core::registry::Selection;
use coursys_ops_core::render::Format;
use coursys_ops_core::run::leave_out;

use crate::caller;
use crate::engine::{self, Request};
use crate::failure::{Failure, Level, say};
use crate::global::Global;
use crate::output;
use crate::setup::Setup;

/// Where to make it.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// A directory that does not exist, is empty, or holds a demo already, which is renewed
    #[arg(default_value = "coursys-demo")]
    pub dir: PathBuf,
}

const EXAMPLES: &str = "\
Examples:
  coursys-ops demo
  coursys-ops demo /tmp/site && coursys-ops --config /tmp/site/coursys-ops.toml check --list

The site is of layout `devel`: a configuration file, a SQLite database, directories, sample logs and dumps.
No network is used. Layers of the configuration other than the demo's own file and `--set` do not count.";

/// Makes the site, runs the checks on it and says what to try next.
pub fn run(args: &Args, global: &Global) -> Result<u8, Failure> {
    if global.config.is_some() || global.layout.is_some() {
        return Err(Failure::usage("a demo makes its own configuration, of layout `devel`")
            .with_hint("leave `--config` and `--layout` away"));
    }
    site::make(&args.dir)?;
    let dir = std::path::absolute(&args.dir)
        .map_err(|error| Failure::refused(format!("cannot tell where the demo is: {error}")))?;
    // The text itself: as root a file is believed only below directories of root, and this one need not be.
    let file = FileSource {
        path: dir.join(content::CONFIG_FILE),
        text: content::CONFIG.to_owned(),
        readable_by_everybody: false,
    };
    let sources =
        Sources { file: Some(file), set: global.set.clone(), directory: Some(dir), ..Sources::default() };
    let setup = Setup::of(&sources, global, None)?;
    let checks = setup.registry.select(&Selection::default()).map_err(Failure::usage)?;
    let left_out = leave_out(checks.iter().map(|check| check.spec()), &setup.context, &[], false);
    let code = engine::run(&Request {
        checks,
        context: setup.context,
        left_out,
        deadline: DEFAULT_DEADLINE,
        tier: Tier::Deploy,
        policy: ExitPolicy::default(),
        watch: None,
        format: Format::Text,
        output: None,
        quiet: global.quiet,
        verbose: global.verbose > 0,
    })?;
    if !global.quiet {
        output::print(&next_steps(&args.dir, &caller::program()))?;
        tell_distrust(args.dir.join(content::CONFIG_FILE));
    }
    Ok(code)
}

/// Root believes no file that others may change: better told here than by the first command that is tried.
fn tell_distrust(file: PathBuf) {
    let caller_is_root = rustix::process::geteuid().is_root();
    let directory = std::env::current_dir().ok();
    let options = Options { config: Some(file), caller_is_root, directory, ..Options::default() };
    if let Err(errors) = config::read_sources(options, BTreeMap::new()) {
        say(Level::Warning, &format!("the commands above will be refused here\n{errors}"));
    }
}

/// What to try on the new site; `program` is how the caller started this one.
fn next_steps(dir: &Path, program: &Path) -> String {
    // A name that begins with a dash would be taken for an option.
    let dashed = dir.as_os_str().as_encoded_bytes().starts_with(b"-");
    let dir = if dashed { Path::new(".").join(dir) } else { dir.to_owned() };
    let file = dir.join(content::CONFIG_FILE);
    let program = quoted(program);
    let command = format!("{program} --config {}", quoted(&file));
    let database = quoted(&dir.join(content::DATABASE));
    format!(
        "
A demo site is in {dir}. Try next:

  {command} check --list
  {command} check --explain database.connection
  {command} check --format json
  mv {database} {database}.away     # break something,
  {command} check     # see what is said about it,
  {program} demo {dir}     # and mend it
",
        dir = quoted(&dir),
    )
}

/// A path as a shell takes it.
fn quoted(path: &Path) -> String {
    let text = crate::terminal::harmless(&path.to_string_lossy());
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+,:@%".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_to_try_next_works_for_whoever_started_it_by_path_and_in_a_directory_that_looks_like_an_option() {
        let text = next_steps(Path::new("-x"), Path::new("target/debug/coursys-ops"));
        assert!(
            text.contains("  target/debug/coursys-ops --config ./-x/coursys-ops.toml check --list\n"),
            "{text}"
        );
        assert!(text.contains("  target/debug/coursys-ops demo ./-x "), "{text}");
    }

    #[test]
    fn a_path_can_be_pasted_into_a_shell() {
        assert_eq!(quoted(Path::new("/tmp/a-b_1.x")), "/tmp/a-b_1.x");
        assert_eq!(quoted(Path::new("it's $HOME")), r"'it'\''s $HOME'");
    }
}
