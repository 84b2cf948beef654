//! Versions that can be compared.

/// The numbers a version begins with: those of `1.6.18` and of `1.4.4-14-g9c660c0`. Comparing them compares the versions.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Version(Vec<u32>);

impl Version {
    /// The version in a text; nothing when it begins with no number.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut numbers = Vec::new();
        for part in text.trim().split('.') {
            let digits: String = part.chars().take_while(char::is_ascii_digit).collect();
            let Ok(number) = digits.parse() else { break };
            numbers.push(number);
            if digits.len() < part.len() {
                break;
            }
        }
        // `1.6` and `1.6.0` are the same.
        while numbers.len() > 1 && numbers.last() == Some(&0) {
            numbers.pop();
        }
        (!numbers.is_empty()).then_some(Self(numbers))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_are_compared_as_numbers() {
        let order = ["1.4.4-14-g9c660c0", "1.5.6", "1.5.22", "1.6.0_beta1", "1.6.18", "1.10", "2"];
        let versions: Vec<_> = order.iter().map(|text| Version::parse(text).unwrap()).collect();
        assert!(versions.is_sorted_by(|a, b| a < b), "{versions:?}");
        assert_eq!(Version::parse("1.6"), Version::parse("1.6.0"));
        for text in ["", "one", ".5", "-1"] {
            assert_eq!(Version::parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_version_or_none(text in "\\PC{0,40}") {
            let _ = Version::parse(&text);
        }

        #[test]
        fn what_is_written_in_numbers_is_read_as_them(numbers in proptest::collection::vec(0_u32.., 1..5)) {
            let text = numbers.iter().map(ToString::to_string).collect::<Vec<_>>().join(".");
            let mut trimmed = numbers;
            while trimmed.len() > 1 && trimmed.last() == Some(&0) { trimmed.pop(); }
            prop_assert_eq!(Version::parse(&text), Some(Version(trimmed)));
        }
    }
}
