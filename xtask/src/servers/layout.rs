//! Where things lie below the directory of one set of servers.

use std::path::{Path, PathBuf};

/// Paths below `/tmp/coursys-ops-NAME-XXXXXX`.
#[derive(Clone, Debug)]
pub struct Layout {
    root: PathBuf,
}

impl Layout {
    /// The layout of one directory.
    pub fn new(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    /// The directory itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// A server's own directory.
    pub fn server(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// What a server, a worker or the site prints.
    pub fn log(&self, name: &str) -> PathBuf {
        self.logs().join(format!("{name}.log"))
    }

    /// The directory of all those logs.
    pub fn logs(&self) -> PathBuf {
        self.root.join("logs")
    }

    /// Passwords, one a file, for `password_file`.
    pub fn secret(&self, name: &str) -> PathBuf {
        self.secrets().join(name)
    }

    /// Their directory.
    pub fn secrets(&self) -> PathBuf {
        self.root.join("secrets")
    }

    /// The CA of this set of servers.
    pub fn ca(&self) -> PathBuf {
        self.root.join("ca.pem")
    }

    /// Unix sockets and the like, written by several accounts.
    pub fn run(&self) -> PathBuf {
        self.root.join("run")
    }

    /// `$TMPDIR` of all programs, so that nothing of theirs stays in `/tmp`.
    pub fn tmp(&self) -> PathBuf {
        self.root.join("tmp")
    }

    /// The home directory of the site's user.
    pub fn home(&self) -> PathBuf {
        self.root.join("home")
    }

    /// The site's data: submitted files, media, dumps.
    pub fn files(&self) -> PathBuf {
        self.root.join("files")
    }

    /// The configuration file for `coursys-ops --config`.
    pub fn config(&self) -> PathBuf {
        self.root.join("coursys-ops.toml")
    }
}
