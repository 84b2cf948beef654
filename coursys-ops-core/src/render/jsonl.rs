//! JSON lines: every event of a run on a line of its own, while it happens.

use super::{RenderError, escape};
use crate::model::Event;

/// The event as one line, with its newline.
///
/// # Errors
///
/// None that is known; see [`RenderError`].
pub fn render(event: &Event) -> Result<String, RenderError> {
    let mut line = escape::json(&serde_json::to_string(event)?);
    line.push('\n');
    Ok(line)
}
