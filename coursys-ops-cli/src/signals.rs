//! SIGINT and SIGTERM: the first asks the run to end and to report what it knows, the second ends the program at once.

use coursys_ops_core::model::Interruption;
use coursys_ops_core::run::{Cancel, Canceller};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

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
