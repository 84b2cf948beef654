//! How a server of layout `compose` is closed and opened: what tests ask of it again and again.

use std::time::Duration;

use serde_json::Value;

use crate::staging::{Ended, Staging};
use crate::staging_compose::{container, settles};

/// The file that closes the site.
pub const FLAG: &str = "/data/dynamic_config/503";

/// What keeps others from starting the workers.
pub const HOLD: &str = "/coursys/compose.override.yml";

/// The services that rest in a maintenance.
pub const WORKERS: [&str; 6] =
    ["beat", "celery-batch", "celery-email", "celery-fast", "celery-photo", "celery-sims"];

/// Where tasks write that they were done, as the workers see it; on the server it is below `/data`.
pub const STAMPS: &str = "/celery_logs/stamps";

/// As long as it is there, tasks of [`hold`] do not end; on the server it is below `/data`.
const HELD: &str = "/celery_logs/held";

/// Closing and opening waits for workers that start or end.
const LONG: Duration = Duration::from_secs(600);

/// What `maintenance status` tells.
///
/// # Panics
/// It prints no document.
#[must_use]
pub fn status(server: &Staging) -> Value {
    let ended = server.run(&["coursys-ops", "maintenance", "status", "--format", "json"]);
    serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {ended:?}"))
}

/// State and code, or `-`. On a busy machine a look may see nothing at first.
///
/// # Panics
/// They are others.
#[track_caller]
pub fn is(server: &Staging, state: &str, code: &str) {
    settles((state.to_owned(), code.to_owned()), || {
        let status = status(server);
        let word = |key: &str| status[key].as_str().unwrap_or("-").to_owned();
        (word("state"), word("code"))
    });
}

/// Runs the program as a person who may use sudo; returns how it ended.
#[must_use]
pub fn ends(server: &Staging, args: &[&str]) -> Ended {
    server.run_within(LONG, "admin", &[&["coursys-ops"], args].concat())
}

/// The same; it must say that all is done and good. Returns what it said.
///
/// # Panics
/// It does not.
#[track_caller]
pub fn acts(server: &Staging, args: &[&str]) -> String {
    exits(server, args, 0)
}

/// The same with another exit code.
///
/// # Panics
/// It ends with another one.
#[track_caller]
pub fn exits(server: &Staging, args: &[&str], code: i32) -> String {
    let ended = ends(server, args);
    assert_eq!(ended.code, code, "{args:?}: {}{}", ended.stdout, ended.stderr);
    ended.stdout + &ended.stderr
}

/// The workers that run.
#[must_use]
pub fn running(server: &Staging) -> Vec<&'static str> {
    let listed = server.done(&["docker", "ps", "--format", "{{.Names}}"]);
    WORKERS.into_iter().filter(|unit| listed.lines().any(|name| name == container(unit))).collect()
}

/// The site is open, its workers at work, and no trace of a maintenance is left.
///
/// # Panics
/// It is not so.
#[track_caller]
pub fn is_open(server: &Staging) {
    is(server, "up", "-");
    assert_eq!(running(server), WORKERS);
    for path in [FLAG, HOLD] {
        assert_ne!(server.run(&["test", "-e", path]).code, 0, "{path}");
    }
}

/// Runs Python in a container of the site, with its tasks imported.
///
/// # Panics
/// It fails.
#[track_caller]
pub fn python(server: &Staging, script: &str) -> String {
    let script = format!("from coredata.tasks import *\n{script}");
    let name = container("celery-batch");
    server.done(&["docker", "exec", &name, "/venv/bin/python", "manage.py", "shell", "--command", &script])
}

/// Sends a task that does not end before [`release`].
pub fn hold(server: &Staging, queue: &str) {
    server.done(&["touch", &format!("/data{HELD}")]);
    python(server, &format!("hold.apply_async(('{HELD}',), queue='{queue}')"));
}

/// Lets such tasks end.
pub fn release(server: &Staging) {
    server.done(&["rm", "--force", &format!("/data{HELD}")]);
}

/// The words that tasks have written and the times at which they did, seconds; in their order.
///
/// # Panics
/// Something else was written.
#[must_use]
pub fn stamps(server: &Staging) -> Vec<(String, f64)> {
    let text = server.run(&["cat", &format!("/data{STAMPS}")]).stdout;
    let line = |line: &str| {
        let (word, time) = line.split_once(' ')?;
        Some((word.to_owned(), time.parse().ok()?))
    };
    text.lines().map(|text| line(text).unwrap_or_else(|| panic!("a stamp: {text}"))).collect()
}
