//! What keeps everybody else from starting a unit, or from stopping it: cron, a restart of the machine, whoever writes its
//! unit file anew.

use std::path::{Path, PathBuf};

/// Where an administrator's drop-ins lie: above those of packages, and kept over a restart of the machine.
const UNITS: &str = "/etc/systemd/system";

/// The name of the drop-in.
const NAME: &str = "90-coursys-ops-maintenance.conf";

/// The directory of a unit's drop-ins.
#[must_use]
pub fn directory(unit: &str) -> PathBuf {
    let unit = if unit.contains('.') { unit.to_owned() } else { format!("{unit}.service") };
    Path::new(UNITS).join(format!("{unit}.d"))
}

/// The drop-in that holds a unit.
#[must_use]
pub fn path(unit: &str) -> PathBuf {
    directory(unit).join(NAME)
}

/// What is in it. The condition is that it is not there itself, so that the hold ends with the file.
#[must_use]
pub fn content(unit: &str) -> String {
    format!(
        "# Written by coursys-ops: the site is in maintenance, and nothing else may start this unit meanwhile.\n\
         # `coursys-ops rm503` takes it away.\n\
         [Unit]\n\
         ConditionPathExists=!{}\n",
        path(unit).display()
    )
}

/// What is in it while the unit is to run on: nobody may stop it, because systemd would kill its tasks.
#[must_use]
pub fn steady_content() -> String {
    "# Written by coursys-ops: the queues are drained, and a stop or restart of this unit would kill tasks.\n\
     # `coursys-ops 503` and `coursys-ops rm503` take it away.\n\
     [Unit]\n\
     RefuseManualStop=yes\n"
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hold_of_a_unit_is_that_its_own_drop_in_is_there() {
        let path = "/etc/systemd/system/celery.service.d/90-coursys-ops-maintenance.conf";
        assert_eq!(super::path("celery"), Path::new(path));
        assert!(content("celery").ends_with(&format!("[Unit]\nConditionPathExists=!{path}\n")));
    }
}
