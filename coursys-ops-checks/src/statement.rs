//! Statements of SQL as they may be shown: whose kind they are, and their text without any value that is in it.

/// The longest that is shown, in characters.
const SHOWN: usize = 120;

/// How `mysqldump` reads a table: that may take as long as it likes.
const OF_A_DUMP: &str = "SELECT /*!40001 SQL_NO_CACHE */";

/// Statements that look at or mend a whole table and hold it up meanwhile.
const OVER_TABLES: [&str; 4] = ["CHECK", "REPAIR", "ANALYZE", "OPTIMIZE"];

/// Words that may stand before `TABLE` in those.
const BEFORE_TABLE: [&str; 2] = ["NO_WRITE_TO_BINLOG", "LOCAL"];

/// Whether a dump is being made.
pub(crate) fn is_of_a_dump(statement: &str) -> bool {
    statement.trim_start().starts_with(OF_A_DUMP)
}

/// Whether it is a `CHECK TABLE`, or another of that kind.
pub(crate) fn is_over_a_table(statement: &str) -> bool {
    let short = shortened(statement);
    let mut words = short.split(' ').map(str::to_ascii_uppercase);
    words.next().is_some_and(|first| OVER_TABLES.contains(&first.as_str()))
        && words
            .find(|word| !BEFORE_TABLE.contains(&word.as_str()))
            .is_some_and(|word| word == "TABLE" || word == "TABLES")
}

/// The beginning of a statement on one line, without comments, and with `?` for every text and number in it: those are
/// people's data.
pub(crate) fn shortened(statement: &str) -> String {
    let mut short = String::new();
    let mut count = 0;
    let mut rest = statement;
    while let Some(first) = rest.chars().next() {
        let (piece, after) = piece(rest, first, short.chars().next_back());
        rest = after;
        // Blanks melt into one, and there is none at the beginning.
        let piece = if piece == " " && (short.is_empty() || short.ends_with(' ')) { "" } else { piece };
        for c in piece.chars() {
            if count == SHOWN {
                short.push('…');
                return short;
            }
            short.push(c);
            count += 1;
        }
    }
    short.truncate(short.trim_end().len());
    short
}

/// The next piece of a statement as it is shown, and what comes after it.
fn piece(rest: &str, first: char, before: Option<char>) -> (&str, &str) {
    let tail = rest.get(first.len_utf8()..).unwrap_or_default();
    let in_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '$' | '@');
    match first {
        '\'' | '"' => ("?", after_text(tail, first)),
        '`' => {
            let end = tail.find('`').map_or(rest.len(), |at| at + 2);
            rest.split_at_checked(end).unwrap_or((rest, ""))
        }
        '#' => (" ", after(tail, "\n")),
        '-' if tail.starts_with("- ") || tail.starts_with("-\t") || tail.starts_with("-\n") => {
            (" ", after(tail, "\n"))
        }
        '/' if tail.starts_with('*') => (" ", after(tail.get(1..).unwrap_or_default(), "*/")),
        c if c.is_whitespace() => (" ", tail),
        // Hexadecimal numbers and exponents go with the digits.
        c if c.is_ascii_digit() && !before.is_some_and(in_name) => {
            let end = rest.find(|c: char| !c.is_alphanumeric() && c != '.').unwrap_or(rest.len());
            ("?", rest.get(end..).unwrap_or_default())
        }
        _ => rest.split_at_checked(first.len_utf8()).unwrap_or((rest, "")),
    }
}

/// What comes after an end, or nothing when there is none.
fn after<'a>(text: &'a str, end: &str) -> &'a str {
    text.split_once(end).map_or("", |(_, after)| after)
}

/// What comes after a text in quotes: a backslash protects the next character, two quotes are one.
fn after_text(text: &str, quote: char) -> &str {
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        if c == '\\' {
            chars.next();
        } else if c == quote {
            match chars.peek() {
                Some((_, next)) if *next == quote => drop(chars.next()),
                _ => return text.get(at + quote.len_utf8()..).unwrap_or_default(),
            }
        }
    }
    ""
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn no_value_of_a_statement_is_shown() {
        for (statement, shown) in [
            ("SELECT * FROM t1 WHERE name = 'O''Brien' AND n=42", "SELECT * FROM t1 WHERE name = ? AND n=?"),
            ("UPDATE `a``b`  SET\n x = \"a\\\"b\", y = -1.5e3", "UPDATE `a``b` SET x = ?, y = -?"),
            ("SELECT /* for 200000001 */ 1 -- Kääriäinen\nFROM t # x", "SELECT ? FROM t"),
            ("INSERT INTO t VALUES (0x4b61, x'4b61', 'unfinis", "INSERT INTO t VALUES (?, x?, ?"),
            ("SELECT a-1, b--1", "SELECT a-?, b--?"),
            ("", ""),
        ] {
            assert_eq!(shortened(statement), shown, "{statement}");
        }
        let long = shortened(&"SELECT ä, ".repeat(99));
        assert_eq!(long.chars().count(), SHOWN + 1);
    }

    #[test]
    fn what_works_on_whole_tables_is_known_by_its_first_words() {
        for statement in [
            "CHECK TABLE `t`",
            " /* x */ repair no_write_to_binlog table t",
            "ANALYZE LOCAL TABLE t",
            "optimize tables t",
        ] {
            assert!(is_over_a_table(statement), "{statement}");
        }
        for statement in [
            "ANALYZE SELECT 1",
            "ANALYZE FORMAT=JSON SELECT * FROM `TABLE`",
            "CHECKSUM TABLE t",
            "SELECT 1",
            "",
        ] {
            assert!(!is_over_a_table(statement), "{statement}");
        }
    }

    #[test]
    fn a_dump_is_known_by_its_comment_that_is_code() {
        assert!(is_of_a_dump("SELECT /*!40001 SQL_NO_CACHE */ `id`, `name` FROM `coredata_person`"));
        assert!(!is_of_a_dump("SELECT `id` FROM `coredata_person`"));
    }

    proptest! {
        #[test]
        fn no_text_in_quotes_gets_through(before in "[a-z =(]{0,20}", secret in "[A-Z]{3,20}", after in "[a-z ,)]{0,20}") {
            for quote in ['\'', '"'] {
                let shown = shortened(&format!("{before}{quote}{secret}{quote}{after}"));
                prop_assert!(!shown.contains(&secret), "{}", shown);
            }
        }

        #[test]
        fn no_statement_makes_it_panic_or_grow(statement: String) {
            prop_assert!(shortened(&statement).chars().count() <= SHOWN + 1);
            let _ = (is_over_a_table(&statement), is_of_a_dump(&statement));
        }
    }
}
