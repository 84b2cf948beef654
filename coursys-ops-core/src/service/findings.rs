//! What a look means for the check `service.NAME`.

use super::look::{Drift, DriftKind, Look, Part, State};
use crate::model::{Code, Finding};

/// The id of a component's check.
#[must_use]
pub fn check_id(name: &str) -> String {
    format!("service.{name}")
}

/// The findings about a component: one for what each part does, and one for each thing that is not as it should be.
#[must_use]
pub fn findings(look: &Look) -> Vec<Finding> {
    let several = look.parts.len() > 1;
    let of = |part: &Part| {
        let mut found = vec![state(part, look)];
        // Who is not there has no drift, and a loop is told as the state.
        found.extend(part.drift.iter().filter(|drift| !is_told(part, drift)).filter_map(drifted));
        if several {
            found.into_iter().map(|finding| finding.about(part.unit.clone())).collect()
        } else {
            found
        }
    };
    look.parts.iter().flat_map(of).collect()
}

fn journal(part: &Part, look: &Look) -> String {
    match part.containers.first() {
        Some(container) => format!("read `docker logs --tail 50 {container}`"),
        None if look.manager == "compose" => "look at the compose file and at `docker ps --all`".to_owned(),
        None => format!("read `journalctl -u {}`", part.unit),
    }
}

fn state(part: &Part, look: &Look) -> Finding {
    let (unit, detail, component) = (&part.unit, &part.detail, &look.component);
    let message = format!("`{unit}` is {detail}");
    let start = format!("run `coursys-ops service {component} start`");
    let journal = journal(part, look);
    let find = |kind| part.drift.iter().find(|drift| drift.kind == kind);
    if let Some(drift) = find(DriftKind::Masked).filter(|_| !part.state.is_up()) {
        return Finding::failed(Code::Masked, format!("{message}; {}", drift.message), drift.hint.clone());
    }
    if let Some(drift) = find(DriftKind::RestartLoop) {
        return Finding::failed(
            Code::RestartLoop,
            format!("{message}; {}", drift.message),
            drift.hint.clone(),
        );
    }
    if let Some(drift) = find(DriftKind::StuckStarting) {
        return Finding::failed(Code::StuckStarting, drift.message.clone(), drift.hint.clone());
    }
    match part.state {
        State::Running => Finding::passed(message),
        State::Starting | State::Stopping => {
            Finding::warning(Code::Busy, message, format!("wait and look again; if it stays so, {journal}"))
        }
        State::Restarting => {
            Finding::failed(Code::UnitFailed, message, format!("{journal} to see why it ended"))
        }
        State::Stopped | State::Missing => {
            let waits = &part.waits_for;
            let waits = if waits.is_empty() {
                String::new()
            } else {
                format!("; it needs {}, too", waits.join(", "))
            };
            Finding::failed(Code::NotRunning, format!("{message}, not running{waits}"), start)
        }
        State::Failed => {
            Finding::failed(Code::UnitFailed, message, format!("{journal}, mend what it says, then {start}"))
        }
        State::Paused => {
            let paused = part.containers.first().filter(|_| part.detail == "paused");
            let hint = match paused {
                Some(container) => format!("run `docker unpause {container}`"),
                None => format!(
                    "find out who stopped it; `kill -CONT {}` lets it go on",
                    part.main_pid.unwrap_or_default()
                ),
            };
            Finding::failed(Code::Paused, message, hint)
        }
        State::Unhealthy => Finding::failed(
            Code::Unhealthy,
            message,
            format!("{journal}; Docker's own look at its health fails"),
        ),
        State::Absent | State::Elsewhere => {
            Finding::skipped(Code::NotInLayout, format!("not in this layout: {detail}"))
        }
        State::Unseen => unseen(part),
    }
}

/// One that could not be seen: a lack of rights is nobody's fault.
fn unseen(part: &Part) -> Finding {
    let message = format!("`{}` could not be seen: {}", part.unit, part.detail);
    if part.is_not_permitted() {
        Finding::skipped(Code::NotPermitted, message).with_hint("run the check with sudo")
    } else {
        Finding::unknown(Code::HelperFailed, message).with_hint("look whether systemd and Docker answer")
    }
}

/// Whether the finding about the state tells this already.
fn is_told(part: &Part, drift: &Drift) -> bool {
    match drift.kind {
        DriftKind::RestartLoop | DriftKind::StuckStarting | DriftKind::NotRunning => true,
        DriftKind::Masked => !part.state.is_up(),
        _ => false,
    }
}

fn drifted(drift: &Drift) -> Option<Finding> {
    let code = match drift.kind {
        DriftKind::Masked => Code::Masked,
        DriftKind::NotEnabled => Code::NotEnabled,
        DriftKind::ReloadNeeded => Code::ReloadNeeded,
        DriftKind::OldConfiguration | DriftKind::OldImage | DriftKind::OldDescription => Code::Outdated,
        DriftKind::FewReplicas => Code::TooFew,
        DriftKind::TwoMasters => Code::TooMany,
        // As of a container of its own: who waits for that node waits in vain.
        DriftKind::MissingNodes => {
            return Some(Finding::failed(Code::MissingNode, drift.message.clone(), drift.hint.clone()));
        }
        // Worth knowing, and nothing wrong.
        DriftKind::CronRestarts => return None,
        DriftKind::NotRunning => Code::NotRunning,
        DriftKind::RestartLoop => Code::RestartLoop,
        DriftKind::StuckStarting => Code::StuckStarting,
    };
    Some(Finding::warning(code, drift.message.clone(), drift.hint.clone()))
}

#[cfg(test)]
#[path = "findings_tests.rs"]
mod tests;
