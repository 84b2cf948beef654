//! The page that the text is written on: a margin with the status, and beside it everything else.

use anstyle::{AnsiColor, Effects, Style as Ansi};

use super::Style;
use super::layout::{GUTTER, padded, table, width, wrap};
use crate::model::Status;

/// The columns of the margin: the longest status and a space or two.
pub(super) const MARGIN: usize = 9;

/// Narrower than this no page is set, or there would be a word a line.
const NARROWEST: usize = 40;

/// What a piece of text is; how it looks follows from it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Ink {
    Plain,
    Strong,
    Dim,
    Status(Status),
}

/// Text that is being set.
#[derive(Debug)]
pub(super) struct Page {
    text: String,
    style: Style,
}

impl Page {
    pub(super) fn new(style: Style) -> Self {
        Self { text: String::new(), style: Style { width: style.width.max(NARROWEST), ..style } }
    }

    pub(super) const fn style(&self) -> Style {
        self.style
    }

    pub(super) fn finish(self) -> String {
        self.text
    }

    /// An empty line, unless the page begins here.
    pub(super) fn gap(&mut self) {
        if !self.text.is_empty() {
            self.line("");
        }
    }

    /// A line as it is.
    pub(super) fn line(&mut self, line: &str) {
        self.text.push_str(line.trim_end());
        self.text.push('\n');
    }

    /// The first line of a check's entry. A title that does not fit goes to the next line.
    pub(super) fn heading(&mut self, status: Status, id: &str, title: &str, duration: &str) {
        let room = self.style.width.saturating_sub(MARGIN);
        let full = if title.is_empty() { width(id) } else { width(id) + 2 + width(title) };
        let (beside, below) = if full + 2 + width(duration) <= room { (title, "") } else { ("", title) };
        let gap = if beside.is_empty() { "" } else { "  " };
        let taken = width(id) + gap.len() + width(beside) + width(duration);
        let space = if duration.is_empty() { 0 } else { room.saturating_sub(taken).max(1) };
        let line = format!(
            "{}{}{gap}{beside}{}{}",
            self.margin(Some(status)),
            self.paint(Ink::Strong, id),
            " ".repeat(space),
            self.paint(Ink::Dim, duration),
        );
        self.line(&line);
        if !below.is_empty() {
            self.prose(MARGIN, below, Ink::Plain);
        }
    }

    /// Text in lines that fit, all of them indented.
    pub(super) fn prose(&mut self, indent: usize, text: &str, ink: Ink) {
        for line in wrap(text, self.style.width.saturating_sub(indent)) {
            let line = format!("{}{}", " ".repeat(indent), self.paint(ink, &line));
            self.line(&line);
        }
    }

    /// Text behind a label in the second margin, later lines below the first.
    pub(super) fn labelled(&mut self, label: &str, text: &str, label_ink: Ink) {
        let hang = MARGIN + width(label).max(width("hint:")) + 1;
        for (n, line) in wrap(text, self.style.width.saturating_sub(hang)).iter().enumerate() {
            let line = if n == 0 && !label.is_empty() {
                format!("{}{} {line}", " ".repeat(MARGIN), self.paint(label_ink, label))
            } else {
                format!("{}{line}", " ".repeat(hang))
            };
            self.line(&line);
        }
    }

    /// Why the checks of the list below it were skipped.
    pub(super) fn reason(&mut self, status: Option<Status>, reason: &str) {
        self.beside(&self.margin(status), reason);
    }

    /// One fact.
    pub(super) fn fact(&mut self, first: bool, text: &str) {
        self.beside(&padded(if first { "FACTS" } else { "" }, MARGIN), text);
    }

    /// Ids, indented below their reason.
    pub(super) fn list(&mut self, ids: &[String]) {
        self.prose(MARGIN + 2, &ids.join(", "), Ink::Plain);
    }

    /// Cells in columns beside the margin.
    pub(super) fn table(&mut self, status: Status, cells: &[(String, String)]) {
        for (n, row) in table(cells, self.style.width.saturating_sub(MARGIN)).into_iter().enumerate() {
            let cells = row.into_iter().map(|(id, figure)| format!("{id}{}", self.paint(Ink::Dim, &figure)));
            let cells = cells.collect::<Vec<_>>().join(&" ".repeat(GUTTER));
            let line = format!("{}{cells}", self.margin((n == 0).then_some(status)));
            self.line(&line);
        }
    }

    /// `text` in the colour of `ink`, if there are colours.
    pub(super) fn paint(&self, ink: Ink, text: &str) -> String {
        let ansi = ink.ansi();
        if !self.style.colour || text.is_empty() || ansi.is_plain() {
            return text.to_owned();
        }
        format!("{ansi}{text}{ansi:#}")
    }

    fn beside(&mut self, margin: &str, text: &str) {
        for (n, line) in wrap(text, self.style.width.saturating_sub(MARGIN)).iter().enumerate() {
            let line =
                if n == 0 { format!("{margin}{line}") } else { format!("{}{line}", " ".repeat(MARGIN)) };
            self.line(&line);
        }
    }

    fn margin(&self, status: Option<Status>) -> String {
        let Some(status) = status else { return " ".repeat(MARGIN) };
        let word = status.as_str().to_uppercase();
        let space = " ".repeat(MARGIN.saturating_sub(word.len()));
        format!("{}{space}", self.paint(Ink::Status(status), &word))
    }
}

impl Ink {
    fn ansi(self) -> Ansi {
        let bold = |colour: AnsiColor| colour.on_default().effects(Effects::BOLD);
        match self {
            Self::Plain => Ansi::new(),
            Self::Strong => Ansi::new().effects(Effects::BOLD),
            Self::Dim => Ansi::new().effects(Effects::DIMMED),
            Self::Status(Status::Failed) => bold(AnsiColor::Red),
            Self::Status(Status::Unknown) => bold(AnsiColor::Magenta),
            Self::Status(Status::Warning) => bold(AnsiColor::Yellow),
            Self::Status(Status::Skipped) => AnsiColor::Cyan.on_default(),
            Self::Status(Status::Passed) => AnsiColor::Green.on_default(),
        }
    }
}
