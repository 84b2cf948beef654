//! What to say about a peer that does not speak the protocol it was asked in.

use coursys_ops_core::config::Server;
use coursys_ops_core::model::{Code, Finding};

/// How much of what a stranger said is worth showing, in bytes.
const EXCERPT: usize = 60;

/// The beginning of what was said, safe for a terminal.
pub(crate) fn excerpt(said: &[u8]) -> String {
    start_of(said, EXCERPT)
}

/// The same with at most so many bytes of it.
pub(crate) fn start_of(said: &[u8], most: usize) -> String {
    let start = said.get(..most).unwrap_or(said);
    let more = if start.len() < said.len() { "…" } else { "" };
    format!("{}{more}", String::from_utf8_lossy(start).escape_debug())
}

/// The beginning of what a library of our own side says, on one line; longer, because it is meant for people.
#[cfg(feature = "odbc")]
pub(crate) fn long_excerpt(said: &str) -> String {
    const LONGEST: usize = 200;
    let more = if said.chars().nth(LONGEST).is_some() { "…" } else { "" };
    let words = said.split_whitespace().collect::<Vec<_>>().join(" ");
    let plain = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    format!("{}{more}", words.chars().take(LONGEST).map(plain).collect::<String>())
}

/// The same as a reason.
pub(crate) fn it_said(said: &[u8]) -> String {
    format!("it said `{}`", excerpt(said))
}

/// The finding about a server that does not speak `protocol`, and how that was seen.
pub(crate) fn finding(server: &Server, protocol: &str, why: &str) -> Finding {
    Finding::failed(
        Code::Garbage,
        format!("what answers at {} does not speak {protocol}: {why}", server.place()),
        format!("another server listens there: correct host and port below `{}`", server.section),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_stranger_says_is_short_and_has_no_control_characters() {
        let shown = excerpt(&[&b"\x1b[31m\xff\r\n"[..], &[b'a'; 1000]].concat());
        assert!(shown.chars().count() < 3 * EXCERPT, "{shown}");
        assert!(!shown.chars().any(char::is_control), "{shown}");
    }
}
