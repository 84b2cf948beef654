//! Where data goes: standard output, or a file that is there in whole or not at all.

use std::io::{ErrorKind, Write as _};
use std::path::Path;

use coursys_ops_core::disk::{self, DiskError, Links};

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

/// Replaces the contents of a file, with the mode that the umask gives; see [`disk::replace`].
///
/// As root no symbolic link is followed on the way: others may have put it there.
///
/// # Errors
///
/// Usage when there is no such directory or the path names no file, refused for everything else.
pub fn replace(path: &Path, text: &str) -> Result<(), Failure> {
    let links = if rustix::process::geteuid().is_root() { Links::Refused } else { Links::Followed };
    disk::replace(path, text.as_bytes(), None, links).map_err(|error| {
        let message = format!("cannot write to `{}`: {error}", path.display());
        match &error {
            DiskError::NoName => Failure::usage(message),
            DiskError::NotAFile(_) => Failure::refused(message)
                .with_hint("name a regular file or one that does not exist yet, or leave `--output` away"),
            DiskError::System(error) => match error.kind() {
                ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::InvalidFilename => {
                    Failure::usage(message).with_hint("the directory must exist")
                }
                _ => Failure::refused(message),
            },
        }
    })
}

#[cfg(test)]
#[path = "output_tests.rs"]
mod tests;
