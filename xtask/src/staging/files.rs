//! Files for a server: those of `tests/staging`, and those that are made up here.

use std::fs;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::run::root;
use crate::servers::plan::{ConfigFile, Directory};

/// Where the files are in the checkout.
pub fn source() -> PathBuf {
    root().join("tests/staging")
}

/// Copies a tree of plain files onto a server; what is there already keeps owner and mode, if it is a directory.
///
/// # Errors
/// What the file system says.
pub fn copy_tree(from: &Path, to: &Path) -> Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o755).create(to).with_context(|| failed(to))?;
    for entry in fs::read_dir(from).with_context(|| format!("failed to list `{}`", from.display()))? {
        let entry = entry?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if entry.file_type()?.is_dir() {
            if entry.file_name() != "__pycache__" {
                copy_tree(&source, &target)?;
            }
        } else {
            // Another file instead of new content: what is there may be a link.
            let _ = fs::remove_file(&target);
            fs::copy(&source, &target).with_context(|| failed(&target))?;
            let executable = entry.metadata()?.permissions().mode() & 0o100 != 0;
            let mode = if executable { 0o755 } else { 0o644 };
            fs::set_permissions(&target, fs::Permissions::from_mode(mode))?;
        }
    }
    Ok(())
}

/// Writes a file that knows its place on the server, whose root is seen at `root`.
///
/// # Errors
/// What the file system says.
pub fn write(root: &Path, file: &ConfigFile) -> Result<()> {
    let file = ConfigFile {
        path: below(root, &file.path),
        content: file.content.clone(),
        account: file.account.clone(),
        mode: file.mode,
    };
    file.write()
}

/// Makes a directory that knows its place on the server.
///
/// # Errors
/// What the file system says.
pub fn make(root: &Path, directory: &Directory) -> Result<()> {
    let path = below(root, &directory.path);
    Directory { path, account: directory.account.clone(), mode: directory.mode }.make()
}

/// An absolute path, of another root.
pub fn below(root: &Path, path: &Path) -> PathBuf {
    root.join(path.strip_prefix("/").unwrap_or(path))
}

fn failed(path: &Path) -> String {
    format!("failed to write `{}`", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_absolute_path_is_one_of_the_server() {
        assert_eq!(below(Path::new("/proc/7/root"), Path::new("/etc/x")), Path::new("/proc/7/root/etc/x"));
    }

    #[test]
    fn scripts_stay_executable_and_links_that_were_there_are_replaced() {
        let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (script, elsewhere) = (from.path().join("script"), to.path().join("elsewhere"));
        fs::write(&script, "new").unwrap();
        fs::set_permissions(&script, fs::Permissions::from_mode(0o775)).unwrap();
        fs::write(&elsewhere, "old").unwrap();
        std::os::unix::fs::symlink(&elsewhere, to.path().join("script")).unwrap();
        copy_tree(from.path(), to.path()).unwrap();
        assert_eq!(fs::read_to_string(elsewhere).unwrap(), "old");
        let mode = fs::symlink_metadata(to.path().join("script")).unwrap().permissions().mode();
        assert_eq!(mode, 0o100_755);
    }
}
