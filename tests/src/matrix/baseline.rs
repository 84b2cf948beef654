//! What each id says on the healthy site: `passed ok`, but for the few whose result is the machine's own affair.

use std::collections::BTreeSet;

use coursys_ops_core::model::CheckReport;

use super::says;

/// Ids whose healthy result is not the site's to decide, with everything that it may be; `*` stands for any code. A row
/// that has one of them as its culprit pins the machine's side.
const MACHINE: &[(&str, &str)] = &[
    // Whether updates wait is decided by whoever looks after the machine, and asking for them takes long on a busy one.
    ("system.updates", "passed ok|warning *|skipped *"),
    // Somebody compiles something beside the tests.
    ("system.load", "passed ok|warning *|failed *"),
    ("system.memory", "passed ok|warning *"),
    ("system.swap", "passed ok|warning *|skipped *"),
    // Root does not let nginx read what others may write, as all files of the test servers.
    ("web.nginx-config", "passed ok|skipped *"),
    // The kernel's log is the whole machine's, and a container may not read it.
    ("system.kernel-log", "passed ok|warning *|failed *|skipped *"),
];

/// What an id may say when nothing is wrong; alternatives between `|`.
#[must_use]
pub fn healthy(id: &str) -> &'static str {
    // Where neither systemd nor Docker manages the servers, there is nothing to be seen.
    if id.starts_with("service.") {
        return "passed ok|skipped *";
    }
    MACHINE.iter().find(|(known, _)| *known == id).map_or("passed ok", |(_, says)| says)
}

/// Whether a check says what it says when nothing is wrong.
#[must_use]
pub fn is_healthy(check: &CheckReport) -> bool {
    is_one_of(&says(check), healthy(&check.id))
}

/// Whether what an id says is one of these alternatives. Codes joined by `+` are findings of one check, whose order says
/// nothing.
#[must_use]
pub fn is_one_of(says: &str, alternatives: &str) -> bool {
    alternatives.split('|').any(|one| match one.strip_suffix('*') {
        Some(status) => says.starts_with(status),
        None => sorted(says) == sorted(one),
    })
}

/// The words, each with its codes in order.
fn sorted(says: &str) -> Vec<BTreeSet<&str>> {
    says.split(' ').map(|word| word.split('+').collect()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_codes_says_nothing_and_their_number_does() {
        assert!(is_one_of("failed b+a", "passed ok|failed a+b"));
        assert!(!is_one_of("failed a", "failed a+b"));
        assert!(!is_one_of("warning a+b", "failed a+b"));
        assert!(is_one_of("skipped need_failed x.y", "skipped *"));
    }
}
