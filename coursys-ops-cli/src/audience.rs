//! Who looks on while checks run: a line of progress on a terminal, a stream of events, the log.

use coursys_ops_core::model::{Event, Interruption};
use coursys_ops_core::render::{jsonl, text};
use coursys_ops_core::run::{Canceller, Observer};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::failure::Failure;
use crate::output::{self, Reader};
use crate::terminal;

/// How often the progress line is drawn, per second.
const DRAWS_PER_SECOND: u8 = 10;

/// What becomes of the events.
pub enum Events {
    /// The report is enough.
    Ignored,
    /// As JSON lines, for the end.
    Kept(String),
    /// As JSON lines on standard output, while they happen.
    Streamed {
        /// Stops a run that nobody reads.
        canceller: Canceller,
        /// How writing went so far.
        end: Result<Reader, Failure>,
    },
}

/// Looks on.
pub struct Audience {
    progress: Option<Progress>,
    events: Events,
}

impl Audience {
    /// Draws progress when that is wanted.
    pub fn new(progress: bool, events: Events) -> Self {
        Self { progress: progress.then(Progress::default), events }
    }

    /// Takes the progress line away and gives back what became of the events.
    pub fn leave(self) -> Events {
        if let Some(progress) = self.progress {
            progress.bar.finish_and_clear();
        }
        self.events
    }
}

impl Observer for Audience {
    fn event(&mut self, event: &Event) {
        log(event);
        if let Some(progress) = &mut self.progress {
            progress.event(event);
        }
        self.events.take(event);
    }

    fn tick(&mut self) {
        if let Some(progress) = &self.progress {
            progress.show();
        }
    }
}

impl Events {
    fn take(&mut self, event: &Event) {
        match self {
            Self::Ignored => {}
            // An event is made of texts and numbers, which JSON always can hold.
            Self::Kept(lines) => lines.push_str(&jsonl::render(event).unwrap_or_default()),
            Self::Streamed { canceller, end } => {
                if matches!(end, Ok(Reader::Listens)) {
                    let line = jsonl::render(event).map_err(Failure::refused);
                    *end = line.and_then(|line| output::print(&line));
                    if !matches!(end, Ok(Reader::Listens)) {
                        canceller.cancel(Interruption::Terminate);
                    }
                }
            }
        }
    }
}

/// How far the run is, on standard error.
struct Progress {
    bar: ProgressBar,
    running: Vec<String>,
}

impl Default for Progress {
    fn default() -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        if let Ok(style) = ProgressStyle::with_template("{spinner} {pos}/{len} {wide_msg}") {
            bar.set_style(style);
        }
        Self { bar, running: Vec::new() }
    }
}

impl Progress {
    /// Draws the line, from the first moment on in which nothing happens: a run that is done at once needs none.
    fn show(&self) {
        if self.bar.is_hidden() {
            self.bar.set_draw_target(ProgressDrawTarget::stderr_with_hz(DRAWS_PER_SECOND));
        }
        self.bar.tick();
    }

    fn event(&mut self, event: &Event) {
        match event {
            Event::RunStarted { checks, .. } => {
                self.bar.set_length(u64::try_from(checks.len()).unwrap_or(u64::MAX))
            }
            Event::CheckStarted { id } => self.running.push(terminal::harmless(id)),
            Event::CheckFinished { id, .. } => {
                self.bar.inc(1);
                let id = terminal::harmless(id);
                self.running.retain(|running| *running != id);
            }
            // What plans tell, nobody shows here.
            _ => {}
        }
        self.bar.set_message(self.running.join(" "));
    }
}

fn log(event: &Event) {
    match event {
        Event::RunStarted { run, checks } => {
            tracing::info!(id = run.id, layout = run.layout, checks = checks.len(), "the run starts");
        }
        Event::CheckStarted { id } => tracing::debug!("{id} starts"),
        Event::Fact { label, value } => tracing::debug!("fact: {label}: {value}"),
        Event::CheckFinished { id, duration_ms, findings, .. } => {
            let took = duration_ms.map_or_else(|| "-".to_owned(), text::duration);
            for finding in findings {
                tracing::debug!(took, code = %finding.code, "{id} {}: {}", finding.status, finding.message);
            }
        }
        Event::RunEnded { ended, abandoned, .. } => tracing::info!(?ended, abandoned, "the run ends"),
        _ => {}
    }
}
