//! `maintenance.state`: whether the site is open or closed as somebody wants it, and not half of each.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use coursys_ops_core::config::Config;
use coursys_ops_core::maintenance::{Facts, Flag, Judged, LeaseView, State, Trouble, judge, look};
use coursys_ops_core::model::{CheckSpec, Code, Finding};
use coursys_ops_core::service::{Service, Surveyor, services};
use coursys_ops_core::{Check, Scope};

use crate::maintenance_witness::SiteWitness;

/// systemd, nginx and the broker may each be slow.
const TIMEOUT: Duration = Duration::from_secs(8);

const EXPLANATION: &str = "\
Looks whether the site is in maintenance, and whether that is the whole truth: what lies in the place of the flag \
`maintenance.flag`, whether Celery's workers and its beat run, whether others are kept from starting them, and, while the flag \
is there, what nginx answers and who consumes Celery's queues. Nothing is changed.

While it is `on`, nothing may write to the database or to the files. A flag whose workers run all the same, or whose pages are \
served, is worse than none, because somebody relies on it. A flag that somebody made by hand says neither who wants it nor for \
how long.

When it fails: `coursys-ops maintenance status` shows all that was seen. `flag_without_lease`: ask who made the flag; \
`coursys-ops 503 --take-over` makes a proper maintenance of it, `coursys-ops rm503 --take-over` ends it. `flag_but_workers`, \
`flag_but_served` and `not_held`: `coursys-ops 503` mends and proves it. `cannot_hold`: the \
workers are containers that no hold of ours can be written for, because the override file of compose is somebody else's, or \
none is read: see that nobody deploys meanwhile. `lease_expired`: the time that was asked for is over, \
and nobody has opened the site; it never opens by itself. `not_proven`, `not_started`, `flag_left`: a command was cut off; run it \
again. `held_no_flag`: somebody removed the flag by hand; `coursys-ops rm503` starts the workers.";

/// Looks at the site's maintenance.
pub struct MaintenanceState {
    spec: CheckSpec,
    services: Vec<Arc<dyn Service>>,
}

impl MaintenanceState {
    /// The check; the survey is shared by all who look at services.
    #[must_use]
    pub fn new(config: &Config, surveyor: &Surveyor) -> Self {
        let spec = CheckSpec::new("maintenance.state", "Maintenance")
            .timeout(TIMEOUT)
            .timeout_hint("the machine is too busy to look, or systemd hangs: look at its load")
            .explanation(EXPLANATION);
        Self { spec, services: services(config, surveyor) }
    }
}

/// Since when, by whom, why, until when.
pub(crate) fn lease_words(lease: &LeaseView) -> String {
    let why = if lease.why.is_empty() { String::new() } else { format!(" ({})", lease.why) };
    let until = lease.until.as_ref().map_or_else(String::new, |until| format!(", until {until}"));
    format!("since {}, by `{}`{why}{until}", lease.since, lease.who)
}

/// What the check says.
fn finding(judged: &Judged) -> Finding {
    let lease = judged.lease.as_ref().map(lease_words).unwrap_or_default();
    let Some(trouble) = judged.code else {
        return Finding::passed(match judged.state {
            State::On => format!("the site is in maintenance {lease}"),
            _ => "the site is open".to_owned(),
        });
    };
    if trouble == Trouble::Draining {
        return Finding::passed(format!("the site is closed, and its queues are drained {lease}"));
    }
    let words = trouble.meaning().trim_end_matches('.');
    let lease = if lease.is_empty() { lease } else { format!(" (maintenance {lease})") };
    let seen = judged.evidence.first().map_or("", |first| first.message.as_str());
    let message = format!("{words}{lease}; the flag: {seen}");
    match trouble {
        Trouble::FlagUnseen => Finding::skipped(Code::NotPermitted, message).with_hint(trouble.hint()),
        Trouble::WorkersStoppedNoFlag | Trouble::NoFlagButClosed => Finding::passed("there is no flag"),
        Trouble::Draining => Finding::passed(message),
        Trouble::FlagWithoutLease => Finding::warning(Code::FlagWithoutLease, message, trouble.hint()),
        Trouble::LeaseExpired => Finding::warning(Code::LeaseExpired, message, trouble.hint()),
        Trouble::CannotHold => {
            let why = judged.evidence.iter().find(|one| one.about == "hold");
            let why = why.map_or("", |one| one.message.as_str());
            Finding::warning(Code::CannotHold, format!("{message}; {why}"), trouble.hint())
        }
        Trouble::NotProven => Finding::warning(Code::NotProven, message, trouble.hint()),
        Trouble::NotStarted => Finding::warning(Code::NotStarted, message, trouble.hint()),
        Trouble::FlagLeft => Finding::warning(Code::FlagLeft, message, trouble.hint()),
        Trouble::HeldNoFlag => Finding::failed(Code::HeldNoFlag, message, trouble.hint()),
        Trouble::FlagButWorkers | Trouble::FlagButServed | Trouble::NotHeld => {
            let code = match trouble {
                Trouble::FlagButWorkers => Code::FlagButWorkers,
                Trouble::FlagButServed => Code::FlagButServed,
                _ => Code::NotHeld,
            };
            // While it is being closed this is how it is.
            if judged.state == State::Entering {
                Finding::warning(code, message, trouble.hint())
            } else {
                Finding::failed(code, message, trouble.hint())
            }
        }
    }
}

async fn facts(scope: &Scope, services: &[Arc<dyn Service>]) -> Option<Facts> {
    // An open site is asked by other checks: what is wrong with it is theirs to tell.
    let witness = match Flag::look(scope).await {
        Flag::Ours(_) => Some(SiteWitness),
        Flag::Absent | Flag::Bare(_) | Flag::Unseen(_) => None,
    };
    look(scope, services, witness.as_ref().map(|witness| witness as _)).await
}

#[async_trait]
impl Check for MaintenanceState {
    fn spec(&self) -> &CheckSpec {
        &self.spec
    }

    async fn look(&self, scope: &Scope) -> Vec<Finding> {
        let Some(facts) = facts(scope, &self.services).await else {
            return vec![Finding::skipped(Code::NotInLayout, "this layout has no maintenance page")];
        };
        vec![finding(&judge(&facts))]
    }
}

#[cfg(test)]
mod tests {
    use coursys_ops_core::maintenance::{LeasePhase, SCHEMA};
    use coursys_ops_core::model::Status;

    use super::*;

    fn judged(state: State, code: Option<Trouble>) -> Judged {
        let lease = LeaseView {
            who: "ggbaker".into(),
            why: "disks".into(),
            since: "2026-11-23T03:00:00Z".into(),
            until: None,
            phase: LeasePhase::On,
            stopped: Vec::new(),
        };
        Judged { schema: SCHEMA, state, code, evidence: Vec::new(), lease: Some(lease) }
    }

    #[test]
    fn a_maintenance_that_somebody_wants_is_no_trouble() {
        let on = finding(&judged(State::On, None));
        assert_eq!(on.status, Status::Passed);
        assert!(on.message.ends_with("since 2026-11-23T03:00:00Z, by `ggbaker` (disks)"), "{}", on.message);
    }

    #[test]
    fn what_belies_the_flag_fails_and_what_is_half_done_warns() {
        let status = |state, code| finding(&judged(state, Some(code))).status;
        for code in [Trouble::FlagButWorkers, Trouble::FlagButServed, Trouble::NotHeld] {
            assert_eq!(status(State::Inconsistent, code), Status::Failed);
            assert_eq!(status(State::Entering, code), Status::Warning);
        }
        assert_eq!(status(State::On, Trouble::LeaseExpired), Status::Warning);
        assert_eq!(status(State::On, Trouble::CannotHold), Status::Warning);
        assert_eq!(status(State::Inconsistent, Trouble::HeldNoFlag), Status::Failed);
    }

    #[test]
    fn every_code_of_a_finding_is_called_what_the_status_calls_it() {
        for trouble in Trouble::ALL {
            let finding = finding(&judged(State::Inconsistent, Some(*trouble)));
            let other = matches!(finding.code, Code::Ok | Code::NotPermitted);
            assert!(other || finding.code.as_str() == trouble.as_str(), "{trouble:?}");
        }
    }
}
