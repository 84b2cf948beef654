//! The machine itself: what is too much or too little.

use serde::{Deserialize, Serialize};

/// Thresholds of the machine.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub struct System {
    /// Running and waiting processes for each core from which on it is a warning.
    pub load_warn: f64,
    /// The same for a failure.
    pub load_fail: f64,
    /// Available memory below which it is a warning, in per cent.
    pub memory_warn_percent: f64,
    /// The same for a failure.
    pub memory_fail_percent: f64,
    /// Used swap space above which it is a warning, in per cent.
    pub swap_warn_percent: f64,
    /// The same for a failure.
    pub swap_fail_percent: f64,
    /// So many security updates may wait.
    pub updates_max: u64,
    /// The oldest that the package lists may be, in days.
    pub updates_list_days: u64,
    /// How long a required restart may wait, in days.
    pub reboot_grace_days: u64,
    /// How far back the kernel's log is read, in hours.
    pub kernel_log_hours: u64,
    /// Lines of the kernel's log with one of these in them do not count.
    pub kernel_log_ignore: Vec<String>,
}
