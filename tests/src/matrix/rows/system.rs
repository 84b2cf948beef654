//! Faults of the machine itself, as the program alone sees it.

use crate::inject;
use crate::matrix::Fault;

/// The rows of this area.
#[must_use]
pub fn rows() -> Vec<Fault> {
    [figures(), updates(), kernel()].into_iter().flatten().collect()
}

const LOAD: &str = "/proc/loadavg";
const MEMORY: &str = "/proc/meminfo";

/// What the kernel counts.
fn figures() -> Vec<Fault> {
    const MECHANISM: &str = "another machine's files";
    let load = |name: &str, load: &'static str, says: &str| {
        Fault::new(name, MECHANISM)
            .set("system.load_warn", 2)
            .set("system.load_fail", 5)
            .with(inject::bound("0\n", "/sys/devices/system/cpu/online"))
            .with(inject::bound(load, LOAD))
            .culprit("system.load", says)
            .telling("cores")
    };
    let memory = |name: &str, id: &str, text: &'static str, says: &str| {
        let fault = Fault::new(name, MECHANISM).with(inject::bound(text, MEMORY)).culprit(id, says);
        [
            ("memory_warn_percent", 10),
            ("memory_fail_percent", 3),
            ("swap_warn_percent", 50),
            ("swap_fail_percent", 90),
        ]
        .into_iter()
        .fold(fault, |fault, (key, value)| fault.set(format!("system.{key}"), value))
    };
    vec![
        load("the machine is busy", "3.50 3.00 2.50 3/350 99\n", "warning overloaded"),
        load("the machine can do no more", "30.00 20.00 9.00 40/350 99\n", "failed overloaded"),
        Fault::new("the kernel tells no load", MECHANISM)
            .with(inject::bound("no load\n", LOAD))
            .culprit("system.load", "unknown helper_failed"),
        memory(
            "memory runs short",
            "system.memory",
            "MemTotal: 16000000 kB\nMemAvailable: 1200000 kB\nSwapTotal: 0 kB\nSwapFree: 0 kB\n",
            "warning low_memory",
        ),
        memory(
            "no memory is left",
            "system.memory",
            "MemTotal: 16000000 kB\nMemAvailable: 100000 kB\nSwapTotal: 0 kB\nSwapFree: 0 kB\n",
            "failed low_memory",
        ),
        memory(
            "half of the swap space is used",
            "system.swap",
            "MemTotal: 16000000 kB\nMemAvailable: 8000000 kB\nSwapTotal: 4000000 kB\nSwapFree: 1900000 kB\n",
            "warning low_memory",
        ),
        memory(
            "the swap space is full",
            "system.swap",
            "MemTotal: 16000000 kB\nMemAvailable: 8000000 kB\nSwapTotal: 4000000 kB\nSwapFree: 1000 kB\n",
            "failed low_memory",
        ),
    ]
}

/// What the package manager knows.
fn updates() -> Vec<Fault> {
    vec![
        Fault::new("a security update waits", "another machine's files")
            .with(inject::packages("stable-security", false))
            .culprit("system.updates", "warning updates_pending")
            .telling("coursys-ops-sample")
            .slow(),
        Fault::new("the lists of packages are a month old", "another machine's files")
            .with(inject::packages("stable", true))
            .culprit("system.updates", "warning stale")
            .slow(),
        Fault::new("updates want a restart", "another machine's files")
            .with(inject::restart_wanted)
            .culprit("system.updates", "warning reboot_required")
            .telling("linux-base")
            .slow(),
    ]
}

/// What the kernel says.
fn kernel() -> Vec<Fault> {
    const MECHANISM: &str = "another machine's files";
    vec![
        Fault::new("the kernel ended a process for want of memory", MECHANISM)
            .with(inject::kernel_said(
                "Out of memory: Killed process 4242 (java) total-vm:4000000kB, anon-rss:3000000kB, file-rss:0kB, UID:998",
            ))
            .culprit("system.kernel-log", "failed oom_kill")
            .telling("4242 (`java`)"),
        Fault::new("a file system is broken", MECHANISM)
            .with(inject::kernel_said(
                "EXT4-fs error (device sda1): ext4_lookup:1855: inode #2: comm ls: deleted inode referenced: 99",
            ))
            .culprit("system.kernel-log", "failed file_system_error")
            .telling("sda1"),
    ]
}
