//! Whether such a server can run on this machine, and what it needs of it.

use std::fs;
use std::path::Path;

use anyhow::Result;

use super::cgroup;
use crate::servers::account::is_root;
use crate::servers::packages;

/// Why it cannot; nothing when it can.
pub fn refusal() -> Option<String> {
    if !cfg!(target_os = "linux") {
        return Some("it is a container, which only Linux has".into());
    }
    if !is_root() {
        return Some("only root may make namespaces, mounts and control groups: use `sudo`".into());
    }
    if cgroup::hierarchies().is_empty() {
        return Some("no control groups are mounted at `/sys/fs/cgroup`".into());
    }
    let overlay = fs::read_to_string("/proc/filesystems").is_ok_and(|text| text.contains("\toverlay\n"));
    // The kernel loads it when it is first asked for.
    if !overlay && !Path::new("/lib/modules").exists() {
        return Some("the kernel has no overlay file system".into());
    }
    let known = ["/usr/bin/apt-get", "/usr/bin/systemd-nspawn"];
    if !known.iter().any(|program| Path::new(program).exists()) {
        return Some("there is neither `systemd-nspawn` nor an `apt-get` to install it".into());
    }
    None
}

/// A file and the package that brings it.
const NEEDED: [(&str, &str); 3] = [
    ("/usr/bin/systemd-nspawn", "systemd-container"),
    ("/usr/sbin/debootstrap", "debootstrap"),
    ("/usr/bin/nsenter", "util-linux"),
];

/// Installs what is missing.
///
/// # Errors
/// It cannot be installed.
pub fn install() -> Result<()> {
    packages::ensure_files(&NEEDED)
}
