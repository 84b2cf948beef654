//! Commands of the toolchain as steps: shown before, failing loudly after.
#![expect(
    clippy::disallowed_methods,
    reason = "a developer's tool starts cargo; core's module is for the product"
)]

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context as _, Result, bail};

/// The root of the workspace.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."))
}

/// Where cargo puts what it builds.
pub fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |dir| root().join(dir))
}

/// The members that end-to-end tests are made of, for cargo. They are always chosen together: cargo unites the features of
/// what it is told to build, and another choice would build many dependencies once more.
pub const TESTED: [&str; 6] = ["-p", "coursys-ops-cli", "-p", "xtask", "-p", "coursys-ops-tests"];

/// Builds the program, this one, and what tests them, with further arguments for cargo.
///
/// # Errors
/// It cannot be built.
pub fn build(more: &[&str]) -> Result<()> {
    cargo(&[&["build"][..], &TESTED, more].concat(), &[])
}

/// Builds the examples that are tested: with the features that the quick stage gives them, so that nothing is built twice.
///
/// # Errors
/// They cannot be built.
pub fn build_examples() -> Result<()> {
    cargo(&["build", "--workspace", "--exclude", "coursys-ops-tests", "--example", "own_check"], &[])
}

/// The files of end-to-end tests, by their names, in order.
///
/// # Errors
/// The directory cannot be read.
pub fn test_files() -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(root().join("tests/tests"))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "rs") {
            names.push(path.file_stem().unwrap_or_default().to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}

/// Runs cargo in the workspace, with its output where ours goes.
///
/// # Errors
/// It fails.
pub fn cargo(args: &[&str], environment: &[(&str, &str)]) -> Result<()> {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    eprintln!("$ cargo {}", args.join(" "));
    let mut command = Command::new(program);
    command.args(args).current_dir(root()).envs(environment.iter().copied());
    // What cargo tells the program it runs would make it build everything again.
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy().into_owned();
        if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
            command.env_remove(name);
        }
    }
    let status = command.status().context("failed to start cargo")?;
    if status.success() { Ok(()) } else { bail!("`cargo {}` failed", args.join(" ")) }
}

/// Runs a program to its end and returns what it prints.
///
/// # Errors
/// It cannot be started, or fails.
pub fn output(argv: &[&str], dir: &Path) -> Result<String> {
    let (program, args) = argv.split_first().context("nothing to start")?;
    let output = Command::new(program).args(args).current_dir(dir).stdin(Stdio::null()).output();
    let output = output.with_context(|| format!("failed to start `{program}`"))?;
    if !output.status.success() {
        bail!("`{}` failed: {}", argv.join(" "), String::from_utf8_lossy(&output.stderr).trim());
    }
    String::from_utf8(output.stdout).context("it printed something that is no text")
}

/// Runs this program with other arguments.
///
/// # Errors
/// It fails.
pub fn xtask(args: &[&str]) -> Result<String> {
    let own = own_program()?.to_string_lossy().into_owned();
    output(&[&[own.as_str()], args].concat(), root())
}

/// Where this program is.
///
/// # Errors
/// The kernel does not tell.
pub fn own_program() -> Result<PathBuf> {
    let own = std::env::current_exe()?;
    let own = own.to_string_lossy();
    // Cargo may have built it anew meanwhile: then the kernel says so behind the path where the new one is.
    Ok(own.strip_suffix(" (deleted)").unwrap_or(&own).into())
}

/// Runs a program to its end and throws away what it prints; returns its exit code.
///
/// # Errors
/// It cannot be started.
pub fn quietly(argv: &[OsString]) -> Result<ExitCode> {
    let (program, args) = argv.split_first().context("nothing to start")?;
    let mut command = Command::new(program);
    command.args(args).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let status = command.status().with_context(|| format!("failed to start `{}`", program.display()))?;
    Ok(ExitCode::from(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1)))
}
