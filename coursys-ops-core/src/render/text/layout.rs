//! Breaking text into lines and cells into columns, by the width that characters have on a terminal.

use unicode_width::UnicodeWidthStr as _;

/// The columns that `text` takes.
pub(super) fn width(text: &str) -> usize {
    text.width()
}

/// `text` filled up with spaces to `columns`.
pub(super) fn padded(text: &str, columns: usize) -> String {
    format!("{text}{}", " ".repeat(columns.saturating_sub(width(text))))
}

/// `text` in lines of at most `columns`, broken at spaces. A longer word stays whole, and so does what stands between
/// back-ticks, so that a path or a command can still be copied. At least one line.
#[must_use]
pub fn wrap(text: &str, columns: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in words(text) {
        if !line.is_empty() && width(&line) + 1 + width(word) > columns {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines.push(line);
    lines
}

/// What spaces separate, as long as they do not stand between two back-ticks.
fn words(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut rest = text.trim_start_matches(' ');
    while !rest.is_empty() {
        let mut quoted = false;
        let end = rest.char_indices().find(|&(at, c)| {
            // An opening back-tick that nothing closes is a character like any other.
            if c == '`' && (quoted || rest.get(at + 1..).is_some_and(|after| after.contains('`'))) {
                quoted = !quoted;
            }
            c == ' ' && !quoted
        });
        let (word, after) = rest.split_at(end.map_or(rest.len(), |(at, _)| at));
        words.push(word);
        rest = after.trim_start_matches(' ');
    }
    words
}

/// `cells` in rows of as many equal columns as fit, to be read from top to bottom, then to the right. In each cell the
/// second text stands at the right.
pub(super) fn table(cells: &[(String, String)], columns: usize) -> Vec<Vec<(String, String)>> {
    /// Between a cell's two texts.
    const INNER: usize = 1;
    let left = cells.iter().map(|cell| width(&cell.0)).max().unwrap_or_default();
    let right = cells.iter().map(|cell| width(&cell.1)).max().unwrap_or_default();
    let cell = left + INNER + right;
    let across = ((columns + GUTTER) / (cell + GUTTER)).max(1);
    let down = cells.len().div_ceil(across).max(1);
    (0..down)
        .map(|row| {
            cells
                .iter()
                .skip(row)
                .step_by(down)
                .map(|(first, second)| {
                    let space = (right + INNER).saturating_sub(width(second));
                    (padded(first, left), format!("{}{second}", " ".repeat(space)))
                })
                .collect()
        })
        .collect()
}

/// Between two cells of a [`table`].
pub(super) const GUTTER: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_at_spaces_and_never_within_a_word() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("see /a/very/long/path there", 9), ["see", "/a/very/long/path", "there"]);
        assert_eq!(wrap("", 9), [""]);
    }

    #[test]
    fn a_command_between_back_ticks_stays_in_one_piece() {
        assert_eq!(wrap("run `ls -l /tmp`, then `df`", 12), ["run", "`ls -l /tmp`,", "then `df`"]);
        assert_eq!(wrap("a ` alone breaks", 9), ["a ` alone", "breaks"]);
    }

    #[test]
    fn wide_characters_count_as_two_columns() {
        assert_eq!(wrap("李雷 李雷", 8), ["李雷", "李雷"]);
    }

    #[test]
    fn a_table_is_read_from_top_to_bottom() {
        let cells = ["a", "b", "c", "d", "e"].map(|id| (id.to_owned(), "1 ms".to_owned()));
        let rows: Vec<Vec<String>> =
            table(&cells, 16).into_iter().map(|row| row.into_iter().map(|(id, _)| id).collect()).collect();
        assert_eq!(rows, [vec!["a", "d"], vec!["b", "e"], vec!["c"]]);
    }
}
