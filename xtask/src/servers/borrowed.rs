//! A set of servers for as long as somebody needs it.

use anyhow::Result;

use crate::run::xtask;

/// Servers that are up; they are taken down when this goes, however its user ends.
pub struct Borrowed {
    name: String,
    config: String,
}

impl Borrowed {
    /// Brings servers of this name up.
    ///
    /// # Errors
    /// They do not come up; then nothing is left of them either.
    pub fn up(name: &str) -> Result<Self> {
        // First, because servers that do not come up are taken down, too.
        let mut servers = Self { name: name.to_owned(), config: String::new() };
        eprintln!("$ cargo xtask servers up --name {name}");
        xtask(&["servers", "up", "--name", name])?.trim().clone_into(&mut servers.config);
        Ok(servers)
    }

    /// Their name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The path of the file that configures the program for them.
    #[must_use]
    pub fn config(&self) -> &str {
        &self.config
    }
}

impl Drop for Borrowed {
    fn drop(&mut self) {
        if let Err(error) = xtask(&["servers", "down", "--name", &self.name]) {
            eprintln!("warning: {error:#}");
        }
    }
}
