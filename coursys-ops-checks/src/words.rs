//! Lists, counts and findings as people read them in messages.

use coursys_ops_core::model::Finding;

/// The first of some names, and how many more there are.
pub(crate) fn list(names: &[String]) -> String {
    /// In names.
    const MOST: usize = 10;
    let mut text = names.iter().take(MOST).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    if let Some(more) = names.len().checked_sub(MOST).filter(|more| *more > 0) {
        text.push_str(&format!(" and {more} more"));
    }
    text
}

/// A count with its noun: `1 file`, `3 files`.
pub(crate) fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// A finding in one line, with what to do about it.
pub(crate) fn told(finding: Finding) -> String {
    match finding.hint {
        Some(hint) => format!("{} ({hint})", finding.message),
        None => finding.message,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_list_says_how_many_more() {
        let names: Vec<String> = (0..12).map(|number| format!("f{number}")).collect();
        assert!(list(&names).ends_with("`f9` and 2 more"), "{}", list(&names));
        assert_eq!(list(&names[..10]), list(&names).replace(" and 2 more", ""));
        assert_eq!((count(1, "file"), count(0, "file")), ("1 file".to_owned(), "0 files".to_owned()));
    }
}
