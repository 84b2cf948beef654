//! The keys of one section that have been looked at, and what is wrong with them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::super::error::Problem;
use super::super::model::{Limits, OwnPlace, Pattern};
use super::super::value::Value;

/// A key of a section with its value and its line.
#[derive(Debug)]
pub(super) struct Field {
    pub name: &'static str,
    pub value: Value,
    pub line: usize,
}

/// The keys of one section. What is taken out of it by the wrong type is simply not there: the schema has judged it.
pub(super) struct Fields<'a> {
    pub fields: Vec<Field>,
    pub place: OwnPlace,
    pub problems: &'a mut Vec<Problem>,
    /// Expressions that have been compiled: many checks may have the same.
    pub patterns: &'a mut BTreeMap<String, Pattern>,
}

impl Fields<'_> {
    /// The line of a key, or of the section's head.
    pub(super) fn line(&self, name: &str) -> usize {
        self.find(name).map_or(self.place.line, |field| field.line)
    }

    fn find(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    /// Notes what is wrong with a key.
    pub(super) fn wrong(&mut self, name: &str, message: impl Into<String>) {
        let problem = self.place.problem(self.line(name), name, message);
        self.problems.push(problem);
    }

    fn take(&mut self, name: &str) -> Option<Value> {
        let field = self.fields.iter_mut().find(|field| field.name == name)?;
        // The field stays, so that its line can be told.
        Some(std::mem::replace(&mut field.value, Value::Switch(false)))
    }

    pub(super) fn text(&mut self, name: &str) -> Option<String> {
        if let Some(Value::Text(text)) = self.take(name) { Some(text) } else { None }
    }

    pub(super) fn list(&mut self, name: &str) -> Vec<String> {
        if let Some(Value::List(list)) = self.take(name) { list } else { Vec::new() }
    }

    pub(super) fn switch(&mut self, name: &str, default: bool) -> bool {
        if let Some(Value::Switch(on)) = self.take(name) { on } else { default }
    }

    pub(super) fn number(&mut self, name: &str) -> Option<f64> {
        match self.take(name)? {
            Value::Number(number) => Some(number),
            #[allow(clippy::cast_precision_loss, reason = "limits beyond 2^53 bytes may be off by some")]
            Value::Integer(number) => Some(number as f64),
            _ => None,
        }
    }

    pub(super) fn integer<T: TryFrom<i64>>(&mut self, name: &str) -> Option<T> {
        if let Some(Value::Integer(number)) = self.take(name) { T::try_from(number).ok() } else { None }
    }

    pub(super) fn integers<T: TryFrom<i64>>(&mut self, name: &str) -> Option<Vec<T>> {
        let Some(Value::Integers(numbers)) = self.take(name) else { return None };
        Some(numbers.into_iter().filter_map(|number| T::try_from(number).ok()).collect())
    }

    pub(super) fn duration(&mut self, name: &str) -> Option<Duration> {
        self.number(name).and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
    }

    /// A path; a relative one counts from the directory of the file that it is written in.
    pub(super) fn path(&mut self, name: &str) -> Option<PathBuf> {
        let path = self.text(name)?;
        let base = self.place.file.parent().unwrap_or(Path::new("/"));
        Some(base.join(path).components().collect())
    }

    pub(super) fn pattern(&mut self, name: &str) -> Option<Pattern> {
        let text = self.text(name)?;
        self.compiled(name, &text)
    }

    /// Names with expressions; the names in lower case.
    pub(super) fn patterns(&mut self, name: &str) -> Vec<(String, Pattern)> {
        let Some(Value::Pairs(pairs)) = self.take(name) else { return Vec::new() };
        let compiled = |(header, text): (String, String)| {
            Some((header.to_ascii_lowercase(), self.compiled(name, &text)?))
        };
        pairs.into_iter().filter_map(compiled).collect()
    }

    fn compiled(&mut self, name: &str, text: &str) -> Option<Pattern> {
        if let Some(known) = self.patterns.get(text) {
            return Some(known.clone());
        }
        match Pattern::new(text) {
            Ok(pattern) => {
                self.patterns.insert(text.to_owned(), pattern.clone());
                Some(pattern)
            }
            Err(why) => {
                self.wrong(name, format!("expected a regular expression, which this is not: {why}"));
                None
            }
        }
    }

    /// Two limits of which the second is reached later: at more, or, where `less` is worse, at less.
    pub(super) fn limits(&mut self, warn: &'static str, crit: &'static str, less: bool) -> Limits {
        let limits = Limits { warn: self.number(warn), crit: self.number(crit) };
        if let Limits { warn: Some(soft), crit: Some(hard) } = limits
            && (if less { hard > soft } else { hard < soft })
        {
            let order = if less { "at most" } else { "at least" };
            self.wrong(crit, format!("expected {order} `{warn}`, which is {soft}, found {hard}"));
        }
        limits
    }

    /// Limits of the time that looking takes; one that the timeout comes before would never be reached.
    pub(super) fn latency(&mut self, timeout: Duration) -> Limits {
        let limits = self.limits("warn_s", "crit_s", false);
        for (name, limit) in [("warn_s", limits.warn), ("crit_s", limits.crit)] {
            if limit.is_some_and(|limit| limit >= timeout.as_secs_f64()) {
                self.wrong(
                    name,
                    format!("expected less than `timeout_s`, which is {}", timeout.as_secs_f64()),
                );
            }
        }
        limits
    }
}

/// The place of a section of which nothing is known but where it begins.
pub(super) fn place(file: &Arc<Path>, number: usize, line: usize) -> OwnPlace {
    OwnPlace { file: Arc::clone(file), number, line, id_line: line, needs_line: line, tier_line: line }
}
