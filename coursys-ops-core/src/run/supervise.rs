//! One piece of work under a timeout, a cancellation and a panic fence.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::task::unconstrained;

use super::Cancel;
use crate::model::Interruption;

/// How a piece of work ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Supervised<T> {
    /// By itself.
    Done(T),
    /// By a panic, with its message.
    Panicked(String),
    /// By its timeout.
    TimedOut,
    /// From outside.
    Cancelled(Interruption),
}

/// Drives `work` until it ends, panics, takes longer than `timeout` or is cancelled.
///
/// In the last two cases it is dropped, behind the same panic fence.
pub async fn supervise<T>(
    work: impl Future<Output = T>,
    timeout: Duration,
    cancel: &Cancel,
) -> Supervised<T> {
    let mut work = Box::pin(AssertUnwindSafe(work).catch_unwind());
    let ended = tokio::select! {
        // Cancellation first: work that was cancelled while its thread was stuck must not go on when it wakes.
        biased;
        // Neither this nor the timeout lives on what busy work leaves of its share: work that is always ready leaves nothing.
        reason = unconstrained(cancel.cancelled()) => Supervised::Cancelled(reason),
        result = &mut work => match result {
            Ok(value) => Supervised::Done(value),
            Err(panic) => Supervised::Panicked(panic_message(panic.as_ref())),
        },
        () = unconstrained(tokio::time::sleep(timeout)) => Supervised::TimedOut,
    };
    match catch_unwind(AssertUnwindSafe(|| drop(work))) {
        Ok(()) => ended,
        Err(panic) => Supervised::Panicked(panic_message(panic.as_ref())),
    }
}

fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text =
        panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("no message").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::Canceller;

    const LONG: Duration = Duration::from_secs(60);

    struct PanicsWhenDropped;

    impl Drop for PanicsWhenDropped {
        fn drop(&mut self) {
            panic!("in drop");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn each_way_to_end_is_told_apart() {
        let never = Cancel::never();
        assert_eq!(supervise(async { 1 }, LONG, &never).await, Supervised::Done(1));
        let panics = async { panic!("oh {}", "no") };
        assert_eq!(supervise::<()>(panics, LONG, &never).await, Supervised::Panicked("oh no".to_owned()));
        assert_eq!(supervise::<()>(std::future::pending(), LONG, &never).await, Supervised::TimedOut);
        let (canceller, cancel) = Canceller::new();
        canceller.cancel(Interruption::Terminate);
        canceller.cancel(Interruption::Interrupt);
        let cancelled = supervise(async { 1 }, LONG, &cancel).await;
        assert_eq!(cancelled, Supervised::Cancelled(Interruption::Terminate));
    }

    #[tokio::test(start_paused = true)]
    async fn a_panic_while_work_is_dropped_stays_behind_the_fence() {
        let work = async {
            let _guard = PanicsWhenDropped;
            std::future::pending::<()>().await;
        };
        assert_eq!(supervise(work, LONG, &Cancel::never()).await, Supervised::Panicked("in drop".to_owned()));
    }
}
