//! A site on a staging server that a test closes: it is open when the test begins, and when it has ended.

use std::time::Duration;

use serde_json::Value;

use crate::staging::{Ended, Staging};

/// The file that closes the site.
pub const FLAG: &str = "/coursys/503";

/// The units that rest in a maintenance.
pub const WORKERS: [&str; 2] = ["celery", "celerybeat"];

/// As long as it is there, tasks that [`Open::hold`] sent do not end.
const HOLD: &str = "/opt/logs/hold";

/// Closing and opening takes longer than other programs: each waits for workers that start or end.
const PATIENCE: Duration = Duration::from_secs(400);

/// A server whose site is open now, and will be again when this is dropped.
pub struct Open<'a> {
    /// The server.
    pub server: &'a Staging,
}

impl<'a> Open<'a> {
    /// Sees to it that the site is open.
    #[must_use]
    pub fn on(server: &'a Staging) -> Self {
        let open = Self { server };
        open.restore();
        open
    }

    fn restore(&self) {
        let server = self.server;
        let _ =
            server.run(&["sh", "-c", &format!("rm -rf /run/load-* {HOLD}; [ -d {FLAG} ] && rm -r {FLAG}")]);
        let _ = self.ops(&["rm503", "--take-over", "--wait=60", "--quiet"]);
        for unit in WORKERS {
            let _ = server.run(&["systemctl", "start", unit]);
        }
    }

    /// Runs the program as root.
    #[must_use]
    pub fn ops(&self, args: &[&str]) -> Ended {
        self.server.run_within(PATIENCE, "root", &[&["coursys-ops"], args].concat())
    }

    /// Runs the program as root; it must say that all is done and good.
    ///
    /// # Panics
    /// It does not.
    #[track_caller]
    pub fn does(&self, args: &[&str]) -> Ended {
        let ended = self.ops(args);
        assert_eq!(ended.code, 0, "{args:?}: {}{}", ended.stdout, ended.stderr);
        ended
    }

    /// What `maintenance status` tells.
    ///
    /// # Panics
    /// It prints no document.
    #[must_use]
    pub fn status(&self) -> Value {
        let ended = self.ops(&["maintenance", "status", "--format", "json"]);
        serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {ended:?}"))
    }

    /// The state must be this one, with this code or `-`.
    ///
    /// # Panics
    /// It is another.
    #[track_caller]
    pub fn is(&self, state: &str, code: &str) {
        let status = self.status();
        let told = (status["state"].as_str().unwrap(), status["code"].as_str().unwrap_or("-"));
        assert_eq!(told, (state, code), "{status:#}");
    }

    /// Whether the workers and the beat are active, as systemd says it.
    #[must_use]
    pub fn active(&self) -> [String; 2] {
        WORKERS.map(|unit| self.server.property(unit, "ActiveState"))
    }

    /// The site must be open, its workers at work, and no trace of a maintenance be left.
    ///
    /// # Panics
    /// It is not so.
    #[track_caller]
    pub fn is_open(&self) {
        self.is("up", "-");
        assert_eq!(self.active(), ["active", "active"]);
        assert_ne!(self.server.run(&["test", "-e", FLAG]).code, 0);
        let left = self.server.done(&["find", "/etc/systemd/system", "-name", "*coursys-ops-maintenance*"]);
        assert_eq!(left, "");
        let left = self.server.done(&["find", "/coursys", "-maxdepth", "1", "-name", ".503*"]);
        assert_eq!(left, "", "a killed process left its half-written flag");
    }

    /// Runs Python as the site's user, with the site's tasks imported.
    ///
    /// # Panics
    /// It fails.
    #[track_caller]
    pub fn python(&self, script: &str) -> String {
        let script = format!("import django; django.setup()\nfrom coredata.tasks import *\n{script}");
        let argv = [
            "env",
            "--chdir=/coursys",
            "DJANGO_SETTINGS_MODULE=site_fixture.settings",
            "/venv/bin/python",
            "-c",
        ];
        let ended = self.server.run_as("coursys", &[&argv[..], &[&script]].concat());
        assert_eq!(ended.code, 0, "{}{}", ended.stdout, ended.stderr);
        ended.stdout
    }

    /// Sends a task to a queue that does not end before this is dropped, or [`Self::release`] is called; waits until it runs.
    pub fn hold(&self, queue: &str) {
        self.server.done(&["runuser", "-u", "coursys", "--", "touch", HOLD]);
        self.python(&format!("hold.apply_async(('{HOLD}',), queue='{queue}')"));
        self.server.wait_until(Duration::from_secs(60), "the task that is held runs", |_| {
            let queues = self.ops(&["queues", "--format", "json"]).stdout;
            let queues: Value = serde_json::from_str(&queues).unwrap_or_default();
            let all = queues["queues"].as_array().cloned().unwrap_or_default();
            let mut active =
                all.iter().flat_map(|queue| queue["active"].as_array().cloned().unwrap_or_default());
            active.any(|task| task["name"] == "coredata.tasks.hold")
        });
    }

    /// Lets such tasks end.
    pub fn release(&self) {
        let _ = self.server.run(&["rm", "-f", HOLD]);
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.restore();
    }
}

/// Runs the program and kills it when it has begun a step, or lets it end when it does not come to that.
pub fn killed_at(server: &Staging, command: &str, step: &str) {
    let script = format!(
        "coursys-ops {command} >/dev/null 2>&1 & pid=$!
         for i in $(seq 5000); do
             run=$(ls -d /var/lib/coursys-ops/runs/* | tail -1)
             grep -q 'step_started\",\"id\":\"{step}\"' $run/journal.jsonl 2>/dev/null && [ $run -nt /run/before-the-run ] && break
             kill -0 $pid 2>/dev/null || break
             sleep 0.02
         done
         kill -9 $pid; wait $pid; true"
    );
    server.done(&["touch", "/run/before-the-run"]);
    std::thread::sleep(Duration::from_millis(20));
    let _ = server.run_within(Duration::from_secs(300), "root", &["sh", "-c", &script]);
}
