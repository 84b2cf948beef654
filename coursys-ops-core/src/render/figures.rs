//! The measurements of a report, flat, for those who draw curves of them.

use std::collections::BTreeSet;

use crate::model::{Measurement, Report, Status};

/// One measurement and where it belongs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Figure<'a> {
    /// The check's id.
    pub check: &'a str,
    /// The finding's subject; empty when it has none.
    pub subject: &'a str,
    /// The figure itself.
    pub measurement: &'a Measurement,
    /// On which side of its thresholds it is good, if that can be told.
    pub good: Option<Side>,
}

/// A side of a threshold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// Smaller is better, as with the age of something.
    Below,
    /// Greater is better, as with free space.
    Above,
}

/// Every measurement, in the order of the report.
pub(super) fn figures(report: &Report) -> impl Iterator<Item = Figure<'_>> {
    report.checks.iter().flat_map(|check| {
        check.findings.iter().flat_map(move |finding| {
            let judged = finding.measurements.iter().filter(|m| m.crit.is_some()).count();
            finding.measurements.iter().map(move |measurement| Figure {
                check: &check.id,
                subject: finding.subject.as_deref().unwrap_or_default(),
                measurement,
                good: good_side(measurement, finding.status, judged == 1),
            })
        })
    })
}

/// Thresholds do not say in which direction they hold. Two of them tell by their order, a single one by how the value
/// beside it was judged. A failure tells only when no other figure can be the reason (`alone`).
fn good_side(figure: &Measurement, status: Status, alone: bool) -> Option<Side> {
    let side = |below: bool| if below { Side::Below } else { Side::Above };
    match (figure.warn, figure.crit) {
        (Some(warn), Some(crit)) if warn != crit => Some(side(warn < crit)),
        (_, Some(limit)) if figure.value != limit => match status {
            Status::Failed => alone.then_some(side(figure.value > limit)),
            Status::Passed | Status::Warning => Some(side(figure.value < limit)),
            Status::Unknown | Status::Skipped => None,
        },
        (Some(limit), None) if figure.value != limit => match status {
            Status::Passed => Some(side(figure.value < limit)),
            _ => None,
        },
        _ => None,
    }
}

/// The first of `candidates` that was not `seen` before, which it is from now on.
pub(super) fn first_new<T: Ord + Clone>(
    seen: &mut BTreeSet<T>,
    mut candidates: impl Iterator<Item = T>,
) -> Option<T> {
    candidates.find(|candidate| seen.insert(candidate.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_direction_of_a_threshold_follows_from_what_was_judged() {
        let free = |value| Measurement::new("free", value, "B").critical_at(4.0);
        assert_eq!(good_side(&free(9.0), Status::Passed, true), Some(Side::Above));
        assert_eq!(good_side(&free(1.0), Status::Failed, true), Some(Side::Above));
        let age = |value| Measurement::new("age", value, "s").critical_at(1200.0);
        assert_eq!(good_side(&age(12.0), Status::Passed, true), Some(Side::Below));
        assert_eq!(good_side(&age(1300.0), Status::Failed, true), Some(Side::Below));
        assert_eq!(good_side(&age(12.0).warning_at(60.0), Status::Failed, false), Some(Side::Below));
    }

    #[test]
    fn a_failure_with_several_judged_figures_tells_no_direction() {
        let free = Measurement::new("free", 9.0, "B").critical_at(4.0);
        assert_eq!(good_side(&free, Status::Failed, false), None);
    }
}
