//! Figures as people write them.

/// Milliseconds in the unit that fits: `12 ms`, `1.2 s`.
#[must_use]
pub fn duration(ms: f64) -> String {
    if ms.round() < 1000.0 { format!("{ms:.0} ms") } else { format!("{:.1} s", ms / 1000.0) }
}

/// A value with its unit. Bytes are told in powers of 1024, as the site's thresholds are.
#[must_use]
pub fn quantity(value: f64, unit: &str) -> String {
    /// The larger first.
    const POWERS: [(f64, &str); 4] =
        [(1_099_511_627_776.0, "TiB"), (1_073_741_824.0, "GiB"), (1_048_576.0, "MiB"), (1024.0, "KiB")];
    match unit {
        "" => short(value),
        "B" => match POWERS.into_iter().find(|(power, _)| value.abs() >= *power) {
            Some((power, name)) => format!("{} {name}", short(value / power)),
            None => format!("{} B", short(value)),
        },
        unit => format!("{} {unit}", short(value)),
    }
}

/// Three digits, or as many as stand before the point, without zeros that say nothing.
pub(super) fn short(value: f64) -> String {
    let size = value.abs();
    // Nobody reads more digits than these, and there may be three hundred.
    if size >= 1e15 {
        return format!("{value:e}");
    }
    let after_point = match size {
        100.0.. => 0,
        10.0.. => 1,
        1.0.. => 2,
        0.1.. => 3,
        0.01.. => 4,
        _ => 6,
    };
    let digits = format!("{value:.after_point$}");
    if !digits.contains('.') {
        return digits;
    }
    let digits = digits.trim_end_matches('0').trim_end_matches('.');
    if digits == "-0" { "0".to_owned() } else { digits.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_three_digits_and_no_idle_zeros() {
        let written: Vec<String> =
            [0.0, 4.0, 1_234.0, 0.1, 0.0234, 1.5, -0.352, 99.96, 1e300, f64::NAN, -1e-9].map(short).to_vec();
        assert_eq!(written, ["0", "4", "1234", "0.1", "0.0234", "1.5", "-0.352", "100", "1e300", "NaN", "0"]);
    }

    #[test]
    fn bytes_are_told_in_powers_of_1024() {
        assert_eq!(quantity(4.0 * 1_073_741_824.0, "B"), "4 GiB");
        assert_eq!(quantity(1_300_234_240.0, "B"), "1.21 GiB");
        assert_eq!(quantity(512.0, "B"), "512 B");
        assert_eq!(quantity(0.35, "s"), "0.35 s");
        assert_eq!(quantity(7.0, ""), "7");
    }

    #[test]
    fn a_second_is_where_milliseconds_end() {
        assert_eq!(
            [0.4, 12.4, 999.4, 999.6, 1000.0, 15_020.0].map(duration),
            ["0 ms", "12 ms", "999 ms", "1.0 s", "1.0 s", "15.0 s"]
        );
    }
}
