//! Whether others than root could have written what root is about to believe.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Component, Path, PathBuf};

/// Write permission of the group and of others.
const GROUP_WRITES: u32 = 0o020;
const OTHERS_WRITE: u32 = 0o002;
/// Read permission of others.
const OTHERS_READ: u32 = 0o004;
/// In a directory with this bit, only owners may rename and remove.
const STICKY: u32 = 0o1000;
/// More symbolic links than this in one path are a circle, as for the kernel.
const MOST_LINKS: usize = 40;

/// What to do about a directory on the way, which may be as it is for good reasons.
const ELSEWHERE: &str = "keep the file where only root may write, as below /etc/coursys-ops";

/// Why a path is not to be trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Distrust {
    /// What is wrong: reads on after "refused: ".
    pub message: String,
    /// What to run.
    pub remedy: String,
}

/// Looks at a file and at every directory and symbolic link on the way to it, from `/` on.
///
/// Each must belong to root and be writable by nobody else. A sticky directory like `/tmp` may be, because what root
/// owns in it cannot be replaced by others.
///
/// # Errors
///
/// The outer error: a part of the path cannot be looked at. The inner: the first part that is not to be trusted.
pub(crate) fn only_root_writes(path: &Path) -> std::io::Result<Result<(), Distrust>> {
    let mut rest: VecDeque<OsString> = parts(path);
    let mut here = PathBuf::from("/");
    let mut links = 0;
    if let Some(distrust) = judge(&here, &std::fs::metadata(&here)?) {
        return Ok(Err(distrust));
    }
    while let Some(part) = rest.pop_front() {
        if part == ".." {
            here.pop();
            continue;
        }
        let next = here.join(&part);
        let metadata = std::fs::symlink_metadata(&next)?;
        if let Some(distrust) = judge(&next, &metadata) {
            return Ok(Err(distrust));
        }
        if metadata.is_symlink() {
            links += 1;
            if links > MOST_LINKS {
                return Err(rustix::io::Errno::LOOP.into());
            }
            let target = std::fs::read_link(&next)?;
            if target.is_absolute() {
                here = PathBuf::from("/");
            }
            for part in parts(&target).into_iter().rev() {
                rest.push_front(part);
            }
        } else {
            here = next;
        }
    }
    Ok(Ok(()))
}

fn parts(path: &Path) -> VecDeque<OsString> {
    let parts = path.components().filter(|part| matches!(part, Component::Normal(_) | Component::ParentDir));
    parts.map(|part| part.as_os_str().to_owned()).collect()
}

fn judge(path: &Path, metadata: &std::fs::Metadata) -> Option<Distrust> {
    let (mode, shown) = (metadata.mode(), path.display());
    if metadata.uid() != 0 {
        // A directory that was given to somebody stays his.
        let remedy =
            if metadata.is_dir() { ELSEWHERE.to_owned() } else { format!("run `chown root {shown}`") };
        let message = format!("`{shown}` belongs to user {}, who may write it", metadata.uid());
        return Some(Distrust { message, remedy });
    }
    if metadata.is_symlink() || (metadata.is_dir() && mode & STICKY != 0) {
        return None;
    }
    let others = (mode & OTHERS_WRITE != 0).then_some(("everybody", "o-w"));
    let group = (mode & GROUP_WRITES != 0 && metadata.gid() != 0).then_some(("its group", "g-w"));
    let (who, change) = others.or(group)?;
    let message = format!("`{shown}` may be written by {who}");
    let run = format!("run `chmod {change} {shown}`");
    let remedy = if metadata.is_dir() { format!("{ELSEWHERE}, or {run}") } else { run };
    Some(Distrust { message, remedy })
}

/// Whether everybody on the machine may read an open file.
pub(crate) fn everybody_reads(metadata: &std::fs::Metadata) -> bool {
    metadata.mode() & OTHERS_READ != 0
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, chown, symlink};

    use super::*;

    fn set_mode(path: &Path, mode: u32) {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }

    /// A directory with a file in it, both of root; nothing when the tests do not run as root.
    fn place() -> Option<(tempfile::TempDir, PathBuf)> {
        if !rustix::process::geteuid().is_root() {
            return None;
        }
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("config.toml");
        std::fs::write(&file, "").unwrap();
        set_mode(&file, 0o640);
        Some((dir, file))
    }

    fn distrust(path: &Path) -> String {
        only_root_writes(path).unwrap().unwrap_err().message
    }

    #[test]
    fn what_only_root_can_write_is_trusted_also_below_a_sticky_directory() {
        let Some((_dir, file)) = place() else { return };
        assert_eq!(only_root_writes(&file).unwrap(), Ok(()));
        set_mode(file.parent().unwrap(), 0o1777);
        assert_eq!(only_root_writes(&file).unwrap(), Ok(()));
    }

    #[test]
    fn a_file_or_a_directory_above_it_that_others_can_write_is_not_trusted() {
        let Some((dir, file)) = place() else { return };
        set_mode(&file, 0o646);
        assert!(distrust(&file).ends_with("config.toml` may be written by everybody"));
        set_mode(&file, 0o660);
        assert_eq!(only_root_writes(&file).unwrap(), Ok(()), "the group is root's");
        chown(&file, None, Some(33)).unwrap();
        assert!(distrust(&file).ends_with("may be written by its group"));
        set_mode(&file, 0o640);
        chown(&file, Some(33), None).unwrap();
        assert!(distrust(&file).ends_with("belongs to user 33, who may write it"));
        chown(&file, Some(0), None).unwrap();
        set_mode(dir.path(), 0o777);
        let distrust = only_root_writes(&file).unwrap().unwrap_err();
        assert!(distrust.remedy.ends_with(&format!("or run `chmod o-w {}`", dir.path().display())));
        set_mode(dir.path(), 0o755);
        chown(dir.path(), Some(33), None).unwrap();
        let distrust = only_root_writes(&file).unwrap().unwrap_err();
        assert_eq!(distrust.remedy, ELSEWHERE, "nobody's home directory should be taken away");
    }

    #[test]
    fn a_link_is_as_good_as_the_way_to_its_target() {
        let Some((dir, file)) = place() else { return };
        let link = dir.path().join("link");
        symlink(
            "./../".to_owned() + dir.path().file_name().unwrap().to_str().unwrap() + "/config.toml",
            &link,
        )
        .unwrap();
        assert_eq!(only_root_writes(&link).unwrap(), Ok(()));
        let other = tempfile::tempdir().unwrap();
        let far = other.path().join("far");
        symlink(&link, &far).unwrap();
        set_mode(&file, 0o666);
        assert!(distrust(&far).contains("config.toml"), "two links away");
        set_mode(&file, 0o640);
        std::os::unix::fs::lchown(&link, Some(33), None).unwrap();
        assert!(distrust(&far).contains("link` belongs to user 33"));
    }

    #[test]
    fn a_circle_of_links_and_a_missing_file_are_errors_of_the_system() {
        let Some((dir, _)) = place() else { return };
        let link = dir.path().join("link");
        symlink(&link, &link).unwrap();
        assert_eq!(
            only_root_writes(&link).unwrap_err().raw_os_error(),
            Some(rustix::io::Errno::LOOP.raw_os_error())
        );
        let missing = only_root_writes(&dir.path().join("missing")).unwrap_err();
        assert_eq!(missing.kind(), std::io::ErrorKind::NotFound);
    }
}
