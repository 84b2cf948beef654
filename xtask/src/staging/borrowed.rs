//! A server for as long as somebody needs it.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

use super::enter::{As, command};
use super::instance::Instance;
use super::{Layout, down, possible, up};

/// A server that is up. One that was up before stays when this goes; one that was not is taken down.
pub struct Borrowed {
    instance: Instance,
    was_up: bool,
}

impl Borrowed {
    /// Starts the server unless it is up.
    ///
    /// # Errors
    /// It does not start, or such servers cannot be here.
    pub fn up(name: &str, layout: Layout) -> Result<Self> {
        if let Some(reason) = possible::refusal() {
            bail!("a staging server cannot run here: {reason}");
        }
        let instance = Instance::new(name);
        let was_up = instance.state().is_some_and(|state| state.ready) && instance.leader().is_some();
        up::run(name, layout)?;
        Ok(Self { instance, was_up })
    }

    /// Puts a program on it, below `/usr/local/bin`, and returns its path there.
    ///
    /// # Errors
    /// What the file system says.
    pub fn install(&self, program: &Path, name: &str) -> Result<String> {
        let path = format!("usr/local/bin/{name}");
        fs::copy(program, self.instance.root()?.join(&path))
            .with_context(|| format!("failed to install `{}`", program.display()))?;
        Ok(format!("/{path}"))
    }

    /// The command of this machine that runs another one on the server, as root.
    ///
    /// # Errors
    /// The server is not up any more.
    pub fn argv(&self, argv: &[&str]) -> Result<Vec<String>> {
        let entered = command(self.instance.running()?, As::Root, argv);
        let words = std::iter::once(entered.get_program()).chain(entered.get_args());
        Ok(words.map(|word| word.to_string_lossy().into_owned()).collect())
    }
}

impl Drop for Borrowed {
    fn drop(&mut self) {
        if !self.was_up {
            drop(down::OnDrop(&self.instance));
        }
    }
}
