//! "Did you mean …?"

/// The name that is most like `wanted`, when it is like enough to be what was meant.
pub fn nearest<'a>(wanted: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    /// Below this similarity (0 to 1, Jaro-Winkler) a suggestion confuses more than it helps.
    const LIKE_ENOUGH: f64 = 0.75;
    names
        .into_iter()
        .map(|name| (strsim::jaro_winkler(wanted, name), name))
        .filter(|(likeness, _)| *likeness >= LIKE_ENOUGH)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name)
}
