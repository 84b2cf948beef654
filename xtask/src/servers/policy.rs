//! `policy-rc.d`: what Debian's packages ask before they start a service.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// Exit status 101 means: this action is forbidden.
const FORBID: &str = "#!/bin/sh\n# Made by `cargo xtask servers up` while it installs packages; it removes it again.\nexit 101\n";

/// A policy that forbids starting services, in place until [`Policy::restore`].
///
/// A policy that was there before is kept beside it meanwhile. If this program is killed in between, the next one
/// finds both and puts things right in the end.
#[derive(Debug)]
pub struct Policy {
    file: PathBuf,
}

impl Policy {
    /// Puts the policy in place.
    ///
    /// # Errors
    /// What the file system says.
    pub fn forbid() -> Result<Self> {
        Self::forbid_at(Path::new("/usr/sbin/policy-rc.d"))
    }

    fn forbid_at(file: &Path) -> Result<Self> {
        let policy = Self { file: file.to_owned() };
        let ours = fs::read_to_string(file).is_ok_and(|text| text == FORBID);
        if file.exists() && !ours {
            fs::rename(file, policy.saved()).context("failed to put the old `policy-rc.d` aside")?;
        }
        fs::write(file, FORBID).with_context(|| format!("failed to write `{}`", file.display()))?;
        fs::set_permissions(file, fs::Permissions::from_mode(0o755))?;
        Ok(policy)
    }

    /// Makes everything as it was. Dropping the value does so too, but cannot complain.
    ///
    /// # Errors
    /// What the file system says.
    pub fn restore(self) -> Result<()> {
        self.put_back()
    }

    fn put_back(&self) -> Result<()> {
        let saved = self.saved();
        if saved.exists() {
            fs::rename(&saved, &self.file).context("failed to put the old `policy-rc.d` back")
        } else if self.file.exists() {
            fs::remove_file(&self.file).context("failed to remove `policy-rc.d`")
        } else {
            Ok(())
        }
    }

    fn saved(&self) -> PathBuf {
        self.file.with_extension("d.coursys-ops-saved")
    }
}

impl Drop for Policy {
    fn drop(&mut self) {
        let ours = fs::read_to_string(&self.file).is_ok_and(|text| text == FORBID);
        if ours && let Err(error) = self.put_back() {
            eprintln!("warning: {error:#}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_policy_of_the_machine_nothing_is_left() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("policy-rc.d");
        let policy = Policy::forbid_at(&file).unwrap();
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o755);
        policy.restore().unwrap();
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
    }

    #[test]
    fn the_policy_of_the_machine_comes_back_also_after_a_kill() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("policy-rc.d");
        fs::write(&file, "#!/bin/sh\nexit 0\n").unwrap();
        std::mem::forget(Policy::forbid_at(&file).unwrap());
        assert_eq!(fs::read_to_string(&file).unwrap(), FORBID);
        drop(Policy::forbid_at(&file).unwrap());
        assert_eq!(fs::read_to_string(&file).unwrap(), "#!/bin/sh\nexit 0\n");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }
}
