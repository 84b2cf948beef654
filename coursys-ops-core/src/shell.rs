//! Files of assignments as a shell reads them: the site's in `/etc/profile.d`, and those of units. Nothing is executed.

use std::collections::BTreeMap;

/// The assignments of a shell file: `export A=B`, `A=B`, with single quotes, double quotes and backslashes.
///
/// Names that were assigned before are put in for `$A` and `${A}`. A line that is anything else, or needs a shell to be
/// understood (command substitution, other expansions), is passed over. A later assignment wins.
#[must_use]
pub fn assignments(text: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for line in text.lines() {
        let line = line.trim();
        let line = line.strip_prefix("export ").map_or(line, str::trim_start);
        let mut rest = line;
        // One line may assign several: `export A=1 B=2`.
        while let Some((name, value)) = rest.split_once('=').filter(|(name, _)| is_name(name)) {
            let Some((value, after)) = word(value, &found) else { break };
            found.insert(name.to_owned(), value);
            rest = after.trim_start_matches([' ', '\t', ';']);
            rest = rest.strip_prefix("export ").map_or(rest, str::trim_start);
        }
    }
    found
}

fn is_name(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// The word at the start of `text`, unquoted, and what follows it; nothing when only a shell could tell.
fn word<'a>(text: &'a str, known: &BTreeMap<String, String>) -> Option<(String, &'a str)> {
    let mut value = String::new();
    let mut quote = None;
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        match (quote, c) {
            (None, ' ' | '\t' | ';') => return Some((value, text.get(at..)?)),
            (None, '(' | ')' | '<' | '>' | '|' | '&' | '*' | '?' | '~') | (None | Some('"'), '`') => {
                return None;
            }
            (None, '\'' | '"') => quote = Some(c),
            (Some(open), c) if c == open => quote = None,
            (None, '\\') => value.push(chars.next()?.1),
            (Some('"'), '\\') => match chars.next()?.1 {
                escaped @ ('"' | '\\' | '$' | '`') => value.push(escaped),
                other => value.extend(['\\', other]),
            },
            (None | Some('"'), '$') => {
                let braced = chars.next_if(|(_, c)| *c == '{').is_some();
                let mut name = String::new();
                while let Some((_, c)) = chars.next_if(|(_, c)| c.is_ascii_alphanumeric() || *c == '_') {
                    name.push(c);
                }
                if braced && chars.next()?.1 != '}' {
                    return None;
                }
                value.push_str(known.get(&name)?);
            }
            (_, c) => value.push(c),
        }
    }
    quote.is_none().then_some((value, ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(line: &str) -> Option<String> {
        assignments(line).remove("A")
    }

    #[test]
    fn an_assignment_is_read_with_and_without_export_and_quotes() {
        for line in ["A=b", "export A=b", "  export   A=b", "A='b'", "A=\"b\"", "export A=b;", "A=b # why"] {
            assert_eq!(one(line).as_deref(), Some("b"), "{line}");
        }
        assert_eq!(one("A=").as_deref(), Some(""));
        assert_eq!(one("A='b c'").as_deref(), Some("b c"));
        assert_eq!(one("A=\"b \\\"c\\\" \\n\"").as_deref(), Some("b \"c\" \\n"));
        assert_eq!(one("A=b\\ c").as_deref(), Some("b c"));
        assert_eq!(one("A='$HOME'").as_deref(), Some("$HOME"));
    }

    #[test]
    fn earlier_names_are_put_in_for_later_values() {
        let found = assignments("export ROOT=/data\nexport A=$ROOT/x B=\"${ROOT}/y\"\n");
        assert_eq!(found["A"], "/data/x");
        assert_eq!(found["B"], "/data/y");
    }

    #[test]
    fn what_only_a_shell_understands_is_passed_over() {
        for line in [
            "A=$(id)",
            "A=`id`",
            "A=$UNKNOWN",
            "A='open",
            "A=b\\",
            "A=${B:-c}",
            "# A=b",
            "if A=b",
            "A B=c",
            "A=~/x",
        ] {
            assert_eq!(one(line), None, "{line}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_the_reader_fail(text in "(export )?[A-Z]{0,2}=?(\\PC|[\n\"'$\\\\`{} ]){0,40}") {
            let _ = assignments(&text);
        }

        #[test]
        fn a_quoted_value_comes_back_as_it_was(value in "[^'\n\r]{0,40}") {
            let found = assignments(&format!("export A='{value}'"));
            proptest::prop_assert_eq!(found.get("A"), Some(&value));
            let escaped: String = value.chars().flat_map(|c| {
                ["\"\\$`".contains(c).then_some('\\'), Some(c)].into_iter().flatten()
            }).collect();
            proptest::prop_assert_eq!(one(&format!("A=\"{escaped}\"")), Some(value));
        }
    }
}
