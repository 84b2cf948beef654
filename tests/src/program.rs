//! The program as a user runs it, and what a run must look like.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use coursys_ops_core::model::{Report, Status};

use crate::matrix::{baseline, says};

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
    /// Which of those that are built.
    name: String,
    /// Programs that start it, each with its arguments: the first starts the second, and so on.
    wrapper: Vec<OsString>,
    args: Vec<OsString>,
    environment: Vec<(OsString, OsString)>,
}

impl Program {
    /// Without arguments.
    #[must_use]
    #[allow(clippy::new_without_default, reason = "an invocation is always made for a purpose")]
    pub fn new() -> Self {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let environment = vec![("PATH".into(), path)];
        Self { name: "coursys-ops".to_owned(), wrapper: Vec::new(), args: Vec::new(), environment }
    }

    /// An example in its place, which takes arguments of its own.
    #[must_use]
    pub fn example(name: &str) -> Self {
        Self { name: format!("examples/{name}"), ..Self::new() }
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<A: Into<OsString>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// Lets another program start it, inside those named before: `faketime`, `unshare` and the like take the program
    /// to start as their last arguments.
    #[must_use]
    pub fn under<A: Into<OsString>>(mut self, wrapper: impl IntoIterator<Item = A>) -> Self {
        self.wrapper.extend(wrapper.into_iter().map(Into::into));
        self
    }

    /// The same without what starts it.
    #[must_use]
    pub fn bare(mut self) -> Self {
        self.wrapper.clear();
        self
    }

    /// The configuration file that it is given.
    #[must_use]
    pub fn config(&self) -> PathBuf {
        let mut args = self.args.iter().skip_while(|arg| *arg != "--config");
        args.nth(1).map(PathBuf::from).expect("a configuration file")
    }

    /// Gives it another configuration file.
    #[must_use]
    pub fn with_config(mut self, file: &std::path::Path) -> Self {
        let place = self.args.iter().position(|arg| arg == "--config").expect("a configuration file");
        self.args[place + 1] = file.into();
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
        let argv: Vec<OsString> =
            self.wrapper.iter().cloned().chain([sibling(&self.name).into_os_string()]).collect();
        let mut command = Command::new(&argv[0]);
        command.args(&argv[1..]);
        let environment = self.environment.iter().map(|(name, value)| (name, value));
        command.args(&self.args).env_clear().envs(environment).stdin(Stdio::null());
        command
    }

    /// Runs it to its end.
    #[must_use]
    pub fn run(&self) -> Run {
        let started = Instant::now();
        Run::of(self.command().output().expect("the program starts"), started.elapsed())
    }

    /// Runs the same checks by the Python package: this interpreter takes the place of the program.
    #[must_use]
    pub fn run_in_python(&self, python: &std::path::Path) -> Run {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/python/ask.py");
        let argv = self.wrapper.iter().cloned().chain([python.into(), script.into()]);
        let argv: Vec<OsString> = argv.chain(self.args.iter().cloned()).collect();
        let started = Instant::now();
        let environment = self.environment.iter().map(|(name, value)| (name, value));
        let mut command = Command::new(&argv[0]);
        command.args(&argv[1..]).env_clear().envs(environment).stdin(Stdio::null());
        Run::of(command.output().expect("the interpreter starts"), started.elapsed())
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
    fn of(output: std::process::Output, took: Duration) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            took,
        }
    }

    /// The report on standard output.
    #[must_use]
    pub fn report(&self) -> Report {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| {
            panic!("no report ({error}), exit code {}: {}{}", self.code, self.stdout, self.stderr)
        })
    }

    /// Fails the test unless these checks say just that, *every* other one is as on the healthy site, and the run ended in
    /// time.
    #[track_caller]
    pub fn assert(&self, expected: &[Expected<'_>]) {
        let report = self.report();
        let expected: BTreeMap<&str, &str> = expected.iter().copied().collect();
        let mut wrong = String::new();
        for check in &report.checks {
            let given = expected.get(check.id.as_str()).copied();
            let (is, should) = (says(check), given.unwrap_or_else(|| baseline::healthy(&check.id)));
            if !baseline::is_one_of(&is, should) {
                wrong += &format!("\n  {}: is `{is}`, should be `{should}`: {:?}", check.id, check.findings);
            }
        }
        for id in expected.keys().filter(|id| !report.checks.iter().any(|check| check.id == **id)) {
            wrong += &format!("\n  {id}: is not in the report");
        }
        assert!(wrong.is_empty(), "the report is wrong:{wrong}");
        assert_eq!(self.offences(), Vec::<String>::new());
    }

    /// What is wrong with the run itself, whatever it found: it ended late, left something running, gave a finding no
    /// hint, let an escape sequence through, or the exit code does not fit.
    #[must_use]
    pub fn offences(&self) -> Vec<String> {
        let report = self.report();
        let mut offences = Vec::new();
        let mut wrong = |is_wrong: bool, what: String| offences.extend(is_wrong.then_some(what));
        let bad = report.summary.failed + report.summary.unknown > 0;
        wrong(self.code != i32::from(bad), format!("the exit code is {}", self.code));
        wrong(
            self.code != i32::from(report.run.exit_code),
            format!("the exit code in the report is {}", report.run.exit_code),
        );
        let deadline = Duration::from_millis(report.run.deadline_ms);
        wrong(self.took > deadline + GRACE, format!("took {:?} with a deadline of {deadline:?}", self.took));
        wrong(report.run.abandoned != 0, format!("{} could not be stopped", report.run.abandoned));
        wrong(self.stdout.contains('\u{1b}'), "an escape sequence reached the output".to_owned());
        for finding in report.checks.iter().flat_map(|check| &check.findings) {
            let needs_hint = matches!(finding.status, Status::Failed | Status::Warning);
            let has_hint = finding.hint.as_ref().is_some_and(|hint| !hint.is_empty());
            wrong(needs_hint && !has_hint, format!("no hint: {finding:?}"));
        }
        offences
    }
}
