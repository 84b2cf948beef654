//! The Django app of the Python package: its tests with each Django, and its panel in a real browser. No servers are needed,
//! nor is anything built: a stand-in takes the place of the package's native half.

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::run::{root, target};
use crate::servers::packages;
use crate::servers::program::tool;

/// Debian's own interpreter.
const PYTHON: &str = "/usr/bin/python3";

/// The series of Django that the site runs on, and will.
const DJANGOS: [&str; 2] = ["4.2", "5.2"];

/// A file and the Debian package that brings it.
const BROWSER: [(&str, &str); 2] =
    [("/usr/bin/chromium", "chromium"), ("/usr/bin/chromedriver", "chromium-driver")];

/// With each Django, with times that know their zone and without; the browser, which takes most of the time, sees both.
///
/// # Errors
/// Something cannot be installed, or a test fails.
pub fn stage() -> Result<()> {
    packages::ensure_files(&BROWSER)?;
    for (django, use_tz) in DJANGOS.into_iter().zip(["0", "1"]) {
        let python = environment(django)?;
        eprintln!("-- Django {django}, USE_TZ {use_tz}");
        let tests = tests().join("run.py");
        let argv = [&*python.to_string_lossy(), &tests.to_string_lossy(), "django", "panel"];
        tool(&argv, &[("COURSYS_PANEL_SITE_USE_TZ", use_tz)], None)?;
    }
    Ok(())
}

/// The interpreter of a virtual environment with this Django.
fn environment(django: &str) -> Result<PathBuf> {
    let directory = target().join(format!("panel-django-{django}"));
    let python = directory.join("bin/python");
    if !python.exists() {
        tool(&[PYTHON, "-m", "venv", &directory.to_string_lossy()], &[], None)?;
    }
    let series = format!("Django=={django}.*");
    let requirements = tests().join("panel/requirements.txt");
    let pip = [&*python.to_string_lossy(), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
    tool(&[&pip[..], &[&series, "--requirement", &requirements.to_string_lossy()]].concat(), &[], None)?;
    Ok(python)
}

/// Where the tests are.
fn tests() -> PathBuf {
    root().join(Path::new("coursys-ops-py/tests"))
}
