//! SIGINT and SIGTERM: the first asks the run to end and to report what it knows, the second ends the program at once. A
//! plan ends before its next step at the first, now at the second; only a third ends the program at once.

use coursys_ops_core::model::Interruption;
use coursys_ops_core::run::{Cancel, Canceller, Stops};
use signal_hook::consts::{SIGCHLD, SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::failure::{Level, say};

/// From now on the kernel tells how children end, also when whoever started this program ignores SIGCHLD: that is inherited.
pub fn hear_of_children() {
    // Without it the answers of the helper count still.
    let _ = signal_hook::flag::register(SIGCHLD, std::sync::Arc::default());
}

/// From now on signals pull the string whose other end is returned.
///
/// # Errors
///
/// When the operating system gives no handler or no thread.
pub fn listen() -> std::io::Result<(Canceller, Cancel)> {
    let (canceller, cancel) = Canceller::new();
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    let pulled = canceller.clone();
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        let mut second = false;
        for signal in signals.forever() {
            let reason = if signal == SIGINT { Interruption::Interrupt } else { Interruption::Terminate };
            if second {
                std::process::exit(reason.exit_code().into());
            }
            pulled.cancel(reason);
            second = true;
        }
    })?;
    Ok((canceller, cancel))
}

/// From now on signals stop a plan: the first before its next step, the second now. A terminal that goes away (SIGHUP)
/// counts too: nobody looks on any more.
///
/// # Errors
///
/// When the operating system gives no handler or no thread.
pub fn listen_for_plan() -> std::io::Result<Stops> {
    let ((pull_soon, soon), (pull_now, now)) = (Canceller::new(), Canceller::new());
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])?;
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        let mut count = 0_u32;
        for signal in signals.forever() {
            let reason = if signal == SIGINT { Interruption::Interrupt } else { Interruption::Terminate };
            count += 1;
            match count {
                1 => {
                    // Told before the plan hears of it, which may end at once.
                    say(Level::Hint, "stopping before the next step; once more stops now, in the middle");
                    pull_soon.cancel(reason);
                }
                2 => pull_now.cancel(reason),
                _ => std::process::exit(reason.exit_code().into()),
            }
        }
    })?;
    Ok(Stops { soon, now })
}
