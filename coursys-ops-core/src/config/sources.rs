//! What the configuration is made of, gathered from the file system and from values; nothing here reads the environment.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};

use super::error::{ConfigErrors, Origin, Problem};
use super::layer::SITE_VARIABLES;
use crate::{shell, trust};

/// The configuration file when nothing names one; the only one that may be missing.
pub const DEFAULT_FILE: &str = "/etc/coursys-ops/config.toml";

/// The variable that names another configuration file.
pub const FILE_VARIABLE: &str = "COURSYS_OPS_CONFIG";

/// Where the site's variables are when the environment lacks them: login shells read it, cron does not.
pub const SITE_ENVIRONMENT: &str = "/etc/profile.d/coursys-environment.sh";

/// The longest configuration file, in bytes: ten thousand checks of one's own, each with all that it may have.
const LONGEST: u64 = 16 << 20;

/// A configuration file.
#[derive(Debug, Clone)]
pub struct FileSource {
    /// Where it is: an absolute path, unless the working directory is unknown.
    pub path: PathBuf,
    /// What is in it.
    pub text: String,
    /// Whether everybody on the machine may read it.
    pub readable_by_everybody: bool,
}

/// Everything that the configuration is made of.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// The configuration file, where there is one.
    pub file: Option<FileSource>,
    /// The argument `--layout`.
    pub layout: Option<String>,
    /// The arguments `--set KEY=VALUE`.
    pub set: Vec<String>,
    /// The environment.
    pub environment: BTreeMap<String, String>,
    /// The site's own variables from [`SITE_ENVIRONMENT`], each of which counts when the environment lacks it.
    pub site_environment: Option<SiteEnvironment>,
    /// The working directory: relative paths of variables and arguments count from it.
    pub directory: Option<PathBuf>,
    /// Whether root asks.
    pub caller_is_root: bool,
}

/// The site's own variables, from a file.
#[derive(Debug, Clone)]
pub struct SiteEnvironment {
    /// The file.
    pub path: PathBuf,
    /// What it assigns.
    pub variables: BTreeMap<String, String>,
}

/// What the command line knows.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The argument `--config`.
    pub config: Option<PathBuf>,
    /// The argument `--layout`.
    pub layout: Option<String>,
    /// The arguments `--set`.
    pub set: Vec<String>,
    /// The working directory.
    pub directory: Option<PathBuf>,
    /// Whether root asks.
    pub caller_is_root: bool,
}

/// The configuration file that counts: `--config`, else the variable, else the default one.
#[must_use]
pub fn file_path(options: &Options, environment: &BTreeMap<String, String>) -> PathBuf {
    let variable = || environment.get(FILE_VARIABLE).filter(|path| !path.is_empty()).map(PathBuf::from);
    let path = options.config.clone().or_else(variable).unwrap_or_else(|| DEFAULT_FILE.into());
    options.directory.as_ref().map_or_else(|| path.clone(), |directory| directory.join(&path))
}

/// Reads the configuration file and, when the environment lacks any of the site's variables, their file.
///
/// # Errors
///
/// The file is missing (only the default one may be), is no regular file or not UTF-8; or the caller may not read it or,
/// as root, must not believe it because others may write it: then the errors say that the configuration was `refused`.
pub fn read_sources(
    options: Options,
    environment: BTreeMap<String, String>,
) -> Result<Sources, ConfigErrors> {
    let path = file_path(&options, &environment);
    let named = path != Path::new(DEFAULT_FILE);
    let file = read(&path, named, options.caller_is_root)?;
    let has_all =
        SITE_VARIABLES.iter().all(|(name, _)| environment.get(*name).is_some_and(|v| !v.is_empty()));
    let site_environment = if has_all {
        None
    } else {
        let path = Path::new(SITE_ENVIRONMENT);
        read(path, false, options.caller_is_root)?
            .map(|file| SiteEnvironment { path: file.path, variables: shell::assignments(&file.text) })
    };
    let Options { layout, set, directory, caller_is_root, .. } = options;
    Ok(Sources { file, layout, set, environment, site_environment, directory, caller_is_root })
}

/// Reads a file that may be missing unless it was named.
fn read(path: &Path, named: bool, as_root: bool) -> Result<Option<FileSource>, ConfigErrors> {
    let problem =
        |message: String| Problem::new(Origin::File { path: path.to_owned(), line: 0 }, "", message);
    let cannot = |error: std::io::Error| {
        let refused = error.kind() == std::io::ErrorKind::PermissionDenied;
        let problem = problem(format!("cannot be read: {}", reason(&error)));
        let problem = if refused { problem.hint("run it with sudo, or as the site's user") } else { problem };
        ConfigErrors { problems: vec![problem], refused }
    };
    if !named && matches!(path.try_exists(), Ok(false)) {
        return Ok(None);
    }
    let metadata = path.metadata().map_err(cannot)?;
    if !metadata.is_file() {
        // Before its mode is judged: nobody should change that of a device because it was named here.
        let what = if metadata.is_dir() { "is a directory" } else { "is not a file" };
        return Err(problem(what.to_owned()).into());
    }
    if as_root && let Err(distrust) = trust::only_root_writes(path).map_err(cannot)? {
        let message = format!("refused for root: {}", distrust.message);
        let problems = vec![problem(message).hint(distrust.remedy)];
        return Err(ConfigErrors { problems, refused: true });
    }
    // What has become a pipe since must not hold us.
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let file = rustix::fs::open(path, flags, Mode::empty()).map_err(|errno| cannot(errno.into()))?;
    let file = std::fs::File::from(file);
    let mut bytes = Vec::new();
    file.take(LONGEST + 1).read_to_end(&mut bytes).map_err(cannot)?;
    if bytes.len() as u64 > LONGEST {
        return Err(problem(format!("is longer than {LONGEST} bytes")).into());
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let good = error.utf8_error().valid_up_to();
        let line = error.as_bytes().iter().take(good).filter(|byte| **byte == b'\n').count() + 1;
        Problem::new(Origin::File { path: path.to_owned(), line }, "", "is not UTF-8")
    })?;
    Ok(Some(FileSource {
        path: path.to_owned(),
        text,
        readable_by_everybody: trust::everybody_reads(&metadata),
    }))
}

/// An error of the operating system in words, without its number.
pub(crate) fn reason(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
        std::io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
#[path = "sources_tests.rs"]
mod tests;
