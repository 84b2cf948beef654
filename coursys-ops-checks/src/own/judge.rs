//! What figures and their limits make of a finding.

use std::time::{Duration, Instant};

use coursys_ops_core::ErrandError;
use coursys_ops_core::config::Limits;
use coursys_ops_core::model::{Code, Finding, Measurement};

/// What a check of one's own finds; what ends it early is a finding too.
pub(super) type Looked = Result<Vec<Finding>, Finding>;

/// A figure that must not grow to its limits.
pub(super) fn growing(
    measurement: Measurement,
    limits: &Limits,
    code: Code,
    message: impl Fn() -> String,
    hint: &str,
) -> Finding {
    let value = measurement.value;
    let finding = if limits.crit.is_some_and(|crit| value >= crit) {
        Finding::failed(code, message(), hint)
    } else if limits.warn.is_some_and(|warn| value >= warn) {
        Finding::warning(code, message(), hint)
    } else {
        Finding::passed(message())
    };
    let measurement = Measurement { warn: limits.warn, crit: limits.crit, ..measurement };
    finding.measured(measurement)
}

/// What was found when it was found in time: a pass becomes worse when it took too long.
pub(super) fn timed(passed: String, started: Instant, limits: &Limits) -> Finding {
    let took = started.elapsed();
    let seconds = took.as_secs_f64();
    let slow = limits.crit.or(limits.warn).is_some()
        && limits.warn.or(limits.crit).is_some_and(|limit| seconds >= limit);
    let message = || if slow { format!("{passed}, after {}", shown(took)) } else { passed.clone() };
    let hint =
        "look at the load of the server and at the network before it, or raise the limits of this check";
    growing(Measurement::new("took", seconds, "s"), limits, Code::Slow, message, hint)
}

/// A duration as people write it.
pub(super) fn shown(duration: Duration) -> String {
    coursys_ops_core::render::text::duration(duration.as_secs_f64() * 1000.0)
}

/// A long time in the unit that fits.
pub(super) fn shown_age(seconds: f64) -> String {
    const UNITS: [(f64, &str); 3] = [(86_400.0, "days"), (3600.0, "hours"), (60.0, "minutes")];
    match UNITS.into_iter().find(|(size, _)| seconds.abs() >= 2.0 * size) {
        Some((size, name)) => format!("{:.1} {name}", seconds / size),
        None => format!("{seconds:.0} s"),
    }
}

/// The helper that asks the operating system failed.
pub(super) fn no_helper(error: &ErrandError) -> Finding {
    Finding::unknown(Code::HelperFailed, error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(value: f64) -> Finding {
        let limits = Limits { warn: Some(1.0), crit: Some(2.0) };
        growing(Measurement::new("took", value, "s"), &limits, Code::Slow, || "x".to_owned(), "do")
    }

    #[test]
    fn a_limit_counts_from_its_value_on() {
        assert_eq!(of(0.99).code, Code::Ok);
        assert_eq!(of(1.0).status, coursys_ops_core::model::Status::Warning);
        assert_eq!(of(2.0).status, coursys_ops_core::model::Status::Failed);
        assert_eq!(of(2.0).measurements[0].crit, Some(2.0));
    }

    #[test]
    fn an_age_has_the_unit_that_fits() {
        assert_eq!([5.0, 119.0, 7200.0, 259_200.0].map(shown_age), ["5 s", "119 s", "2.0 hours", "3.0 days"]);
    }
}
