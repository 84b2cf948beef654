//! A component that is a service of Docker Compose, or several.

use std::path::{Path, PathBuf};

use async_trait::async_trait;
use jiff::Timestamp;

use super::compose_file::Described;
use super::look::{Drift, DriftKind, Look, Part, State};
use super::plan::{self, Deed, Refusal};
use super::survey::{Surveyed, Surveyor};
use super::unit::{LOOP, SLACK_MS, YOUNG_MS};
use super::{Service, compose_call};
use crate::check::Scope;
use crate::config::{Component, Compose, Config};
use crate::helper::{Blind, Container, Survey};
use crate::plan::Step;

/// Exit codes of those who were asked to end: none, SIGINT, SIGKILL, SIGTERM.
const ASKED_TO_END: [i64; 4] = [0, 130, 137, 143];

/// The policies by which Docker starts a container again, whatever it ended with, unless somebody stopped it.
const KEPT: [&str; 2] = ["always", "unless-stopped"];

/// How Docker calls the policy of never starting a container by itself.
const NEVER: [&str; 2] = ["", "no"];

/// A component that is a service of Docker Compose, or several.
pub struct ComposeService {
    name: String,
    component: Component,
    compose: Compose,
    surveyor: Surveyor,
}

impl ComposeService {
    /// One.
    #[must_use]
    pub fn new(name: String, component: Component, compose: &Compose, surveyor: Surveyor) -> Self {
        Self { name, component, compose: compose.clone(), surveyor }
    }

    fn part(&self, unit: &str, seen: &Surveyed, config: &Config) -> Part {
        let nothing = |state, why: String| {
            let mut part = Part::new(unit, state);
            part.detail = why;
            part
        };
        let engine = match &seen.survey.engine {
            Ok(engine) => engine,
            Err(Blind::Absent(why)) => return nothing(State::Absent, why.clone()),
            // What was there in another year is not missed because Docker is down.
            Err(Blind::Down(_)) if matches!(&seen.file, Ok(file) if file.service(unit).is_none()) => {
                return nothing(State::Absent, not_described(unit));
            }
            Err(Blind::Down(why)) => {
                let mut part = nothing(State::Stopped, why.clone());
                part.waits_for = seen.waits_for(config, &self.component);
                return part;
            }
            Err(blind) => return Part::unseen(unit, &blind.to_string()),
        };
        let own: Vec<&Container> = engine.containers.iter().filter(|one| one.service == unit).collect();
        let described = match &seen.file {
            Ok(file) => file.service(unit),
            Err(_) => None,
        };
        // The first is the one that does best.
        let mut ranked: Vec<(State, &Container)> =
            own.iter().map(|one| (state(one, &seen.survey), *one)).collect();
        ranked.sort_by_key(|(state, one)| (rank(*state), one.name.clone()));
        let Some((best, first)) = ranked.first().copied() else {
            return match (&seen.file, described) {
                (Ok(_), Some(_)) => {
                    let mut part = nothing(State::Missing, "without a container".to_owned());
                    part.waits_for = seen.waits_for(config, &self.component);
                    part
                }
                (Ok(_), None) => nothing(State::Absent, not_described(unit)),
                (Err(Blind::Absent(why)), _) => nothing(State::Absent, why.clone()),
                (Err(blind), _) => Part::unseen(unit, &blind.to_string()),
            };
        };
        let mut part = read(unit, best, first, seen.survey.now_ms);
        if is_halted(first, &seen.survey) {
            part.detail = format!("{} (process {} was stopped by a signal)", first.state, first.pid);
        }
        part.containers = own.iter().map(|one| one.name.clone()).collect();
        if best != State::Running {
            part.waits_for = seen.waits_for(config, &self.component);
        }
        let up = ranked.iter().filter(|(state, _)| *state == State::Running).count();
        let wanted = wanted(described, first).max(ranked.len());
        if best == State::Running && up < wanted {
            part.drift.push(too_few(unit, up, ranked.len(), wanted));
        }
        if let Some(now) = engine.images.get(&tagged(&first.image))
            && *now != first.image_id
        {
            let message =
                format!("the container of `{unit}` is of an older image than `{}` means now", first.image);
            part.drift.push(Drift::new(DriftKind::OldImage, message, self.hint(unit)));
        }
        let wanted = described.and_then(|described| described.image.as_deref());
        if let Some(wanted) = wanted.filter(|wanted| *wanted != first.image) {
            let message = format!(
                "the container of `{unit}` is of `{}`; the compose file says `{wanted}`",
                first.image
            );
            part.drift.push(Drift::new(DriftKind::OldDescription, message, self.hint(unit)));
        } else if changed_since(first, &seen.survey) {
            self.described(&mut part, first, seen);
        }
        part
    }

    /// Whether a container that is older than the compose file is what that describes, as compose says.
    fn described(&self, part: &mut Part, one: &Container, seen: &Surveyed) {
        let unit = part.unit.clone();
        let why = match (&one.config_hash, seen.hashes.as_ref().map(|told| (told.by_first, &told.hashes))) {
            (Some(_), Some((by_first, _))) if by_first != is_first(one) => {
                "its hash of it is of another version of compose"
            }
            (Some(made), Some((by_first, Ok(hashes)))) => match hashes.get(&unit) {
                Some(now) if now == made => return,
                // Version 1 puts the image into its hash.
                _ if by_first && part.has(DriftKind::OldImage) => return,
                _ => {
                    let message =
                        format!("the container of `{unit}` is not what the compose file describes now");
                    part.drift.push(Drift::new(DriftKind::OldDescription, message, self.hint(&unit)));
                    return;
                }
            },
            (_, Some((_, Err(why)))) => why,
            _ => "the container does not tell of what it was made",
        };
        let why = format!(
            "the compose file was changed after the container was made; whether that matters to it cannot be told: {why}"
        );
        part.unseen.insert("description".to_owned(), why);
    }

    fn hint(&self, unit: &str) -> String {
        let hint = format!(
            "make it anew when the site can do without it: `coursys-ops service {} recreate`",
            self.name
        );
        match &self.component.loses {
            Some(loses) => format!("{hint}; for `{unit}` that loses {loses}"),
            None => hint,
        }
    }

    /// How compose is called: as configured, else the version that made the containers, else the one that is installed.
    fn call(&self, seen: &Surveyed) -> Vec<String> {
        let survey = &seen.survey;
        let made_by = survey.engine.iter().flat_map(|engine| &engine.containers);
        let first =
            made_by.filter_map(|one| one.compose_version.as_deref()).any(|version| version.starts_with("1."));
        let is_first = match (survey.has_compose_v2, survey.has_compose_v1) {
            _ if !self.compose.command.is_empty() => false,
            (true, false) => false,
            (true, true) => first,
            (false, true) => true,
            (false, false) => return Vec::new(),
        };
        compose_call::call(compose_call::program(&self.compose, is_first), &self.compose)
    }
}

/// How many containers a service should have by its description, as far as that is heeded and known; else none.
fn wanted(described: Option<&Described>, one: &Container) -> usize {
    // Version 1 leaves that to swarms.
    let replicas = described.filter(|_| !is_first(one)).and_then(|described| described.replicas);
    replicas.and_then(|replicas| usize::try_from(replicas).ok()).unwrap_or_default()
}

/// Whether a container was made by version 1 of compose.
pub(super) fn is_first(one: &Container) -> bool {
    one.compose_version.as_deref().is_none_or(|version| version.starts_with("1."))
}

/// Fewer containers run than there are, or than should be.
fn too_few(unit: &str, up: usize, there: usize, wanted: usize) -> Drift {
    let hint = if up < there {
        format!("look at the others: `docker ps --all --filter label=com.docker.compose.service={unit}`")
    } else {
        format!("run `docker compose up -d --no-deps --no-recreate {unit}` beside the compose file")
    };
    Drift::new(DriftKind::FewReplicas, format!("{up} of {wanted} containers of `{unit}` run"), hint)
}

fn not_described(unit: &str) -> String {
    format!("the compose file describes no service `{unit}`")
}

/// The better, the less.
const fn rank(state: State) -> u8 {
    match state {
        State::Running => 0,
        State::Starting => 1,
        State::Unhealthy => 2,
        State::Restarting => 3,
        State::Paused => 4,
        State::Stopping => 5,
        State::Stopped => 6,
        _ => 7,
    }
}

/// Whether a signal has halted the main process of a container, of which Docker knows nothing.
fn is_halted(one: &Container, survey: &Survey) -> bool {
    let main = survey.running.iter().find(|process| process.pid == one.pid && process.pid != 0);
    main.is_some_and(|main| matches!(main.state, 'T' | 't'))
}

fn state(one: &Container, survey: &Survey) -> State {
    let halted = is_halted(one, survey);
    match (one.state.as_str(), one.health.as_deref()) {
        ("running", _) if halted => State::Paused,
        ("running", Some("unhealthy")) => State::Unhealthy,
        ("running", Some("starting")) => State::Starting,
        ("running", _) => State::Running,
        ("restarting", _) => State::Restarting,
        ("paused", _) => State::Paused,
        ("removing" | "stopping", _) => State::Stopping,
        ("dead", _) => State::Failed,
        // Docker tried to start it, and could not.
        ("exited" | "created", _) if one.error.is_some() => State::Failed,
        // It would have been started again had nobody stopped it, and some programs end badly when they are told to.
        ("exited", _) if KEPT.contains(&one.restart_policy.as_str()) => State::Stopped,
        ("exited", _) if one.oom_killed || !ASKED_TO_END.contains(&one.exit_code) => State::Failed,
        _ => State::Stopped,
    }
}

fn read(unit: &str, state: State, one: &Container, now: i64) -> Part {
    let mut part = Part::new(unit, state);
    part.detail = match (one.state.as_str(), &one.health) {
        ("exited" | "created", _) if one.error.is_some() => {
            format!("could not be started: {}", one.error.as_deref().unwrap_or_default())
        }
        ("exited", _) if one.oom_killed => "ended because there was no memory left".to_owned(),
        ("exited", _) => format!("exited ({})", one.exit_code),
        ("running", Some(health)) => {
            let log = one
                .health_log
                .as_deref()
                .filter(|_| health == "unhealthy")
                .and_then(|log| log.lines().next());
            log.map_or_else(|| format!("running ({health})"), |line| format!("running ({health}: {line})"))
        }
        (state, _) => state.to_owned(),
    };
    let started = one.started.as_deref().and_then(millis);
    let is_up = state.is_up();
    part.started_ms = started.filter(|_| is_up);
    part.since_ms = if is_up { started } else { one.finished.as_deref().and_then(millis) };
    part.main_pid = Some(one.pid).filter(|pid| *pid != 0);
    part.memory_bytes = one.memory.filter(|_| is_up);
    part.restarts = Some(one.restarts);
    part.enabled = Some(KEPT.contains(&one.restart_policy.as_str()));
    part.version = Some(one.image.clone()).filter(|image| !image.is_empty());
    let place = |place: &crate::helper::Published| match &place.ip {
        Some(ip) if ip.contains(':') => format!("[{ip}]:{}", place.port),
        Some(ip) => format!("{ip}:{}", place.port),
        None => format!("*:{}", place.port),
    };
    part.listens = one.published.iter().map(place).collect();
    if part.memory_bytes.is_none() && is_up {
        part.unseen.insert("memory".to_owned(), "the container's control group cannot be read".to_owned());
    }
    if NEVER.contains(&one.restart_policy.as_str()) {
        let message =
            format!("nothing starts the container of `{unit}` when the machine or Docker was restarted");
        let hint = format!(
            "say `restart: always` for `{unit}` in the compose file; `docker update --restart always {}` does it for \
             the container that is there",
            one.name
        );
        part.drift.push(Drift::new(DriftKind::NotEnabled, message, hint));
    }
    let young = started.is_some_and(|started| now.saturating_sub(started) < YOUNG_MS);
    if one.restarts >= LOOP && (one.state == "restarting" || young) {
        let message = format!("Docker has restarted the container of `{unit}` {} times", one.restarts);
        let hint = format!("read `docker logs --tail 50 {}` to see why it ends", one.name);
        part.drift.push(Drift::new(DriftKind::RestartLoop, message, hint));
    }
    part
}

/// Whether the compose file is younger than the container.
pub(super) fn changed_since(one: &Container, survey: &Survey) -> bool {
    let made = one.created.as_deref().and_then(millis);
    made.zip(survey.compose_changed_ms).is_some_and(|(made, changed)| changed > made + SLACK_MS)
}

fn millis(time: &str) -> Option<i64> {
    time.parse::<Timestamp>().ok().map(Timestamp::as_millisecond)
}

/// The name of an image with its tag.
fn tagged(image: &str) -> String {
    let last = image.rsplit('/').next().unwrap_or(image);
    if last.contains(':') || image.contains('@') { image.to_owned() } else { format!("{image}:latest") }
}

#[async_trait]
impl Service for ComposeService {
    fn name(&self) -> &str {
        &self.name
    }

    fn component(&self) -> &Component {
        &self.component
    }

    async fn look(&self, scope: &Scope) -> Look {
        let units = self.component.unit_names(&self.name);
        let seen = self.surveyor.survey(scope).await;
        let mut parts: Vec<Part> = match &seen {
            Ok(seen) => units.iter().map(|unit| self.part(unit, seen, scope.config())).collect(),
            Err(why) => units.iter().map(|unit| Part::unseen(unit, why)).collect(),
        };
        if parts.iter().any(|part| part.state != State::Absent) {
            parts.retain(|part| part.state != State::Absent);
        }
        let compose = seen.map(|seen| self.call(&seen)).unwrap_or_default();
        Look { compose, ..Look::of(&self.name, self.component.manager, parts) }
    }

    fn steps(&self, deed: Deed, seen: &Look) -> Result<Vec<Step>, Refusal> {
        let directory = self.compose.file.as_deref().and_then(Path::parent).map(PathBuf::from);
        plan::compose(&self.name, &self.component, directory, deed, seen)
    }
}

#[cfg(test)]
#[path = "compose_tests.rs"]
mod tests;
