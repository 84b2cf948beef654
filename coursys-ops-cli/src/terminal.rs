//! What the terminal can show.

use std::io::IsTerminal as _;

use coursys_ops_core::render::escape;

use crate::global::When;

/// The width of text that goes to no terminal, in columns: what mail programs and logs show without wrapping.
const WIDTH: usize = 80;
/// Narrower than this, in columns, a table makes no sense; the terminal may wrap it.
const NARROWEST: usize = 40;

/// Decides about colour for everything the program prints from now on.
pub fn choose_colour(when: When) {
    let choice = match when {
        When::Auto => anstream::ColorChoice::Auto,
        When::Always => anstream::ColorChoice::Always,
        When::Never => anstream::ColorChoice::Never,
    };
    choice.write_global();
}

/// Whether text on standard output is coloured: by `--color`, else NO_COLOR, TERM and whether it is a terminal.
pub fn colour() -> bool {
    !matches!(anstream::AutoStream::choice(&std::io::stdout()), anstream::ColorChoice::Never)
}

/// Whether text is coloured wherever it goes.
pub fn colour_is_forced() -> bool {
    anstream::ColorChoice::global() == anstream::ColorChoice::Always
}

/// How wide text on standard output may be, in columns.
pub fn width() -> usize {
    let columns = || std::env::var("COLUMNS").ok()?.parse().ok();
    terminal_size::terminal_size_of(std::io::stdout())
        .map(|(width, _)| usize::from(width.0))
        .or_else(columns)
        .map_or(WIDTH, |width| width.max(NARROWEST))
}

/// How wide a line on standard error may be, in columns.
pub fn error_width() -> usize {
    terminal_size::terminal_size_of(std::io::stderr()).map_or(usize::MAX, |(width, _)| usize::from(width.0))
}

/// Whether progress can be drawn on standard error: a terminal that can go back to the start of a line.
pub fn can_draw() -> bool {
    std::io::stderr().is_terminal() && !is_dumb()
}

/// Whether standard output is a terminal.
pub fn shows_data() -> bool {
    std::io::stdout().is_terminal()
}

/// Whether standard output is a terminal that can be cleared.
pub fn can_clear() -> bool {
    shows_data() && !is_dumb()
}

fn is_dumb() -> bool {
    std::env::var_os("TERM").is_none_or(|term| term == "dumb")
}

/// `text` without what would make a terminal do something; line breaks stay.
pub fn harmless(text: &str) -> String {
    escape::lines(text).join("\n")
}
