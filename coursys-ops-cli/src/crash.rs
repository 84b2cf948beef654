//! A bug in the program is no reason to print what it was working on.

use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

/// What a crash of the program itself exits with: it did not do its work.
const CRASHED: u8 = 1;

/// Whether the payload of a panic is shown too.
static TALKATIVE: AtomicBool = AtomicBool::new(false);

/// Shows more of a panic from now on: its payload, without the secrets.
pub fn show_more() {
    TALKATIVE.store(true, Ordering::Relaxed);
}

/// Runs the program behind a fence. A panic's payload may hold text from outside, so that only the place is told; a check
/// that crashes has its finding in the report and is told here with `-v` only.
pub fn fence(program: impl FnOnce() -> u8) -> ExitCode {
    std::panic::set_hook(Box::new(tell));
    ExitCode::from(catch_unwind(AssertUnwindSafe(program)).unwrap_or(CRASHED))
}

fn tell(panic: &PanicHookInfo<'_>) {
    use crate::failure::{Level, say};
    let talkative = TALKATIVE.load(Ordering::Relaxed);
    let ours = std::thread::current().name() == Some("main");
    if !ours && !talkative {
        return;
    }
    let place = panic.location().map_or_else(|| "an unknown place".to_owned(), ToString::to_string);
    let payload = panic.payload_as_str().filter(|_| talkative);
    let payload =
        payload.map_or_else(String::new, |text| format!(": {}", crate::log::redacted(text.to_owned())));
    say(Level::Error, &format!("the program crashed at {place}{payload}"));
    if ours {
        say(Level::Hint, "this is a bug of coursys-ops; please report the line above");
    }
}
