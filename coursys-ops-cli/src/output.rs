//! Where data goes: standard output, or a file that is there in whole or not at all.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{ErrorKind, Write as _};
use std::os::fd::OwnedFd;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags};
use rustix::io::Errno;

use crate::failure::Failure;

/// Whether there is somebody left to print to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reader {
    /// Everything was taken.
    Listens,
    /// The pipe is closed, as by `| head`: no error, but nobody wants to read on.
    Gone,
}

/// Writes to standard output.
///
/// # Errors
///
/// What is no closed pipe: a full disk, say.
pub fn print(text: &str) -> Result<Reader, Failure> {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Ok(()) => Ok(Reader::Listens),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(Reader::Gone),
        Err(error) => Err(Failure::refused(format!("cannot write to standard output: {error}"))),
    }
}

/// Replaces the contents of a file: writes a new one beside it, with the mode that the umask gives, and renames it.
///
/// What is no regular file is never replaced. As root no symbolic link is followed on the way either: others may have
/// put it there.
///
/// # Errors
///
/// Usage when there is no such directory or the path names no file, refused for everything else.
pub fn replace(path: &Path, text: &str) -> Result<(), Failure> {
    let name = path.file_name().ok_or_else(|| {
        Failure::usage(format!("cannot write to `{}`: the path names no file", path.display()))
    })?;
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let failed = |error: std::io::Error| failure(path, &error);
    let dir = if rustix::process::geteuid().is_root() { open_without_links(parent) } else { open(parent) };
    let dir = dir.map_err(failed)?;
    match rustix::fs::statat(&dir, name, AtFlags::SYMLINK_NOFOLLOW)
        .map(|stat| FileType::from_raw_mode(stat.st_mode))
    {
        Ok(FileType::RegularFile) | Err(Errno::NOENT) => {}
        Ok(kind) => {
            let kind = match kind {
                FileType::Symlink => "a symbolic link",
                FileType::Directory => "a directory",
                _ => "no regular file",
            };
            return Err(Failure::refused(format!("cannot write to `{}`: it is {kind}", path.display()))
                .with_hint("name a regular file or one that does not exist yet, or leave `--output` away"));
        }
        Err(errno) => return Err(failed(errno.into())),
    }
    write_beside(&dir, name, text).map_err(failed)
}

/// A new file, complete on disk, takes the place of the old one; nothing stays behind when that fails.
fn write_beside(dir: &OwnedFd, name: &OsStr, text: &str) -> std::io::Result<()> {
    let mut beside = std::ffi::OsString::from(".");
    beside.push(name);
    beside.push(format!(".{}", std::process::id()));
    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::WRONLY | OFlags::CLOEXEC;
    let create = || rustix::fs::openat(dir, &beside, flags, Mode::from_raw_mode(0o666));
    // Left by a process of the same number that was killed while it wrote.
    let file = match create() {
        Err(Errno::EXIST) => rustix::fs::unlinkat(dir, &beside, AtFlags::empty()).and_then(|()| create())?,
        other => other?,
    };
    let mut file = File::from(file);
    let written = file
        .write_all(text.as_bytes())
        .and_then(|()| file.sync_all())
        .and_then(|()| Ok(rustix::fs::renameat(dir, &beside, dir, name)?));
    if written.is_err() {
        // The first error is the one that counts.
        let _ = rustix::fs::unlinkat(dir, &beside, AtFlags::empty());
    }
    written
}

const DIRECTORY: OFlags = OFlags::DIRECTORY.union(OFlags::PATH).union(OFlags::CLOEXEC);

fn open(dir: &Path) -> std::io::Result<OwnedFd> {
    Ok(rustix::fs::open(dir, DIRECTORY, Mode::empty())?)
}

/// Opens a directory step by step, so that nobody can slip a symbolic link in.
fn open_without_links(dir: &Path) -> std::io::Result<OwnedFd> {
    let mut here: Option<OwnedFd> = None;
    let mut walked = PathBuf::new();
    for step in dir.components() {
        let name = match step {
            Component::Prefix(_) => continue,
            Component::RootDir => OsStr::new("/"),
            Component::CurDir => OsStr::new("."),
            Component::ParentDir => OsStr::new(".."),
            Component::Normal(name) => name,
        };
        walked.push(name);
        let from = here.as_ref().map_or(CWD, |dir| std::os::fd::AsFd::as_fd(dir));
        let opened = rustix::fs::openat(from, name, DIRECTORY | OFlags::NOFOLLOW, Mode::empty());
        let next = match opened {
            Ok(next) => next,
            Err(errno) => {
                let stat = rustix::fs::statat(from, name, AtFlags::SYMLINK_NOFOLLOW);
                let link = stat.is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Symlink);
                return Err(if link {
                    let text = format!("`{}` is a symbolic link, and root follows none", walked.display());
                    std::io::Error::new(ErrorKind::PermissionDenied, text)
                } else {
                    errno.into()
                });
            }
        };
        here = Some(next);
    }
    here.map_or_else(|| open(Path::new(".")), Ok)
}

fn failure(path: &Path, error: &std::io::Error) -> Failure {
    let text = format!("cannot write to `{}`: {error}", path.display());
    match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::InvalidFilename => {
            Failure::usage(text).with_hint("the directory must exist")
        }
        _ => Failure::refused(text),
    }
}

#[cfg(test)]
#[path = "output_tests.rs"]
mod tests;
