//! `cargo xtask wheel`: the Python package as a wheel, and environments to try it in.

mod debian;
mod sites;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};

use crate::run::{build as build_members, output, root, target};
use crate::servers::program::tool;
use crate::servers::store::Store;

pub use debian::try_everywhere;
pub use sites::try_in_sites;

/// The oldest glibc that a wheel must do with is Debian 11's and Ubuntu 20.04's, 2.31; this is the next tag below it.
const GLIBC: &str = "2.28";

/// Debian's own interpreter.
const PYTHON: &str = "/usr/bin/python3";

/// The program beside the Python sources that is the package's helper process.
const HELPER: &str = "coursys-ops-helper";

/// How to build.
#[derive(clap::Args)]
pub struct Args {
    /// A development build for this machine alone: quick, large and slow
    #[arg(long)]
    debug: bool,
    /// Installs the wheel on Debian 11, 12 and 13, too, and runs checks there; needs root
    #[arg(long = "try")]
    try_it: bool,
}

/// Builds the wheel and prints where it is.
///
/// # Errors
/// A tool cannot be had, or fails.
pub fn run(args: &Args) -> Result<ExitCode> {
    let wheel = build(args.debug)?;
    println!("{}", wheel.display());
    if args.try_it {
        try_everywhere(&wheel)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Builds the wheel in `target/wheels`, for every glibc since [`GLIBC`] or, with `debug`, for this machine.
///
/// # Errors
/// A tool cannot be had, or fails.
pub fn build(debug: bool) -> Result<PathBuf> {
    let tools = tools()?;
    let package = root().join("coursys-ops-py");
    let built = if debug { debug_helper()? } else { portable_helper(&tools)? };
    let helper = package.join("python/coursys_ops/_helper");
    // One that is running cannot be written to, but replaced.
    let _ = fs::remove_file(&helper);
    strip(&built, &helper)?;
    let wheels = target().join("wheels");
    // So that the wheel that is there afterwards is this one.
    let _ = fs::remove_dir_all(&wheels);
    let (manifest, out) = (package.join("Cargo.toml"), wheels.to_string_lossy().into_owned());
    let manifest = manifest.to_string_lossy();
    let python = tools.join("python").to_string_lossy().into_owned();
    let portable = format!("manylinux_{}", GLIBC.replace('.', "_"));
    let common =
        [python.as_str(), "-m", "maturin", "build", "--strip", "--manifest-path", &manifest, "--out", &out];
    let more: &[&str] = if debug {
        &["--profile", "dev", "--compatibility", "linux", "--interpreter", PYTHON]
    } else {
        &["--release", "--zig", "--compatibility", &portable, "--interpreter", PYTHON]
    };
    with_tools(&tools, &[&common, more].concat())?;
    let found = fs::read_dir(&wheels)?.flatten().map(|entry| entry.path());
    let mut found = found.filter(|path| path.extension().is_some_and(|extension| extension == "whl"));
    found.next().context("maturin left no wheel")
}

/// A clean virtual environment at `directory` with the wheel. What another interpreter has, such as the fixture site's, can
/// be imported there, too, when that is given. Returns its interpreter.
///
/// # Errors
/// `venv` or `pip` fails.
pub fn environment(wheel: &Path, directory: &Path, site: Option<&Path>) -> Result<PathBuf> {
    output(&[PYTHON, "-m", "venv", "--clear", &directory.to_string_lossy()], root())?;
    let python = directory.join("bin/python");
    let own = python.to_string_lossy().into_owned();
    let wheel = wheel.to_string_lossy();
    output(&[&own, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", &wheel], root())?;
    if let Some(site) = site {
        let (packages, ours) = (packages(site)?, packages(&python)?);
        fs::write(Path::new(&ours).join("fixture_site.pth"), format!("{packages}\n"))?;
    }
    Ok(python)
}

/// Where an interpreter has its packages.
///
/// # Errors
/// It cannot be started.
pub fn packages(python: &Path) -> Result<String> {
    let tell = "import sysconfig; print(sysconfig.get_path('purelib'))";
    Ok(output(&[&python.to_string_lossy(), "-c", tell], root())?.trim().to_owned())
}

/// The programs that build a wheel: a directory of them.
///
/// # Errors
/// `venv` or `pip` fails.
pub fn tools() -> Result<PathBuf> {
    let python = Store::open()?.python(&root().join("coursys-ops-py/requirements-build.txt"), &target())?;
    Ok(python.parent().context("an interpreter has a directory")?.to_owned())
}

fn debug_helper() -> Result<PathBuf> {
    build_members(&["-p", "coursys-ops-py", "--bin", HELPER])?;
    Ok(target().join("debug").join(HELPER))
}

/// The helper for the same systems as the wheel: zig links it, as it does the native half.
fn portable_helper(tools: &Path) -> Result<PathBuf> {
    let system = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let program = tools.join("cargo-zigbuild");
    let oldest = format!("{system}.{GLIBC}");
    let manifest = root().join("coursys-ops-py/Cargo.toml");
    let (program, manifest) = (program.to_string_lossy(), manifest.to_string_lossy());
    let argv = [&*program, "zigbuild", "--release", "--target", &oldest, "--manifest-path", &manifest];
    with_tools(tools, &[&argv[..], &["--bin", HELPER]].concat())?;
    Ok(target().join(system).join("release").join(HELPER))
}

/// Runs a program that looks for the others of its environment.
fn with_tools(tools: &Path, argv: &[&str]) -> Result<()> {
    let path = std::env::var("PATH").unwrap_or_default();
    eprintln!("$ {}", argv.join(" "));
    tool(argv, &[("PATH", &format!("{}:{path}", tools.display()))], None)
}

/// A copy without symbols.
fn strip(program: &Path, copy: &Path) -> Result<()> {
    if !program.is_file() {
        bail!("there is no `{}`", program.display());
    }
    output(&["strip", "-o", &copy.to_string_lossy(), &program.to_string_lossy()], root()).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Parses each source as the oldest Python would. Which names that one has is another matter.
    const PARSE: &str = "import ast, pathlib, sys\n\
        sources = list(pathlib.Path(sys.argv[1]).rglob('*.py'))\n\
        [ast.parse(each.read_text('utf-8'), str(each), feature_version=(3, 8)) for each in sources]\n\
        print(len(sources))";

    #[test]
    fn the_python_of_production_can_read_every_source() {
        let sources = root().join("coursys-ops-py/python");
        let counted = output(&[PYTHON, "-c", PARSE, &sources.to_string_lossy()], root()).unwrap();
        assert!(counted.trim().parse::<u32>().unwrap() > 30, "{counted}");
    }
}
