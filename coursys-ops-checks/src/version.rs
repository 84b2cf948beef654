//! Versions, to be compared number by number.

use std::fmt;

/// A version: `3.10.8`, of which `3.10` is the same as `3.10.0` when compared.
#[derive(Debug, Clone, Eq)]
pub(crate) struct Version {
    text: String,
    numbers: Vec<u64>,
}

impl Version {
    /// The numbers at the start of a text; nothing when there are none.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let head = text.get(..end)?.trim_end_matches('.');
        let mut numbers: Vec<u64> = head.split('.').map(str::parse).collect::<Result<_, _>>().ok()?;
        while numbers.last() == Some(&0) {
            numbers.pop();
        }
        Some(Self { text: head.to_owned(), numbers })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        self.numbers == other.numbers
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.numbers.cmp(&other.numbers)
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_are_compared_as_numbers() {
        let version = |text| Version::parse(text).unwrap();
        assert!(version("3.10.8") > version("3.9"));
        assert!(version("4.3.0-rc.1") == version("4.3"));
        assert_eq!(version("3.13.7+deb").to_string(), "3.13.7");
        assert!(Version::parse("unknown").is_none() && Version::parse("").is_none());
        assert!(Version::parse("1..2").is_none() && Version::parse("99999999999999999999").is_none());
    }

    proptest! {
        #[test]
        fn any_text_is_a_version_or_none(text in any::<String>()) {
            if let Some(version) = Version::parse(&text) {
                prop_assert_eq!(Version::parse(&version.to_string()), Some(version));
            }
        }
    }
}
