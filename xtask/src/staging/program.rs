//! The program that is to be tested, on the server: the one that was built last.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};

use super::instance::Instance;
use crate::run::{build, own_program};

/// Where it is on the server.
const INSTALLED: &str = "usr/bin/coursys-ops";

/// Puts the program there if another one is, or none. One that runs goes on as it is.
///
/// # Errors
/// It is not built, or what the file system says.
pub fn refresh(instance: &Instance) -> Result<()> {
    let (built, root) = (built()?, instance.root()?);
    ensure!(built.is_file(), "`{}` is not built: `cargo build -p coursys-ops-cli`", built.display());
    let installed = root.join(INSTALLED);
    let age =
        |path: &PathBuf| fs::metadata(path).map(|data| (data.len(), data.mtime(), data.mtime_nsec())).ok();
    if age(&installed) == age(&built) {
        return Ok(());
    }
    let new = installed.with_extension("new");
    fs::copy(&built, &new).with_context(|| format!("failed to write `{}`", new.display()))?;
    // The same time as the other's: so they are known to be one.
    fs::File::options().append(true).open(&new)?.set_modified(fs::metadata(&built)?.modified()?)?;
    fs::rename(&new, &installed).context("failed to put the program in place")
}

/// Builds it if it never was.
///
/// # Errors
/// It cannot be built.
pub fn ensure_built() -> Result<()> {
    if built()?.is_file() { Ok(()) } else { build(&[]) }
}

/// Beside this program: both come out of one build.
fn built() -> Result<PathBuf> {
    Ok(own_program()?.with_file_name("coursys-ops"))
}
