//! Signals that end a long test between two of its steps, so that what it changed is undone.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

/// Becomes true at the first SIGINT or SIGTERM; the second one ends the program at once, should undoing hang.
///
/// # Panics
/// No handler can be installed.
#[must_use]
pub fn stop_by_signal() -> Arc<AtomicBool> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        flag::register_conditional_shutdown(signal, 130, Arc::clone(&stop)).expect("a handler");
        flag::register(signal, Arc::clone(&stop)).expect("a handler");
    }
    stop
}
