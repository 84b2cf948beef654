//! A component that is a unit of systemd, or several.

use async_trait::async_trait;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::look::{Drift, DriftKind, Look, Part, State};
use super::plan::{self, Deed, Refusal};
use super::survey::{Surveyed, Surveyor, full};
use super::{Service, cron, nodes};
use crate::check::Scope;
use crate::config::{Component, Config};
use crate::helper::{Blind, Running, UnitSeen};
use crate::plan::Step;

/// How long a start takes at most where neither unit nor component says, in milliseconds: systemd's own default.
const START_MS: i64 = 90_000;

/// So many restarts by its manager within [`YOUNG_MS`] are a loop.
pub(super) const LOOP: u32 = 3;

/// A process that has run for longer, in milliseconds, has come out of whatever loop it was in.
pub(super) const YOUNG_MS: i64 = 300_000;

/// Times of files and processes are compared this coarsely, in milliseconds: a process started in the same second as its
/// file was written has read it.
pub(super) const SLACK_MS: i64 = 1000;

/// A component that is a unit of systemd, or several.
pub struct UnitService {
    name: String,
    component: Component,
    surveyor: Surveyor,
}

impl UnitService {
    /// One.
    #[must_use]
    pub const fn new(name: String, component: Component, surveyor: Surveyor) -> Self {
        Self { name, component, surveyor }
    }

    fn part(&self, unit: &str, seen: &Surveyed, config: &Config) -> Part {
        let units = match &seen.survey.units {
            Ok(units) => units,
            Err(Blind::Absent(why)) => {
                let mut part = Part::new(unit, State::Absent);
                part.detail.clone_from(why);
                return part;
            }
            Err(blind) => return Part::unseen(unit, &blind.to_string()),
        };
        match units.get(&full(unit)) {
            Some(found) if found.is_there() => {
                let mut part = self.read(unit, found, seen);
                part.waits_for = if part.state == State::Running {
                    Vec::new()
                } else {
                    seen.waits_for(config, &self.component)
                };
                part
            }
            _ => {
                let mut part = Part::new(unit, State::Absent);
                part.detail = format!("systemd has no unit `{unit}`");
                part
            }
        }
    }

    /// What the unit and its processes tell.
    fn read(&self, unit: &str, found: &UnitSeen, seen: &Surveyed) -> Part {
        let survey = &seen.survey;
        let now = survey.now_ms;
        let main = survey.running.iter().find(|process| process.pid == found.main_pid && process.pid != 0);
        let halted = self.halted(main, found, &survey.running);
        let mut part = Part::new(unit, state(found, halted.is_some()));
        part.detail = match (halted, found.result.as_str()) {
            (Some(pid), _) => format!("{} (process {pid} was stopped by a signal)", found.active_state),
            (_, "" | "success") => format!("{} ({})", found.active_state, found.sub_state),
            (_, result) => format!("{} ({}, {result})", found.active_state, found.sub_state),
        };
        part.since_ms = found.active_since_ms.filter(|_| found.serves()).or(found.state_since_ms);
        part.started_ms =
            found.started_ms.or_else(|| main.and_then(|main| main.started_ms)).filter(|_| found.serves());
        part.main_pid = Some(found.main_pid).filter(|pid| *pid != 0).or(halted);
        part.memory_bytes = found.memory.filter(|_| part.state.is_up());
        if part.memory_bytes.is_none() && part.state.is_up() {
            part.unseen
                .insert("memory".to_owned(), "systemd does not count the memory of its units".to_owned());
        }
        part.restarts = Some(found.restarts);
        part.enabled = match found.file_state.as_str() {
            "enabled" | "enabled-runtime" | "alias" => Some(true),
            "disabled" | "masked" | "masked-runtime" => Some(false),
            _ => None,
        };
        match &survey.listening {
            Ok(places) => {
                let ports: Vec<u16> = self.component.ports().collect();
                let own = places.iter().filter(|place| ports.contains(&place.port()));
                part.listens = own.filter(|_| part.state.is_up()).map(ToString::to_string).collect();
            }
            Err(refusal) => drop(part.unseen.insert("listens".to_owned(), refusal.message.clone())),
        }
        self.drift(&mut part, found, seen, now);
        part
    }

    /// The process that was halted by a signal: the main one or, where systemd knows of none, any of the component's own.
    fn halted(&self, main: Option<&Running>, found: &UnitSeen, running: &[Running]) -> Option<u32> {
        let is_halted = |process: &&Running| matches!(process.state, 'T' | 't');
        if found.main_pid != 0 {
            return main.filter(is_halted).map(|main| main.pid);
        }
        let word = self.component.process.as_deref()?;
        running.iter().filter(|process| is_of(process, &self.name, word)).find(is_halted).map(|one| one.pid)
    }

    fn drift(&self, part: &mut Part, found: &UnitSeen, seen: &Surveyed, now: i64) {
        let unit = part.unit.clone();
        let masked = found.load_state == "masked" || found.file_state.starts_with("masked");
        if masked {
            let hint = format!("run `systemctl unmask {unit}` when it is to run again");
            part.drift.push(Drift::new(
                DriftKind::Masked,
                format!("`{unit}` is masked: nothing starts it"),
                hint,
            ));
        } else if part.enabled == Some(false) {
            let hint = format!("run `systemctl enable {unit}`");
            part.drift.push(Drift::new(
                DriftKind::NotEnabled,
                format!("`{unit}` does not start at boot"),
                hint,
            ));
        }
        if part.enabled == Some(true) && part.state == State::Stopped {
            let message = format!("`{unit}` is enabled and does not run");
            part.drift.push(Drift::new(
                DriftKind::NotRunning,
                message,
                format!("run `systemctl start {unit}`"),
            ));
        }
        if found.needs_reload {
            let message = format!("the files of `{unit}` have changed since systemd read them");
            let hint = "run `systemctl daemon-reload`, then restart the unit for them to count";
            part.drift.push(Drift::new(DriftKind::ReloadNeeded, message, hint));
        }
        part.drift.extend(restart_loop(&unit, found, now));
        part.drift.extend(self.stuck(&unit, found, now));
        part.drift.extend(self.old(part, found, seen));
        part.drift.extend(self.strays(part, &seen.survey.running));
        part.drift.extend(self.missing(part, found, &seen.survey.running));
        match &seen.survey.cron {
            Ok(lines) => {
                let zone = Timestamp::from_millisecond(now).ok().map(|now| now.to_zoned(TimeZone::system()));
                for line in cron::lines(lines, &unit) {
                    let next = zone.as_ref().and_then(|now| cron::next(&line.when, now));
                    let next = next.map(|at| format!(", next at {}", at.strftime("%H:%M on %Y-%m-%d")));
                    let message = format!(
                        "{} restarts `{unit}` at `{}`{}",
                        line.file.display(),
                        line.when,
                        next.unwrap_or_default()
                    );
                    let hint = "this also starts what was stopped on purpose";
                    part.drift.push(Drift::new(DriftKind::CronRestarts, message, hint));
                }
            }
            Err(refusal) => {
                let why = format!("crontabs cannot be read: {}", refusal.message);
                part.unseen.insert("cron".to_owned(), why);
            }
        }
    }

    /// One that starts for longer than a start takes.
    fn stuck(&self, unit: &str, found: &UnitSeen, now: i64) -> Option<Drift> {
        let starts = found.active_state == "activating" && found.sub_state != "auto-restart";
        let for_ms = now.saturating_sub(found.state_since_ms?);
        let patience = self.component.patience_s.and_then(|seconds| i64::try_from(seconds).ok());
        let most = patience.map_or(START_MS, |seconds| seconds.saturating_mul(1000));
        (starts && for_ms > most).then(|| {
            let message = format!("`{unit}` has been starting for {} s", for_ms / 1000);
            let hint = format!("read `journalctl -u {unit}` to see what it waits for, then restart it");
            Drift::new(DriftKind::StuckStarting, message, hint)
        })
    }

    /// One that read its configuration before that was changed.
    fn old(&self, part: &Part, found: &UnitSeen, seen: &Surveyed) -> Option<Drift> {
        // One that forks may have no main process; what it forked has read everything by the time it is active.
        let started = part.started_ms.or(found.active_since_ms.filter(|_| found.serves()))?;
        let unit = &part.unit;
        if !found.needs_reload && found.files_changed_ms.is_some_and(|changed| changed > started + SLACK_MS) {
            let message = format!("`{unit}` has run since before its unit or environment file was changed");
            return Some(Drift::new(
                DriftKind::OldConfiguration,
                message,
                format!("run `systemctl restart {unit}`"),
            ));
        }
        // systemd tells no time of a reload but that of the last change of state.
        let read = found.state_since_ms.unwrap_or(started).max(started);
        let changed = |path: &&std::path::PathBuf| {
            seen.survey.changed_ms.get(*path).is_some_and(|changed| *changed > read + SLACK_MS)
        };
        let young = self.component.configs.iter().find(changed)?;
        let verb = if self.component.reloads { "reload" } else { "restart" };
        let message = format!("`{unit}` has not read {} since that was changed", young.display());
        Some(Drift::new(DriftKind::OldConfiguration, message, format!("run `systemctl {verb} {unit}`")))
    }

    /// One of several nodes whose process has ended: its unit stays active for the others' sake.
    fn missing(&self, part: &Part, found: &UnitSeen, running: &[Running]) -> Option<Drift> {
        let word = self.component.process.as_deref().filter(|_| part.state == State::Running)?;
        let own: Vec<&Running> = running.iter().filter(|process| is_of(process, &self.name, word)).collect();
        nodes::drift(&part.unit, &self.name, found.nodes.len(), &nodes::missing(&found.nodes, &own))
    }

    /// More main processes than there should be, or some of a unit that does not run.
    fn strays(&self, part: &Part, running: &[Running]) -> Option<Drift> {
        let most = usize::try_from(self.component.masters?).ok()?;
        let word = self.component.process.as_deref()?;
        let own: Vec<&Running> = running.iter().filter(|process| is_of(process, &self.name, word)).collect();
        let is_child = |process: &Running| own.iter().any(|other| other.pid == process.parent);
        let masters: Vec<u32> =
            own.iter().filter(|process| !is_child(process)).map(|process| process.pid).collect();
        let expected = if part.state.is_up() { most } else { 0 };
        let list = masters.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        (masters.len() > expected && part.state != State::Stopping).then(|| {
            let message = format!(
                "`{}` should have {expected} main processes, and there are {}: {list}",
                part.unit,
                masters.len()
            );
            let hint = "find out who started the other one and end it; two of them do everything twice";
            Drift::new(DriftKind::TwoMasters, message, hint)
        })
    }
}

/// Whether a process is of a component. The beat is a program of Celery's, but no worker.
fn is_of(process: &Running, name: &str, word: &str) -> bool {
    let file_name = |arg: &String| arg.rsplit('/').next() == Some(word);
    let shows = process.command.len() == 1 && process.command.iter().any(|arg| arg.contains(word));
    let is_beat = process.command.iter().any(|arg| arg == "beat");
    process.in_dir != Some(false)
        && is_beat == (name == "celerybeat")
        && (shows || process.command.iter().any(file_name))
}

fn state(found: &UnitSeen, halted: bool) -> State {
    match (found.active_state.as_str(), found.sub_state.as_str()) {
        ("active" | "reloading" | "refreshing", _) if halted => State::Paused,
        // What was done and ended does not serve.
        ("active", "exited" | "dead") => State::Stopped,
        ("active" | "reloading" | "refreshing", _) => State::Running,
        ("activating", "auto-restart") => State::Restarting,
        ("activating" | "maintenance", _) => State::Starting,
        ("deactivating", _) => State::Stopping,
        ("failed", _) => State::Failed,
        _ => State::Stopped,
    }
}

fn restart_loop(unit: &str, found: &UnitSeen, now: i64) -> Option<Drift> {
    let waits = found.sub_state == "auto-restart";
    let young = found.started_ms.is_some_and(|started| now.saturating_sub(started) < YOUNG_MS);
    // One that forks has no main process whose start could be young, and is given up with its own last failure as result.
    let given_up = found.active_state == "failed" && found.restarts >= LOOP;
    let gave_up = found.result == "start-limit-hit";
    (gave_up || given_up || found.restarts >= LOOP && (waits || young)).then(|| {
        let times = if gave_up { "until it gave up".to_owned() } else { format!("{} times", found.restarts) };
        let message = format!("systemd has restarted `{unit}` {times}");
        let hint = format!(
            "read `journalctl -u {unit}` to see why it ends; `systemctl reset-failed {unit}` sets it back"
        );
        Drift::new(DriftKind::RestartLoop, message, hint)
    })
}

#[async_trait]
impl Service for UnitService {
    fn name(&self) -> &str {
        &self.name
    }

    fn component(&self) -> &Component {
        &self.component
    }

    async fn look(&self, scope: &Scope) -> Look {
        let units = self.component.unit_names(&self.name);
        let mut parts: Vec<Part> = match self.surveyor.survey(scope).await {
            Ok(seen) => units.iter().map(|unit| self.part(unit, &seen, scope.config())).collect(),
            Err(why) => units.iter().map(|unit| Part::unseen(unit, &why)).collect(),
        };
        if parts.iter().any(|part| part.state != State::Absent) {
            parts.retain(|part| part.state != State::Absent);
        }
        Look::of(&self.name, self.component.manager, parts)
    }

    fn steps(&self, deed: Deed, seen: &Look) -> Result<Vec<Step>, Refusal> {
        plan::systemd(&self.name, &self.component, deed, seen)
    }
}

#[cfg(test)]
#[path = "unit_tests.rs"]
pub(in crate::service) mod tests;
