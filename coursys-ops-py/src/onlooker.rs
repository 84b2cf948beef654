//! The calling thread while the checks run: it hands events to Python, looks for Ctrl-C, and stops the run when either raises.

use std::time::{Duration, Instant};

use coursys_ops_core::model::{Event, Interruption};
use coursys_ops_core::render::jsonl;
use coursys_ops_core::run::{Canceller, Observer};
use pyo3::prelude::*;

use crate::callable::Lost;

/// How often Python looks for signals while events come thick and fast.
const SIGNALS: Duration = Duration::from_millis(100);

/// Looks on.
pub struct Onlooker {
    on_event: Option<Py<PyAny>>,
    canceller: Canceller,
    lost: Lost,
    raised: Option<PyErr>,
    looked: Instant,
}

impl Onlooker {
    /// One that calls `on_event`, where there is one, with each event as a line of JSON.
    pub fn new(on_event: Option<Py<PyAny>>, canceller: Canceller, lost: Lost) -> Self {
        Self { on_event, canceller, lost, raised: None, looked: Instant::now() }
    }

    /// What was raised while it looked on.
    pub fn raised(self) -> Option<PyErr> {
        self.raised
    }

    fn take(&mut self, result: PyResult<()>) {
        if let Err(error) = result {
            self.canceller.cancel(Interruption::Interrupt);
            self.raised.get_or_insert(error);
        }
    }

    fn look_for_signals(&mut self) {
        self.looked = Instant::now();
        if self.raised.is_none() {
            self.take(Python::attach(|py| py.check_signals()));
        }
    }
}

impl Observer for Onlooker {
    fn event(&mut self, event: &Event) {
        if self.looked.elapsed() > SIGNALS {
            self.look_for_signals();
        }
        // Once it has raised it is not called again.
        let Some(on_event) = self.on_event.as_ref().filter(|_| self.raised.is_none()) else { return };
        let line = match event {
            Event::RunEnded { ended, interruption, duration_ms, abandoned } => {
                let lost = u32::try_from(self.lost.ids().len()).unwrap_or(u32::MAX);
                jsonl::render(&Event::RunEnded {
                    ended: *ended,
                    interruption: *interruption,
                    duration_ms: *duration_ms,
                    abandoned: abandoned.saturating_add(lost),
                })
            }
            event => jsonl::render(event),
        };
        // An event is made of texts and numbers, which JSON always can hold.
        let line = line.unwrap_or_default();
        let called = Python::attach(|py| on_event.call1(py, (line,)).map(drop));
        self.take(called);
    }

    fn tick(&mut self) {
        self.look_for_signals();
    }
}
