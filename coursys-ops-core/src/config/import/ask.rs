//! Asks the site once: as its user, in its directory, through its own Python.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use super::answer::Answer;
use crate::config::{Config, Site};
use crate::context::Caller;
use crate::process::{Children, Command, Helper, Output, User};

/// How long the site may take to answer. Its start imports all of Django, which takes seconds on a busy server.
pub const DEADLINE: Duration = Duration::from_secs(30);

/// How long a process gets to end itself before it is killed.
const GRACE: Duration = Duration::from_millis(500);

/// What runs in the site's Python.
const PROGRAM: &str = include_str!("program.py");

/// What `manage.py shell` is told: the program comes by standard input, which is a socket, and its answer goes back
/// through it. Standard output is the site's own.
const BOOTSTRAP: &str = "import os; exec(os.fdopen(0, encoding=\"utf-8\", closefd=False).read(), {\"__name__\": \"coursys_ops\"})";

/// The longest part of the site's complaint that a message repeats, in characters.
const LONGEST_COMPLAINT: usize = 200;

/// Why the site's settings could not be imported.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ImportError {
    /// What happened. Never holds a secret.
    pub message: String,
    /// What to do.
    pub hint: String,
    /// Whether this caller may not do it, or the state of the files forbids it.
    pub refused: bool,
}

impl ImportError {
    pub(super) fn new(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { message: message.into(), hint: hint.into(), refused: false }
    }

    pub(super) fn refused(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { refused: true, ..Self::new(message, hint) }
    }
}

/// Asks the site for its settings; returns the answer, and the account that was asked as when it is not the caller's.
///
/// # Errors
///
/// This caller may not ask as the site's user, or the site gave no usable answer within `deadline`.
pub async fn ask(
    config: &Config,
    caller: &Caller,
    helper: &Helper,
    deadline: Duration,
) -> Result<(Answer, Option<User>), ImportError> {
    let children = Children::default();
    let asked = tokio::time::timeout(deadline, converse(&children, config, caller, helper)).await;
    children.end(GRACE).await;
    asked.unwrap_or_else(|_| {
        Err(site_failed(&config.site, &format!("it gave no answer within {} s", deadline.as_secs_f32())))
    })
}

async fn converse(
    children: &Children,
    config: &Config,
    caller: &Caller,
    helper: &Helper,
) -> Result<(Answer, Option<User>), ImportError> {
    let site = &config.site;
    let user = site_user(children, site, caller, helper).await?;
    let argv =
        [site.python.as_os_str(), "manage.py".as_ref(), "shell".as_ref(), "-c".as_ref(), BOOTSTRAP.as_ref()];
    let mut command = Command::new(argv).dir(&site.dir).user(user.clone()).input(PROGRAM).answering();
    for (name, value) in environment(site) {
        command = command.env(name, value);
    }
    let output = children.run(helper, command).await;
    let output = output.map_err(|error| site_failed(site, &error.to_string()))?;
    Ok((understand(site, &output)?, user))
}

/// As whom to ask; nothing when the caller is the site's user.
async fn site_user(
    children: &Children,
    site: &Site,
    caller: &Caller,
    helper: &Helper,
) -> Result<Option<User>, ImportError> {
    let Some(name) = site.user.as_deref().filter(|name| *name != caller.user) else { return Ok(None) };
    if caller.uid != 0 {
        let message =
            format!("only root and `{name}` can ask the site for its settings; this is `{}`", caller.user);
        return Err(ImportError::refused(message, "run it with sudo"));
    }
    match children.user(helper, name).await {
        Ok(Some(user)) => Ok(Some(user)),
        Ok(None) => Err(ImportError::new(
            format!("there is no user `{name}` on this machine"),
            "set `site.user` to the account that the site runs as",
        )),
        Err(error) => Err(ImportError::new(format!("cannot look `{name}` up: {error}"), "try again")),
    }
}

/// The site's own variables, and what keeps its Python from leaving compiled files in its directory.
fn environment(site: &Site) -> impl Iterator<Item = (&'static str, OsString)> {
    let path = |path: &Option<PathBuf>| path.clone().map(OsString::from);
    [
        ("PYTHONDONTWRITEBYTECODE", Some("1".into())),
        ("COURSYS_USER", site.user.clone().map(OsString::from)),
        ("COURSYS_USER_HOME", path(&site.user_home)),
        ("COURSYS_DIR", Some(site.dir.clone().into())),
        ("COURSYS_DEPLOY_MODE", site.deploy_mode.clone().map(OsString::from)),
        ("COURSYS_STATIC_DIR", path(&site.static_dir)),
        ("COURSYS_DATA_ROOT", path(&site.data_root)),
        ("PYTHON", Some(site.python.clone().into())),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name, value?)))
}

fn understand(site: &Site, output: &Output) -> Result<Answer, ImportError> {
    if output.answer.is_empty() {
        return Err(site_failed(site, &harmless(&output.complaint())));
    }
    Answer::parse(&output.answer).map_err(|why| site_failed(site, &why))
}

fn site_failed(site: &Site, why: &str) -> ImportError {
    let (python, dir) = (site.python.display(), site.dir.display());
    ImportError::new(
        format!("the site's own Python gave no answer: {why}"),
        format!("run `{python} manage.py check` in `{dir}` as the site's user, and mend what it says"),
    )
}

/// A line from outside without the user part of URLs, which holds passwords, and no longer than helps.
fn harmless(line: &str) -> String {
    let mut safe = String::new();
    let mut rest = line;
    while let Some((before, after)) = rest.split_once("://") {
        safe.push_str(before);
        safe.push_str("://");
        // A password that was never encoded may hold anything but a blank.
        let (word, _) = after.split_once(char::is_whitespace).unwrap_or((after, ""));
        rest = match word.rfind('@').and_then(|at| after.get(at..)) {
            Some(from_at) => {
                safe.push_str(crate::secret::REDACTED);
                from_at
            }
            None => after,
        };
    }
    safe.push_str(rest);
    safe.chars().take(LONGEST_COMPLAINT).collect()
}

#[cfg(test)]
#[path = "ask_tests.rs"]
mod tests;
