//! Files that are there in whole or not at all, and that no symbolic link leads elsewhere.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{ErrorKind, Write as _};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags};
use rustix::io::Errno;

/// Whether symbolic links on the way to a file are followed. Its last component never may be one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Links {
    /// As the caller has put them there himself.
    Followed,
    /// Others may have put them there.
    Refused,
}

/// Why a file could not be changed. It is as it was then.
#[derive(Debug, thiserror::Error)]
pub enum DiskError {
    /// The path ends in `/` or `..`.
    #[error("the path names no file")]
    NoName,
    /// Something else is in the way.
    #[error("it is {0}")]
    NotAFile(&'static str),
    /// The operating system refuses.
    #[error(transparent)]
    System(#[from] std::io::Error),
}

impl From<Errno> for DiskError {
    fn from(errno: Errno) -> Self {
        Self::System(errno.into())
    }
}

/// Replaces the contents of a file: writes a new one beside it and renames it. The new one has these permissions, or those
/// that the umask gives. What is no regular file is never replaced.
///
/// # Errors
///
/// See [`DiskError`].
pub fn replace(path: &Path, content: &[u8], mode: Option<u32>, links: Links) -> Result<(), DiskError> {
    prepare(path, content, mode, links)?.take_its_place()
}

/// The same, but whatever is in its place goes: a symbolic link, which is not followed, a pipe, an empty directory. What is
/// there stays until the new file is complete on disk, so that a full disk changes nothing.
///
/// # Errors
///
/// See [`DiskError`]; a directory that is not empty stays.
pub fn replace_anything(
    path: &Path,
    content: &[u8],
    mode: Option<u32>,
    links: Links,
) -> Result<(), DiskError> {
    let (dir, name) = place(path, links)?;
    let kind = kind(&dir, name)?;
    let prepared = write_beside(dir, name, content, mode)?;
    // All else is replaced by the new name itself.
    if kind == Some(FileType::Directory) {
        match rustix::fs::unlinkat(&prepared.dir, name, AtFlags::REMOVEDIR) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(Errno::NOTEMPTY | Errno::EXIST) => {
                return Err(DiskError::NotAFile("a directory that is not empty"));
            }
            Err(errno) => return Err(errno.into()),
        }
    }
    prepared.take_its_place()
}

/// Writes the new contents of a file beside it, complete on disk, for [`Prepared::take_its_place`]: of several files all can
/// be written before the first is replaced, so that a full disk changes none.
///
/// # Errors
///
/// See [`DiskError`].
pub fn prepare(path: &Path, content: &[u8], mode: Option<u32>, links: Links) -> Result<Prepared, DiskError> {
    let (dir, name) = place(path, links)?;
    match kind(&dir, name)? {
        None | Some(FileType::RegularFile) => {}
        Some(kind) => return Err(DiskError::NotAFile(word(kind))),
    }
    Ok(write_beside(dir, name, content, mode)?)
}

/// A new file beside the one whose place it is to take. Dropping it removes it.
#[derive(Debug)]
pub struct Prepared {
    dir: OwnedFd,
    name: OsString,
    beside: Option<OsString>,
}

impl Prepared {
    /// Takes the place of the old file.
    ///
    /// # Errors
    ///
    /// The operating system refuses; the old file is still there then, unless only the last step failed, which makes the
    /// change durable.
    pub fn take_its_place(mut self) -> Result<(), DiskError> {
        if let Some(beside) = &self.beside {
            rustix::fs::renameat(&self.dir, beside, &self.dir, &self.name)?;
            self.beside = None;
        }
        Ok(sync(&self.dir)?)
    }
}

impl Drop for Prepared {
    fn drop(&mut self) {
        if let Some(beside) = &self.beside {
            // What went wrong before is what counts.
            let _ = rustix::fs::unlinkat(&self.dir, beside, AtFlags::empty());
        }
    }
}

/// Removes a file, whatever it is, but no directory; one that is not there is removed already.
///
/// # Errors
///
/// See [`DiskError`].
pub fn remove(path: &Path, links: Links) -> Result<(), DiskError> {
    let (dir, name) = match place(path, links) {
        Err(DiskError::System(error)) if error.kind() == ErrorKind::NotFound => return Ok(()),
        other => other?,
    };
    sweep(&dir, name);
    match kind(&dir, name)? {
        None => return Ok(()),
        Some(FileType::Directory) => return Err(DiskError::NotAFile(word(FileType::Directory))),
        Some(_) => {}
    }
    match rustix::fs::unlinkat(&dir, name, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => Ok(sync(&dir)?),
        Err(errno) => Err(errno.into()),
    }
}

/// The directory of a file, opened, and the file's name in it.
fn place(path: &Path, links: Links) -> Result<(OwnedFd, &OsStr), DiskError> {
    let name = path.file_name().ok_or(DiskError::NoName)?;
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    Ok((directory(parent, links)?, name))
}

/// What has this name in a directory.
fn kind(dir: &OwnedFd, name: &OsStr) -> std::io::Result<Option<FileType>> {
    match rustix::fs::statat(dir, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => Ok(Some(FileType::from_raw_mode(stat.st_mode))),
        Err(Errno::NOENT) => Ok(None),
        Err(errno) => Err(errno.into()),
    }
}

fn word(kind: FileType) -> &'static str {
    match kind {
        FileType::Symlink => "a symbolic link",
        FileType::Directory => "a directory",
        _ => "no regular file",
    }
}

/// How the names of new files begin, beside one of this name; the number of the process that writes it follows.
fn beside(name: &OsStr) -> OsString {
    let mut beside = OsString::from(".");
    beside.push(name);
    beside.push(".");
    beside
}

/// Removes the new files of processes that were killed before these took their place. Where the caller may not read the
/// directory, or remove from it, they stay: they are in nobody's way.
fn sweep(dir: &OwnedFd, name: &OsStr) {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let Ok(readable) = rustix::fs::openat(dir, ".", flags, Mode::empty()) else { return };
    let Ok(entries) = rustix::fs::Dir::read_from(readable) else { return };
    let beside = beside(name);
    for entry in entries.flatten() {
        let found = OsStr::from_bytes(entry.file_name().to_bytes());
        let process = found.as_bytes().strip_prefix(beside.as_bytes());
        let process = process.and_then(|number| std::str::from_utf8(number).ok()?.parse::<i32>().ok());
        // A negative number is no process, and not to be asked for.
        let process = process.filter(|number| *number > 0);
        let is_gone = |pid| rustix::process::test_kill_process(pid) == Err(Errno::SRCH);
        if process.and_then(rustix::process::Pid::from_raw).is_some_and(is_gone)
            && matches!(kind(dir, found), Ok(Some(FileType::RegularFile)))
        {
            let _ = rustix::fs::unlinkat(dir, found, AtFlags::empty());
        }
    }
}

/// A new file, complete on disk; nothing stays behind when that fails.
fn write_beside(dir: OwnedFd, name: &OsStr, content: &[u8], mode: Option<u32>) -> std::io::Result<Prepared> {
    sweep(&dir, name);
    let mut beside = beside(name);
    beside.push(std::process::id().to_string());
    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::WRONLY | OFlags::CLOEXEC;
    let first = Mode::from_raw_mode(mode.map_or(0o666, |_| 0o600));
    let create = || rustix::fs::openat(&dir, &beside, flags, first);
    // Left by a process of the same number that was killed while it wrote.
    let file = match create() {
        Err(Errno::EXIST) => rustix::fs::unlinkat(&dir, &beside, AtFlags::empty()).and_then(|()| create())?,
        other => other?,
    };
    let prepared = Prepared { dir, name: name.to_owned(), beside: Some(beside) };
    let mut file = File::from(file);
    file.write_all(content)?;
    if let Some(mode) = mode {
        rustix::fs::fchmod(&file, Mode::from_raw_mode(mode))?;
    }
    file.sync_all()?;
    Ok(prepared)
}

/// Makes the names of a directory durable. Where the caller may not read it, that is left to the system.
pub(crate) fn sync(dir: &OwnedFd) -> std::io::Result<()> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    match rustix::fs::openat(dir, ".", flags, Mode::empty()) {
        Ok(readable) => match rustix::fs::fsync(&readable) {
            // File systems that cannot do this have nothing to be made durable.
            Ok(()) | Err(Errno::INVAL) => Ok(()),
            Err(errno) => Err(errno.into()),
        },
        Err(Errno::ACCESS) => Ok(()),
        Err(errno) => Err(errno.into()),
    }
}

const DIRECTORY: OFlags = OFlags::DIRECTORY.union(OFlags::PATH).union(OFlags::CLOEXEC);

/// Opens a directory, to reach what is in it.
///
/// # Errors
///
/// There is none, it may not be reached, or a symbolic link leads there that is refused.
pub fn directory(dir: &Path, links: Links) -> std::io::Result<OwnedFd> {
    match links {
        Links::Followed => Ok(rustix::fs::open(dir, DIRECTORY, Mode::empty())?),
        Links::Refused => walk(dir, None),
    }
}

/// Opens a directory, and makes it and those above it that are missing, with these permissions.
///
/// # Errors
///
/// As those of [`directory`]; none can be made there.
pub fn make_directory(dir: &Path, mode: u32) -> std::io::Result<OwnedFd> {
    walk(dir, Some(Mode::from_raw_mode(mode)))
}

/// Opens a directory step by step, so that nobody can slip a symbolic link in.
fn walk(dir: &Path, make: Option<Mode>) -> std::io::Result<OwnedFd> {
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
        let from = here.as_ref().map_or(CWD, AsFd::as_fd);
        let open = || rustix::fs::openat(from, name, DIRECTORY | OFlags::NOFOLLOW, Mode::empty());
        let opened = match (open(), make) {
            (Err(Errno::NOENT), Some(mode)) => match rustix::fs::mkdirat(from, name, mode) {
                Ok(()) => {
                    // Whatever the umask is.
                    rustix::fs::chmodat(from, name, mode, AtFlags::empty())?;
                    if let Some(dir) = &here {
                        sync(dir)?;
                    }
                    open()
                }
                Err(Errno::EXIST) => open(),
                Err(errno) => Err(errno),
            },
            (opened, _) => opened,
        };
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
    match here {
        Some(dir) => Ok(dir),
        None => directory(Path::new("."), Links::Followed),
    }
}

#[cfg(test)]
#[path = "disk_tests.rs"]
mod tests;
