//! `cargo xtask bench`: side by side with what people use today, as ratios in one run.

mod check;
mod measure;

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

/// Runs one benchmark, or all of them.
pub fn run(name: Option<&str>, json: bool) -> Result<ExitCode> {
    if !matches!(name, None | Some("check")) {
        eprintln!("error: no benchmark `{}`; there is `check`", name.unwrap_or_default());
        return Ok(ExitCode::from(2));
    }
    let figures = check::run()?;
    if json {
        println!("{}", serde_json::to_string_pretty(&serde_json::json!({"schema": 1, "check": figures}))?);
    } else {
        for figure in &figures {
            let promised =
                figure.promised.map_or(String::new(), |limit| format!("(promised: at most {limit:.1})"));
            println!("{:58} {:9.2} {:3} {promised}", figure.name, figure.value, figure.unit);
        }
    }
    let broken = figures.iter().any(|figure| figure.promised.is_some_and(|limit| figure.value > limit));
    Ok(ExitCode::from(u8::from(broken)))
}
