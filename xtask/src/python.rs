//! The stage of the Python package: the wheel in a clean environment, and what it does and says beside real servers.

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::run::{build, root, target};
use crate::servers::Borrowed;
use crate::servers::program::tool;
use crate::servers::store::Store;
use crate::{faults, wheel};

/// How many calls of each kind of fork, thread and pool, and how many in a row for the memory.
#[derive(Clone, Copy)]
pub enum Calls {
    /// So many that a mistake shows.
    Few,
    /// So many that a leak does.
    Many,
}

impl Calls {
    const fn counts(self) -> [(&'static str, &'static str); 2] {
        match self {
            Self::Few => [("COURSYS_TEST_CALLS", "40"), ("COURSYS_TEST_MANY_CALLS", "100")],
            Self::Many => [("COURSYS_TEST_CALLS", "1000"), ("COURSYS_TEST_MANY_CALLS", "10000")],
        }
    }
}

/// The tests of the package and of the Django app on servers of their own.
///
/// # Errors
/// Something cannot be built or brought up, or a test fails.
pub fn stage() -> Result<()> {
    on_servers(Calls::Few).map(drop)
}

/// The same with many calls, the package beside the program under a fault of each mechanism, and the wheel for others on
/// their systems and in their sites.
///
/// # Errors
/// As [`stage`]; a fault is not found; the wheel is no good elsewhere.
pub fn whole_stage() -> Result<()> {
    let (python, servers) = on_servers(Calls::Many)?;
    let wheel = wheel::build(false)?;
    wheel::try_everywhere(&wheel)?;
    wheel::try_in_sites(&wheel, servers.config())?;
    drop(servers);
    faults::in_python(&python)
}

/// The tests of the package; returns its interpreter, and the servers.
fn on_servers(calls: Calls) -> Result<(PathBuf, Borrowed)> {
    build(&[])?;
    let python = environment()?;
    stubs(&python)?;
    let servers = Borrowed::up(&format!("python{}", std::process::id()))?;
    test(&python, servers.config(), calls)?;
    Ok((python, servers))
}

/// An environment that has the package, as a development build, and what the fixture site runs on. Returns its interpreter.
///
/// # Errors
/// The wheel cannot be built or installed.
pub fn environment() -> Result<PathBuf> {
    let wheel = wheel::build(true)?;
    let site = Store::open()?.python(&root().join("tests/site/requirements.txt"), &target())?;
    wheel::environment(&wheel, &target().join("python"), Some(&site))
}

/// Runs the tests of the package with this interpreter, on the servers of this configuration.
///
/// # Errors
/// A test fails.
pub fn test(python: &Path, config: &str, calls: Calls) -> Result<()> {
    let program = target().join("debug/coursys-ops").to_string_lossy().into_owned();
    let python = python.to_string_lossy();
    let servers = [("COURSYS_TEST_SERVERS", config), ("COURSYS_TEST_PROGRAM", &program)];
    let packages = wheel::packages(Path::new(&*python))?;
    let paths = [("PYTHONDONTWRITEBYTECODE", "1"), ("PYTHONPATH", &packages)];
    let environment = [&servers[..], &calls.counts(), &paths].concat();
    let tests = root().join("coursys-ops-py/tests/run.py");
    // Other versions of Django, and what the site has no packages for, are the stage `panel`.
    for directory in ["native", "django", "servers"] {
        tool(&[&*python, &tests.to_string_lossy(), directory], &environment, None)?;
    }
    Ok(())
}

/// Holds the stubs of the native half to what it is.
///
/// # Errors
/// They differ.
pub fn stubs(python: &Path) -> Result<()> {
    let stubtest = wheel::tools()?.join("stubtest");
    let packages = wheel::packages(python)?;
    let environment = [("MYPYPATH", packages.as_str()), ("PYTHONPATH", &packages)];
    tool(&[&stubtest.to_string_lossy(), "coursys_ops._native"], &environment, None)
}
