//! How a process ended, as far as the kernel tells it.

use std::fmt;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, ExitStatus};

use rustix::io::Errno;

/// How a process ended. Nobody knows in a program that ignores SIGCHLD, as some servers do: there the kernel clears its
/// children away by itself. What such a child has answered is known all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exit(Option<ExitStatus>);

impl Exit {
    /// How nobody knows.
    pub(super) const UNKNOWN: Self = Self(None);

    /// Waits for a process that has ended.
    pub(super) fn of(child: &mut Child) -> std::io::Result<Self> {
        known(child.wait()).map(|status| status.map_or(Self::UNKNOWN, Self::from))
    }

    /// Whether a process that is said to have ended has, and is nobody's zombie any more.
    pub(super) fn is_over(child: &mut Child) -> bool {
        matches!(known(child.try_wait()), Ok(None | Some(Some(_))))
    }

    /// Whether it is known at all.
    #[must_use]
    pub const fn is_known(self) -> bool {
        self.0.is_some()
    }

    /// Whether it is known to have exited with 0.
    #[must_use]
    pub fn success(self) -> bool {
        self.0.is_some_and(|status| status.success())
    }

    /// What it exited with; nothing when a signal killed it.
    #[must_use]
    pub fn code(self) -> Option<i32> {
        self.0?.code()
    }

    /// What killed it.
    #[must_use]
    pub fn signal(self) -> Option<i32> {
        self.0?.signal()
    }
}

impl From<ExitStatus> for Exit {
    fn from(status: ExitStatus) -> Self {
        Self(Some(status))
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(status) => status.fmt(f),
            None => f.write_str("exit status unknown"),
        }
    }
}

/// What the kernel tells of a child; nothing when it has cleared the child away.
fn known<T>(told: std::io::Result<T>) -> std::io::Result<Option<T>> {
    match told {
        Ok(told) => Ok(Some(told)),
        Err(error) if error.raw_os_error() == Some(Errno::CHILD.raw_os_error()) => Ok(None),
        Err(error) => Err(error),
    }
}

/// What stands for the descriptor of a process that was cleared away before one could be had: it is readable, too.
pub(super) fn over() -> std::io::Result<OwnedFd> {
    let (ours, _) = UnixStream::pair()?;
    Ok(ours.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_knows_is_neither_good_nor_an_exit_code() {
        let exit = Exit::UNKNOWN;
        assert!(!exit.success() && !exit.is_known());
        assert_eq!(
            (exit.code(), exit.signal(), exit.to_string()),
            (None, None, "exit status unknown".to_owned())
        );
    }

    #[test]
    fn a_child_that_the_kernel_cleared_away_is_over_and_every_other_error_is_one() {
        assert_eq!(known(Ok(1)).unwrap(), Some(1));
        assert_eq!(known::<()>(Err(Errno::CHILD.into())).unwrap(), None);
        assert!(known::<()>(Err(Errno::INTR.into())).is_err());
    }
}
