//! Finding and ending the processes of a set of servers, by a mark in their environment.
//!
//! Pid files name the first process only, and a killed `up` writes no more of them; the environment is inherited by
//! every child, and only who writes over it himself loses it: he is known by the directory in which he works.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal};

/// The environment variable that holds the directory of the set of servers a process belongs to.
pub const MARK: &str = "COURSYS_OPS_SERVERS";

/// The environment variable that holds the server's name.
pub const SERVER_MARK: &str = "COURSYS_OPS_SERVER";

/// How long killed processes may take to disappear: a JVM with much memory takes a while.
const PATIENCE: Duration = Duration::from_secs(20);

/// The processes of the set of servers in `directory`, each with the name of its server (empty: a preparation).
///
/// # Errors
/// `/proc` cannot be listed.
pub fn marked(directory: &Path) -> Result<BTreeMap<u32, String>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir("/proc").context("failed to list `/proc`")? {
        let Ok(entry) = entry else { continue };
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        if pid == std::process::id() {
            continue;
        }
        if let Some(server) = belongs(&entry.path(), directory) {
            found.insert(pid, server);
        }
    }
    Ok(found)
}

/// Whether the process with this directory in `/proc` carries the mark; its server's name then.
///
/// The environment of a set-user-id program (exim) is hidden from an ordinary user. Such a process counts when it is
/// ours and names our directory in its arguments.
fn belongs(process: &Path, directory: &Path) -> Option<String> {
    let Ok(environment) = fs::read(process.join("environ")) else {
        let ours =
            fs::metadata(process).is_ok_and(|entry| entry.uid() == rustix::process::geteuid().as_raw());
        let arguments = fs::read(process.join("cmdline")).ok()?;
        let inside = format!("{}/", directory.display());
        let named = arguments
            .split(|&byte| byte == 0)
            .filter_map(|argument| argument.strip_prefix(inside.as_bytes()));
        return named.take_while(|_| ours).map(first_component).next();
    };
    if !environment.contains(&b'=') {
        return erased(process, directory);
    }
    let value = |name: &str| {
        let prefix = format!("{name}=");
        let mut variables = environment.split(|&byte| byte == 0);
        variables.find_map(|variable| variable.strip_prefix(prefix.as_bytes()).map(<[u8]>::to_vec))
    };
    let mark = value(MARK)?;
    if mark != directory.as_os_str().as_encoded_bytes() {
        return None;
    }
    Some(String::from_utf8_lossy(&value(SERVER_MARK).unwrap_or_default()).into_owned())
}

/// A process that writes its title where its environment was (nginx) has no mark any more; where it works tells whose it is.
/// A kernel thread or a zombie works nowhere.
fn erased(process: &Path, directory: &Path) -> Option<String> {
    let place = fs::read_link(process.join("cwd")).ok()?;
    let below = place.strip_prefix(directory).ok()?;
    Some(first_component(below.as_os_str().as_encoded_bytes()))
}

fn first_component(path: &[u8]) -> String {
    let component = path.split(|&byte| byte == b'/').next().unwrap_or_default();
    String::from_utf8_lossy(component).into_owned()
}

/// The processes of one server.
///
/// # Errors
/// `/proc` cannot be listed.
pub fn of(directory: &Path, server: &str) -> Result<BTreeSet<u32>> {
    let found = marked(directory)?.into_iter().filter(|(_, name)| name == server);
    Ok(found.map(|(pid, _)| pid).collect())
}

/// Kills every process of one server, stopped ones too, and waits until none is left.
///
/// # Errors
/// As [`kill_all`].
pub fn kill_server(directory: &Path, server: &str) -> Result<BTreeSet<u32>> {
    kill_until_none(|| of(directory, server))
}

/// Kills every process of the set of servers, stopped ones too, and waits until none is left. Returns who they were.
///
/// # Errors
/// Some are still there when the patience is over: they sit in the kernel, or belong to somebody else.
pub fn kill_all(directory: &Path) -> Result<BTreeSet<u32>> {
    kill_until_none(|| Ok(marked(directory)?.into_keys().collect()))
}

fn kill_until_none(find: impl Fn() -> Result<BTreeSet<u32>>) -> Result<BTreeSet<u32>> {
    let started = Instant::now();
    let mut killed = BTreeSet::new();
    let mut quiet = 0;
    // A process may fork while `/proc` is being listed, so only two empty lists in a row count.
    while quiet < 2 {
        let found = find()?;
        quiet = if found.is_empty() { quiet + 1 } else { 0 };
        if started.elapsed() > PATIENCE {
            bail!("these processes do not go away: {found:?}");
        }
        found.iter().try_for_each(|&pid| kill(pid))?;
        killed.extend(found);
        sleep(Duration::from_millis(20));
    }
    Ok(killed)
}

/// Waits a little until the parents of ended processes have taken note of it: until then they are in the process list.
/// In some containers the first process takes seconds for that; it is no error if it never does.
pub fn wait_until_reaped(pids: &BTreeSet<u32>) {
    let started = Instant::now();
    let listed = |pid: &u32| Path::new("/proc").join(pid.to_string()).exists();
    while pids.iter().any(listed) && started.elapsed() < Duration::from_secs(3) {
        sleep(Duration::from_millis(20));
    }
}

/// Sends SIGKILL; a process that has ended meanwhile is no error.
pub fn kill(pid: u32) -> Result<()> {
    let Some(target) = i32::try_from(pid).ok().and_then(Pid::from_raw) else {
        bail!("{pid} is no process id")
    };
    match rustix::process::kill_process(target, Signal::KILL) {
        Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
        Err(error) => Err(error).with_context(|| format!("failed to kill process {pid}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Command, Stdio};

    #[expect(clippy::disallowed_methods, reason = "a process of no server")]
    fn sleeper(directory: &Path, server: &str) -> std::process::Child {
        let mut command = Command::new("sh");
        command.args(["-c", "sleep 300 & wait"]).env(MARK, directory).env(SERVER_MARK, server);
        command.stdout(Stdio::null()).spawn().unwrap()
    }

    #[test]
    fn parents_and_children_are_found_and_killed_even_when_stopped() {
        let directory = tempfile::tempdir().unwrap();
        let mut child = sleeper(directory.path(), "sleepy");
        while marked(directory.path()).unwrap().len() < 2 {
            sleep(Duration::from_millis(10));
        }
        let found = marked(directory.path()).unwrap();
        assert!(found.contains_key(&child.id()));
        assert!(found.values().all(|server| server == "sleepy"));
        for &pid in found.keys() {
            let pid = Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
            rustix::process::kill_process(pid, Signal::STOP).unwrap();
        }
        assert_eq!(kill_all(directory.path()).unwrap().len(), 2);
        child.wait().unwrap();
        assert!(marked(directory.path()).unwrap().is_empty());
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a process of no server")]
    fn who_has_lost_the_mark_is_found_where_it_works() {
        let directory = tempfile::tempdir().unwrap();
        let home = directory.path().join("nginx");
        fs::create_dir(&home).unwrap();
        let mut child = Command::new("sleep").arg("300").env_clear().current_dir(&home).spawn().unwrap();
        while of(directory.path(), "nginx").unwrap().is_empty() {
            sleep(Duration::from_millis(10));
        }
        assert_eq!(kill_server(directory.path(), "nginx").unwrap(), BTreeSet::from([child.id()]));
        child.wait().unwrap();
    }

    #[test]
    fn one_server_can_be_killed_alone() {
        let directory = tempfile::tempdir().unwrap();
        let mut one = sleeper(directory.path(), "one");
        let mut two = sleeper(directory.path(), "two");
        while marked(directory.path()).unwrap().len() < 4 {
            sleep(Duration::from_millis(10));
        }
        assert_eq!(kill_server(directory.path(), "one").unwrap().len(), 2);
        one.wait().unwrap();
        assert!(two.try_wait().unwrap().is_none());
        kill_all(directory.path()).unwrap();
        two.wait().unwrap();
    }

    #[test]
    fn the_processes_of_another_set_are_left_alone() {
        let (ours, theirs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let mut child = sleeper(theirs.path(), "other");
        assert!(kill_all(ours.path()).unwrap().is_empty());
        assert!(child.try_wait().unwrap().is_none());
        kill_all(theirs.path()).unwrap();
        child.wait().unwrap();
    }
}
