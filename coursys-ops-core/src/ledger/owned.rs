//! Files that are the caller's own, whatever others have put where they should be.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use rustix::fs::{Mode, OFlags};

use crate::disk::{self, Links};
use crate::trust;

/// Opens a file for appending, and reading too; makes one of `mode` when there is none and `create` says so.
///
/// # Errors
///
/// It is a link, no regular file, has other names, or belongs to somebody else; or the operating system refuses.
pub(super) fn open(path: &Path, create: bool, mode: u32) -> io::Result<File> {
    let parent = path.parent().unwrap_or(Path::new("/"));
    let name =
        path.file_name().ok_or_else(|| io::Error::new(ErrorKind::InvalidInput, "the path names no file"))?;
    let dir = disk::directory(parent, Links::Refused)?;
    // A pipe in its place must not hold us.
    let base = OFlags::RDWR | OFlags::APPEND | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let mode = Mode::from_raw_mode(mode);
    let refuse = |what: &str| Err(io::Error::new(ErrorKind::PermissionDenied, what.to_owned()));
    let opened = match rustix::fs::openat(&dir, name, base, mode) {
        Err(rustix::io::Errno::NOENT) if create => {
            let made = rustix::fs::openat(&dir, name, base | OFlags::CREATE | OFlags::EXCL, mode);
            match made {
                // Another has just made it.
                Err(rustix::io::Errno::EXIST) => rustix::fs::openat(&dir, name, base, mode),
                Ok(file) => {
                    // Whatever the umask is.
                    rustix::fs::fchmod(&file, mode)?;
                    disk::sync(&dir)?;
                    Ok(file)
                }
                other => other,
            }
        }
        other => other,
    };
    let file = match opened {
        Ok(file) => File::from(file),
        Err(rustix::io::Errno::LOOP) => return refuse("it is a symbolic link"),
        Err(rustix::io::Errno::NXIO) => return refuse("it is no regular file"),
        Err(errno) => return Err(errno.into()),
    };
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return refuse("it is no regular file");
    }
    if metadata.nlink() > 1 {
        return refuse("it has other names too");
    }
    if metadata.uid() != rustix::process::geteuid().as_raw() {
        return refuse(&format!("it belongs to user {}", metadata.uid()));
    }
    Ok(file)
}

/// That only root can have written a file or directory, when root is about to believe it.
///
/// # Errors
///
/// Others may have; or the operating system refuses to tell.
pub(super) fn believe(path: &Path) -> io::Result<()> {
    if !rustix::process::geteuid().is_root() {
        return Ok(());
    }
    trust::only_root_writes(path)?
        .map_err(|distrust| io::Error::new(ErrorKind::PermissionDenied, distrust.message))
}
