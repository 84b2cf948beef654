//! Docker Compose, version 2: Debian has the first one only, so it is built from its Go module.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use super::files::below;
use super::recipe;
use crate::servers::program::tool_logged;
use crate::servers::store::Store;

const MODULE: &str = "github.com/docker/compose/v2";
const VERSION: &str = "v2.40.3";

/// Where Docker looks for what makes `docker compose`.
const PLUGIN: &str = "/usr/libexec/docker/cli-plugins/docker-compose";

/// The plugin, from the cache, or built.
///
/// # Errors
/// There is no Go, or the module cannot be had.
pub fn make(store: &Store) -> Result<PathBuf> {
    let made = store.complete(&recipe::name("plugin", &[MODULE, VERSION], &[])?, |directory| {
        ensure!(has_go(), "Go is missing, which Docker Compose is built with: see https://go.dev/dl");
        eprintln!("building Docker Compose {VERSION}");
        fs::create_dir_all(directory)?;
        fs::write(directory.join("go.mod"), "module staging\n\ngo 1.24\n")?;
        let directory = directory.to_string_lossy();
        let log = Path::new(directory.as_ref()).join("log");
        let go = |args: &[&str]| tool_logged(&[&["go", "-C", &directory], args].concat(), &log);
        // A plain `go install` refuses: the module replaces others.
        go(&["get", "-tool", &format!("{MODULE}/cmd@{VERSION}")])?;
        let flags = format!("-s -w -X {MODULE}/internal.Version={VERSION}");
        go(&["build", "-trimpath", "-ldflags", &flags, "-o", "docker-compose", &format!("{MODULE}/cmd")])
    })?;
    Ok(made.join("docker-compose"))
}

/// Puts it in place on a server.
///
/// # Errors
/// What the file system says.
pub fn install(plugin: &Path, root: &Path) -> Result<()> {
    let target = below(root, Path::new(PLUGIN));
    fs::create_dir_all(target.parent().unwrap_or(root))?;
    fs::copy(plugin, &target).with_context(|| format!("failed to write `{}`", target.display()))?;
    Ok(())
}

fn has_go() -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|directory| directory.join("go").is_file())
}
