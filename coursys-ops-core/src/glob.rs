//! Patterns of ids.

/// Whether a text matches a pattern in which `*` stands for anything and `?` for one character.
#[must_use]
pub fn glob_matches(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t) = (0, 0);
    // Where to go on when the text after the last `*` turns out not to match.
    let mut retry = None;
    while let Some(c) = text.get(t) {
        match pattern.get(p) {
            Some('*') => {
                retry = Some((p + 1, t + 1));
                p += 1;
            }
            Some(q) if *q == '?' || q == c => (p, t) = (p + 1, t + 1),
            _ => match retry {
                Some((back_p, back_t)) => {
                    (p, t) = (back_p, back_t);
                    retry = Some((back_p, back_t + 1));
                }
                None => return false,
            },
        }
    }
    pattern.iter().skip(p).all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_match_whole_ids() {
        for (pattern, text, expected) in [
            ("database.*", "database.connection", true),
            ("database.*", "xdatabase.connection", false),
            ("*.connection", "database.connection", true),
            ("*a*b", "xaxxab", true),
            ("*a*b", "xaxxabc", false),
            ("**", "", true),
            ("", "a", false),
            ("a?c", "abc", true),
        ] {
            assert_eq!(glob_matches(pattern, text), expected, "{pattern} {text}");
        }
    }
}
