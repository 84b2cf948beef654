//! `config show`: every value and where it comes from, as text and as JSON.

use std::fmt::Write as _;

use serde_json::json;

use super::error::Problem;
use super::load::{Loaded, Shown};
use super::model::OwnCheck;
use super::own::{COMMON_KEYS, own_keys};
use super::schema::Schema;

/// Origins stand in one column when the values before them are no wider than this, in characters.
const WIDEST: usize = 56;

/// Every key that has a value, one line each, as TOML with the origin as comment. Secrets are redacted.
#[must_use]
pub fn show_text(loaded: &Loaded) -> String {
    let lines: Vec<(String, String)> = in_order(loaded)
        .map(|(key, shown)| {
            let value =
                toml::Value::try_from(&shown.value).map(|value| value.to_string()).unwrap_or_default();
            (format!("{key} = {value}"), shown.origin.to_string())
        })
        .collect();
    let fits = lines.iter().map(|(line, _)| line.chars().count()).filter(|width| *width <= WIDEST);
    let width = fits.max().unwrap_or_default();
    let keys = lines.iter().map(|(line, origin)| format!("{line:width$}  # {origin}\n"));
    keys.chain(loaded.config.own.iter().map(|own| section(own))).collect()
}

/// A check of one's own as a section, with what holds where it says nothing.
fn section(own: &OwnCheck) -> String {
    let mut text = format!("\n[[check]]  # {}\n", own.place.origin(own.place.line));
    for (key, value) in keys(own) {
        let value = toml::Value::try_from(&value).map(|value| value.to_string()).unwrap_or_default();
        let _ = writeln!(text, "{key} = {value}");
    }
    text
}

/// The keys of a check of one's own that have a value, in the order of the documentation.
fn keys(own: &OwnCheck) -> Vec<(&'static str, serde_json::Value)> {
    // It is made of texts and numbers alone.
    let mut values = serde_json::to_value(own).unwrap_or_default();
    let kind = values.get("kind").and_then(|kind| kind.as_str()).unwrap_or_default().to_owned();
    let in_order = COMMON_KEYS.iter().chain(own_keys(&kind)).map(|key| key.name);
    let value = |name: &'static str| Some((name, values.get_mut(name)?.take()));
    in_order.filter_map(value).collect()
}

/// The same as one JSON document, with the warnings.
#[must_use]
pub fn show_json(loaded: &Loaded) -> serde_json::Value {
    let setting = |(key, shown): (&str, &Shown)| {
        json!({
            "key": key, "value": shown.value,
            "origin": shown.origin.word(), "place": shown.origin.to_string(),
        })
    };
    let warning = |problem: &Problem| {
        json!({
            "key": problem.key, "place": problem.origin.to_string(),
            "message": problem.message, "hint": problem.hint,
        })
    };
    json!({
        "schema": 1,
        "settings": in_order(loaded).map(setting).collect::<Vec<_>>(),
        "checks": loaded.config.own.iter().map(|own| check(own)).collect::<Vec<_>>(),
        "warnings": loaded.warnings.iter().map(warning).collect::<Vec<_>>(),
    })
}

/// A check of one's own, with its place.
fn check(own: &OwnCheck) -> serde_json::Value {
    let place = ("place".to_owned(), own.place.origin(own.place.line).to_string().into());
    let keys = keys(own).into_iter().map(|(key, value)| (key.to_owned(), value));
    serde_json::Value::Object(keys.chain([place]).collect())
}

/// The settings in the order of the documentation.
fn in_order(loaded: &Loaded) -> impl Iterator<Item = (&str, &Shown)> {
    let schema = Schema::new();
    let place = move |path: &str| {
        let of = |key: &super::schema::Key| schema.find(path).is_some_and(|found| found.path == key.path);
        let section = path.split('.').next().unwrap_or_default();
        let components = path.starts_with("components.");
        // Components stay together by name, not by key.
        let first = schema.keys().iter().position(|key| key.section() == section);
        let own = schema.keys().iter().position(of);
        (first, if components { first } else { own })
    };
    let mut settings: Vec<_> = loaded.settings.iter().map(|(key, shown)| (key.as_str(), shown)).collect();
    settings.sort_by_cached_key(|(key, _)| place(key));
    settings.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Sources, load};

    fn loaded() -> Loaded {
        let set = vec!["database.password=s3cret".to_owned(), "web.hosts=a.ca,b.ca".to_owned()];
        load(&Sources { set, ..Sources::default() }).unwrap()
    }

    #[test]
    fn the_text_is_toml_that_says_where_each_value_is_from_and_no_secret() {
        let text = show_text(&loaded());
        let table: toml::Table = toml::from_str(&text).unwrap();
        assert_eq!(table["broker"]["port"].as_integer(), Some(5672));
        assert_eq!(table["database"]["password"].as_str(), Some("[redacted]"));
        let line = text.lines().find(|line| line.starts_with("web.hosts")).unwrap();
        assert!(line.starts_with("web.hosts = [\"a.ca\", \"b.ca\"]") && line.ends_with("# --set"), "{line}");
        assert!(text.starts_with("site.layout = \"vm\""), "{text}");
    }

    #[test]
    fn the_document_lists_value_layer_and_place_of_every_key_and_no_secret() {
        let document = show_json(&loaded());
        let settings = document["settings"].as_array().unwrap();
        let of = |key: &str| settings.iter().find(|setting| setting["key"] == key).unwrap().clone();
        let port = json!({"key": "broker.port", "value": 5672, "origin": "profile", "place": "profile vm"});
        assert_eq!(of("broker.port"), port);
        assert_eq!(of("database.password")["value"], "[redacted]");
        assert_eq!(document["warnings"][0]["key"], "database.password");
    }
}
