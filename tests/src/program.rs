//! The program as a user runs it, and what a run must look like.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use coursys_ops_core::model::{CheckReport, Report};

/// How long after its deadline a run may end.
const GRACE: Duration = Duration::from_millis(200);

/// A program beside the one that runs the tests: both come out of one build.
pub(crate) fn sibling(name: &str) -> PathBuf {
    let own = std::env::current_exe().expect("a path");
    let dir = own.ancestors().find(|dir| dir.join(name).is_file());
    dir.unwrap_or_else(|| panic!("`{name}` is not built: run the tests with `cargo xtask test`")).join(name)
}

/// An invocation of `coursys-ops` in an environment of its own.
#[derive(Debug, Clone)]
pub struct Program {
    args: Vec<OsString>,
    environment: Vec<(OsString, OsString)>,
}

impl Program {
    /// Without arguments.
    #[must_use]
    #[allow(clippy::new_without_default, reason = "an invocation is always made for a purpose")]
    pub fn new() -> Self {
        let path = std::env::var_os("PATH").unwrap_or_default();
        Self { args: Vec::new(), environment: vec![("PATH".into(), path)] }
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<A: Into<OsString>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// Overrides a key of the configuration.
    #[must_use]
    pub fn set(self, key: &str, value: impl std::fmt::Display) -> Self {
        self.args(["--set".to_owned(), format!("{key}={value}")])
    }

    /// Sets a variable of its environment.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// As a command of the standard library, for tests that do more with it.
    #[must_use]
    pub fn command(&self) -> Command {
        let mut command = Command::new(sibling("coursys-ops"));
        let environment = self.environment.iter().map(|(name, value)| (name, value));
        command.args(&self.args).env_clear().envs(environment).stdin(Stdio::null());
        command
    }

    /// Runs it to its end.
    #[must_use]
    pub fn run(&self) -> Run {
        let started = Instant::now();
        let output = self.command().output().expect("the program starts");
        Run {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            took: started.elapsed(),
        }
    }

    /// Runs `check --format json` with these further arguments.
    #[must_use]
    pub fn check<const N: usize>(self, args: [&str; N]) -> Run {
        self.args(["check", "--format", "json"]).args(args).run()
    }
}

/// What an invocation left.
#[derive(Debug)]
pub struct Run {
    /// The exit code.
    pub code: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
    /// How long it took.
    pub took: Duration,
}

/// What a check must say: its id, and `status code` or `skipped need_failed because…`.
pub type Expected<'a> = (&'a str, &'a str);

impl Run {
    /// The report on standard output.
    #[must_use]
    pub fn report(&self) -> Report {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| {
            panic!("no report ({error}), exit code {}: {}{}", self.code, self.stdout, self.stderr)
        })
    }

    /// Fails the test unless these checks say just that, *every* other one passed, and the run ended in time.
    #[track_caller]
    pub fn assert(&self, expected: &[Expected<'_>]) {
        let report = self.report();
        let expected: BTreeMap<&str, &str> = expected.iter().copied().collect();
        let mut wrong = String::new();
        for check in &report.checks {
            let (is, should) = (says(check), expected.get(check.id.as_str()).copied().unwrap_or("passed ok"));
            if is != should {
                wrong += &format!("\n  {}: is `{is}`, should be `{should}`: {:?}", check.id, check.findings);
            }
        }
        for id in expected.keys().filter(|id| !report.checks.iter().any(|check| check.id == **id)) {
            wrong += &format!("\n  {id}: is not in the report");
        }
        assert!(wrong.is_empty(), "the report is wrong:{wrong}");
        let bad = report.summary.failed + report.summary.unknown > 0;
        assert_eq!(self.code, i32::from(bad), "exit code");
        assert_eq!(self.code, i32::from(report.run.exit_code), "the exit code in the report");
        let deadline = Duration::from_millis(report.run.deadline_ms);
        assert!(self.took < deadline + GRACE, "took {:?} with a deadline of {deadline:?}", self.took);
        assert_eq!(report.run.abandoned, 0, "something could not be stopped");
        for finding in report.checks.iter().flat_map(|check| &check.findings) {
            let needs_hint = matches!(finding.status.as_str(), "failed" | "warning");
            assert!(
                !needs_hint || finding.hint.as_ref().is_some_and(|hint| !hint.is_empty()),
                "no hint: {finding:?}"
            );
        }
    }
}

/// A check in a few words: its status, the code of its worst finding, and why it was skipped.
fn says(check: &CheckReport) -> String {
    let worst = check.findings.iter().find(|finding| finding.status == check.status);
    let code = worst.map_or("no finding", |finding| finding.code.as_str());
    let mut words = vec![check.status.as_str(), code];
    words.extend(check.because.iter().map(String::as_str));
    words.join(" ")
}
