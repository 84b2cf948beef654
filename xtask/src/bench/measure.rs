//! Time and memory of one command, measured by a process that has no other child.

use std::ffi::OsString;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context as _, Result};
use nix::sys::resource::{UsageWho, getrusage};
use serde::{Deserialize, Serialize};

use crate::run::{quietly, xtask};

/// What one command took.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Cost {
    /// From start to end, in milliseconds.
    pub wall_ms: f64,
    /// The largest resident set of any of its processes, in MB.
    pub peak_mb: f64,
}

/// The hidden entry: runs a command, throws away what it prints, and prints its cost.
pub fn run(argv: &[OsString]) -> Result<ExitCode> {
    let started = Instant::now();
    let code = quietly(argv)?;
    let wall_ms = started.elapsed().as_secs_f64() * 1000.0;
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    // The kernel counts in KiB.
    let peak_mb = usage.max_rss() as f64 * 1024.0 / 1e6;
    println!("{}", serde_json::to_string(&Cost { wall_ms, peak_mb })?);
    Ok(code)
}

/// The cost of one run of a command, which must succeed.
pub fn cost(argv: &[&str]) -> Result<Cost> {
    let text = xtask(&[&["measure", "--"], argv].concat())?;
    serde_json::from_str(&text).context("a measurement")
}

/// The median of several values.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
