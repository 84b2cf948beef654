//! `staging test`: the tests of `tests/tests/staging_*.rs`, on a server that is up for them.

#![expect(
    clippy::disallowed_methods,
    reason = "a developer's tool starts cargo; core's module is for the product"
)]

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context, Result, bail};

use super::{Borrowed, Layout, Which};
use crate::run::{TESTED, build, cargo, root, test_files};

/// What the tests are told: the server's name.
const NAME: &str = "COURSYS_OPS_STAGING";

/// Runs the tests whose names contain `filter`, and prints the counts as the last line.
///
/// # Errors
/// The server does not start, or the tests cannot be built.
pub fn run(which: &Which, filter: Option<&str>) -> Result<ExitCode> {
    let counts = with_server(&which.name.name, which.layout, Part::All, filter.into_iter())?;
    println!("{} passed, {} failed", counts.passed, counts.failed);
    Ok(if counts.failed == 0 && counts.passed > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Which files of tests, as their names tell: all of a layout together take longer than one stage may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Every file.
    All,
    /// The site is closed and opened, in layout `vm`.
    Maintenance,
    /// Every other file.
    Rest,
}

impl Part {
    /// Whether a file belongs to it.
    fn has(self, name: &str) -> bool {
        name.starts_with("staging_")
            && match self {
                Self::All => true,
                Self::Maintenance => name.starts_with("staging_maintenance"),
                Self::Rest => !name.starts_with("staging_maintenance"),
            }
    }

    /// Its files, for cargo.
    fn targets(self) -> Result<Vec<String>> {
        let names: Vec<String> = test_files()?.into_iter().filter(|name| self.has(name)).collect();
        Ok(names.into_iter().flat_map(|name| ["--test".to_owned(), name]).collect())
    }
}

/// All of them, on a server of its own; also those that take minutes when it is `thorough`.
///
/// # Errors
/// One failed.
pub fn stage(layout: Layout, part: Part, thorough: bool) -> Result<()> {
    let more = thorough.then_some("--include-ignored");
    let counts = with_server(&format!("test{}", std::process::id()), layout, part, more.into_iter())?;
    match counts {
        Counts { failed: 0, passed: 1.. } => Ok(()),
        Counts { passed, failed } => bail!("{passed} passed, {failed} failed"),
    }
}

/// What came of the tests.
#[derive(Debug, Default, PartialEq, Eq)]
struct Counts {
    passed: u32,
    failed: u32,
}

/// The tests on a server that is up for them; what more their programs are told is a filter, or an option of theirs.
fn with_server<'a>(
    name: &str,
    layout: Layout,
    part: Part,
    more: impl Iterator<Item = &'a str>,
) -> Result<Counts> {
    let targets = part.targets()?;
    let targets: Vec<&str> = targets.iter().map(String::as_str).collect();
    // What is tested is what was built last; and nothing is built while the server runs.
    build(&[])?;
    cargo(&[&["test", "--no-run"][..], &TESTED, &targets].concat(), &[])?;
    let _server = Borrowed::up(name, layout)?;
    tests(name, layout, &targets, more)
}

/// Runs them one at a time: they break the server that they share.
fn tests<'a>(
    name: &str,
    layout: Layout,
    targets: &[&str],
    more: impl Iterator<Item = &'a str>,
) -> Result<Counts> {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(["test", "--no-fail-fast"]).args(TESTED).args(targets);
    command.args(["--", "--test-threads=1"]).args(more).current_dir(root());
    command.env(NAME, name).env("COURSYS_OPS_STAGING_LAYOUT", layout.as_str());
    let mut child = command.stdout(Stdio::piped()).spawn().context("failed to start cargo")?;
    let mut counts = Counts::default();
    if let Some(output) = child.stdout.take() {
        for line in BufReader::new(output).lines() {
            let line = line.context("failed to read what cargo prints")?;
            println!("{line}");
            std::io::stdout().flush()?;
            counts.add(&line);
        }
    }
    let status = child.wait()?;
    if !status.success() && counts.failed == 0 {
        bail!("cargo ended with {status}, though no test failed");
    }
    Ok(counts)
}

impl Counts {
    /// Takes in the last line of one test program.
    fn add(&mut self, line: &str) {
        let Some(rest) = line.strip_prefix("test result: ") else { return };
        let count = |word: &str| {
            let words: Vec<&str> = rest.split([' ', ';']).collect();
            let pair = words.windows(2).find(|pair| pair.last() == Some(&word));
            pair.and_then(|pair| pair.first()?.parse::<u32>().ok()).unwrap_or(0)
        };
        self.passed += count("passed");
        self.failed += count("failed");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_file_is_in_one_of_the_parts() {
        for name in test_files().unwrap() {
            let parts = [Part::Maintenance, Part::Rest].into_iter().filter(|part| part.has(&name)).count();
            assert_eq!(parts, usize::from(Part::All.has(&name)), "{name}");
        }
        assert!(Part::Maintenance.targets().unwrap().contains(&"staging_maintenance_faults".to_owned()));
    }

    #[test]
    fn the_counts_of_all_test_programs_are_added() {
        let mut counts = Counts::default();
        for line in [
            "running 3 tests",
            "test result: FAILED. 2 passed; 1 failed; 0 ignored; 0 measured; 4 filtered out; finished in 0.10s",
            "test result: ok. 5 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 2.01s",
        ] {
            counts.add(line);
        }
        assert_eq!(counts, Counts { passed: 7, failed: 1 });
    }
}
