//! What a key may hold, and the two ways in: a TOML value, or the text of a variable or argument.

use toml::de::{DeInteger, DeValue};

/// What a key may hold.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// A text that is not empty.
    Text,
    /// A text that may be empty.
    AnyText,
    /// A host name, an IPv4 or an IPv6 address.
    Host,
    /// An address of the web, without a user and without a query, which could hold a secret.
    Url,
    /// A path; a relative one counts from where it was written.
    Path,
    /// A path, or the bare name of a program that is looked for in the system's directories.
    Program,
    /// An IANA name.
    TimeZone,
    /// Numbers with dots between them: `1.5.6`.
    Version,
    /// A password.
    Secret,
    /// A whole number between these, inclusive.
    Integer(i64, i64),
    /// A number between these, inclusive.
    Number(f64, f64),
    /// True or false.
    Switch,
    /// Texts, none of them empty or twice.
    List,
    /// A program and its arguments: texts in order, any of them as often as one likes.
    Words,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// Whole numbers between these, inclusive: one, or a list.
    Integers(i64, i64),
    /// The id of a check.
    CheckId,
    /// Permissions in octal digits.
    Mode,
    /// A regular expression. Whoever reads the key compiles it.
    Pattern,
    /// Names, each with a regular expression.
    Patterns,
    /// Ids or globs of checks, each with a text.
    Places,
    /// An address of the web that may have a query.
    Request,
}

/// A value that has been looked at.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A text of any kind.
    Text(String),
    /// A whole number.
    Integer(i64),
    /// A number.
    Number(f64),
    /// True or false.
    Switch(bool),
    /// Texts.
    List(Vec<String>),
    /// Whole numbers.
    Integers(Vec<i64>),
    /// Names with a text for each.
    Pairs(Vec<(String, String)>),
}

impl Value {
    /// The text, when it is one.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// The names with their texts, when it is a table of them.
    #[must_use]
    pub fn pairs(&self) -> Option<&[(String, String)]> {
        if let Self::Pairs(pairs) = self { Some(pairs) } else { None }
    }

    /// The texts, when it is a list.
    #[must_use]
    pub fn list(&self) -> Option<&[String]> {
        if let Self::List(list) = self { Some(list) } else { None }
    }
}

impl From<&Value> for toml::Value {
    fn from(value: &Value) -> Self {
        match value {
            Value::Text(text) => Self::String(text.clone()),
            Value::Integer(number) => Self::Integer(*number),
            Value::Number(number) => Self::Float(*number),
            Value::Switch(on) => Self::Boolean(*on),
            Value::List(list) => Self::Array(list.iter().cloned().map(Self::String).collect()),
            Value::Integers(list) => Self::Array(list.iter().copied().map(Self::Integer).collect()),
            Value::Pairs(pairs) => Self::Table(
                pairs.iter().map(|(name, text)| (name.clone(), Self::String(text.clone()))).collect(),
            ),
        }
    }
}

impl From<&Value> for serde_json::Value {
    fn from(value: &Value) -> Self {
        match value {
            Value::Text(text) => Self::from(text.as_str()),
            Value::Integer(number) => Self::from(*number),
            Value::Number(number) => Self::from(*number),
            Value::Switch(on) => Self::from(*on),
            Value::List(list) => Self::from(list.as_slice()),
            Value::Integers(list) => Self::from(list.as_slice()),
            Value::Pairs(pairs) => pairs.iter().cloned().collect(),
        }
    }
}

impl Kind {
    /// What is expected, for messages and the documentation: `a port …`.
    #[must_use]
    pub fn expected(&self) -> String {
        match self {
            Self::Text => "a text that is not empty".to_owned(),
            Self::AnyText | Self::Secret => "a text".to_owned(),
            Self::Host => "a host name or an IP address, without a port".to_owned(),
            Self::Url => "an `http://` or `https://` URL without user and query".to_owned(),
            Self::Path => "a path".to_owned(),
            Self::Program => "a path or the name of a program".to_owned(),
            Self::TimeZone => "the IANA name of a time zone".to_owned(),
            Self::Version => "a version of numbers and dots".to_owned(),
            Self::Integer(low, high) => format!("a whole number from {low} to {high}"),
            Self::Number(low, high) => format!("a number from {low} to {high}"),
            Self::Switch => "`true` or `false`".to_owned(),
            Self::List => "a list of texts, none of them empty or twice".to_owned(),
            Self::Words => "a list of texts, a program and its arguments".to_owned(),
            Self::Choice(words) => {
                words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(" or ")
            }
            Self::Integers(low, high) => format!("a whole number from {low} to {high}, or a list of them"),
            Self::CheckId => {
                "words of `a`–`z`, digits, `-` and `_`, joined by dots, such as `own.intranet`".to_owned()
            }
            Self::Mode => "permissions in octal digits, such as `\"0640\"`".to_owned(),
            Self::Pattern => "a regular expression".to_owned(),
            Self::Patterns => "a table of names, each with a regular expression".to_owned(),
            Self::Places => "a table of ids or globs of checks, each with a text".to_owned(),
            Self::Request => "an `http://` or `https://` URL without user".to_owned(),
        }
    }

    /// Takes a value of a TOML file.
    ///
    /// # Errors
    ///
    /// What was expected and what was found. The text of strings appears in it only where it cannot be a secret.
    pub(super) fn take_toml(&self, value: &DeValue<'_>, optional: bool) -> Result<Value, String> {
        let mismatch = || self.mismatch(&format!("found {}", type_name(value)));
        match (self, value) {
            (Self::Integer(..), DeValue::Integer(number)) => {
                self.number(integer(number).map(Value::Integer), number.as_str())
            }
            (Self::Number(..), DeValue::Integer(number)) => {
                self.number(number.as_str().parse().ok().map(Value::Number), number.as_str())
            }
            (Self::Number(..), DeValue::Float(number)) => {
                self.number(number.as_str().parse().ok().map(Value::Number), number.as_str())
            }
            (Self::Switch, DeValue::Boolean(on)) => Ok(Value::Switch(*on)),
            (Self::List | Self::Words, DeValue::Array(items)) => {
                let texts: Option<Vec<String>> =
                    items.iter().map(|item| item.get_ref().as_str().map(ToOwned::to_owned)).collect();
                self.list(texts.ok_or_else(|| self.mismatch("found another kind of item"))?)
            }
            (Self::Integers(..), DeValue::Integer(_)) => self.integers([value].into_iter()),
            (Self::Integers(..), DeValue::Array(items)) => {
                self.integers(items.iter().map(toml::Spanned::get_ref))
            }
            (Self::Patterns | Self::Places, DeValue::Table(table)) => {
                let pair =
                    |(name, text): (&toml::Spanned<toml::de::DeString<'_>>, &toml::Spanned<DeValue<'_>>)| {
                        Some((name.get_ref().to_string(), text.get_ref().as_str()?.to_owned()))
                    };
                let pairs: Option<Vec<_>> = table.iter().map(pair).collect();
                let pairs = pairs.filter(|pairs| pairs.iter().all(|(name, _)| !name.is_empty()));
                pairs.map(Value::Pairs).ok_or_else(|| self.mismatch("found another kind of item"))
            }
            (
                Self::Integer(..)
                | Self::Number(..)
                | Self::Switch
                | Self::List
                | Self::Integers(..)
                | Self::Words
                | Self::Patterns
                | Self::Places,
                _,
            ) => Err(mismatch()),
            (_, DeValue::String(text)) => self.text(text, optional),
            _ => Err(mismatch()),
        }
    }

    /// Takes the text of a variable or argument; a list is written as in TOML, or separated by commas.
    ///
    /// # Errors
    ///
    /// As those of [`Self::take_toml`].
    pub(super) fn take_text(&self, text: &str, optional: bool) -> Result<Value, String> {
        match self {
            Self::Integer(..) => self.number(text.trim().parse().ok().map(Value::Integer), text),
            Self::Number(..) => self.number(text.trim().parse().ok().map(Value::Number), text),
            Self::Switch => match text.trim() {
                "true" => Ok(Value::Switch(true)),
                "false" => Ok(Value::Switch(false)),
                other => Err(self.mismatch(&format!("found {}", quoted(other)))),
            },
            Self::List | Self::Words if text.trim().is_empty() => Ok(Value::List(Vec::new())),
            Self::List | Self::Words if text.trim_start().starts_with('[') => {
                match DeValue::parse(text.trim()) {
                    Ok(value) => self.take_toml(value.get_ref(), optional),
                    Err(error) => Err(self.mismatch(&format!("which this is not: {}", error.message()))),
                }
            }
            Self::Places => match DeValue::parse(text.trim()) {
                Ok(value) => self.take_toml(value.get_ref(), optional),
                Err(error) => Err(self.mismatch(&format!("which this is not: {}", error.message()))),
            },
            // Commas may be part of an argument: without brackets it is a program and nothing else.
            Self::Words => self.list(vec![text.trim().to_owned()]),
            Self::List => self.list(text.split(',').map(|item| item.trim().to_owned()).collect()),
            _ => self.text(text, optional),
        }
    }

    fn mismatch(&self, found: &str) -> String {
        format!("expected {}, {found}", self.expected())
    }

    fn number(&self, value: Option<Value>, text: &str) -> Result<Value, String> {
        let within = match (self, &value) {
            (Self::Integer(low, high), Some(Value::Integer(number))) => (low..=high).contains(&number),
            (Self::Number(low, high), Some(Value::Number(number))) => (low..=high).contains(&number),
            _ => false,
        };
        value.filter(|_| within).ok_or_else(|| self.mismatch(&format!("found {}", quoted(text))))
    }

    fn integers<'v, 'd: 'v>(&self, items: impl Iterator<Item = &'v DeValue<'d>>) -> Result<Value, String> {
        let Self::Integers(low, high) = self else { return Err(self.mismatch("found a number")) };
        let one = |item: &DeValue<'_>| match item {
            DeValue::Integer(number) => {
                let within = integer(number).filter(|number| (low..=high).contains(&number));
                within.ok_or_else(|| self.mismatch(&format!("found {}", quoted(number.as_str()))))
            }
            other => Err(self.mismatch(&format!("found {}", type_name(other)))),
        };
        let numbers = items.map(one).collect::<Result<Vec<_>, _>>()?;
        if numbers.is_empty() { Err(self.mismatch("found none")) } else { Ok(Value::Integers(numbers)) }
    }

    fn list(&self, texts: Vec<String>) -> Result<Value, String> {
        if *self == Self::Words {
            let bad =
                texts.iter().any(|text| text.contains('\0')) || texts.first().is_some_and(String::is_empty);
            return if bad {
                Err(self.mismatch("found one that cannot be started"))
            } else {
                Ok(Value::List(texts))
            };
        }
        let mut seen = std::collections::BTreeSet::new();
        for text in &texts {
            if text.is_empty() {
                return Err(self.mismatch("found an empty one"));
            }
            if !seen.insert(text) {
                return Err(self.mismatch(&format!("found {} twice", quoted(text))));
            }
        }
        Ok(Value::List(texts))
    }

    /// The text of a key. What may be missing may be empty: that takes the value of an earlier layer away.
    fn text(&self, text: &str, optional: bool) -> Result<Value, String> {
        let take = |text: &str| Ok(Value::Text(text.to_owned()));
        if text.is_empty() && (optional || matches!(self, Self::AnyText | Self::Secret)) {
            return take(text);
        }
        if text.contains('\0') {
            return Err(self.mismatch("found one with a null character"));
        }
        match self {
            _ if text.is_empty() => Err(self.mismatch("found an empty text")),
            Self::Host => host(text).map(Value::Text).ok_or_else(|| self.mismatch("found something else")),
            Self::Choice(words) if !words.contains(&text) => {
                let near = crate::nearest::nearest(text, words.iter().copied());
                let near = near.map(|word| format!("; did you mean `{word}`?")).unwrap_or_default();
                Err(self.mismatch(&format!("found {}{near}", quoted(text))))
            }
            Self::Request if !is_url(text.split('?').next().unwrap_or(text)) => {
                Err(self.mismatch("found something else"))
            }
            Self::CheckId if !is_check_id(text) => Err(self.mismatch(&format!("found {}", quoted(text)))),
            Self::Mode if !is_mode(text) => Err(self.mismatch(&format!("found {}", quoted(text)))),
            Self::Url if !is_url(text) => Err(self.mismatch("found something else")),
            Self::TimeZone if !is_zone(text) => Err(self.mismatch(&format!("found {}", quoted(text)))),
            Self::Version if !is_version(text) => Err(self.mismatch(&format!("found {}", quoted(text)))),
            _ => take(text),
        }
    }
}

/// A whole number of a TOML file; nothing when it is beyond 64 bits.
fn integer(number: &DeInteger<'_>) -> Option<i64> {
    i64::from_str_radix(number.as_str(), number.radix()).ok()
}

/// A host as name or address. What looks like a URL or carries a port is none; brackets around IPv6 are taken off.
fn host(text: &str) -> Option<String> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    if bare.contains(':') {
        // A zone like `fe80::1%eth0` is the system's matter.
        let address = bare.split('%').next().unwrap_or(bare);
        return address.parse::<std::net::Ipv6Addr>().is_ok().then(|| bare.to_owned());
    }
    let good = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_');
    (bare.len() == text.len() && bare.chars().all(good)).then(|| bare.to_owned())
}

fn is_url(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let bad = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '@' | '?' | '#');
    rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/') && !rest.contains(bad))
}

fn is_version(text: &str) -> bool {
    text.split('.')
        .all(|number| number.bytes().all(|byte| byte.is_ascii_digit()) && number.parse::<u32>().is_ok())
}

/// Whether a text can be the id of a check.
fn is_check_id(text: &str) -> bool {
    let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
    text.contains('.') && text.split('.').all(|word| !word.is_empty() && word.chars().all(good))
}

/// Whether a text is permissions in octal digits.
fn is_mode(text: &str) -> bool {
    (3..=5).contains(&text.len())
        && text.bytes().all(|digit| (b'0'..=b'7').contains(&digit))
        && u32::from_str_radix(text, 8).is_ok_and(|mode| mode <= 0o7777)
}

/// Whether a time zone exists; on a machine without time zone data every well-formed name passes.
fn is_zone(text: &str) -> bool {
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '_' | '-' | '+');
    text.chars().all(good)
        && (jiff::tz::TimeZone::get(text).is_ok() || jiff::tz::db().available().next().is_none())
}

/// A value of a file in a message: in back-ticks, and no more of it than helps.
fn quoted(text: &str) -> String {
    /// In characters.
    const LONGEST: usize = 40;
    let mut short: String = text.chars().take(LONGEST).flat_map(char::escape_debug).collect();
    if text.chars().nth(LONGEST).is_some() {
        short.push('…');
    }
    format!("`{short}`")
}

fn type_name(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "`true` or `false`",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
