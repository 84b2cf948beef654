//! Which check is being polled right now: how the thread outside sees who blocks the thread inside.

use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A look at one poll of one check.
#[derive(Debug, Clone)]
pub(super) struct Polling {
    /// The check; shared, because every poll tells it.
    pub id: Arc<str>,
    /// Since when.
    pub since: Instant,
    /// How long the check may take in all.
    pub timeout: Duration,
}

impl Polling {
    /// Whether this one poll takes longer than the whole check may.
    pub(super) fn is_stuck(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.since) > self.timeout
    }
}

/// Shared between the thread that polls and the one that looks on.
#[derive(Debug, Clone, Default)]
pub(super) struct Watch(Arc<Mutex<Option<Polling>>>);

impl Watch {
    /// What is being polled.
    pub(super) fn polling(&self) -> Option<Polling> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, polling: Option<Polling>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = polling;
    }

    /// `work`, each of whose polls is seen.
    pub(super) async fn over<T>(&self, id: &str, timeout: Duration, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        let id: Arc<str> = id.into();
        std::future::poll_fn(|cx| {
            self.set(Some(Polling { id: Arc::clone(&id), since: Instant::now(), timeout }));
            let poll = work.as_mut().poll(cx);
            self.set(None);
            poll
        })
        .await
    }
}
