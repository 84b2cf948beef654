//! What a plugin of Nagios prints: a line for people, and behind a bar figures for machines.

use coursys_ops_core::model::Measurement;

/// More figures than this nobody draws.
const MOST_FIGURES: usize = 100;

/// The longest name of a figure, in characters.
const LONGEST_NAME: usize = 80;

/// The line for people and the figures of a plugin's output. Further lines are text up to a bar, then figures.
pub(super) fn read(output: &str) -> (String, Vec<Measurement>) {
    let (first, rest) = output.split_once('\n').unwrap_or((output, ""));
    let (text, perfdata) = first.split_once('|').unwrap_or((first, ""));
    let more = rest.split_once('|').map_or("", |(_, figures)| figures);
    let figures = figures(perfdata).chain(figures(more)).take(MOST_FIGURES).collect();
    (text.trim().to_owned(), figures)
}

/// The figures of a text: `'label'=value[unit];[warn];[crit];[min];[max]`, separated by blanks.
fn figures(text: &str) -> impl Iterator<Item = Measurement> + '_ {
    let mut rest = text;
    std::iter::from_fn(move || {
        loop {
            rest = rest.trim_start();
            if rest.is_empty() {
                return None;
            }
            let (label, after) = label(rest)?;
            let end = after.find(char::is_whitespace).unwrap_or(after.len());
            let (value, tail) = after.split_at_checked(end)?;
            rest = tail;
            if let Some(figure) = figure(&label, value) {
                return Some(figure);
            }
        }
    })
}

/// A label, in quotes when it holds blanks, and what follows its sign of equality.
fn label(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('\'') else {
        let (label, after) = text.split_once('=')?;
        // What stands before a blank was no figure.
        return Some((label.rsplit(char::is_whitespace).next().unwrap_or(label).to_owned(), after));
    };
    let mut label = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, c)) = chars.next() {
        if c != '\'' {
            label.push(c);
            continue;
        }
        let after = quoted.get(at + 1..)?;
        if after.starts_with('\'') {
            // Two of them are one.
            label.push('\'');
            chars.next();
        } else {
            return Some((label, after.strip_prefix('=')?));
        }
    }
    None
}

fn figure(label: &str, text: &str) -> Option<Measurement> {
    let mut parts = text.split(';');
    let value = parts.next()?;
    let end = value
        .find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | '-' | '+' | ',')))
        .unwrap_or(value.len());
    let (digits, unit) = value.split_at_checked(end)?;
    let number: f64 = digits.replace(',', ".").parse().ok()?;
    let (factor, unit) = match unit {
        "" | "c" => (1.0, ""),
        "s" | "ms" | "B" | "%" => (1.0, unit),
        "us" => (1e-6, "s"),
        "KB" | "kB" | "KiB" => (1024.0, "B"),
        "MB" | "MiB" => (1024.0 * 1024.0, "B"),
        "GB" | "GiB" => (1024.0 * 1024.0 * 1024.0, "B"),
        "TB" | "TiB" => (1024.0 * 1024.0 * 1024.0 * 1024.0, "B"),
        _ => return None,
    };
    let name: String = label.chars().take(LONGEST_NAME).collect();
    let mut limit = || parts.next().and_then(limit).map(|limit| limit * factor);
    let (warn, crit) = (limit(), limit());
    let measurement = Measurement { warn, crit, ..Measurement::new(&name, number * factor, unit) };
    (measurement.value.is_finite() && !name.is_empty()).then_some(measurement)
}

/// A range with one end as a limit: `10`, `10:`, `~:10`. One with two ends is no single figure.
fn limit(range: &str) -> Option<f64> {
    let single =
        range.strip_prefix("~:").or_else(|| range.strip_suffix(':')).or_else(|| range.strip_prefix("0:"));
    single.unwrap_or(range).parse().ok().filter(|limit: &f64| limit.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_and_its_figures_are_told_apart() {
        let (text, figures) = read(
            "DISK OK - free 3 GB | /=2643MB;5948;5958;0;5968 'a b''c'=12%;~:80;90: time=0.5s\nmore | x=1c\n",
        );
        assert_eq!(text, "DISK OK - free 3 GB");
        let told: Vec<_> =
            figures.iter().map(|f| (f.name.as_str(), f.value, f.unit.as_str(), f.warn, f.crit)).collect();
        let mib = 1_048_576.0;
        assert_eq!(
            told,
            [
                ("/", 2643.0 * mib, "B", Some(5948.0 * mib), Some(5958.0 * mib)),
                ("a b'c", 12.0, "%", Some(80.0), Some(90.0)),
                ("time", 0.5, "s", None, None),
                ("x", 1.0, "", None, None),
            ]
        );
    }

    #[test]
    fn what_is_no_figure_is_passed_over() {
        let (text, figures) = read("OK|U= a=;1 b=x c=5q 'open=1");
        assert_eq!((text.as_str(), figures.len()), ("OK", 0));
        assert_eq!(read("").0, "");
    }

    proptest::proptest! {
        #[test]
        fn no_output_makes_the_reader_fail(text in "(\\PC|[\n|'=;]){0,200}") {
            let _ = read(&text);
        }

        #[test]
        fn a_figure_comes_back_as_it_was(label in "[a-z /]{1,20}", value in -1e9..1e9_f64, warn in proptest::option::of(0.0..1e6_f64)) {
            let quoted = label.replace('\'', "''");
            let warn_text = warn.map(|warn| warn.to_string()).unwrap_or_default();
            let (_, figures) = read(&format!("OK | '{quoted}'={value}s;{warn_text};"));
            proptest::prop_assert_eq!(figures.len(), 1);
            proptest::prop_assert_eq!((figures[0].name.as_str(), figures[0].value, figures[0].warn), (label.as_str(), value, warn));
        }
    }
}
