//! The wheel on other systems: each Debian that production may be near to, with its own Python and its own glibc.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::run::{output, root};
use crate::servers::program::tool_logged;
use crate::servers::store::Store;

/// The releases, oldest first. The oldest has the glibc of Ubuntu 20.04.
const SUITES: [&str; 3] = ["bullseye", "bookworm", "trixie"];

/// What a tree needs so that a wheel can be installed.
const PACKAGES: &str = "--include=python3,python3-venv";

/// What is done in a tree with the wheel, in a mount namespace of its own: nothing stays in the tree.
const INSTALL: &str = r#"set -e
mount -t tmpfs tmpfs "$1/mnt"
mount -t proc proc "$1/proc"
cp "$2" "$1/mnt/"
exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 chroot "$1" sh -ec '
python3 -m venv /mnt/venv
/mnt/venv/bin/python -m pip install --quiet --no-index --no-deps /mnt/*.whl
exec /mnt/venv/bin/python -c "$1"' sh "$3"
"#;

/// What the package must be able to there: a run with its helper process, as a program and as the interpreter.
const TRY: &str = r#"
import platform, coursys_ops
from coursys_ops import _run
config = coursys_ops.Config.from_dict(
    {"site": {"layout": "devel", "dir": "/tmp"}, "database": {"engine": "sqlite", "name": "/nonexistent"}}
)
for helper in (_run._HELPER, "/nonexistent"):
    _run._HELPER = helper
    report = coursys_ops.check(config)
    assert report["disk.space.root"].status in ("passed", "warning", "failed"), report
    assert report["database.connection"].status == "failed", report
    assert not report.unknown, report
print("Python", platform.python_version(), "glibc", platform.libc_ver()[1], report.summary)
"#;

/// Installs the wheel in a clean environment on each of them and runs checks there. Needs root.
///
/// # Errors
/// Debian cannot be reached, or the wheel is no good there.
pub fn try_everywhere(wheel: &Path) -> Result<()> {
    for suite in SUITES {
        let (tree, wheel) = (tree(suite)?, wheel.to_string_lossy());
        let told = alone(INSTALL, &[&tree.to_string_lossy(), &wheel, TRY]);
        eprintln!("{suite}: {}", told.with_context(|| format!("the wheel on {suite}"))?.trim());
    }
    Ok(())
}

/// The root of a release's tree.
///
/// # Errors
/// Debian cannot be reached.
pub fn tree(suite: &str) -> Result<PathBuf> {
    let made = Store::open()?.complete(&format!("python-{suite}"), |directory| {
        eprintln!("making `{}`", directory.display());
        fs::create_dir_all(directory)?;
        let tree = directory.join("root").to_string_lossy().into_owned();
        let argv = ["debootstrap", "--variant=minbase", PACKAGES, suite, &tree];
        tool_logged(&argv, &directory.join("log"))
    })?;
    Ok(made.join("root"))
}

/// Runs a shell's script in a mount namespace of its own, and returns what it prints.
///
/// # Errors
/// It fails.
pub fn alone(script: &str, arguments: &[&str]) -> Result<String> {
    let argv = ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh"];
    output(&[&argv[..], arguments].concat(), root())
}
