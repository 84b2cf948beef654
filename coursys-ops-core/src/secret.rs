//! Secrets as a type, and their last line of defence: a redactor of texts.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::{ExposeSecret, SecretString};

/// What stands in the place of a secret.
pub const REDACTED: &str = "[redacted]";

/// Shorter secrets are not looked for in texts: they would redact ordinary words.
const SHORTEST_REDACTED: usize = 4;

/// What an URL's user part may not hold as it is, for those who encode no more than they must.
const USERINFO: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'`')
    .add(b'{')
    .add(b'}')
    .add(b'/')
    .add(b':')
    .add(b';')
    .add(b'=')
    .add(b'@')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'|')
    .add(b'%');

/// What Python's `urllib.parse.quote` leaves as it is.
const PYTHON_QUOTE: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'_').remove(b'.').remove(b'-').remove(b'~').remove(b'/');

/// A secret: never printed, wiped when dropped.
#[derive(Clone)]
pub struct Secret(SecretString);

impl Secret {
    /// Takes a text into custody.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(SecretString::from(text.into()))
    }

    /// The text itself, for the one place that hands it to a server.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(REDACTED)
    }
}

impl std::fmt::Display for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(REDACTED)
    }
}

/// Takes known secrets out of texts from outside, in the encodings that servers and libraries echo.
#[derive(Clone, Default)]
pub struct Redactor {
    needles: Vec<String>,
}

impl std::fmt::Debug for Redactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Redactor({} needles)", self.needles.len())
    }
}

impl Redactor {
    /// A redactor of these secrets.
    #[must_use]
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a Secret>) -> Self {
        let mut needles: Vec<String> = secrets
            .into_iter()
            .map(Secret::expose)
            .filter(|secret| secret.chars().count() >= SHORTEST_REDACTED)
            .flat_map(encodings)
            .collect();
        // The longest first, so that no part of a longer one is left standing.
        needles.sort_by_key(|needle| std::cmp::Reverse(needle.len()));
        needles.dedup();
        Self { needles }
    }

    /// `text` without the secrets.
    #[must_use]
    pub fn redact(&self, text: String) -> String {
        self.needles.iter().fold(text, |text, needle| {
            if text.contains(needle.as_str()) { text.replace(needle.as_str(), REDACTED) } else { text }
        })
    }
}

/// The forms in which a secret may come back.
fn encodings(secret: &str) -> Vec<String> {
    let json = serde_json::Value::from(secret).to_string();
    let ascii_json: String = json.chars().flat_map(escape_non_ascii).collect();
    let unquoted = |text: &str| text.trim_matches('"').to_owned();
    let mut forms = vec![
        secret.to_owned(),
        unquoted(&json),
        unquoted(&ascii_json),
        secret.escape_debug().to_string(),
        secret.replace(' ', "+"),
    ];
    for set in [NON_ALPHANUMERIC, USERINFO, PYTHON_QUOTE] {
        let encoded = utf8_percent_encode(secret, set).to_string();
        forms.push(encoded.replace("%20", "+"));
        forms.push(encoded.to_lowercase());
        forms.push(encoded);
    }
    for engine in [&STANDARD, &STANDARD_NO_PAD, &URL_SAFE, &URL_SAFE_NO_PAD] {
        forms.push(engine.encode(secret));
    }
    forms
}

/// JSON's `\u` escapes, as encoders that write ASCII only make them.
fn escape_non_ascii(c: char) -> Vec<char> {
    if c.is_ascii() {
        return vec![c];
    }
    let mut units = [0_u16; 2];
    c.encode_utf16(&mut units)
        .iter()
        .flat_map(|unit| format!("\\u{unit:04x}").chars().collect::<Vec<_>>())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOSTILE: &str = "p@ss/w%rd ü'";

    #[test]
    fn a_secret_prints_as_nothing_of_itself() {
        let secret = Secret::new(HOSTILE);
        assert_eq!(format!("{secret:?} {secret}"), "[redacted] [redacted]");
    }

    #[test]
    fn every_encoding_of_a_secret_is_taken_out_of_a_text() {
        let redactor = Redactor::new([&Secret::new(HOSTILE)]);
        for form in [
            HOSTILE.to_owned(),
            "p%40ss%2Fw%25rd%20%C3%BC%27".to_owned(),
            "p%40ss%2fw%25rd%20%c3%bc%27".to_owned(),
            "p%40ss/w%25rd%20%C3%BC%27".to_owned(),
            "p%40ss%2Fw%25rd+%C3%BC%27".to_owned(),
            STANDARD.encode(HOSTILE),
            "p@ss/w%rd \\u00fc'".to_owned(),
            serde_json::to_string(HOSTILE).unwrap(),
        ] {
            let text = redactor.redact(format!("amqp://coursys:{form}@host/"));
            assert!(text.contains(REDACTED), "{form} was left standing in {text}");
        }
    }

    #[test]
    fn a_secret_too_short_to_be_told_from_a_word_is_not_looked_for() {
        assert_eq!(Redactor::new([&Secret::new("a")]).redact("a banana".to_owned()), "a banana");
    }
}
