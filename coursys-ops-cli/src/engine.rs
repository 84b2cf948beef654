//! Runs checks once or again and again, and delivers what they found.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use coursys_ops_core::model::{ExitPolicy, Finding, Report, Tier};
use coursys_ops_core::render::{self, Format};
use coursys_ops_core::run::{Cancel, Canceller, History, Options, run_blocking};
use coursys_ops_core::{Check, Context};

use crate::audience::{Audience, Events};
use crate::failure::Failure;
use crate::output::{self, Reader};
use crate::{signals, terminal};

/// How often a waiting `--watch` looks whether a signal came.
const GLANCE: Duration = Duration::from_millis(50);

/// Home, and clear to the end of the screen.
const CLEAR: &str = "\x1b[H\x1b[2J";

/// What a run exits with that was stopped because nobody reads it: it did not find out everything.
const CUT_SHORT: u8 = 1;

/// The check that `--email` makes send a mail.
pub const MAIL_CHECK: &str = "email.smtp";

/// What to run, and how to tell it.
pub struct Request {
    /// The checks.
    pub checks: Vec<Arc<dyn Check>>,
    /// What they look with.
    pub context: Arc<Context>,
    /// Why some of them are not looked at.
    pub left_out: BTreeMap<String, Vec<Finding>>,
    /// How long one run may take.
    pub deadline: Duration,
    /// The tier that the report shows.
    pub tier: Tier,
    /// What counts as bad.
    pub policy: ExitPolicy,
    /// From the start of one run to the start of the next; nothing for a single run.
    pub watch: Option<Duration>,
    /// How to tell it.
    pub format: Format,
    /// Where to; standard output when there is none.
    pub output: Option<PathBuf>,
    /// Nothing is printed when all is well.
    pub quiet: bool,
    /// Everything is printed.
    pub verbose: bool,
}

/// Runs checks; returns the exit code.
///
/// # Errors
///
/// When what was found could not be delivered.
pub fn run(request: &Request) -> Result<u8, Failure> {
    let (canceller, cancel) =
        signals::listen().map_err(|error| Failure::refused(format!("cannot listen to signals: {error}")))?;
    let mut history = History::default();
    loop {
        let started = Instant::now();
        let looked = request.look(&mut history, &canceller, &cancel)?;
        let (Some(pause), Reader::Listens) = (request.watch, looked.reader) else { return Ok(looked.code) };
        loop {
            if let Some(reason) = cancel.reason() {
                let nagios = request.format == Format::Nagios;
                return Ok(if nagios { looked.code } else { reason.exit_code() });
            }
            let left = pause.saturating_sub(started.elapsed());
            if left.is_zero() {
                break;
            }
            std::thread::sleep(GLANCE.min(left));
        }
    }
}

/// How one run ended, and whether somebody read what it found.
struct Looked {
    code: u8,
    reader: Reader,
}

impl Request {
    /// Looks once and delivers the report.
    fn look(&self, history: &mut History, canceller: &Canceller, cancel: &Cancel) -> Result<Looked, Failure> {
        let started = Instant::now();
        let specs = || self.checks.iter().map(|check| check.spec());
        let mut known = history.known(specs(), started);
        known.extend(self.left_out.clone());
        let options = Options { deadline: self.deadline, tier: self.tier, known };
        let mut audience = Audience::new(self.shows_progress(), self.events(canceller));
        let report = run_blocking(&self.checks, &self.context, &options, cancel, self.policy, &mut audience);
        history.remember(specs(), &report, started);
        let code = match self.format {
            Format::Nagios => render::nagios::exit_code(&report, self.policy),
            _ => report.run.exit_code,
        };
        let reader = match audience.leave() {
            Events::Ignored => self.deliver(code, &self.rendered(&report)?)?,
            Events::Kept(lines) => self.deliver(code, &lines)?,
            Events::Streamed { end: Ok(Reader::Gone), .. } => {
                // The signal of this end was our own.
                return Ok(Looked { code: CUT_SHORT, reader: Reader::Gone });
            }
            Events::Streamed { end, .. } => end?,
        };
        Ok(Looked { code, reader })
    }

    /// Whether a line of progress is drawn. It would tear a stream of events on the same terminal.
    fn shows_progress(&self) -> bool {
        let torn = self.format == Format::Jsonl && terminal::shows_data();
        !self.quiet && !torn && terminal::can_draw()
    }

    /// What becomes of the events: written as they come, unless what is written depends on how it ends.
    fn events(&self, canceller: &Canceller) -> Events {
        match (self.format, self.output.is_some() || self.quiet) {
            (Format::Jsonl, false) => {
                Events::Streamed { canceller: canceller.clone(), end: Ok(Reader::Listens) }
            }
            (Format::Jsonl, true) => Events::Kept(String::new()),
            _ => Events::Ignored,
        }
    }

    fn rendered(&self, report: &Report) -> Result<String, Failure> {
        let rendered = match self.format {
            Format::Text => {
                let shown = self.output.is_none();
                let colour = if shown { terminal::colour() } else { terminal::colour_is_forced() };
                let asked = self.context.mail_to.as_ref().map(|_| MAIL_CHECK);
                let width = terminal::width();
                let style = render::text::Style { colour, width, verbose: self.verbose, asked };
                Ok(render::text::render(report, style))
            }
            Format::Json => render::json::render(report),
            // Events have been kept or streamed; a report has none.
            Format::Jsonl => Ok(String::new()),
            Format::Junit => render::junit::render(report),
            Format::Nagios => Ok(render::nagios::render(report, self.policy)),
            Format::Prometheus => render::prometheus::render(report),
        };
        rendered.map_err(Failure::refused)
    }

    /// Writes the report to its file or prints it, also when the file cannot be written.
    fn deliver(&self, code: u8, text: &str) -> Result<Reader, Failure> {
        let Some(path) = &self.output else {
            // The plugin API wants its line in any case.
            if self.quiet && code == 0 && self.format != Format::Nagios {
                return Ok(Reader::Listens);
            }
            return match (self.watch, self.format) {
                (Some(_), Format::Text) if terminal::can_clear() => output::print(&format!("{CLEAR}{text}")),
                (Some(_), Format::Text) => output::print(&format!("{text}\n")),
                _ => output::print(text),
            };
        };
        match output::replace(path, text) {
            Ok(()) => Ok(Reader::Listens),
            Err(failure) => {
                output::print(text)?;
                Err(failure)
            }
        }
    }
}
