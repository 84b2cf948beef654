//! Why a command did not do what it was asked to: lines for people and an exit code for scripts.

use std::fmt::Display;

use anstyle::{AnsiColor, Style};

/// Usage or configuration: what was asked for makes no sense.
pub const USAGE: u8 = 2;
/// Refused: no right, locked by another, wrong state.
pub const REFUSED: u8 = 3;

/// A command that could not be carried out.
#[derive(Debug)]
pub struct Failure {
    /// The exit code.
    pub code: u8,
    errors: Vec<String>,
    hint: Option<String>,
}

impl Failure {
    /// What was asked for makes no sense.
    pub fn usage(error: impl Display) -> Self {
        Self { code: USAGE, errors: vec![error.to_string()], hint: None }
    }

    /// Not allowed, or not in this state.
    pub fn refused(error: impl Display) -> Self {
        Self { code: REFUSED, errors: vec![error.to_string()], hint: None }
    }

    /// Several things at once.
    pub fn of(code: u8, errors: impl IntoIterator<Item = String>) -> Self {
        Self { code, errors: errors.into_iter().collect(), hint: None }
    }

    /// Says what to do about it.
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// All of it in one line.
    pub fn line(&self) -> String {
        let text = self.errors.join("; ");
        text.lines().collect::<Vec<_>>().join("; ")
    }

    /// Tells it on standard error.
    pub fn tell(&self) {
        for error in &self.errors {
            say(Level::Error, error);
        }
        if let Some(hint) = &self.hint {
            say(Level::Hint, hint);
        }
    }
}

/// What kind of line it is on standard error.
#[derive(Debug, Clone, Copy)]
pub enum Level {
    /// It did not work.
    Error,
    /// It worked, but somebody should look.
    Warning,
    /// What to do.
    Hint,
}

/// Writes one line to standard error, `error: …`; a text of several lines is indented below its first.
pub fn say(level: Level, text: &str) {
    use std::io::Write as _;
    let (word, colour) = match level {
        Level::Error => ("error", AnsiColor::Red),
        Level::Warning => ("warning", AnsiColor::Yellow),
        Level::Hint => ("hint", AnsiColor::Cyan),
    };
    let style = Style::new().fg_color(Some(colour.into())).bold();
    let text = crate::terminal::harmless(text).replace('\n', "\n  ");
    // Whoever closed standard error does not want to read it.
    let _ = writeln!(anstream::stderr(), "{style}{word}:{style:#} {text}");
}
