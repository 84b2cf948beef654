//! `cargo xtask bench`: side by side with what people use today, as ratios in one run.

mod check;
mod goss;
mod measure;
mod own;
mod python;
mod status;

use std::process::ExitCode;

use anyhow::Result;
use serde::Serialize;

pub use measure::run as measure;

/// One figure of a benchmark.
#[derive(Debug, Serialize)]
pub struct Figure {
    /// What was measured.
    pub name: &'static str,
    /// The value, in `unit`.
    pub value: f64,
    /// `ms`, `MB` or `×`.
    pub unit: &'static str,
    /// What it should not exceed, where something was promised.
    pub promised: Option<f64>,
}

/// A benchmark's name, and what runs it.
type Benchmark = (&'static str, fn() -> Result<Vec<Figure>>);

/// Every benchmark.
const ALL: [Benchmark; 4] =
    [("check", check::run), ("own", own::run), ("python", python::run), ("status", status::run)];

/// Runs one benchmark, or all of them.
pub fn run(name: Option<&str>, json: bool) -> Result<ExitCode> {
    let chosen: Vec<Benchmark> =
        ALL.into_iter().filter(|(known, _)| name.is_none_or(|name| name == *known)).collect();
    if chosen.is_empty() {
        let known = ALL.map(|(name, _)| format!("`{name}`")).join(" and ");
        eprintln!("error: no benchmark `{}`; there are {known}", name.unwrap_or_default());
        return Ok(ExitCode::from(2));
    }
    let mut document = serde_json::Map::from_iter([("schema".to_owned(), 1.into())]);
    let mut broken = false;
    for (name, run) in chosen {
        let figures = run()?;
        broken |= figures.iter().any(|figure| figure.promised.is_some_and(|limit| figure.value > limit));
        if json {
            document.insert(name.to_owned(), serde_json::to_value(&figures)?);
            continue;
        }
        for figure in &figures {
            let promised =
                figure.promised.map_or(String::new(), |limit| format!("(promised: at most {limit:.1})"));
            println!("{:58} {:9.2} {:3} {promised}", figure.name, figure.value, figure.unit);
        }
    }
    if json {
        println!("{}", serde_json::to_string_pretty(&document)?);
    }
    Ok(ExitCode::from(u8::from(broken)))
}
