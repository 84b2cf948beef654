//! Checks that are left out before a run begins.

use std::collections::BTreeMap;

use crate::context::Context;
use crate::glob::glob_matches;
use crate::model::{CheckSpec, Code, Effects, Finding};

/// Why each of these checks is not looked at, as far as that is known before the run: switched off in the
/// configuration, left out by pattern, or not read-only.
#[must_use]
pub fn leave_out<'a>(
    specs: impl IntoIterator<Item = &'a CheckSpec>,
    context: &Context,
    patterns: &[String],
    read_only: bool,
) -> BTreeMap<String, Vec<Finding>> {
    let matches = |patterns: &[String], id: &str| patterns.iter().any(|pattern| glob_matches(pattern, id));
    let reason = |spec: &CheckSpec| {
        if matches(patterns, &spec.id) {
            Some(Finding::skipped(Code::LeftOut, "left out by --skip"))
        } else if matches(&context.config.checks.off, &spec.id) {
            Some(Finding::skipped(Code::SwitchedOff, "switched off by `checks.off`"))
        } else if read_only && spec.effects != Effects::None {
            Some(Finding::skipped(Code::ReadOnly, "left out by --read-only, because it writes or sends"))
        } else {
            None
        }
    };
    specs.into_iter().filter_map(|spec| Some((spec.id.clone(), vec![reason(spec)?]))).collect()
}
