//! Asks the site once: as its user, in its directory, through its own Python.

use std::time::Duration;

use super::answer::Answer;
use crate::config::{Config, Site, answered, site_complaint};
use crate::containers::Containers;
use crate::context::Caller;
use crate::helper::Blind;
use crate::process::{Children, Helper, Output, User};

/// How long the site may take to answer. Its start imports all of Django, which takes seconds on a busy server.
pub const DEADLINE: Duration = Duration::from_secs(30);

/// How long a process gets to end itself before it is killed.
const GRACE: Duration = Duration::from_millis(500);

/// What reads the settings in the site's Python: `settings_of(settings)` is an [`Answer`] as JSON has it.
pub const SETTINGS: &str = include_str!("settings.py");

/// What runs in the site's Python.
const PROGRAM: &str = concat!(include_str!("settings.py"), include_str!("program.py"));

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
        Err(site_failed(&config.site, &format!("it was silent for {} s", deadline.as_secs_f32())))
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
    let container = container(children, config, helper).await?;
    let command = match &container {
        Some((container, _)) => site.python_in(container, config.docker.socket.as_deref(), PROGRAM, DEADLINE),
        None => site.python(PROGRAM, user.clone()),
    };
    let output = children.run(helper, command).await;
    let output = output.map_err(|error| site_failed(site, &error.to_string()))?;
    let Some((_, mounts)) = container else { return Ok((understand(site, &output)?, user)) };
    Ok((understand(site, &answered(output))?.mounted(mounts), user))
}

/// The container to ask in, with what its project has mounted; nothing when the site runs on this machine, or this is its
/// container.
async fn container(
    children: &Children,
    config: &Config,
    helper: &Helper,
) -> Result<Option<(String, Vec<(String, String)>)>, ImportError> {
    let Some(service) = config.site.service.as_deref() else { return Ok(None) };
    let hint = "start it, or correct `site.service`";
    let containers = Containers::new(config, helper.clone(), children.clone());
    match containers.of(service).await {
        Ok(own) => match own.into_iter().find(|one| one.state == "running") {
            Some(container) => Ok(Some((container.id, containers.mounts(service).await.unwrap_or_default()))),
            None => Err(ImportError::new(format!("no container of `{service}` runs"), hint)),
        },
        Err(Blind::Absent(_)) => Ok(None),
        Err(Blind::Refused(why)) => Err(ImportError::refused(why, "run it with sudo")),
        Err(blind) => Err(ImportError::new(blind.to_string(), "look whether Docker answers")),
    }
}

/// As whom to ask; nothing when the caller is the site's user.
async fn site_user(
    children: &Children,
    site: &Site,
    caller: &Caller,
    helper: &Helper,
) -> Result<Option<User>, ImportError> {
    let Some(name) = site.user.as_deref().filter(|name| *name != caller.user) else {
        let danger = if caller.uid == 0 { site.dangerous_for_root() } else { None };
        let hint = "set `site.user` to the account that the site runs as";
        return danger.map_or(Ok(None), |danger| Err(ImportError::refused(danger, hint)));
    };
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

fn understand(site: &Site, output: &Output) -> Result<Answer, ImportError> {
    if output.answer.is_empty() {
        return Err(site_failed(site, &site_complaint(output)));
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

#[cfg(test)]
#[path = "ask_tests.rs"]
mod tests;
