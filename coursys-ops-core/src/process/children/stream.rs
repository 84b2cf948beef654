//! A child whose output is read line by line while it comes.

use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt as _;
use std::process::Stdio;

use rustix::process::Signal;
use tokio::io::AsyncReadExt as _;
use tokio::net::unix::pipe;
use tokio::sync::mpsc::Sender;

use super::{AFTER_EXIT, Children, Exit, Left, ProcessError, Running, watch};
use crate::model::OutputStream;
use crate::process::{Command, Helper};

/// A longer line, in bytes, is told in pieces.
const LONGEST_LINE: usize = 4 << 10;

/// How much is read at a time, in bytes.
const READ: usize = 16 << 10;

/// A line and where it was printed.
pub(crate) type Line = (OutputStream, String);

impl Children {
    /// Runs a command to its end, telling each line of its output. A reader that is slow makes it wait; dropping the future
    /// leaves it to the run.
    pub(crate) async fn stream(
        &self,
        helper: &Helper,
        command: &Command,
        lines: &Sender<Line>,
    ) -> Result<Exit, ProcessError> {
        let mut child = command
            .to_std(helper)
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(ProcessError::Start)?;
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let mut left = watch(child).map_err(ProcessError::Wait)?;
        let lines = lines.clone();
        left.reads = Some(Box::pin(async move {
            tokio::join!(
                tell(stdout.map(OwnedFd::from), OutputStream::Stdout, &lines),
                tell(stderr.map(OwnedFd::from), OutputStream::Stderr, &lines)
            );
        }));
        let mut running = Running { children: self.clone(), left: Some(left) };
        if let Some(Left { pidfd, reads, .. }) = running.left.as_mut() {
            let read = async {
                if let Some(read) = reads.as_mut() {
                    read.await;
                }
                *reads = None;
            };
            let exit = async { pidfd.readable().await.map(drop) };
            tokio::pin!(read, exit);
            tokio::select! {
                biased;
                () = &mut read => exit.await.map_err(ProcessError::Wait)?,
                exited = &mut exit => {
                    exited.map_err(ProcessError::Wait)?;
                    // A grandchild that lives on may keep the pipes for ever; what is in them already counts.
                    let _ = tokio::time::timeout(AFTER_EXIT, &mut read).await;
                }
            }
        }
        let Some(mut left) = running.left.take() else {
            return Err(ProcessError::Wait(std::io::ErrorKind::NotFound.into()));
        };
        // The leader is a zombie still, so its group cannot be somebody else's.
        left.signal(Signal::KILL);
        Exit::of(&mut left.child).map_err(ProcessError::Wait)
    }
}

/// Reads a pipe to its end and tells its lines. What a progress bar writes over counts as a line of its own.
async fn tell(pipe: Option<OwnedFd>, stream: OutputStream, lines: &Sender<Line>) {
    let Some(Ok(mut pipe)) = pipe.map(pipe::Receiver::from_owned_fd) else { return };
    let mut buffer = vec![0; READ];
    let mut line = Vec::new();
    loop {
        // A pipe that breaks has given all it had.
        let count = pipe.read(&mut buffer).await.unwrap_or(0);
        let Some(bytes) = buffer.get(..count).filter(|bytes| !bytes.is_empty()) else { break };
        for part in bytes.split_inclusive(|byte| matches!(byte, b'\n' | b'\r')) {
            let ends = matches!(part.last(), Some(b'\n' | b'\r'));
            line.extend_from_slice(part);
            if (ends || line.len() >= LONGEST_LINE) && !send(&mut line, stream, lines).await {
                return;
            }
        }
    }
    send(&mut line, stream, lines).await;
}

/// Whether somebody listens still.
async fn send(line: &mut Vec<u8>, stream: OutputStream, lines: &Sender<Line>) -> bool {
    let text = String::from_utf8_lossy(line);
    let text = text.trim_end_matches(['\n', '\r']).to_owned();
    line.clear();
    // The end of a line of DOS is a line without anything.
    text.is_empty() || lines.send((stream, text)).await.is_ok()
}
