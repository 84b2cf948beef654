//! `coursys-ops demo`: a small self-contained site, for a machine without a CourSys.

mod content;
mod site;

use std::path::{Path, PathBuf};

use coursys_ops_core::config::{FileSource, Sources};
use coursys_ops_core::model::{DEFAULT_DEADLINE, ExitPolicy, Tier};
use coursys_ops_core::registry::Selection;
use coursys_ops_core::render::Format;
use coursys_ops_core::run::leave_out;

use crate::engine::{self, Request};
use crate::failure::Failure;
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
        output::print(&next_steps(&args.dir))?;
    }
    Ok(code)
}

/// What to try on the new site.
fn next_steps(dir: &Path) -> String {
    let file = dir.join(content::CONFIG_FILE);
    let command = format!("coursys-ops --config {}", quoted(&file));
    let database = quoted(&dir.join(content::DATABASE));
    format!(
        "
A demo site is in {dir}. Try next:

  {command} check --list
  {command} check --explain database.connection
  {command} check --format json
  mv {database} {database}.away     # break something,
  {command} check     # see what is said about it,
  coursys-ops demo {dir}     # and mend it
",
        dir = quoted(dir),
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
    fn a_path_can_be_pasted_into_a_shell() {
        assert_eq!(quoted(Path::new("/tmp/a-b_1.x")), "/tmp/a-b_1.x");
        assert_eq!(quoted(Path::new("it's $HOME")), r"'it'\''s $HOME'");
    }
}
