//! "Did you mean …?"

/// The name that is most like `wanted`, when it is like enough to be what was meant.
pub fn nearest<'a>(wanted: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    names
        .into_iter()
        .map(|name| (likeness(wanted, name), name))
        .filter(|(likeness, _)| *likeness >= LIKE_ENOUGH)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name)
}

/// Below this similarity (0 to 1, Jaro-Winkler) a suggestion confuses more than it helps.
const LIKE_ENOUGH: f64 = 0.75;

/// How like two names are, 0 to 1. One slip is like enough also in a name so short that it is half of it.
fn likeness(wanted: &str, name: &str) -> f64 {
    let likeness = strsim::jaro_winkler(wanted, name);
    let slip = wanted.chars().count() > 1 && strsim::osa_distance(wanted, name) == 1;
    if slip { likeness.max(LIKE_ENOUGH) } else { likeness }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_slip_in_a_short_name_is_forgiven_and_anything_else_is_not() {
        let layouts = ["vm", "compose", "devel"];
        for (wanted, near) in [("vn", Some("vm")), ("mv", Some("vm")), ("v", Some("vm")), ("xy", None)] {
            assert_eq!(nearest(wanted, layouts), near, "{wanted}");
        }
    }
}
