//! What to start, as a value.

use std::ffi::OsString;
use std::path::PathBuf;

use super::{Exit, User};
use crate::helper::{Ask, SYSTEM_PATH};

/// How to start the helper: the program and the arguments that come before the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Helper {
    /// For the CLI `[/usr/bin/coursys-ops, __helper]`; in Python the interpreter and a module.
    pub argv: Vec<OsString>,
}

/// A process to be run to its end.
#[derive(Debug, Clone)]
pub struct Command {
    pub(super) ask: Ask,
    pub(super) user: Option<User>,
    pub(super) environment: Vec<(OsString, OsString)>,
    pub(super) input: Option<Vec<u8>>,
    pub(super) answers: bool,
    pub(super) output_limit: usize,
}

impl Command {
    /// More output than this, in bytes, ends the process: nobody reads it.
    pub const OUTPUT_LIMIT: usize = 4 << 20;

    /// A program and its arguments.
    pub fn new<A: Into<OsString>>(argv: impl IntoIterator<Item = A>) -> Self {
        Self::ask(Ask::Exec(None, argv.into_iter().map(Into::into).collect()))
    }

    /// A request to the helper.
    #[must_use]
    pub const fn ask(ask: Ask) -> Self {
        Self {
            ask,
            user: None,
            environment: Vec::new(),
            input: None,
            answers: false,
            output_limit: Self::OUTPUT_LIMIT,
        }
    }

    /// Runs it in this directory.
    #[must_use]
    pub fn dir(mut self, dir: impl Into<PathBuf>) -> Self {
        if let Ask::Exec(place, _) = &mut self.ask {
            *place = Some(dir.into());
        }
        self
    }

    /// Runs it as this user, or as the caller.
    #[must_use]
    pub fn user(mut self, user: Option<User>) -> Self {
        self.user = user;
        self
    }

    /// Adds a variable to the clean environment. Never a secret: those go by standard input.
    #[must_use]
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// Writes this to its standard input.
    #[must_use]
    pub fn input(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.input = Some(bytes.into());
        self
    }

    /// Ends it when it prints more bytes than this, instead of [`Self::OUTPUT_LIMIT`].
    #[must_use]
    pub const fn at_most(mut self, bytes: usize) -> Self {
        self.output_limit = bytes;
        self
    }

    /// Makes its standard input a socket that it can also write to, and collects that as its answer: a descriptor of its
    /// own for programs that print on standard output whatever they like.
    #[must_use]
    pub const fn answering(mut self) -> Self {
        self.answers = true;
        self
    }

    /// Whether what it answers tells all, and its exit status nothing more: so it is with the helper.
    pub(super) const fn is_told_by_its_answer(&self) -> bool {
        self.answers || !matches!(self.ask, Ask::Exec(..))
    }

    /// The command as the operating system gets it.
    pub(super) fn to_std(&self, helper: &Helper) -> std::process::Command {
        let mut argv: Vec<OsString> = self.user.as_ref().map(User::setpriv).unwrap_or_default();
        argv.extend(helper.argv.iter().cloned());
        argv.extend(self.ask.to_args(std::process::id()));
        let mut argv = argv.into_iter();
        #[allow(clippy::disallowed_methods, reason = "the one place that starts processes")]
        let mut command = std::process::Command::new(argv.next().unwrap_or_default());
        command.args(argv).env_clear().env("PATH", SYSTEM_PATH).env("LC_ALL", "C.UTF-8");
        if let Some(home) = self.user.as_ref().and_then(|user| user.home.as_ref()) {
            command.env("HOME", home);
        }
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }
}

/// What a process left.
#[derive(Debug, Clone)]
pub struct Output {
    /// How it ended.
    pub status: Exit,
    /// What it printed.
    pub stdout: Vec<u8>,
    /// What it complained about.
    pub stderr: Vec<u8>,
    /// What it wrote to its standard input; see [`Command::answering`].
    pub answer: Vec<u8>,
}

impl Output {
    /// The last line of its complaint that says anything, for a message.
    #[must_use]
    pub fn complaint(&self) -> String {
        let text = String::from_utf8_lossy(&self.stderr);
        let last = text.lines().rev().map(str::trim).find(|line| !line.is_empty());
        last.map_or_else(|| self.status.to_string(), ToOwned::to_owned)
    }
}
