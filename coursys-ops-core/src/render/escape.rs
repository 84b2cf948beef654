//! Text from outside made harmless: what a server, a file name or a clock said must not move a terminal's cursor,
//! turn a line around, or add one to a log.

use std::fmt::Write as _;

/// Whether a character does something instead of showing something: control characters, the ones that change the
/// direction of writing, separators of lines and paragraphs, invisible tags, and code points that are no characters.
///
/// Joiners are no such: names in several scripts are not spelled without them.
#[must_use]
pub fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{061C}' | '\u{200B}' | '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}'
            | '\u{2060}'..='\u{206F}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}' | '\u{FFFE}' | '\u{FFFF}'
            | '\u{E0000}'..='\u{E007F}')
}

/// `text` on one line: ends of lines and tabs become a space, other hidden characters their escape, as in `\u{1b}`.
#[must_use]
pub fn line(text: &str) -> String {
    lines(text).join(" ")
}

/// `text` as the lines it consists of, each without hidden characters. Empty lines at the end are left out.
#[must_use]
pub fn lines(text: &str) -> Vec<String> {
    text.trim_end_matches(['\n', '\r']).lines().map(visible).collect()
}

/// `json`, a document or a line of it, with what JSON would let through in its texts: escapes that mean the same.
#[must_use]
pub fn json(json: &str) -> String {
    let mut safe = String::with_capacity(json.len());
    for c in json.chars() {
        // Below DEL only the writer's own ends of lines are left, and beyond it everything is part of a text.
        if c < '\u{7F}' || !is_hidden(c) {
            safe.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            // Writing to a string cannot fail.
            let _ = write!(safe, "\\u{unit:04x}");
        }
    }
    safe
}

fn visible(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\t' => safe.push(' '),
            c if is_hidden(c) => safe.extend(c.escape_unicode()),
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_acts_on_a_terminal_becomes_visible() {
        assert_eq!(line("\u{1b}[31mred\u{7}"), "\\u{1b}[31mred\\u{7}");
        assert_eq!(line("\u{9b}31m"), "\\u{9b}31m", "the one-byte form of the escape sequence");
        assert_eq!(line("user\u{202e}nimda"), "user\\u{202e}nimda");
        assert_eq!(line("a\r\nb\tc\n"), "a b c");
        assert_eq!(line("over\rwritten"), "over\\u{d}written");
    }

    #[test]
    fn names_keep_their_joiners_and_accents() {
        for name in ["Zoë Müller", "می\u{200c}خواهم", "👩\u{200d}🎓", "李雷"] {
            assert_eq!(line(name), name);
        }
    }

    #[test]
    fn escaped_json_means_the_same() {
        let text = "a\u{9b}b\u{202e}c\u{e0041}d\u{1b}é";
        let escaped = json(&serde_json::to_string(text).unwrap());
        assert!(!escaped.contains(is_hidden), "{escaped}");
        assert_eq!(serde_json::from_str::<String>(&escaped).unwrap(), text);
    }
}
