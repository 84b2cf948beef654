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

/// Why a path is not to be trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Distrust {
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
pub(super) fn only_root_writes(path: &Path) -> std::io::Result<Result<(), Distrust>> {
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
        return Some(Distrust {
            message: format!("`{shown}` belongs to user {}, who may write it", metadata.uid()),
            remedy: format!("run `chown root {shown}`"),
        });
    }
    if metadata.is_symlink() || (metadata.is_dir() && mode & STICKY != 0) {
        return None;
    }
    let others = (mode & OTHERS_WRITE != 0).then_some(("everybody", "o-w"));
    let group = (mode & GROUP_WRITES != 0 && metadata.gid() != 0).then_some(("its group", "g-w"));
    let (who, change) = others.or(group)?;
    Some(Distrust {
        message: format!("`{shown}` may be written by {who}"),
        remedy: format!("run `chmod {change} {shown}`"),
    })
}

/// Whether everybody on the machine may read an open file.
pub(super) fn everybody_reads(metadata: &std::fs::Metadata) -> bool {
    metadata.mode() & OTHERS_READ != 0
}
