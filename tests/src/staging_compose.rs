//! A server of layout `compose`, for its tests: mended before each, asked until a busy machine has an answer.

use std::time::{Duration, Instant};

use crate::staging::{Staging, staging};

/// How long containers may take to be healthy on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(180);

/// The server as it should be, whatever the test before left.
#[must_use]
pub fn healthy_compose() -> Option<Staging> {
    let server = staging("compose")?;
    server.mend();
    Some(server)
}

/// Asks until the answer is the expected one: what times out on a busy machine does not a moment later.
///
/// # Panics
/// It is another one for too long.
#[track_caller]
pub fn settles<T: PartialEq + std::fmt::Debug>(expected: T, mut ask: impl FnMut() -> T) {
    let started = Instant::now();
    loop {
        let answer = ask();
        if answer == expected || started.elapsed() > PATIENCE {
            return assert_eq!(answer, expected);
        }
    }
}

/// The one container of a service.
#[must_use]
pub fn container(service: &str) -> String {
    format!("coursys-{service}-1")
}

impl Staging {
    /// Runs `docker compose` in the site's directory, as its account; it must succeed.
    ///
    /// # Panics
    /// It fails.
    pub fn docker_compose(&self, args: &[&str]) -> String {
        let argv = ["env", "--chdir=/coursys", "docker", "compose", "--ansi", "never"];
        let ended = self.run_as("coursys", &[&argv, args].concat());
        assert_eq!(ended.code, 0, "{args:?}: {}{}", ended.stdout, ended.stderr);
        ended.stdout
    }

    /// Makes everything run as the compose file says.
    ///
    /// # Panics
    /// It cannot be mended.
    pub fn mend(&self) {
        if self.run(&["test", "-e", "/data/dynamic_config/503"]).code == 0 {
            let argv = ["coursys-ops", "rm503", "--take-over", "--wait=60", "--quiet"];
            let _ = self.run_within(Duration::from_secs(400), "root", &argv);
        }
        // What tests hold tasks with, and where those write.
        let left = ["/data/celery_logs/held", "/data/celery_logs/stamps", "/data/submitted_files/slow-page"];
        let closed = ["/data/dynamic_config/503", "/coursys/compose.override.yml"];
        self.done(&[&["rm", "-rf"], &left[..], &closed].concat());
        let paused = self.done(&["docker", "ps", "--quiet", "--filter", "status=paused"]);
        for container in paused.lines() {
            self.done(&["docker", "unpause", container]);
        }
        let ended = self.run_as("coursys", &["git", "-C", "/coursys", "checkout", "--quiet", "compose.yml"]);
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        // On a busy machine a container is unwell for a moment, and `up` gives up then.
        let argv =
            ["env", "--chdir=/coursys", "docker", "compose", "--ansi", "never", "up", "--detach", "--wait"];
        self.wait_until(PATIENCE, "containers that are well", |server| {
            server.run_as("coursys", &argv).code == 0
        });
        self.wait_until(PATIENCE, "workers that answer", |server| {
            server.run(&["/usr/local/lib/staging/workers-answer"]).code == 0
        });
    }
}
