//! Stopping a run from outside.

use tokio::sync::watch;

use crate::model::Interruption;

/// The end that stops a run.
#[derive(Debug, Clone)]
pub struct Canceller(watch::Sender<Option<Interruption>>);

/// The end that a run listens to.
#[derive(Debug, Clone)]
pub struct Cancel(watch::Receiver<Option<Interruption>>);

impl Canceller {
    /// Two ends of one string.
    #[must_use]
    pub fn new() -> (Self, Cancel) {
        let (sender, receiver) = watch::channel(None);
        (Self(sender), Cancel(receiver))
    }

    /// Stops the run. Only the first reason counts.
    pub fn cancel(&self, reason: Interruption) {
        self.0.send_if_modified(|known| {
            let first = known.is_none();
            known.get_or_insert(reason);
            first
        });
    }
}

impl Cancel {
    /// One that is never pulled.
    #[must_use]
    pub fn never() -> Self {
        Canceller::new().1
    }

    /// Whether the run is to stop, and why.
    #[must_use]
    pub fn reason(&self) -> Option<Interruption> {
        *self.0.borrow()
    }

    /// Waits until the run is to stop; for ever when nobody can stop it any more.
    pub async fn cancelled(&self) -> Interruption {
        let mut receiver = self.0.clone();
        let reason = receiver.wait_for(Option::is_some).await.map(|reason| *reason);
        match reason {
            Ok(Some(reason)) => reason,
            Ok(None) | Err(_) => std::future::pending().await,
        }
    }
}
