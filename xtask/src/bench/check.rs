//! A whole check of a healthy site: against its own longest path of needs, and beside the same checks one after the
//! other in Python.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde::Deserialize;

use super::Figure;
use super::measure::{cost, median};
use crate::run::{cargo, output, root, target};
use crate::servers::Borrowed;

/// Runs of each command; the median counts.
const RUNS: usize = 15;

/// What a run may take beside its longest path: factor and milliseconds.
const PROMISED_PATH: (f64, f64) = (1.2, 20.0);

/// Peak memory that was promised, in MB.
const PROMISED_MEMORY: f64 = 30.0;

/// What `--version` may take, in milliseconds.
const PROMISED_VERSION: f64 = 5.0;

/// The events of a run that matter here.
#[derive(Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum Event {
    RunStarted {
        checks: Vec<Listed>,
    },
    CheckFinished {
        id: String,
        duration_ms: Option<f64>,
    },
    RunEnded {
        duration_ms: f64,
    },
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct Listed {
    id: String,
    needs: Vec<String>,
}

/// What one run says of itself.
struct Account {
    run_ms: f64,
    path_ms: f64,
}

pub fn run() -> Result<Vec<Figure>> {
    cargo(&["build", "--release", "-p", "coursys-ops-cli"], &[])?;
    let program = target().join("release/coursys-ops");
    let size = std::fs::metadata(&program)?.len();
    let program = program.to_string_lossy().into_owned();
    let servers = Borrowed::up("bench")?;
    figures(&program, size, servers.config())
}

fn figures(program: &str, size: u64, config: &str) -> Result<Vec<Figure>> {
    let site = Path::new(config).parent().context("a directory")?.join("site");
    let python = output(&[program, "--config", config, "config", "show", "--format", "json"], root())?;
    let python = site_python(&python)?;
    let script = site.join("check_sequential.py").to_string_lossy().into_owned();
    let (mut ours, mut theirs, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    let (mut our_memory, mut their_memory) = (0.0_f64, 0.0_f64);
    let (mut runs, mut paths, mut shares) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..RUNS {
        let our = cost(&[program, "--config", config, "check", "-q"])?;
        let their = cost(&[&python, &script])?;
        ratios.push(their.wall_ms / our.wall_ms);
        our_memory = our_memory.max(our.peak_mb);
        their_memory = their_memory.max(their.peak_mb);
        ours.push(our.wall_ms);
        theirs.push(their.wall_ms);
        let account =
            account(&output(&[program, "--config", config, "check", "--format", "jsonl"], root())?)?;
        runs.push(account.run_ms);
        paths.push(account.path_ms);
        shares.push(account.run_ms - account.path_ms * PROMISED_PATH.0);
    }
    let version: Result<Vec<f64>> = (0..RUNS).map(|_| Ok(cost(&[program, "--version"])?.wall_ms)).collect();
    let figure = |name, value, unit, promised| Figure { name, value, unit, promised };
    Ok(vec![
        figure("whole process", median(ours), "ms", None),
        figure("the same checks one after the other in Python", median(theirs), "ms", None),
        figure("Python / ours, pair by pair", median(ratios), "×", None),
        figure("the run", median(runs), "ms", None),
        figure("its longest path of needs", median(paths), "ms", None),
        figure("the run less 1.2 times its longest path", median(shares), "ms", Some(PROMISED_PATH.1)),
        figure("peak memory", our_memory, "MB", Some(PROMISED_MEMORY)),
        figure("peak memory of the Python", their_memory, "MB", None),
        figure("--version", median(version?), "ms", Some(PROMISED_VERSION)),
        figure("size of the program", size as f64 / 1e6, "MB", None),
    ])
}

/// The interpreter of the site, from what `config show` prints.
fn site_python(shown: &str) -> Result<String> {
    let shown: serde_json::Value = serde_json::from_str(shown).context("config show")?;
    find_key(&shown, "site.python").context("`config show` has no `site.python`")
}

/// The value of a key, wherever the document keeps it.
fn find_key(value: &serde_json::Value, key: &str) -> Option<String> {
    match value {
        serde_json::Value::Object(map) => {
            let named = map.get("key").and_then(|name| name.as_str()) == Some(key);
            let own = named.then(|| map.get("value")).flatten().or_else(|| map.get(key));
            let text = |value: &serde_json::Value| {
                value.as_str().or_else(|| value.get("value")?.as_str()).map(ToOwned::to_owned)
            };
            own.and_then(text).or_else(|| map.values().find_map(|value| find_key(value, key)))
        }
        serde_json::Value::Array(values) => values.iter().find_map(|value| find_key(value, key)),
        _ => None,
    }
}

/// Reads the stream of events of one run.
fn account(stream: &str) -> Result<Account> {
    let mut needs: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut took: BTreeMap<String, f64> = BTreeMap::new();
    let mut run_ms = 0.0;
    for line in stream.lines() {
        match serde_json::from_str(line).with_context(|| format!("no event: {line}"))? {
            Event::RunStarted { checks } => {
                needs.extend(checks.into_iter().map(|check| (check.id, check.needs)))
            }
            Event::CheckFinished { id, duration_ms } => drop(took.insert(id, duration_ms.unwrap_or(0.0))),
            Event::RunEnded { duration_ms } => run_ms = duration_ms,
            Event::Other => {}
        }
    }
    let path_ms = needs.keys().map(|id| path(id, &needs, &took)).fold(0.0, f64::max);
    Ok(Account { run_ms, path_ms })
}

/// How long the slowest way to the end of a check took. The registry has no circles.
fn path(id: &str, needs: &BTreeMap<String, Vec<String>>, took: &BTreeMap<String, f64>) -> f64 {
    let own = took.get(id).copied().unwrap_or(0.0);
    own + needs.get(id).into_iter().flatten().map(|need| path(need, needs, took)).fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_path_adds_up_what_a_check_needs() {
        let stream = r#"{"event":"run_started","run":{},"checks":[{"id":"a","needs":[]},{"id":"b","needs":["a"]},{"id":"c","needs":[]}]}
{"event":"check_started","id":"a"}
{"event":"check_finished","id":"a","duration_ms":2.0,"findings":[],"because":[]}
{"event":"check_finished","id":"b","duration_ms":3.0,"findings":[],"because":[]}
{"event":"check_finished","id":"c","duration_ms":4.0,"findings":[],"because":[]}
{"event":"run_ended","ended":"complete","interruption":null,"duration_ms":6.5,"abandoned":0}"#;
        let account = account(stream).unwrap();
        assert!((account.path_ms - 5.0).abs() < 1e-9 && (account.run_ms - 6.5).abs() < 1e-9);
    }
}
