//! Processes that should not be there.

use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};

use crate::matrix::Scene;

/// Ends a process and its group when dropped.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        if let Some(group) = i32::try_from(self.0.id()).ok().and_then(Pid::from_raw) {
            let _ = kill_process_group(group, Signal::KILL);
        }
        let _ = self.0.wait();
    }
}

/// A process in a group of its own, ended with the row. It carries the mark by which `servers down` finds it.
pub fn spawned(scene: &mut Scene<'_>, mut command: Command, settle: Duration) {
    use std::os::unix::process::CommandExt as _;
    command.env("COURSYS_OPS_SERVERS", scene.servers.root()).env("COURSYS_OPS_SERVER", "stray");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
    scene.hold(Ended(command.spawn().expect("the stray process starts")));
    sleep(settle);
}

/// A command as the site's user in the site's directory: `python` as the first argument is the site's own.
#[must_use]
pub fn as_site(scene: &Scene<'_>, args: &[&str]) -> Command {
    let servers = scene.servers;
    let mut command = Command::new("setpriv");
    let user = servers.configured("site", "user");
    command.args(["--reuid", &user, "--clear-groups"]);
    let python = servers.configured("site", "python");
    command.args(args.iter().map(|arg| if *arg == "python" { python.as_str() } else { arg }));
    command.current_dir(servers.configured("site", "dir"));
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.env("HOME", servers.configured("site", "user_home")).env("LANG", "C.UTF-8");
    command
}
