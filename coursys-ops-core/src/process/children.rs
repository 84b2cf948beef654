//! The children of one run: started, waited for, and ended with it.

mod stream;

use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt as _;
use std::pin::Pin;
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::process::{Pid, PidfdFlags, Signal};
use tokio::io::unix::AsyncFd;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _, Interest};
use tokio::net::UnixStream;
use tokio::net::unix::pipe;

use super::exit::{Exit, over};
use super::{Command, Helper, Output, User, users};

pub(crate) use stream::Line;

/// How long a grandchild may keep the pipes of a child that has ended.
const AFTER_EXIT: Duration = Duration::from_millis(100);

/// Why a process could not be run.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// It could not be started.
    #[error("cannot start a process: {0}")]
    Start(#[source] std::io::Error),
    /// The kernel does not let us wait for it.
    #[error("cannot wait for a process: {0}")]
    Wait(#[source] std::io::Error),
    /// The kernel does not tell how it ended, as in a program that ignores SIGCHLD.
    #[error("cannot tell how a process ended, because the program that started it ignores SIGCHLD")]
    Untold,
    /// It printed more than anybody reads.
    #[error("the process printed more than {0} bytes")]
    TooMuch(usize),
}

/// The children of one run.
#[derive(Debug, Clone, Default)]
pub struct Children {
    left: Arc<Mutex<Vec<Left>>>,
    arrived: Arc<tokio::sync::Notify>,
}

/// Reads pipes to their ends. Shared by reference like all of a child, though nobody polls it so.
type Reads = Pin<Box<dyn Future<Output = ()> + Send + Sync>>;

/// A child nobody waits for any more.
struct Left {
    child: Child,
    pidfd: AsyncFd<OwnedFd>,
    /// Reads and tells what it prints, until that has ended; nothing when nobody listens.
    reads: Option<Reads>,
}

impl std::fmt::Debug for Left {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "process {}", self.child.id())
    }
}

/// A child somebody waits for; dropping this leaves it to the run.
struct Running {
    children: Children,
    left: Option<Left>,
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(left) = self.left.take() {
            self.children.lock().push(left);
            self.children.arrived.notify_one();
        }
    }
}

/// A conversation with a child.
pub(crate) struct Talk {
    /// What is written to it is its standard input.
    pub(crate) socket: UnixStream,
    complaint: Option<pipe::Receiver>,
    _running: Running,
}

impl Talk {
    /// What the child complained about before it went.
    pub(crate) fn complaint(&self) -> Option<String> {
        let mut bytes = [0; 1024];
        let count = self.complaint.as_ref()?.try_read(&mut bytes).ok()?;
        let text = String::from_utf8_lossy(bytes.get(..count)?).into_owned();
        text.lines().rev().map(str::trim).find(|line| !line.is_empty()).map(ToOwned::to_owned)
    }
}

impl Children {
    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Left>> {
        self.left.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs a command to its end.
    pub(crate) async fn run(&self, helper: &Helper, command: Command) -> Result<Output, ProcessError> {
        let is_told = command.is_told_by_its_answer();
        let output = self.run_however_it_ends(helper, command).await?;
        if output.status.is_known() || is_told { Ok(output) } else { Err(ProcessError::Untold) }
    }

    /// Runs a command to its end, for somebody who goes by what it prints.
    async fn run_however_it_ends(&self, helper: &Helper, command: Command) -> Result<Output, ProcessError> {
        let (channel, theirs) = if command.answers {
            let (ours, theirs) = channel().map_err(ProcessError::Start)?;
            (Some(ours), theirs)
        } else if command.input.is_some() {
            (None, Stdio::piped())
        } else {
            (None, Stdio::null())
        };
        let mut child = command
            .to_std(helper)
            .process_group(0)
            .stdin(theirs)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(ProcessError::Start)?;
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let mut running = match watch(child) {
            Ok(left) => Running { children: self.clone(), left: Some(left) },
            Err(error) => return Err(ProcessError::Wait(error)),
        };
        let (answers, sink) = channel.map(UnixStream::into_split).unzip();
        let feed = async {
            let input = command.input.as_deref().unwrap_or_default();
            // A child that does not read its input says so by its exit.
            if let Some(mut sink) = sink {
                let _ = sink.write_all(input).await;
                let _ = sink.shutdown().await;
            } else if let Some(Ok(mut pipe)) = stdin.map(|stdin| pipe::Sender::from_owned_fd(stdin.into())) {
                let _ = pipe.write_all(input).await;
            }
        };
        let mut out = Vec::new();
        let mut err = Vec::new();
        let mut answer = Vec::new();
        let limit = command.output_limit;
        let exited = {
            let read = async {
                let out = drain(stdout.map(OwnedFd::from), &mut out, limit);
                let err = drain(stderr.map(OwnedFd::from), &mut err, limit);
                let answer = async {
                    match answers {
                        Some(answers) => read_up_to(answers, &mut answer, limit).await,
                        None => true,
                    }
                };
                let ((), out, err, answer) = tokio::join!(feed, out, err, answer);
                out && err && answer
            };
            let pidfd = running.left.as_ref().map(|left| &left.pidfd);
            let exit = async {
                match pidfd {
                    Some(pidfd) => pidfd.readable().await.map(drop),
                    None => Ok(()),
                }
            };
            tokio::pin!(read, exit);
            // A child that floods its pipes is not waited for.
            let (mut ended, mut too_much) = (None, false);
            tokio::select! {
                result = &mut exit => ended = Some(result),
                complete = &mut read => too_much = !complete,
            }
            match ended {
                Some(result) => {
                    let rest = tokio::time::timeout(AFTER_EXIT, &mut read).await;
                    too_much = matches!(rest, Ok(false));
                    result.map(|()| too_much)
                }
                None if too_much => Ok(true),
                None => exit.await.map(|()| false),
            }
        };
        if exited.map_err(ProcessError::Wait)? {
            return Err(ProcessError::TooMuch(limit));
        }
        let Some(mut left) = running.left.take() else { return Err(ProcessError::TooMuch(limit)) };
        // The leader is a zombie still, so its group cannot be somebody else's; where the kernel cleared it away, its number
        // has been free for no longer than a moment.
        left.signal(Signal::KILL);
        let status = Exit::of(&mut left.child).map_err(ProcessError::Wait)?;
        Ok(Output { status, stdout: out, stderr: err, answer })
    }

    /// Starts a command to talk with it: its standard input is a socket that it also answers through. It is left to the run
    /// when the conversation is dropped.
    pub(crate) fn talk(&self, helper: &Helper, command: &Command) -> Result<Talk, ProcessError> {
        let (socket, theirs) = channel().map_err(ProcessError::Start)?;
        let mut child = command
            .to_std(helper)
            .process_group(0)
            .stdin(theirs)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(ProcessError::Start)?;
        let complaint = child.stderr.take().map(OwnedFd::from).map(pipe::Receiver::from_owned_fd);
        let left = watch(child).map_err(ProcessError::Wait)?;
        let running = Running { children: self.clone(), left: Some(left) };
        Ok(Talk { socket, complaint: complaint.and_then(Result::ok), _running: running })
    }

    /// Looks an account up: in the machine's own file, else wherever the system keeps accounts.
    pub(crate) async fn user(&self, helper: &Helper, name: &str) -> Result<Option<User>, ProcessError> {
        if let Some(local) = User::local(name) {
            return Ok(Some(local));
        }
        let output = self.run_however_it_ends(helper, Command::new(["getent", "passwd", name])).await?;
        Ok(User::find(name, &String::from_utf8_lossy(&output.stdout)))
    }

    /// Looks the id of a group up, in the same way.
    pub(crate) async fn group(&self, helper: &Helper, name: &str) -> Result<Option<u32>, ProcessError> {
        if let Some(local) = users::local_group(name) {
            return Ok(Some(local));
        }
        let output = self.run_however_it_ends(helper, Command::new(["getent", "group", name])).await?;
        Ok(users::find_group(name, &String::from_utf8_lossy(&output.stdout)))
    }

    /// Waits until a child is left to the run.
    pub(crate) async fn arrival(&self) {
        self.arrived.notified().await;
    }

    /// Ends every child that was left: TERM, and after `grace` KILL. Returns how many even that did not end.
    pub(crate) async fn end(&self, grace: Duration) -> u32 {
        let left = std::mem::take(&mut *self.lock());
        let ends = left.into_iter().map(|left| left.end(grace));
        futures_util::future::join_all(ends).await.into_iter().filter(|ended| !ended).map(|_| 1).sum()
    }
}

impl Left {
    fn signal(&self, signal: Signal) {
        if let Some(group) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            // Nobody left in the group is what we want.
            let _ = rustix::process::kill_process_group(group, signal);
        }
    }

    /// Whether it ended.
    async fn end(mut self, grace: Duration) -> bool {
        self.signal(Signal::TERM);
        if let Some(mut reads) = self.reads.take() {
            // Its last words count too.
            tokio::select! {
                biased;
                () = &mut reads => drop(exits(&self.pidfd, grace).await),
                _ = exits(&self.pidfd, grace) => drop(tokio::time::timeout(AFTER_EXIT, &mut reads).await),
            }
        } else {
            exits(&self.pidfd, grace).await;
        }
        // Also when the leader is gone: others of its group may have ignored TERM.
        self.signal(Signal::KILL);
        exits(&self.pidfd, grace).await && Exit::is_over(&mut self.child)
    }
}

/// Whether a process ends within this time.
async fn exits(pidfd: &AsyncFd<OwnedFd>, within: Duration) -> bool {
    tokio::time::timeout(within, pidfd.readable()).await.is_ok()
}

/// A socket to talk with a child, and the child's end of it.
fn channel() -> std::io::Result<(UnixStream, Stdio)> {
    let (ours, theirs) = UnixStream::pair()?;
    let theirs = theirs.into_std()?;
    theirs.set_nonblocking(false)?;
    Ok((ours, Stdio::from(OwnedFd::from(theirs))))
}

/// Makes a child something that can be waited for.
fn watch(mut child: Child) -> std::io::Result<Left> {
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let opened = pid
        .ok_or(rustix::io::Errno::SRCH)
        .and_then(|pid| rustix::process::pidfd_open(pid, PidfdFlags::empty()));
    let opened = match opened {
        Err(rustix::io::Errno::SRCH) => over(),
        opened => opened.map_err(std::io::Error::from),
    };
    match opened.and_then(readable) {
        Ok(pidfd) => Ok(Left { child, pidfd, reads: None }),
        Err(error) => {
            let _ = child.kill();
            let _ = child.wait();
            Err(error)
        }
    }
}

/// Something that becomes readable when a process ends.
#[allow(deprecated, reason = "its successor is unsafe for the sake of types that lie about their descriptor")]
fn readable(pidfd: OwnedFd) -> std::io::Result<AsyncFd<OwnedFd>> {
    AsyncFd::with_interest(pidfd, Interest::READABLE)
}

/// Reads a pipe to its end; false when that is more than `limit` bytes.
async fn drain(pipe: Option<OwnedFd>, into: &mut Vec<u8>, limit: usize) -> bool {
    let Some(Ok(pipe)) = pipe.map(pipe::Receiver::from_owned_fd) else { return true };
    read_up_to(pipe, into, limit).await
}

async fn read_up_to(from: impl AsyncRead + Unpin, into: &mut Vec<u8>, limit: usize) -> bool {
    let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    // A pipe that breaks has given all it had.
    let _ = from.take(most).read_to_end(into).await;
    into.len() <= limit
}
