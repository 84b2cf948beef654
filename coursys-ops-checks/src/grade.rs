//! How a figure is judged that has two limits.

use coursys_ops_core::model::{Code, Finding};

/// Good, a warning or a failure: what a figure is that passed no limit, the first, or both.
pub(crate) fn graded(
    warns: bool,
    fails: bool,
    code: Code,
    message: impl Into<String>,
    hint: impl Into<String>,
) -> Finding {
    if fails {
        Finding::failed(code, message, hint)
    } else if warns {
        Finding::warning(code, message, hint)
    } else {
        Finding::passed(message)
    }
}

/// The share of a part in the whole, in per cent; nothing of nothing is none of it.
pub(crate) fn percent(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole * 100.0 } else { 0.0 }
}
