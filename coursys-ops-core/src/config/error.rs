//! Where a value comes from, and what is wrong with it.

use std::fmt;
use std::path::PathBuf;

/// Where a value comes from. The order is that of the layers: a later one wins.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// The built-in profile of this layout.
    Profile(String),
    /// A variable of the site itself: its name, and the file that it was read from when the environment lacks it.
    Site(String, Option<PathBuf>),
    /// A line of the configuration file.
    File {
        /// The file.
        path: PathBuf,
        /// The line, from 1; 0 is the file as a whole.
        line: usize,
    },
    /// An environment variable.
    Environment(String),
    /// An argument: `--set` or `--layout`.
    Argument(&'static str),
}

impl Origin {
    /// The layer; a higher one wins.
    pub(super) const fn layer(&self) -> u8 {
        match self {
            Self::Profile(_) => 0,
            Self::Site(..) => 1,
            Self::File { .. } => 2,
            Self::Environment(_) => 3,
            Self::Argument(_) => 4,
        }
    }

    /// The kind of origin as a word for scripts.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Profile(_) => "profile",
            Self::Site(..) => "site",
            Self::File { .. } => "file",
            Self::Environment(_) => "environment",
            Self::Argument(_) => "argument",
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Profile(layout) => write!(f, "profile {layout}"),
            Self::Site(variable, None) => f.write_str(variable),
            Self::Site(variable, Some(path)) => write!(f, "{variable} in {}", path.display()),
            Self::File { path, line: 0 } => write!(f, "{}", path.display()),
            Self::File { path, line } => write!(f, "{}:{line}", path.display()),
            Self::Environment(variable) => f.write_str(variable),
            Self::Argument(option) => f.write_str(option),
        }
    }
}

/// One thing that is wrong, or doubtful, in the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where.
    pub origin: Origin,
    /// The dotted key, where there is one.
    pub key: Option<String>,
    /// What is wrong. Never holds a secret.
    pub message: String,
    /// What to do, where the message does not say it already.
    pub hint: Option<String>,
}

impl Problem {
    pub(super) fn new(origin: Origin, key: &str, message: impl Into<String>) -> Self {
        let key = (!key.is_empty()).then(|| key.to_owned());
        Self { origin, key, message: message.into(), hint: None }
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.origin)?;
        if let Some(key) = &self.key {
            write!(f, "{key}: ")?;
        }
        f.write_str(&self.message)?;
        self.hint.iter().try_for_each(|hint| write!(f, "\n  hint: {hint}"))
    }
}

/// Everything that is wrong in the configuration. Displayed, one line each, with indented hints.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConfigErrors {
    /// The problems, in the order of the layers and lines.
    pub problems: Vec<Problem>,
    /// Whether it was refused: the caller may not read it, or root must not believe it because others may change it.
    pub refused: bool,
}

impl ConfigErrors {
    /// What the program exits with: 3 when the configuration was refused, else 2.
    #[must_use]
    pub const fn exit_code(&self) -> u8 {
        if self.refused { 3 } else { 2 }
    }
}

impl From<Problem> for ConfigErrors {
    fn from(problem: Problem) -> Self {
        Self { problems: vec![problem], refused: false }
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigErrors {}
