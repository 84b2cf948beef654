//! The journal of a run: each event on disk before anything depends on it.

use std::fs::File;
use std::io::{self, BufWriter, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::FallocateFlags;
use rustix::io::Errno;

use super::owned;
use super::past;
use crate::model::{Event, OutputStream};
use crate::run::Record;

/// What is reserved on disk for the outcome of a step before the step begins, in bytes: a full disk stops a plan before
/// it acts, not after.
const ROOM: u64 = 256 << 10;

/// More output than this, in bytes, is not kept.
const LONGEST_LOG: u64 = 64 << 20;

/// How long output may wait to be written, for whoever looks at the file meanwhile.
const UNWRITTEN: Duration = Duration::from_millis(200);

/// Writes the journal and the output of a run.
#[derive(Debug)]
pub struct Journal {
    id: String,
    log_path: PathBuf,
    file: File,
    /// How much of the file is good, in bytes.
    length: u64,
    /// Why nothing is written any more.
    broken: Option<String>,
    log: Log,
}

#[derive(Debug)]
struct Log {
    file: BufWriter<File>,
    written: u64,
    flushed: Instant,
}

impl Journal {
    /// Opens the journal of a run whose directory is there. What was torn at its end is cut off.
    pub(super) fn open(id: &str, dir: &Path) -> io::Result<Self> {
        let mut file = owned::open(&dir.join(JOURNAL), true, 0o600)?;
        let length = past::whole(&mut file)?;
        file.set_len(length)?;
        file.seek(SeekFrom::End(0))?;
        let log_path = dir.join(LOG);
        let log = owned::open(&log_path, true, 0o600)?;
        let written = log.metadata()?.len();
        let log = Log { file: BufWriter::new(log), written, flushed: Instant::now() };
        Ok(Self { id: id.to_owned(), log_path, file, length, broken: None, log })
    }

    /// The id of the run.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The file that gets the output.
    #[must_use]
    pub fn log_path(&self) -> &Path {
        &self.log_path
    }

    fn write(&mut self, event: &Event) -> io::Result<()> {
        let mut line = serde_json::to_vec(event)?;
        line.push(b'\n');
        let length = self.length + line.len() as u64;
        if matches!(event, Event::StepStarted { .. }) {
            match rustix::fs::fallocate(
                &self.file,
                FallocateFlags::KEEP_SIZE,
                self.length,
                length - self.length + ROOM,
            ) {
                // Where the file system cannot reserve, it has to be tried.
                Ok(()) | Err(Errno::OPNOTSUPP | Errno::NOSYS) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
        self.file.write_all(&line)?;
        self.file.sync_all()?;
        self.length = length;
        if matches!(event, Event::PlanEnded { .. }) {
            // Gives back what was reserved and not needed; nothing depends on it.
            let _ = self.file.set_len(length);
        }
        Ok(())
    }
}

impl Record for Journal {
    fn record(&mut self, event: &Event) -> io::Result<()> {
        self.log.take(event);
        if matches!(event, Event::StepOutput { .. }) {
            return Ok(());
        }
        if let Some(why) = &self.broken {
            return Err(io::Error::other(why.clone()));
        }
        self.write(event).inspect_err(|error| {
            // Half a line must not become part of another; whoever reads passes a torn last one over anyway.
            let _ = self.file.set_len(self.length);
            self.broken = Some(error.to_string());
        })
    }
}

impl Log {
    /// Writes what somebody may want to read later. The plan does not depend on it.
    fn take(&mut self, event: &Event) {
        let written = match event {
            Event::StepOutput { line, stream: OutputStream::Stdout | OutputStream::Stderr, .. } => {
                self.line(line)
            }
            Event::StepOutput { line, stream: OutputStream::Note | OutputStream::Progress, .. } => {
                self.line(&format!("-- {line}"))
            }
            Event::StepStarted { id, at, .. } => self.line(&format!("== {at} {id}")),
            Event::StepFinished { id, at, end, .. } => {
                let message = end.message.as_deref().map(|message| format!(": {message}"));
                self.line(&format!("== {at} {id} {}{}", end.state.as_str(), message.unwrap_or_default()))
            }
            _ => Ok(()),
        };
        let now = Instant::now();
        let is_output = matches!(event, Event::StepOutput { .. });
        if written.is_ok() && (!is_output || now.duration_since(self.flushed) > UNWRITTEN) {
            self.flushed = now;
            let _ = self.file.flush();
        }
    }

    fn line(&mut self, line: &str) -> io::Result<()> {
        const END: &str = "-- more output is not kept\n";
        if self.written >= LONGEST_LOG {
            return Ok(());
        }
        self.written += line.len() as u64 + 1;
        writeln!(self.file, "{line}")?;
        if self.written >= LONGEST_LOG { self.file.write_all(END.as_bytes()) } else { Ok(()) }
    }
}

/// The journal of a run, in its directory.
pub(super) const JOURNAL: &str = "journal.jsonl";
/// The output of its steps.
pub(super) const LOG: &str = "output.log";
