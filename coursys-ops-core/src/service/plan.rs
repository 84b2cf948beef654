//! What is done to a component, as steps. Nothing here acts or looks.

use std::path::{Path, PathBuf};
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::findings::check_id;
use super::look::{DriftKind, Look, Part, State};
use crate::config::Component;
use crate::plan::{RunAs, Step};

/// How long a start or a stop may take where the component says nothing: a little more than systemd's own patience.
const PATIENCE: Duration = Duration::from_secs(100);

/// How long a component without a health check must go on running before it counts as up. A unit of `Type=simple` or
/// `exec` has started for systemd before its program has read its first line; importing the site takes a second or two.
const STEADY: Duration = Duration::from_secs(3);

/// What can be done to a component.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Deed {
    /// Start it.
    Start,
    /// Stop it.
    Stop,
    /// Stop and start it, in the container that it has.
    Restart,
    /// Let it read its configuration anew, without an interruption.
    Reload,
    /// Make its container anew, of the image and description of today.
    Recreate,
}

impl Deed {
    /// The word of the command line and of step ids.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Restart => "restart",
            Self::Reload => "reload",
            Self::Recreate => "recreate",
        }
    }

    /// Whether it works afterwards.
    const fn ends_up(self) -> bool {
        !matches!(self, Self::Stop)
    }
}

/// Why something cannot be done to a component.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// What is in the way.
    pub message: String,
    /// What to do about it.
    pub hint: String,
}

impl Refusal {
    /// One.
    pub fn new(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { message: message.into(), hint: hint.into() }
    }
}

/// The units of a component that are there.
///
/// # Errors
///
/// There is none, or none can be seen.
fn parts<'a>(name: &str, seen: &'a Look) -> Result<Vec<&'a Part>, Refusal> {
    let here: Vec<&Part> =
        seen.parts.iter().filter(|part| !matches!(part.state, State::Absent | State::Elsewhere)).collect();
    if here.is_empty() {
        let why = seen.parts.first().map(|part| part.detail.clone()).unwrap_or_default();
        return Err(Refusal::new(
            format!("`{name}` is not part of this deployment: {why}"),
            "`coursys-ops status` shows what is",
        ));
    }
    if let Some(part) = here.iter().find(|part| part.state == State::Unseen) {
        return Err(Refusal::new(
            format!("the state of `{}` could not be seen: {}", part.unit, part.detail),
            "run it as root, or mend what keeps from looking",
        ));
    }
    Ok(here)
}

fn patience(component: &Component) -> Duration {
    component.patience_s.map_or(PATIENCE, Duration::from_secs)
}

/// What must pass after a step that leaves the component running.
fn gate(name: &str, component: &Component) -> Vec<String> {
    std::iter::once(check_id(name)).chain(component.health.iter().cloned()).collect()
}

fn finished(step: Step, name: &str, component: &Component, deed: Deed) -> Step {
    let step = step.component(name).deadline(patience(component));
    if !deed.ends_up() {
        return step;
    }
    let step = step.gate(gate(name, component));
    if component.health.is_empty() { step.steady(STEADY) } else { step }
}

/// The steps for units of systemd.
///
/// # Errors
///
/// Why it cannot be done.
pub(super) fn systemd(
    name: &str,
    component: &Component,
    deed: Deed,
    seen: &Look,
) -> Result<Vec<Step>, Refusal> {
    let parts = parts(name, seen)?;
    match deed {
        Deed::Recreate => {
            return Err(Refusal::new(
                format!("`{name}` is a unit of systemd and has no container"),
                format!("`coursys-ops service {name} restart` starts it anew"),
            ));
        }
        Deed::Reload if !component.reloads => return Err(no_reload(name)),
        Deed::Reload if !parts.iter().all(|part| part.state == State::Running) => {
            return Err(Refusal::new(
                format!("`{name}` does not run"),
                format!("start it: `coursys-ops service {name} start`"),
            ));
        }
        _ => {}
    }
    if deed.ends_up()
        && let Some(part) = parts.iter().find(|part| part.has(DriftKind::Masked))
    {
        let hint =
            format!("whoever masked it had a reason; `systemctl unmask {}` takes that back", part.unit);
        return Err(Refusal::new(format!("`{}` is masked: nothing starts it", part.unit), hint));
    }
    let units: Vec<String> = parts.iter().map(|part| part.unit.clone()).collect();
    let systemctl =
        |verb: &str| -> Vec<String> { [&["systemctl".to_owned(), verb.to_owned()][..], &units].concat() };
    let mut steps = Vec::new();
    if deed.ends_up() && parts.iter().any(|part| part.has(DriftKind::ReloadNeeded)) {
        let id = format!("{name}.daemon-reload");
        steps.push(Step::run(id, "read the unit files anew", ["systemctl", "daemon-reload"]).repeatable());
    }
    // systemd refuses to start what ended too often, and counts on through a start of what waits for its next try: until it
    // is told to forget, what is mended looks as if it still ended over and over.
    if deed.ends_up() && parts.iter().any(|part| part.has(DriftKind::RestartLoop)) {
        let id = format!("{name}.reset-failed");
        steps.push(
            Step::run(id, format!("forget the failures of {name}"), systemctl("reset-failed")).repeatable(),
        );
    }
    let verb = deed.as_str();
    // A start of what waits for its next try waits with it.
    let waits = parts.iter().any(|part| part.state == State::Restarting);
    let command = systemctl(if deed == Deed::Start && waits { "restart" } else { verb });
    let step = Step::run(format!("{name}.{verb}"), format!("{verb} {name}"), command).repeatable();
    steps.push(finished(step, name, component, deed));
    Ok(steps)
}

fn no_reload(name: &str) -> Refusal {
    Refusal::new(
        format!("`{name}` cannot read its configuration without a restart"),
        format!("`coursys-ops service {name} restart`"),
    )
}

/// The steps for services of compose, as the site's user in the directory of the compose file.
///
/// # Errors
///
/// Why it cannot be done.
pub(super) fn compose(
    name: &str,
    component: &Component,
    directory: Option<PathBuf>,
    deed: Deed,
    seen: &Look,
) -> Result<Vec<Step>, Refusal> {
    let parts = parts(name, seen)?;
    if deed == Deed::Reload {
        return Err(no_reload(name));
    }
    if seen.compose.is_empty() {
        return Err(Refusal::new(
            "neither `docker compose` nor `docker-compose` is installed",
            "install one of them, or set `compose.command`",
        ));
    }
    let directory = directory.unwrap_or_else(|| Path::new("/").to_owned());
    let step = |verb: &str, title: String, words: &[&str], units: &[&Part]| {
        let words = words.iter().map(|word| (*word).to_owned());
        let argv =
            seen.compose.iter().cloned().chain(words).chain(units.iter().map(|part| part.unit.clone()));
        Step::run(format!("{name}.{verb}"), title, argv)
            .run_as(RunAs::Site)
            .directory(&directory)
            .repeatable()
    };
    let with = |state: State| parts.iter().copied().filter(|part| part.state == state).collect::<Vec<_>>();
    let (paused, missing) = (with(State::Paused), with(State::Missing));
    let there: Vec<&Part> = parts.iter().copied().filter(|part| part.state != State::Missing).collect();
    let mut steps = Vec::new();
    if !paused.is_empty() && deed != Deed::Recreate {
        steps.push(step("unpause", format!("let {name} go on"), &["unpause"], &paused).component(name));
    }
    let patience = (patience(component) / 2).as_secs().to_string();
    let verb = deed.as_str();
    let title = format!("{verb} {name}");
    match deed {
        Deed::Stop => {
            if !there.is_empty() {
                steps.push(step(verb, title, &["stop", "-t", &patience], &there));
            }
        }
        Deed::Start | Deed::Restart => {
            // A container that is there is kept: whatever `up` would think of it, it is not made anew here.
            if !missing.is_empty() {
                let words = ["up", "-d", "--no-deps", "--no-recreate"];
                steps.push(step("create", format!("make the container of {name}"), &words, &missing));
            }
            if !there.is_empty() {
                let words: &[&str] =
                    if deed == Deed::Start { &["start"] } else { &["restart", "-t", &patience] };
                steps.push(step(verb, title, words, &there));
            }
        }
        Deed::Recreate | Deed::Reload => {
            let words = ["up", "-d", "--no-deps", "--force-recreate"];
            let step = step(verb, format!("make the container of {name} anew"), &words, &parts);
            let loses = component.loses.as_ref().filter(|_| !there.is_empty());
            steps.push(loses.into_iter().fold(step, |step, loses| step.loses(loses)));
        }
    }
    // What comes before the last step cannot be healthy yet.
    let last = steps.pop();
    steps.extend(last.map(|step| finished(step, name, component, deed)));
    Ok(steps)
}

#[cfg(test)]
#[path = "plan_tests.rs"]
pub(in crate::service) mod tests;
