//! The Python package: what its import costs, and what a run in the same process costs over the program's own.

use std::path::Path;

use anyhow::{Context as _, Result};

use super::Figure;
use super::measure::median;
use crate::run::{cargo, output, root, target};
use crate::servers::Borrowed;
use crate::servers::store::Store;
use crate::wheel;

/// Runs of each; the median counts.
const RUNS: usize = 15;

/// What the import may take, in milliseconds.
const PROMISED_IMPORT: f64 = 10.0;

/// What a call may take beyond the run of the program, in milliseconds.
const PROMISED_OVERHEAD: f64 = 5.0;

/// Prints the milliseconds that the import takes, in an interpreter that has just started.
const IMPORT: &str = "import time; began = time.perf_counter(); import coursys_ops
print((time.perf_counter() - began) * 1000)";

/// Prints the milliseconds of the fixed costs of a call: all of it without the run itself.
const CALL: &str = "import sys, time, coursys_ops
config = coursys_ops.Config.from_path(sys.argv[1])
coursys_ops.check(config)
began = time.perf_counter()
report = coursys_ops.check(config)
whole = (time.perf_counter() - began) * 1000
print(whole - report.run.duration_ms, report.run.duration_ms)";

pub fn run() -> Result<Vec<Figure>> {
    cargo(&["build", "--release", "-p", "coursys-ops-cli"], &[])?;
    let wheel = wheel::build(false)?;
    let place = target().join("bench-python");
    let python = wheel::environment(&wheel, &place, None)?;
    let servers = Borrowed::up("bench-python")?;
    figures(&python.to_string_lossy(), servers.config())
}

fn figures(python: &str, config: &str) -> Result<Vec<Figure>> {
    let program = target().join("release/coursys-ops").to_string_lossy().into_owned();
    let site = Path::new(config).parent().context("a directory")?.join("site");
    let theirs = Store::open()?.python(&root().join("tests/site/requirements.txt"), &target())?;
    let script = site.join("check_sequential.py").to_string_lossy().into_owned();
    let (mut imports, mut fixed, mut ours, mut programs) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut old = Vec::new();
    for _ in 0..RUNS {
        imports.push(numbers(&output(&[python, "-c", IMPORT], root())?, 0)?);
        let call = output(&[python, "-c", CALL, config], root())?;
        fixed.push(numbers(&call, 0)?);
        ours.push(numbers(&call, 1)?);
        let report = output(&[&program, "--config", config, "check", "--format", "json"], root())?;
        let report: serde_json::Value = serde_json::from_str(&report).context("a report")?;
        programs
            .push(report.pointer("/run/duration_ms").and_then(|took| took.as_f64()).context("a duration")?);
        old.push(super::measure::cost(&[&theirs.to_string_lossy(), &script])?.wall_ms);
    }
    let overheads =
        ours.iter().zip(&programs).zip(&fixed).map(|((ours, program), fixed)| ours - program + fixed);
    let figure = |name, value, unit, promised| Figure { name, value, unit, promised };
    Ok(vec![
        figure("import of the package", median(imports), "ms", Some(PROMISED_IMPORT)),
        figure("a call, without its run", median(fixed.clone()), "ms", None),
        figure("its run", median(ours.clone()), "ms", None),
        figure("the program's run", median(programs.clone()), "ms", None),
        figure(
            "a call over the program's run, pair by pair",
            median(overheads.collect()),
            "ms",
            Some(PROMISED_OVERHEAD),
        ),
        figure("the same checks one after the other in Python", median(old), "ms", None),
    ])
}

/// One of the numbers of a line.
fn numbers(line: &str, place: usize) -> Result<f64> {
    let word = line.split_whitespace().nth(place).context("a number")?;
    word.parse().with_context(|| format!("no number: {word}"))
}
