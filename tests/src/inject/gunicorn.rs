//! gunicorn, reloaded as systemd does it.

use std::time::{Duration, Instant};

use rustix::process::{Signal, kill_process};

use crate::Servers;

/// How long the workers may take to be new.
const PATIENCE: Duration = Duration::from_secs(30);

/// Lets gunicorn start its workers again, and waits until every one of them is new.
///
/// # Errors
/// There is no main process, or an old worker does not go.
pub fn reload(servers: &Servers) -> Result<(), &'static str> {
    let workers = || servers.server("gunicorn").mains_and_children().1;
    let before = workers();
    let main = servers.server("gunicorn").mains_and_children().0.first().copied();
    main.and_then(|main| kill_process(main, Signal::HUP).ok()).ok_or("gunicorn has no main process")?;
    let patience = Instant::now() + PATIENCE;
    let renewed = || {
        let now = workers();
        now.len() == before.len() && now.iter().all(|worker| !before.contains(worker))
    };
    while !renewed() {
        if Instant::now() > patience {
            return Err("gunicorn does not renew its workers");
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}
