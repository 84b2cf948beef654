//! What starts with the machine: installing a package must not add to it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::program::tool;

/// The links by which systemd and the older runlevels start services.
#[derive(Debug, PartialEq, Eq)]
pub struct Boot {
    etc: PathBuf,
    systemd: BTreeSet<PathBuf>,
    runlevels: BTreeSet<PathBuf>,
}

impl Boot {
    /// Looks at the links there are now.
    pub fn look() -> Self {
        Self::look_in(Path::new("/etc"))
    }

    fn look_in(etc: &Path) -> Self {
        let wants = children(&etc.join("systemd/system"), |name| name.ends_with(".wants"));
        let runlevels = children(etc, |name| name.starts_with("rc") && name.ends_with(".d"));
        let links_of = |directories: Vec<PathBuf>, wanted: fn(&str) -> bool| {
            directories.iter().flat_map(|directory| children(directory, wanted)).collect()
        };
        Self {
            etc: etc.to_owned(),
            systemd: links_of(wants, |_| true),
            runlevels: links_of(runlevels, |name| name.starts_with('S')),
        }
    }

    /// Takes away the links that have come since. `systemctl disable` does the same, but is not on every machine.
    ///
    /// # Errors
    /// A link cannot be removed, or `update-rc.d` fails.
    pub fn forbid_new(&self) -> Result<()> {
        let now = Self::look_in(&self.etc);
        for link in now.systemd.difference(&self.systemd) {
            fs::remove_file(link).with_context(|| format!("failed to remove `{}`", link.display()))?;
        }
        for service in self.new_services(&now) {
            tool(&["update-rc.d", &service, "disable"], &[], None)?;
        }
        Ok(())
    }

    /// The services that a runlevel starts now and did not before: `S01memcached` stands for `memcached`.
    fn new_services(&self, now: &Self) -> BTreeSet<String> {
        let links = now.runlevels.difference(&self.runlevels);
        let names = links.filter_map(|link| link.file_name()?.to_str()?.get(3..).map(str::to_owned));
        names.collect()
    }
}

/// What a directory holds under names that are wanted; nothing when there is no such directory.
fn children(directory: &Path, wanted: impl Fn(&str) -> bool) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    entries.filter(|entry| wanted(&entry.file_name().to_string_lossy())).map(|entry| entry.path()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn only_what_came_since_is_taken_away() {
        let etc = tempfile::tempdir().unwrap();
        let wants = etc.path().join("systemd/system/multi-user.target.wants");
        fs::create_dir_all(&wants).unwrap();
        let link = |name: &str| symlink("/lib/systemd/system/x", wants.join(name)).unwrap();
        link("cron.service");
        let before = Boot::look_in(etc.path());
        link("mariadb.service");
        before.forbid_new().unwrap();
        assert_eq!(Boot::look_in(etc.path()), before);
        assert!(wants.join("cron.service").is_symlink());
    }

    #[test]
    fn a_service_of_several_runlevels_counts_once_and_stop_links_do_not() {
        let etc = tempfile::tempdir().unwrap();
        let before = Boot::look_in(etc.path());
        for level in ["rc2.d", "rc3.d"] {
            fs::create_dir(etc.path().join(level)).unwrap();
            fs::write(etc.path().join(level).join("S01memcached"), "").unwrap();
            fs::write(etc.path().join(level).join("K01chrony"), "").unwrap();
        }
        let now = Boot::look_in(etc.path());
        assert_eq!(before.new_services(&now), BTreeSet::from(["memcached".to_owned()]));
    }
}
