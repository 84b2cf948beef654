use super::*;
use crate::config::Manager;
use crate::model::Status;

fn codes(part: Part) -> Vec<(Status, Code)> {
    let findings = findings(&Look::of("celery", Manager::Systemd, vec![part]));
    for finding in &findings {
        let needs_hint = matches!(finding.status, Status::Failed | Status::Warning);
        assert!(!needs_hint || finding.hint.as_ref().is_some_and(|hint| !hint.is_empty()), "{finding:?}");
    }
    findings.iter().map(|finding| (finding.status, finding.code)).collect()
}

fn with(state: State, kinds: &[DriftKind]) -> Part {
    let mut part = Part::new("celery", state);
    part.drift = kinds.iter().map(|kind| Drift::new(*kind, "so", "do")).collect();
    part
}

#[test]
fn each_state_is_told_as_what_it_is() {
    for (state, kinds, expected) in [
        (State::Running, &[][..], (Status::Passed, Code::Ok)),
        (State::Stopped, &[DriftKind::NotRunning], (Status::Failed, Code::NotRunning)),
        (State::Missing, &[], (Status::Failed, Code::NotRunning)),
        (State::Failed, &[], (Status::Failed, Code::UnitFailed)),
        (State::Failed, &[DriftKind::RestartLoop], (Status::Failed, Code::RestartLoop)),
        (State::Restarting, &[DriftKind::RestartLoop], (Status::Failed, Code::RestartLoop)),
        (State::Stopped, &[DriftKind::Masked], (Status::Failed, Code::Masked)),
        (State::Starting, &[], (Status::Warning, Code::Busy)),
        (State::Starting, &[DriftKind::StuckStarting], (Status::Failed, Code::StuckStarting)),
        (State::Paused, &[], (Status::Failed, Code::Paused)),
        (State::Unhealthy, &[], (Status::Failed, Code::Unhealthy)),
        (State::Absent, &[], (Status::Skipped, Code::NotInLayout)),
        (State::Unseen, &[], (Status::Unknown, Code::HelperFailed)),
    ] {
        assert_eq!(codes(with(state, kinds)), [expected], "{state:?} {kinds:?}");
    }
    assert_eq!(
        codes(Part::unseen("celery", "this user may not talk to Docker")),
        [(Status::Skipped, Code::NotPermitted)]
    );
}

#[test]
fn what_drifts_while_it_runs_is_a_warning_so_that_nobody_else_is_skipped_for_it() {
    let drift =
        [DriftKind::NotEnabled, DriftKind::ReloadNeeded, DriftKind::OldImage, DriftKind::CronRestarts];
    assert_eq!(
        codes(with(State::Running, &drift)),
        [
            (Status::Passed, Code::Ok),
            (Status::Warning, Code::NotEnabled),
            (Status::Warning, Code::ReloadNeeded),
            (Status::Warning, Code::Outdated),
        ]
    );
}

#[test]
fn a_node_without_a_process_is_a_failure_as_a_container_of_its_own_would_be() {
    assert_eq!(
        codes(with(State::Running, &[DriftKind::MissingNodes])),
        [(Status::Passed, Code::Ok), (Status::Failed, Code::MissingNode)]
    );
}
