//! Progress of a plan on standard error: lines, or on a terminal the step at work with the last lines of its output.

use std::collections::{BTreeMap, VecDeque};
use std::io::Write as _;
use std::time::{Duration, Instant};

use coursys_ops_core::model::{CourseKind, Event, OutputStream, StepEnd, StepState};
use coursys_ops_core::render::escape;
use coursys_ops_core::render::text::duration;
use coursys_ops_core::run::{Observer, Progress, Turn};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::terminal;

/// How many of the last lines of output are shown below the step at work.
const TAIL: usize = 5;

/// How often the step at work is drawn, per second.
const DRAWS_PER_SECOND: u8 = 10;

/// The step at work, without and with a bar of what it has done.
const NO_BAR: &str = "{spinner} {msg}";
const BAR: &str = "{spinner} {bar:30} {prefix}\n  {msg}";

/// How many lines of output a second are printed where nothing can be drawn over; the log has all of them.
const LINES_PER_SECOND: u32 = 50;

/// Where nothing can be drawn over, progress is printed so often.
const PROGRESS_EVERY: Duration = Duration::from_secs(10);

/// Shows how far a plan is.
pub struct Show {
    silent: bool,
    bar: Option<ProgressBar>,
    turns: usize,
    done: usize,
    titles: BTreeMap<String, String>,
    /// The step at work, and since when.
    running: Option<(String, Instant)>,
    tail: VecDeque<String>,
    budget: (Instant, u32),
    /// Of the step at work, where it counts what it does; and when that was printed.
    progress: Option<Progress>,
    printed: Option<Instant>,
}

impl Show {
    /// Shows a plan of these turns, or nothing when it is to be silent.
    pub fn new(silent: bool, turns: &[Turn]) -> Self {
        let bar = (!silent && terminal::can_draw()).then(bar);
        Self {
            silent,
            bar,
            turns: turns.len(),
            done: 0,
            titles: BTreeMap::new(),
            running: None,
            tail: VecDeque::new(),
            budget: (Instant::now(), 0),
            progress: None,
            printed: None,
        }
    }

    /// Takes away what is drawn.
    pub fn leave(self) {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
    }

    fn line(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.println(line),
            // Whoever closed standard error does not want to read it.
            None => drop(writeln!(std::io::stderr(), "{line}")),
        }
    }

    fn place(&self) -> String {
        format!("[{}/{}]", self.done + 1, self.turns)
    }

    fn draw(&self) {
        let (Some(bar), Some((title, since))) = (&self.bar, &self.running) else { return };
        let seconds = since.elapsed().as_secs();
        let tail = self.tail.iter().map(|line| format!("\n      {line}"));
        let (length, words) = match self.progress {
            Some(progress) => {
                bar.set_length(progress.total);
                bar.set_position(progress.done);
                (BAR, progress.to_string())
            }
            None => (NO_BAR, String::new()),
        };
        if let Ok(style) = ProgressStyle::with_template(length) {
            bar.set_style(style);
        }
        bar.set_prefix(words);
        bar.set_message(format!("{} {title}, {seconds} s{}", self.place(), tail.collect::<String>()));
        bar.tick();
    }

    /// Shows how far the step at work is.
    fn progress(&mut self, line: &str) {
        self.progress = line.parse().ok();
        if self.bar.is_none() && self.printed.is_none_or(|at| at.elapsed() >= PROGRESS_EVERY) {
            self.printed = Some(Instant::now());
            self.output(line);
        }
    }

    fn output(&mut self, line: &str) {
        let width = terminal::error_width().saturating_sub(8);
        let line: String = escape::line(line).chars().take(width).collect();
        if self.bar.is_some() {
            if self.tail.len() >= TAIL {
                self.tail.pop_front();
            }
            self.tail.push_back(line);
            return;
        }
        let (since, printed) = &mut self.budget;
        if since.elapsed() > Duration::from_secs(1) {
            (*since, *printed) = (Instant::now(), 0);
        }
        *printed += 1;
        match (*printed).cmp(&LINES_PER_SECOND) {
            std::cmp::Ordering::Less => self.line(&format!("      {line}")),
            std::cmp::Ordering::Equal => self.line("      …"),
            std::cmp::Ordering::Greater => {}
        }
    }

    fn finished(&mut self, id: &str, end: &StepEnd) {
        let title = self.titles.get(id).cloned().unwrap_or_else(|| id.to_owned());
        self.running = None;
        let word = match end.state {
            StepState::CutOff => "stopped in the middle",
            StepState::UndoFailed => "not taken back",
            StepState::Undone => "taken back",
            StepState::Past => "taken for done",
            StepState::Pending => "not begun",
            StepState::Running | StepState::Done | StepState::Failed => end.state.as_str(),
        };
        self.line(&format!("{} {title}: {word}, {}", self.place(), duration(end.duration_ms)));
        self.done += 1;
    }
}

impl Observer for Show {
    fn event(&mut self, event: &Event) {
        log(event);
        if self.silent {
            return;
        }
        match event {
            Event::PlanStarted { run, steps } => {
                let title = |title: &str| escape::line(title);
                self.titles = steps.iter().map(|step| (step.id.clone(), title(&step.title))).collect();
                let what = if run.course == CourseKind::Abandon { ": giving up run" } else { ": run" };
                self.line(&format!("{}{what} {}", title(&run.title), title(&run.id)));
            }
            Event::StepStarted { id, .. } => {
                let title = self.titles.get(id).cloned().unwrap_or_else(|| id.clone());
                self.tail.clear();
                (self.progress, self.printed) = (None, None);
                if self.bar.is_none() {
                    self.line(&format!("{} {title} …", self.place()));
                }
                self.running = Some((title, Instant::now()));
                self.draw();
            }
            Event::StepOutput { line, stream: OutputStream::Progress, .. } => self.progress(line),
            Event::StepOutput { line, .. } => self.output(line),
            Event::StepFinished { id, end, .. } => self.finished(id, end),
            Event::RunStarted { .. }
            | Event::CheckStarted { .. }
            | Event::Fact { .. }
            | Event::CheckFinished { .. }
            | Event::RunEnded { .. }
            | Event::PlanEnded { .. } => {}
        }
    }

    fn tick(&mut self) {
        self.draw();
    }
}

fn bar() -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(DRAWS_PER_SECOND));
    if let Ok(style) = ProgressStyle::with_template(NO_BAR) {
        bar.set_style(style);
    }
    bar
}

fn log(event: &Event) {
    match event {
        Event::PlanStarted { run, .. } => tracing::info!(id = run.id, "the plan starts"),
        Event::StepStarted { id, .. } => tracing::debug!("step {id} starts"),
        Event::StepFinished { id, end, .. } => tracing::debug!(state = end.state.as_str(), "step {id} ends"),
        Event::PlanEnded { ended, abandoned, .. } => tracing::info!(?ended, abandoned, "the plan ends"),
        _ => {}
    }
}
