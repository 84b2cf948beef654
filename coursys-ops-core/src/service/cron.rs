//! When cron restarts something: its lines, and the next time of each.

use jiff::Zoned;
use jiff::civil::DateTime;

use crate::helper::CronLine;

/// No schedule that matters lets more time pass, in minutes: a week and a day.
const HORIZON: i64 = 8 * 24 * 60;

/// The lines that start or restart a unit.
pub(super) fn lines<'a>(lines: &'a [CronLine], unit: &str) -> Vec<&'a CronLine> {
    let unit = unit.strip_suffix(".service").unwrap_or(unit);
    let acts = |line: &&CronLine| {
        let words: Vec<&str> = line
            .command
            .split(|c: char| c.is_whitespace() || matches!(c, ';' | '&' | '|' | '\'' | '"'))
            .collect();
        let verb = words
            .iter()
            .any(|word| matches!(*word, "start" | "restart" | "try-restart" | "reload-or-restart"));
        verb && words.iter().any(|word| word.strip_suffix(".service").unwrap_or(word) == unit)
    };
    lines.iter().filter(acts).collect()
}

/// The next time that five fields of cron name after this moment, in the zone of the machine; nothing for what is not
/// understood or more than a week away.
pub(super) fn next(when: &str, after: &Zoned) -> Option<DateTime> {
    let when = match when {
        "@hourly" => "0 * * * *",
        "@daily" | "@midnight" => "0 0 * * *",
        "@weekly" => "0 0 * * 0",
        "@monthly" => "0 0 1 * *",
        other => other,
    };
    let mut fields = when.split_ascii_whitespace();
    let mut field = |low, high, names| Field::read(fields.next()?, low, high, names);
    let minute = field(0, 59, &[])?;
    let hour = field(0, 23, &[])?;
    let day = field(1, 31, &[])?;
    let month = field(1, 12, &MONTHS)?;
    let weekday = field(0, 7, &DAYS)?;
    let start = after.datetime().round(jiff::Unit::Minute).ok()?;
    (0..=HORIZON).find_map(|minutes| {
        let at = start.checked_add(jiff::Span::new().minutes(minutes)).ok()?;
        let number = |value: i8| u8::try_from(value).unwrap_or_default();
        let sunday_first = number(at.weekday().to_sunday_zero_offset());
        let of_week = weekday.has(sunday_first) || (sunday_first == 0 && weekday.has(7));
        // Where both days are restricted, cron takes either.
        let of_day = match (day.any, weekday.any) {
            (false, false) => day.has(number(at.day())) || of_week,
            _ => day.has(number(at.day())) && of_week,
        };
        let fits =
            minute.has(number(at.minute())) && hour.has(number(at.hour())) && month.has(number(at.month()));
        (fits && of_day && at > after.datetime()).then_some(at)
    })
}

const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const DAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

/// Which values one field allows.
struct Field {
    any: bool,
    values: u64,
}

impl Field {
    /// A list of values, ranges and steps: `*`, `5,11`, `1-5`, `*/15`.
    fn read(text: &str, low: u8, high: u8, names: &[&str]) -> Option<Self> {
        let number = |text: &str| {
            let named = names.iter().position(|name| text.eq_ignore_ascii_case(name));
            let value = match named {
                // Months count from one, days of the week from zero.
                Some(place) => u8::try_from(place).ok()? + u8::from(low == 1),
                None => text.parse().ok()?,
            };
            (low..=high).contains(&value).then_some(value)
        };
        let mut values = 0;
        for part in text.split(',') {
            let (range, step) =
                part.split_once('/').map_or((part, Some(1)), |(range, step)| (range, step.parse().ok()));
            let step: usize = step.filter(|step| *step > 0)?;
            let (from, to) = match (range, range.split_once('-')) {
                ("*", _) => (low, high),
                (_, Some((from, to))) => (number(from)?, number(to)?),
                (one, None) => {
                    let one = number(one)?;
                    (one, if part.contains('/') { high } else { one })
                }
            };
            values |= (from..=to).step_by(step).fold(0, |bits, value| bits | 1 << value);
        }
        Some(Self { any: text.starts_with('*'), values })
    }

    const fn has(&self, value: u8) -> bool {
        self.values & (1 << value) != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(when: &str, now: &str) -> Option<String> {
        let now: Zoned = format!("{now}[UTC]").parse().unwrap();
        next(when, &now).map(|at| at.to_string())
    }

    #[test]
    fn the_next_time_is_the_first_that_fits_after_now() {
        // 2026-11-23 is a Monday.
        let now = "2026-11-23T04:59:30+00";
        for (when, expected) in [
            ("0 5,11,17,23 * * *", Some("2026-11-23T05:00:00")),
            ("55 * * * *", Some("2026-11-23T05:55:00")),
            ("*/15 9-17 * * mon-fri", Some("2026-11-23T09:00:00")),
            ("0 4 * * 7", Some("2026-11-29T04:00:00")),
            ("0 0 1 * tue", Some("2026-11-24T00:00:00")),
            ("@daily", Some("2026-11-24T00:00:00")),
            ("0 0 1 jan *", None),
            ("@reboot", None),
            ("61 * * * *", None),
            ("", None),
        ] {
            assert_eq!(after(when, now).as_deref(), expected, "{when}");
        }
    }

    #[test]
    fn a_line_is_about_a_unit_when_it_names_it_whole() {
        let line =
            |command: &str| CronLine { file: "/x".into(), when: "* * * * *".into(), command: command.into() };
        let all = [
            line("systemctl restart celery"),
            line("systemctl restart celerybeat"),
            line("service celery status"),
        ];
        assert_eq!(lines(&all, "celery.service"), [&all[0]]);
        assert_eq!(lines(&all, "celerybeat"), [&all[1]]);
        assert_eq!(lines(&all, "cel"), [&all[0]; 0]);
    }

    proptest::proptest! {
        #[test]
        fn nothing_in_a_crontab_makes_the_reader_fail(when in "\\PC{0,30}") {
            let _ = after(&when, "2026-11-23T04:59:30+00");
        }
    }
}
