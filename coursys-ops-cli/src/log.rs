//! What the program says about itself on standard error: only with `-v` or COURSYS_OPS_LOG, only of its own crates
//! (libraries log what they send, passwords among it), and never without the redactor.

use std::io::Write;
use std::sync::OnceLock;

use coursys_ops_core::secret::Redactor;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;

/// The variable that asks for a level by its name.
pub const VARIABLE: &str = "COURSYS_OPS_LOG";

/// Takes the secrets out; there are none before the configuration is loaded.
static REDACTOR: OnceLock<Redactor> = OnceLock::new();

/// From now on these secrets are taken out of everything that is logged.
pub fn redact_with(redactor: Redactor) {
    // A second configuration in one process has the same secrets.
    let _ = REDACTOR.set(redactor);
}

/// `text` without the secrets.
pub fn redacted(text: String) -> String {
    match REDACTOR.get() {
        Some(redactor) => redactor.redact(text),
        None => text,
    }
}

/// Starts logging when it is asked for, by `-v` (debug), `-vv` (trace) or the variable.
///
/// # Errors
///
/// A level that does not exist.
pub fn start(verbosity: u8, variable: Option<&str>) -> Result<(), String> {
    let asked = match variable.filter(|level| !level.is_empty()) {
        Some(level) => level.parse().map_err(|_| {
            format!("{VARIABLE} is `{level}`, expected `off`, `error`, `warn`, `info`, `debug` or `trace`")
        })?,
        None => LevelFilter::OFF,
    };
    let level = match verbosity {
        0 => asked,
        1 => asked.max(LevelFilter::DEBUG),
        _ => LevelFilter::TRACE,
    };
    if level == LevelFilter::OFF {
        return Ok(());
    }
    // Ours are all called `coursys_ops…`.
    let targets = Targets::new().with_target("coursys_ops", level);
    let lines =
        tracing_subscriber::fmt::layer().with_ansi(false).with_writer(|| Redacting).with_target(false);
    let subscriber = tracing_subscriber::registry().with(targets).with(lines);
    tracing::subscriber::set_global_default(subscriber).map_err(|error| error.to_string())
}

/// Standard error behind the redactor. Each event arrives in one piece.
struct Redacting;

impl Write for Redacting {
    fn write(&mut self, line: &[u8]) -> std::io::Result<usize> {
        let text = redacted(String::from_utf8_lossy(line).into_owned());
        writeln!(std::io::stderr(), "{}", crate::terminal::harmless(&text))?;
        Ok(line.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        std::io::stderr().flush()
    }
}
