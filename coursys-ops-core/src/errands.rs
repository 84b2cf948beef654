//! The errands of a run: small questions to the operating system that can hang, answered by one helper process for each
//! user who is to ask, however many checks there are.
//!
//! Checks put their questions into a channel. The [`Clerk`], which the runner drives beside them, hands them to the helper
//! in whole batches and gives each answer to who asked. An asker who gives up leaves nothing behind but a line that nobody
//! reads.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io::ErrorKind;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use serde::de::DeserializeOwned;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::{OnceCell, oneshot};

use crate::helper::{Answer, Ask, Errand, Seen};
use crate::process::{Children, Command, Helper, ProcessError, Talk, User};

/// How many questions are taken out of the channel at a time.
const BATCH: usize = 256;

/// How much is read from the helper at a time, in bytes.
const READ: usize = 16 << 10;

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the helper process failed: {0}")]
pub struct ErrandError(String);

/// A question on its way.
struct Request {
    user: Option<User>,
    errand: Errand,
    reply: Reply,
}

type Reply = oneshot::Sender<Result<Vec<u8>, ErrandError>>;

/// Where checks leave their questions.
#[derive(Debug, Clone)]
pub(crate) struct Errands {
    requests: UnboundedSender<Request>,
    known: Arc<Known>,
    helper: Helper,
    children: Children,
}

impl std::fmt::Debug for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", self.errand)
    }
}

/// What is asked once in a run.
#[derive(Debug, Default)]
struct Known {
    everybody: OnceCell<Arc<Answer<Vec<Seen>>>>,
    accounts: Mutex<BTreeMap<String, Arc<OnceCell<Option<User>>>>>,
    groups: Mutex<BTreeMap<String, Arc<OnceCell<Option<u32>>>>>,
}

/// The cell of a name.
fn cell<T>(cells: &Mutex<BTreeMap<String, Arc<OnceCell<T>>>>, name: &str) -> Arc<OnceCell<T>> {
    let mut cells = cells.lock().unwrap_or_else(PoisonError::into_inner);
    Arc::clone(cells.entry(name.to_owned()).or_insert_with(|| Arc::new(OnceCell::new())))
}

impl Errands {
    /// The two ends: one for the checks, one for the runner.
    pub(crate) fn new(helper: Helper, children: Children) -> (Self, Clerk) {
        let (requests, incoming) = unbounded_channel();
        let clerk = Clerk { incoming, helper: helper.clone(), children: children.clone() };
        (Self { requests, known: Arc::default(), helper, children }, clerk)
    }

    /// Asks, as this user or as the caller, and waits for the answer.
    pub(crate) async fn run<T: DeserializeOwned>(
        &self,
        user: Option<User>,
        errand: Errand,
    ) -> Result<T, ErrandError> {
        let (reply, answer) = oneshot::channel();
        let gone = || ErrandError("the run has ended".to_owned());
        self.requests.send(Request { user, errand, reply }).map_err(|_| gone())?;
        let line = answer.await.map_err(|_| gone())??;
        serde_json::from_slice(&line).map_err(|error| ErrandError(error.to_string()))
    }

    /// Everybody's processes.
    pub(crate) async fn everybody(&self) -> Result<Arc<Answer<Vec<Seen>>>, ErrandError> {
        let ask = || async { self.run(None, Errand::Everybody).await.map(Arc::new) };
        self.known.everybody.get_or_try_init(ask).await.cloned()
    }

    /// An account by its name.
    pub(crate) async fn account(&self, name: &str) -> Result<Option<User>, ProcessError> {
        let cell = cell(&self.known.accounts, name);
        cell.get_or_try_init(|| self.children.user(&self.helper, name)).await.cloned()
    }

    /// The id of a group by its name.
    pub(crate) async fn group(&self, name: &str) -> Result<Option<u32>, ProcessError> {
        let cell = cell(&self.known.groups, name);
        cell.get_or_try_init(|| self.children.group(&self.helper, name)).await.copied()
    }
}

/// The end that the runner drives.
pub(crate) struct Clerk {
    incoming: UnboundedReceiver<Request>,
    helper: Helper,
    children: Children,
}

impl Clerk {
    /// Hands questions to the helpers for ever.
    pub(crate) async fn work(mut self) -> Infallible {
        let mut counters: Vec<(Option<User>, UnboundedSender<Request>)> = Vec::new();
        let mut open: FuturesUnordered<BoxFuture<'_, ()>> = FuturesUnordered::new();
        let mut batch = Vec::new();
        loop {
            tokio::select! {
                biased;
                count = self.incoming.recv_many(&mut batch, BATCH) => {
                    if count == 0 && open.is_empty() {
                        return std::future::pending().await;
                    }
                    for request in batch.drain(..) {
                        let known = counters.iter().position(|(user, line)| *user == request.user && !line.is_closed());
                        let line = known.and_then(|known| counters.get(known)).map(|(_, line)| line.clone());
                        let line = line.unwrap_or_else(|| {
                            let (line, queue) = unbounded_channel();
                            open.push(Box::pin(serve(self.helper.clone(), self.children.clone(), request.user.clone(), queue)));
                            counters.retain(|(user, _)| *user != request.user);
                            counters.push((request.user.clone(), line.clone()));
                            line
                        });
                        // Who serves has just gone: whoever asked is told so by the silence.
                        drop(line.send(request));
                    }
                }
                Some(()) = open.next(), if !open.is_empty() => {}
            }
        }
    }
}

/// Serves the questions of one user until their helper fails.
async fn serve(
    helper: Helper,
    children: Children,
    user: Option<User>,
    mut queue: UnboundedReceiver<Request>,
) {
    let ended = match children.talk(&helper, &Command::ask(Ask::Errands).user(user)) {
        Ok(talk) => Counter::default().serve(&talk, &mut queue).await,
        Err(error) => Counter { failure: Some(error.to_string()), ..Counter::default() },
    };
    let error = ErrandError(ended.failure.unwrap_or_else(|| "it ended".to_owned()));
    queue.close();
    let replies =
        ended.waiting.into_values().chain(std::iter::from_fn(|| Some(queue.try_recv().ok()?.reply)));
    replies.for_each(|reply| drop(reply.send(Err(error.clone()))));
}

/// What is under way with one helper.
#[derive(Default)]
struct Counter {
    number: u64,
    waiting: BTreeMap<u64, Reply>,
    /// What is still to be written.
    out: Vec<u8>,
    /// What was read of a line that is not complete.
    line: Vec<u8>,
    failure: Option<String>,
}

impl Counter {
    async fn serve(mut self, talk: &Talk, queue: &mut UnboundedReceiver<Request>) -> Self {
        let mut batch = Vec::new();
        let mut buffer = vec![0; READ];
        loop {
            let writes = !self.out.is_empty();
            tokio::select! {
                biased;
                count = queue.recv_many(&mut batch, BATCH) => {
                    if count == 0 {
                        return self;
                    }
                    batch.drain(..).for_each(|request| self.take(request));
                    self.write(talk);
                }
                _ = talk.socket.readable() => self.read(talk, &mut buffer),
                _ = talk.socket.writable(), if writes => self.write(talk),
            }
            if self.failure.is_some() {
                return self;
            }
        }
    }

    fn take(&mut self, request: Request) {
        self.number += 1;
        if serde_json::to_writer(&mut self.out, &(self.number, &request.errand)).is_ok() {
            self.out.push(b'\n');
            self.waiting.insert(self.number, request.reply);
        }
    }

    fn write(&mut self, talk: &Talk) {
        match talk.socket.try_write(&self.out) {
            Ok(count) => drop(self.out.drain(..count)),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => self.fail(talk, &error.to_string()),
        }
    }

    fn read(&mut self, talk: &Talk, buffer: &mut [u8]) {
        match talk.socket.try_read(buffer) {
            Ok(0) => self.fail(talk, "it ended"),
            Ok(count) => {
                for part in buffer.get(..count).unwrap_or_default().split_inclusive(|byte| *byte == b'\n') {
                    self.line.extend_from_slice(part);
                    if let Some(line) = self.line.strip_suffix(b"\n") {
                        let (number, answer) = split(line);
                        if let Some(reply) = number.and_then(|number| self.waiting.remove(&number)) {
                            // Who asked may have given up.
                            drop(reply.send(Ok(answer.to_vec())));
                        }
                        self.line.clear();
                    }
                }
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => self.fail(talk, &error.to_string()),
        }
    }

    fn fail(&mut self, talk: &Talk, why: &str) {
        self.failure = Some(talk.complaint().unwrap_or_else(|| why.to_owned()));
    }
}

/// The number at the beginning of a line, and what follows it.
fn split(line: &[u8]) -> (Option<u64>, &[u8]) {
    let blank = line.iter().position(|byte| *byte == b' ').unwrap_or(line.len());
    let (number, rest) = line.split_at_checked(blank).unwrap_or((line, &[]));
    let number = std::str::from_utf8(number).ok().and_then(|digits| digits.parse().ok());
    (number, rest.strip_prefix(b" ").unwrap_or(rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_helper_is_a_number_and_an_answer() {
        assert_eq!(split(b"17 {\"Ok\":1}"), (Some(17), &b"{\"Ok\":1}"[..]));
        assert_eq!(split(b"x y"), (None, &b"y"[..]));
        assert_eq!(split(b""), (None, &b""[..]));
    }

    proptest::proptest! {
        #[test]
        fn no_line_makes_the_clerk_fail(line: Vec<u8>) {
            let _ = split(&line);
        }
    }
}
