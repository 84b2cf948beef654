//! The control groups of a server: one in each hierarchy, in which all of its processes are.
//!
//! systemd inside takes its own for the root of all, so two servers do not meet; and nobody can leave them, so they tell
//! who must be killed.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::servers::process;

const ROOT: &str = "/sys/fs/cgroup";

/// How long killed processes and emptied groups may take to go.
const PATIENCE: Duration = Duration::from_secs(30);

/// Where groups can be made: the one hierarchy of version 2, or each of version 1.
pub fn hierarchies() -> Vec<PathBuf> {
    hierarchies_in(Path::new(ROOT))
}

fn hierarchies_in(root: &Path) -> Vec<PathBuf> {
    if root.join("cgroup.procs").exists() {
        return vec![root.to_owned()];
    }
    let entries = fs::read_dir(root).into_iter().flatten().flatten();
    // `cpu` and `cpuacct` may be links to `cpu,cpuacct`.
    let real = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    real.map(|entry| entry.path()).filter(|path| path.join("cgroup.procs").exists()).collect()
}

/// The groups of the server `name`.
pub fn groups(name: &str) -> Vec<PathBuf> {
    hierarchies().into_iter().map(|hierarchy| hierarchy.join(format!("coursys-ops-staging-{name}"))).collect()
}

/// Makes the groups and moves this process into them.
///
/// # Errors
/// What the kernel says.
pub fn join(name: &str) -> Result<()> {
    for group in groups(name) {
        fs::create_dir_all(&group).with_context(|| format!("failed to make `{}`", group.display()))?;
        // A group of this controller takes nobody in before it has processors and memory.
        for file in ["cpuset.cpus", "cpuset.mems"] {
            let parent = group.with_file_name(file);
            if parent.exists() {
                fs::write(group.join(file), fs::read(&parent)?)?;
            }
        }
        fs::write(group.join("cgroup.procs"), std::process::id().to_string())
            .with_context(|| format!("failed to enter `{}`", group.display()))?;
    }
    Ok(())
}

/// Every process of the server.
pub fn processes(name: &str) -> BTreeSet<u32> {
    let mut all = BTreeSet::new();
    for group in groups(name).iter().flat_map(|group| tree(group)) {
        let text = fs::read_to_string(group.join("cgroup.procs")).unwrap_or_default();
        // 0 is a process that is not visible from here.
        all.extend(text.lines().filter_map(|line| line.parse::<u32>().ok()).filter(|&pid| pid != 0));
    }
    all
}

/// Kills every process of the server and removes its groups. None is no error.
///
/// # Errors
/// A process or a group does not go.
pub fn remove(name: &str) -> Result<BTreeSet<u32>> {
    let started = Instant::now();
    let mut killed = BTreeSet::new();
    loop {
        let now = processes(name);
        if now.is_empty() {
            break;
        }
        if started.elapsed() > PATIENCE {
            bail!("these processes cannot be killed: {now:?}");
        }
        now.iter().try_for_each(|&pid| process::kill(pid))?;
        killed.extend(now);
        sleep(Duration::from_millis(20));
    }
    for group in groups(name) {
        // The deepest first; a group is busy for a moment after its last process has gone.
        for group in tree(&group).into_iter().rev() {
            while let Err(error) = fs::remove_dir(&group) {
                if error.kind() == std::io::ErrorKind::NotFound {
                    break;
                }
                if started.elapsed() > PATIENCE {
                    return Err(error).with_context(|| format!("failed to remove `{}`", group.display()));
                }
                sleep(Duration::from_millis(20));
            }
        }
    }
    Ok(killed)
}

/// The names of the servers that have groups.
pub fn names() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for hierarchy in hierarchies() {
        for entry in fs::read_dir(hierarchy).into_iter().flatten().flatten() {
            if let Some(name) = entry.file_name().to_string_lossy().strip_prefix("coursys-ops-staging-") {
                names.insert(name.to_owned());
            }
        }
    }
    names
}

/// A group and all below it, parents first.
fn tree(group: &Path) -> Vec<PathBuf> {
    if !group.is_dir() {
        return Vec::new();
    }
    let mut all = vec![group.to_owned()];
    for entry in fs::read_dir(group).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            all.extend(tree(&entry.path()));
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_2_has_one_hierarchy_and_links_of_version_1_are_not_counted_twice() {
        let root = tempfile::tempdir().unwrap();
        for name in ["memory", "cpu,cpuacct", "not-one"] {
            fs::create_dir(root.path().join(name)).unwrap();
        }
        for name in ["memory", "cpu,cpuacct"] {
            fs::write(root.path().join(name).join("cgroup.procs"), "").unwrap();
        }
        std::os::unix::fs::symlink("cpu,cpuacct", root.path().join("cpu")).unwrap();
        assert_eq!(hierarchies_in(root.path()).len(), 2);
        fs::write(root.path().join("cgroup.procs"), "").unwrap();
        assert_eq!(hierarchies_in(root.path()), [root.path()]);
    }

    #[test]
    fn parents_come_before_their_children() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("a/b")).unwrap();
        assert_eq!(
            tree(root.path()),
            [root.path().to_owned(), root.path().join("a"), root.path().join("a/b")]
        );
        assert!(tree(&root.path().join("gone")).is_empty());
    }
}
