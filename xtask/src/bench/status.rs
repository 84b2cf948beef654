//! `coursys-ops status` on a whole server, beside what is typed today to see the same.

use anyhow::Result;

use super::Figure;
use super::measure::{Cost, cost, median};
use crate::run::{cargo, target};
use crate::staging::{Borrowed, Layout};

/// Runs of each command; the median counts.
const RUNS: usize = 15;

/// What `status` may take, in milliseconds.
const PROMISED: f64 = 150.0;

/// The five units, and what Compose has.
const TODAY: &str = "systemctl --no-pager status nginx gunicorn celery celerybeat docker
    cd /coursys && docker-compose ps";

pub fn run() -> Result<Vec<Figure>> {
    cargo(&["build", "--release", "-p", "coursys-ops-cli"], &[])?;
    let server = Borrowed::up("bench", Layout::Vm)?;
    let program = server.install(&target().join("release/coursys-ops"), "coursys-ops-measured")?;
    let ours = server.argv(&[&program, "status"])?;
    let theirs = server.argv(&["sh", "-ec", TODAY])?;
    let (mut fast, mut slow) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        fast.push(cost(&words(&ours))?);
        slow.push(cost(&words(&theirs))?);
    }
    let times = |costs: &[Cost]| median(costs.iter().map(|cost| cost.wall_ms).collect());
    let ratios = fast.iter().zip(&slow).map(|(fast, slow)| fast.wall_ms / slow.wall_ms);
    let memory = |costs: &[Cost]| costs.iter().map(|cost| cost.peak_mb).fold(0.0, f64::max);
    let figure = |name, value, unit, promised| Figure { name, value, unit, promised };
    Ok(vec![
        figure("status of a whole server", times(&fast), "ms", Some(PROMISED)),
        figure("systemctl status and docker-compose ps", times(&slow), "ms", None),
        figure("share of their time, pair by pair", median(ratios.collect()), "×", None),
        figure("peak memory", memory(&fast), "MB", None),
        figure("peak memory of theirs", memory(&slow), "MB", None),
    ])
}

fn words(argv: &[String]) -> Vec<&str> {
    argv.iter().map(String::as_str).collect()
}
