//! Ages and sizes as people read them.

/// A number as a measurement takes it.
pub(crate) trait Number {
    /// The nearest floating point number.
    fn float(self) -> f64;
}

impl Number for u64 {
    #[allow(clippy::cast_precision_loss, reason = "nobody counts 2^53 of anything here")]
    fn float(self) -> f64 {
        self as f64
    }
}

impl Number for usize {
    #[allow(clippy::cast_precision_loss, reason = "nobody counts 2^53 of anything here")]
    fn float(self) -> f64 {
        self as f64
    }
}

impl Number for i64 {
    #[allow(clippy::cast_precision_loss, reason = "nobody counts 2^53 of anything here")]
    fn float(self) -> f64 {
        self as f64
    }
}

/// A whole number for a measurement.
pub(crate) fn float(number: impl Number) -> f64 {
    number.float()
}

/// A time in seconds in its largest fitting unit: `45 s`, `12 min`, `3.5 h`, `9 days`.
pub(crate) fn age(seconds: i64) -> String {
    let value = float(seconds);
    match seconds {
        ..120 => format!("{seconds} s"),
        120..7200 => format!("{:.0} min", value / 60.0),
        7200..172_800 => format!("{:.1} h", value / 3600.0),
        _ => format!("{:.0} days", value / 86_400.0),
    }
}

/// Bytes in their largest fitting unit: `7 bytes`, `12.3 KiB`.
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [(u64, &str); 4] = [(1 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    let fitting = UNITS.into_iter().find(|(unit, _)| bytes >= *unit);
    fitting.map_or_else(
        || format!("{bytes} bytes"),
        |(unit, name)| format!("{:.1} {name}", float(bytes) / float(unit)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_is_told_in_its_largest_fitting_unit() {
        assert_eq!([age(7), age(600), age(14_400), age(864_000)], ["7 s", "10 min", "4.0 h", "10 days"]);
        assert_eq!([size(7), size(1536), size(3 << 30)], ["7 bytes", "1.5 KiB", "3.0 GiB"]);
    }
}
