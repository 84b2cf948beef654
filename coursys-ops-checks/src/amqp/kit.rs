//! What lapin runs on: the runtime of the check, with tasks that end when they are told to, and without sockets.
//!
//! Its ready-made kit for tokio detaches tasks, looks names up on threads of the runtime, and starts a runtime with
//! a thread for the rest of the process when a connection is closed.

use std::future::ready;
use std::io::{self, Read, Write};
use std::marker::PhantomData;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use async_rs::traits::{Executor, Reactor, RuntimeKit};
use async_rs::util::{Task, TaskImpl, simple_block_on};
use futures_util::Stream;
use futures_util::io::{AsyncRead, AsyncWrite};
use futures_util::stream::unfold;
use tokio::runtime::Handle;
use tokio::task::JoinSet;

use super::line::Line;

/// A kit on the current runtime.
#[derive(Debug, Clone)]
pub(super) struct Kit {
    runtime: Handle,
    tasks: Arc<Mutex<JoinSet<()>>>,
}

impl Kit {
    /// A kit on the current runtime.
    pub(super) fn current() -> Self {
        Self { runtime: Handle::current(), tasks: Arc::default() }
    }

    /// Ends every task that lapin has started.
    pub(super) fn end_tasks(&self) {
        self.tasks().abort_all();
    }

    fn tasks(&self) -> MutexGuard<'_, JoinSet<()>> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RuntimeKit for Kit {}

impl Executor for Kit {
    type Task<T: Send + 'static> = Started<T>;

    /// For lapin's own thread, and only to hand it the line, which is ready at once.
    fn block_on<T, F: Future<Output = T>>(&self, future: F) -> T {
        simple_block_on(future)
    }

    fn spawn<T: Send + 'static, F: Future<Output = T> + Send + 'static>(
        &self,
        future: F,
    ) -> Task<Started<T>> {
        self.tasks().spawn_on(async move { drop(future.await) }, &self.runtime);
        Started(PhantomData).into()
    }

    fn spawn_blocking<T: Send + 'static, F: FnOnce() -> T + Send + 'static>(
        &self,
        work: F,
    ) -> Task<Started<T>> {
        self.tasks().spawn_blocking_on(move || drop(work()), &self.runtime);
        Started(PhantomData).into()
    }
}

/// A task that was started. lapin asks none for its result, so that there is none.
#[derive(Debug)]
pub(super) struct Started<T>(PhantomData<fn() -> T>);

impl<T> Future for Started<T> {
    type Output = T;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<T> {
        Poll::Pending
    }
}

impl<T: Send + 'static> TaskImpl for Started<T> {}

impl Reactor for Kit {
    type TcpStream = Line;
    type Sleep = tokio::time::Sleep;

    fn register<H: Read + Write + Send + 'static>(
        &self,
        _: H,
    ) -> io::Result<impl AsyncRead + AsyncWrite + Send + Unpin + 'static> {
        Err::<Line, _>(no_sockets())
    }

    fn sleep(&self, duration: Duration) -> Self::Sleep {
        let _runtime = self.runtime.enter();
        tokio::time::sleep(duration)
    }

    fn interval(&self, duration: Duration) -> impl Stream<Item = Instant> + Send + 'static {
        let _runtime = self.runtime.enter();
        unfold(tokio::time::interval(duration), async |mut interval| {
            let tick = interval.tick().await;
            Some((tick.into_std(), interval))
        })
    }

    fn tcp_connect_addr(&self, _: SocketAddr) -> impl Future<Output = io::Result<Line>> + Send + 'static {
        ready(Err(no_sockets()))
    }
}

/// Core connects, nobody else.
fn no_sockets() -> io::Error {
    io::Error::new(io::ErrorKind::Unsupported, "this runtime opens no connections")
}
