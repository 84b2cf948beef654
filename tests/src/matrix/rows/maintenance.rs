//! Faults of the site's maintenance: a flag that nobody answers for, and one that is not true.

use crate::matrix::{Fault, Scene};

const STATE: &str = "maintenance.state";

/// A lease that says that nothing runs.
const LEASE: &str = r#"{"id": "1", "who": "ggbaker", "why": "new disks", "since": "2026-01-01T03:00:00Z",
"until": "2026-01-01T04:00:00Z", "phase": "on", "stopped": ["celery", "celerybeat"]}"#;

/// The rows of this area.
#[must_use]
pub fn rows() -> Vec<Fault> {
    let row = |name: &str, mechanism, content: &'static str| {
        Fault::new(name, mechanism)
            .with(move |scene| flag(scene, content))
            // What rests in maintenance is not looked at.
            .also("database.dumps", "skipped in_maintenance")
    };
    vec![
        row("somebody touched the flag of maintenance", "flag of maintenance", "")
            .culprit(STATE, "warning flag_without_lease")
            .telling("--take-over"),
        row("the flag of maintenance is there and the site serves", "flag of maintenance", LEASE)
            .culprit(STATE, "failed flag_but_served")
            .telling("ggbaker"),
    ]
}

/// A flag that nginx knows nothing of, so that the site is as it always is.
pub(super) fn flag(scene: &mut Scene<'_>, content: &str) {
    let path = scene.directory().join("503");
    std::fs::write(&path, content).expect("a directory of one's own");
    scene.set("maintenance.flag", path.display());
}
