//! `cargo xtask test`: everything in stages, each with its time.

mod panel;
mod report;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use clap::Subcommand;

use crate::run::{TESTED, build, build_examples, cargo, test_files};
use crate::servers::Borrowed;
use crate::{faults, python, servers, staging, tidy};

/// How much to test.
#[derive(Subcommand)]
pub enum Extent {
    /// What needs no servers: up to 5 minutes.
    Quick,
    /// Everything, in stages of at most 60 minutes; each stage's last result is kept in docs/test-report.md.
    Full {
        /// One stage alone: `quick`, `servers`, `drain`, `repeat`, `faults`, `soak`, `wheel`, `python`, `staging`,
        /// `maintenance`, `compose` or `panel`.
        stage: Option<String>,
    },
}

/// A stage that was run: its name, how long it took, and how it ended.
type Outcome = (&'static str, Duration, Result<()>);

/// One stage: its name and what it does.
type Stage = (&'static str, fn() -> Result<()>);

const PACKAGES: Stage = ("packages", servers::install);
const FEW_PACKAGES: Stage = ("packages", servers::install_without_servers);
const QUICK: Stage = ("quick", quick);
const TIDY: Stage = ("tidy", tidy::check);
const SERVERS: Stage = ("servers", against_servers);
const FEW_FAULTS: Stage = ("faults", faults::one_of_each_mechanism);
const ALL_FAULTS: Stage = ("faults", all_faults);
const SOAK: Stage = ("soak", faults::soak);
const STAGING: Stage = ("staging", staging::stage);
const ALL_STAGING: Stage = ("staging", staging::whole_stage);
const MAINTENANCE: Stage = ("maintenance", staging::maintenance_stage);
const COMPOSE: Stage = ("compose", staging::compose_stage);
const PANEL: Stage = ("panel", panel::stage);
const WHEEL: Stage = ("wheel", python::stage);
const PYTHON: Stage = ("python", python::whole_stage);
const DRAIN: Stage = ("drain", drains);
const REPEAT: Stage = ("repeat", repeatedly);

/// How often `repeat` runs the tests against servers, and how often every fault is injected.
const REPETITIONS: u32 = 3;

/// Runs the stages.
pub fn run(extent: Option<&Extent>) -> Result<ExitCode> {
    let stages: Vec<Stage> = match extent {
        None => vec![PACKAGES, QUICK, TIDY, SERVERS, FEW_FAULTS, WHEEL, STAGING],
        Some(Extent::Quick) => vec![FEW_PACKAGES, QUICK, TIDY],
        Some(Extent::Full { stage: None }) => {
            vec![
                PACKAGES,
                QUICK,
                TIDY,
                SERVERS,
                DRAIN,
                REPEAT,
                ALL_FAULTS,
                SOAK,
                PYTHON,
                ALL_STAGING,
                MAINTENANCE,
                COMPOSE,
                PANEL,
            ]
        }
        Some(Extent::Full { stage: Some(name) }) => {
            let known = [
                QUICK,
                SERVERS,
                DRAIN,
                REPEAT,
                ALL_FAULTS,
                SOAK,
                WHEEL,
                PYTHON,
                ALL_STAGING,
                MAINTENANCE,
                COMPOSE,
                PANEL,
            ];
            let stage = known.into_iter().find(|(known, _)| known == name);
            let Some(stage) = stage else {
                eprintln!("error: no stage `{name}`; there are {}", known.map(|(name, _)| name).join(", "));
                return Ok(ExitCode::from(2));
            };
            vec![PACKAGES, stage]
        }
    };
    let mut results: Vec<Outcome> = Vec::new();
    for (name, stage) in stages {
        eprintln!("\n== stage {name}");
        let started = Instant::now();
        let result = stage();
        let took = started.elapsed();
        eprintln!(
            "== stage {name} {} after {:.1} s",
            if result.is_ok() { "passed" } else { "failed" },
            took.as_secs_f64()
        );
        let failed = result.is_err();
        results.push((name, took, result));
        if failed {
            break;
        }
    }
    if matches!(extent, Some(Extent::Full { .. })) {
        report::keep(&results)?;
    }
    eprintln!();
    for (name, took, result) in &results {
        let sign = if result.is_ok() { "passed" } else { "FAILED" };
        eprintln!("{name:10} {sign}  {:7.1} s", took.as_secs_f64());
    }
    match results.into_iter().find_map(|(_, _, result)| result.err()) {
        Some(error) => Err(error),
        None => Ok(ExitCode::SUCCESS),
    }
}

/// Unit tests and whole invocations that need no servers.
fn quick() -> Result<()> {
    cargo(&["test", "--workspace", "--exclude", "coursys-ops-tests"], &[])
}

/// End to end: real servers and a real site.
fn against_servers() -> Result<()> {
    build_examples()?;
    let targets = end_to_end()?;
    let targets: Vec<&str> = targets.iter().flat_map(|name| ["--test", name]).collect();
    with_servers(&[&["--lib"][..], &targets, &["--", "--test-threads=1"]].concat())
}

/// The tests of draining that take minutes.
fn drains() -> Result<()> {
    with_servers(&["--test", "drain", "--", "--test-threads=1", "--ignored"])
}

/// What cargo is told to test, with servers that are up for it. One at a time: they break what they share.
fn with_servers(tests: &[&str]) -> Result<()> {
    build(&[])?;
    let servers = Borrowed::up(&format!("test{}", std::process::id()))?;
    cargo(&[&["test"][..], &TESTED, tests].concat(), &[("COURSYS_OPS_TEST_SERVERS", servers.name())])
}

/// The files of tests against servers; those on a booted server are stages of their own.
fn end_to_end() -> Result<Vec<String>> {
    Ok(test_files()?.into_iter().filter(|name| !name.starts_with("staging_")).collect())
}

/// The same several times over: what fails only sometimes fails here.
fn repeatedly() -> Result<()> {
    (1..REPETITIONS).try_for_each(|_| against_servers())
}

/// Every fault, three times; the report keeps the table.
fn all_faults() -> Result<()> {
    faults::build()?;
    let passes: Vec<_> = (0..REPETITIONS).map(|_| faults::pass()).collect::<Result<_>>()?;
    report::keep_faults(&passes)?;
    let wrong = passes.iter().flatten().filter(|verdict| !verdict.right);
    let wrong: Vec<&str> = wrong.map(|verdict| verdict.name.as_str()).collect();
    if wrong.is_empty() { Ok(()) } else { bail!("not found as they should be: {}", wrong.join("; ")) }
}
