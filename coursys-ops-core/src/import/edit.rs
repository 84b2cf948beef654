//! Changes of single keys in the text of a configuration file; comments and everything else stay as they are.

use std::ops::Range;

use toml::de::{DeTable, DeValue};

use crate::config::Value;

/// Where a key and its value stand in a text, in bytes.
struct Place {
    key: Range<usize>,
    value: Range<usize>,
}

/// Sets a key of a section: replaces its value, or a line of a template that has it commented out, or adds a line at the
/// end of the section, or the section at the end of the text.
///
/// The text comes back as it was when it cannot be parsed.
pub(super) fn set(text: &str, key: &str, value: &Value) -> String {
    let value = toml::Value::from(value).to_string();
    if let Some(place) = find(text, key) {
        return replaced(text, place.value, &value);
    }
    let Some((section, name)) = key.split_once('.') else { return text.to_owned() };
    let line = format!("{name} = {value}\n");
    let Some(body) = section_body(text, section) else {
        let gap = if text.is_empty() || text.ends_with("\n\n") { "" } else { "\n" };
        let newline = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
        return format!("{text}{newline}{gap}[{section}]\n{line}");
    };
    // Lines of the section, each with where it starts.
    let lines = lines(text.get(body.clone()).unwrap_or_default(), body.start);
    let template = format!("#{name} =");
    if let Some(range) =
        lines.iter().find(|range| text.get((*range).clone()).is_some_and(|line| line.starts_with(&template)))
    {
        return replaced(text, range.clone(), &line);
    }
    let content = |range: &&Range<usize>| {
        text.get((*range).clone())
            .is_some_and(|line| !line.trim().is_empty() && !line.trim_start().starts_with('#'))
    };
    let end = lines.iter().rev().find(content).map_or(body.start, |range| range.end);
    let newline = if text.get(..end).is_some_and(|before| before.ends_with('\n')) { "" } else { "\n" };
    replaced(text, end..end, &format!("{newline}{line}"))
}

/// Takes a key out, with its whole line.
pub(super) fn remove(text: &str, key: &str) -> String {
    let Some(place) = find(text, key) else { return text.to_owned() };
    let before = text.get(..place.key.start).unwrap_or_default();
    let after = text.get(place.value.end..).unwrap_or_default();
    let start = before.rfind('\n').map_or(0, |at| at + 1);
    let end = place.value.end + after.find('\n').map_or(after.len(), |at| at + 1);
    replaced(text, start..end, "")
}

/// The text with something else in the place of a key's value, for showing.
pub(super) fn shown_as(text: &str, key: &str, shown: &str) -> String {
    let value = toml::Value::from(shown).to_string();
    find(text, key).map_or_else(|| text.to_owned(), |place| replaced(text, place.value, &value))
}

fn replaced(text: &str, range: Range<usize>, with: &str) -> String {
    let (before, after) = (text.get(..range.start), text.get(range.end..));
    format!("{}{with}{}", before.unwrap_or_default(), after.unwrap_or_default())
}

fn find(text: &str, key: &str) -> Option<Place> {
    let document = DeTable::parse(text).ok()?;
    let mut table = document.get_ref();
    let mut names = key.split('.').peekable();
    while let Some(name) = names.next() {
        let (key, value) = table.iter().find(|(key, _)| key.get_ref() == name)?;
        if names.peek().is_none() {
            return Some(Place { key: key.span(), value: value.span() });
        }
        let DeValue::Table(inner) = value.get_ref() else { return None };
        table = inner;
    }
    None
}

/// What is below a section's header, up to the next header.
fn section_body(text: &str, section: &str) -> Option<Range<usize>> {
    let header = format!("[{section}]");
    let is_header = |range: &Range<usize>| {
        let line = text.get(range.clone()).unwrap_or_default();
        line.split('#').next().unwrap_or_default().trim() == header
    };
    let lines = lines(text, 0);
    let at = lines.iter().position(is_header)?;
    let below = lines.iter().skip(at + 1);
    let next = below
        .clone()
        .find(|range| text.get((*range).clone()).is_some_and(|line| line.trim_start().starts_with('[')));
    Some(lines.get(at)?.end..next.map_or(text.len(), |range| range.start))
}

/// The lines of a text that starts at `offset`, each with its line break.
fn lines(text: &str, offset: usize) -> Vec<Range<usize>> {
    let mut start = offset;
    text.split_inclusive('\n')
        .map(|line| {
            let range = start..start + line.len();
            start = range.end;
            range
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: &str) -> Value {
        Value::Text(value.to_owned())
    }

    #[test]
    fn a_value_is_replaced_where_it_stands_and_its_comment_stays() {
        let before = "# mine\n[a]\nhost = \"x\" # why\n[b]\nhost = 'y'\n";
        assert_eq!(set(before, "a.host", &text("z")), "# mine\n[a]\nhost = \"z\" # why\n[b]\nhost = 'y'\n");
        assert_eq!(set("a.host = \"x\"\n", "a.host", &text("z")), "a.host = \"z\"\n");
        assert_eq!(
            set("a = { host = \"x\", port = 1 }", "a.port", &Value::Integer(2)),
            "a = { host = \"x\", port = 2 }"
        );
    }

    #[test]
    fn a_new_key_goes_to_the_end_of_its_section_or_takes_the_place_of_its_template() {
        let before = "[a]\nhost = \"x\"\n\n# about b\n[b]\n";
        assert_eq!(
            set(before, "a.port", &Value::Integer(1)),
            "[a]\nhost = \"x\"\nport = 1\n\n# about b\n[b]\n"
        );
        assert_eq!(
            set("[a]\n# the port\n#port = 3\n", "a.port", &Value::Integer(1)),
            "[a]\n# the port\nport = 1\n"
        );
        assert_eq!(set("[a]", "a.port", &Value::Integer(1)), "[a]\nport = 1\n");
    }

    #[test]
    fn a_new_section_goes_to_the_end_of_the_text() {
        assert_eq!(set("", "a.port", &Value::Integer(1)), "[a]\nport = 1\n");
        assert_eq!(set("# x", "a.port", &Value::Integer(1)), "# x\n\n[a]\nport = 1\n");
    }

    #[test]
    fn a_key_goes_with_its_line() {
        assert_eq!(remove("[a]\nhost = \"x\" # why\nport = 1\n", "a.host"), "[a]\nport = 1\n");
        assert_eq!(remove("[a]\nqueues = [\n  \"x\",\n]\n", "a.queues"), "[a]\n");
        assert_eq!(remove("[a]\n", "a.host"), "[a]\n");
    }

    #[test]
    fn a_text_that_is_no_toml_stays_as_it_is() {
        assert_eq!(remove("[a\nhost =", "a.host"), "[a\nhost =");
        assert_eq!(shown_as("[a\nhost =", "a.host", "x"), "[a\nhost =");
    }
}
