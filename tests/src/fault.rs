//! Faults of real servers, undone when the guard goes.

use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::Servers;

/// A server that is hung: every process of it is stopped with SIGSTOP until the guard is dropped.
#[must_use]
pub struct Hung(Vec<Pid>);

/// A server that is ended, until the guard is dropped.
#[must_use]
pub struct Stopped<'a> {
    servers: &'a Servers,
    name: String,
}

/// Hangs a server.
pub fn hung(servers: &Servers, name: &str) -> Hung {
    let pids = pids(servers, name);
    assert!(!pids.is_empty(), "`{name}` has no process");
    for pid in &pids {
        kill_process(*pid, Signal::STOP).unwrap();
    }
    Hung(pids)
}

/// Ends a server the hard way.
pub fn stopped<'a>(servers: &'a Servers, name: &str) -> Stopped<'a> {
    let pids = pids(servers, name);
    assert!(!pids.is_empty(), "`{name}` has no process");
    for pid in &pids {
        // A child may have gone with its parent.
        let _ = kill_process(*pid, Signal::KILL);
    }
    let gone = Instant::now() + Duration::from_secs(5);
    while pids.iter().any(|pid| alive(*pid)) {
        assert!(Instant::now() < gone, "`{name}` does not end");
        std::thread::sleep(Duration::from_millis(10));
    }
    Stopped { servers, name: name.to_owned() }
}

fn pids(servers: &Servers, name: &str) -> Vec<Pid> {
    servers.server(name).pids.into_iter().filter_map(Pid::from_raw).collect()
}

/// Whether a process is there and no zombie, with all its threads: the first of Java's is a zombie while the others still
/// hold its sockets.
fn alive(pid: Pid) -> bool {
    let threads = std::fs::read_dir(format!("/proc/{}/task", pid.as_raw_nonzero()));
    threads.is_ok_and(|threads| {
        threads.flatten().any(|thread| {
            let stat = std::fs::read_to_string(thread.path().join("stat"));
            stat.is_ok_and(|stat| !stat.rsplit(") ").next().unwrap_or_default().starts_with('Z'))
        })
    })
}

impl Drop for Hung {
    fn drop(&mut self) {
        for pid in &self.0 {
            let _ = kill_process(*pid, Signal::CONT);
        }
    }
}

impl Drop for Stopped<'_> {
    fn drop(&mut self) {
        self.servers.start(&self.name);
    }
}
