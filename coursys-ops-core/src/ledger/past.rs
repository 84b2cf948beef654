//! What a journal tells about a run.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::PathBuf;

use crate::model::{Event, PlanEnded, PlanReport};
use crate::plan::Plan;
use crate::run::PlanFold;

/// A longer journal, in bytes, is none of ours.
const LONGEST: u64 = 64 << 20;

/// What a journal holds.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Parsed {
    /// The events that could be read, in order.
    pub events: Vec<Event>,
    /// The first line, from 1, that is no event. A last line without its end is none: it was being written when the machine
    /// or the program stopped, and nothing was done yet that depends on it.
    pub damaged: Option<usize>,
}

/// Reads a journal.
#[must_use]
pub fn parse(bytes: &[u8]) -> Parsed {
    let mut parsed = Parsed::default();
    for (number, line) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
        let Some(line) = line.strip_suffix(b"\n") else { break };
        match serde_json::from_slice(line) {
            Ok(event) => parsed.events.push(event),
            Err(_) => drop(parsed.damaged.get_or_insert(number + 1)),
        }
    }
    parsed
}

/// How many bytes of a journal are whole lines.
pub(super) fn whole(file: &mut File) -> io::Result<u64> {
    let bytes = read(file)?;
    let end = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    Ok(end as u64)
}

pub(super) fn read(file: &mut File) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(0))?;
    file.take(LONGEST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LONGEST {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "it is too long for a journal"));
    }
    Ok(bytes)
}

/// A run as its directory tells it.
#[derive(Debug, Clone)]
pub struct Past {
    /// Its id.
    pub id: String,
    /// Its directory.
    pub dir: PathBuf,
    /// Its plan, or why that cannot be read.
    pub plan: Result<Plan, String>,
    /// Its events, folded.
    pub fold: PlanFold,
    /// The first line of the journal that is no event.
    pub damaged: Option<usize>,
}

impl Past {
    pub(super) fn new(id: String, dir: PathBuf, plan: Result<Plan, String>, parsed: Parsed) -> Self {
        let mut fold = PlanFold::default();
        parsed.events.iter().for_each(|event| fold.push(event));
        Self { id, dir, plan, fold, damaged: parsed.damaged }
    }

    /// Its report. One whose journal has no beginning has at least its id and title.
    #[must_use]
    pub fn report(&self) -> PlanReport {
        let mut report = self.fold.clone().report();
        if report.run.start.id.is_empty() {
            report.run.start.id.clone_from(&self.id);
            report.run.start.title =
                self.plan.as_ref().map_or_else(|_| String::new(), |plan| plan.title.clone());
        }
        report
    }

    /// Whether something is left to be done. A damaged journal cannot tell, so that somebody has to.
    #[must_use]
    pub fn is_open(&self) -> bool {
        let report = self.report();
        let given_up = report.run.ended == PlanEnded::Abandoned;
        report.is_open() || (self.damaged.is_some() && !given_up)
    }
}

#[cfg(test)]
#[path = "past_tests.rs"]
mod tests;
