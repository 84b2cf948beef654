//! What the site's settings say against a configuration that is in use.

use std::path::Path;

use serde_json::Value as Json;

use super::answer::Imported;
use crate::config::{Config, Kind, Schema, SecretValue, Value};

/// A key that the site and the configuration have different values for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The key; that of a password is `SECTION.password`, wherever the configuration has it from.
    pub key: String,
    /// What the site has and what the configuration has; nothing when it is a secret or could hold one.
    pub values: Option<(String, String)>,
}

/// What differs, in the order of the import. What the configuration does not say is not compared: nothing is checked
/// with it.
#[must_use]
pub fn differences(imported: &Imported, config: &Config) -> Vec<Difference> {
    let Ok(ours) = serde_json::to_value(config) else { return Vec::new() };
    let schema = Schema::new();
    let mut found = Vec::new();
    for (key, value) in &imported.entries {
        let kind = schema.find(key).map(|key| key.kind);
        let Some(own) = at(&ours, key).or_else(|| at(&ours, &counterpart(key)?)) else { continue };
        if !same(key, kind, value, own) {
            // An address could carry a password or a token.
            let tells = !matches!(kind, Some(Kind::Url | Kind::Secret) | None);
            let values = tells.then(|| (shown(&value.into()), shown(own)));
            found.push(Difference { key: key.clone(), values });
        }
    }
    for (section, secret) in &imported.secrets {
        let server = config.servers().into_iter().find(|server| server.section == *section);
        if let Some(SecretValue::Known(own)) = server.map(|server| &server.secret)
            && own.expose() != secret.expose()
        {
            found.push(Difference { key: format!("{section}.password"), values: None });
        }
    }
    found
}

/// The value at a path, unless there is none.
fn at<'a>(table: &'a Json, path: &str) -> Option<&'a Json> {
    path.split('.').try_fold(table, |table, name| table.get(name)).filter(|value| !value.is_null())
}

/// A server is at a host or at a socket: who has one where the other has the other differs.
fn counterpart(key: &str) -> Option<String> {
    let (section, name) = key.split_once('.')?;
    match name {
        "host" => Some(format!("{section}.socket")),
        "socket" => Some(format!("{section}.host")),
        _ => None,
    }
}

fn same(key: &str, kind: Option<Kind>, value: &Value, own: &Json) -> bool {
    match (value, own) {
        (Value::Text(text), Json::String(own)) if kind == Some(Kind::Path) => {
            Path::new(text) == Path::new(own)
        }
        (Value::Text(text), Json::String(own)) if kind == Some(Kind::Host) => text.eq_ignore_ascii_case(own),
        // The first of the hosts is the one that others redirect to; elsewhere the order says nothing.
        (Value::List(list), Json::Array(own)) if key != "web.hosts" => {
            let sorted = |mut list: Vec<String>| {
                list.sort();
                list
            };
            let own = own.iter().filter_map(Json::as_str).map(ToOwned::to_owned).collect();
            sorted(list.clone()) == sorted(own)
        }
        (Value::Integer(number), own) => own.as_i64() == Some(*number),
        (value, own) => Json::from(value) == *own,
    }
}

/// A value in a message: no more of it than helps.
fn shown(value: &Json) -> String {
    /// In characters.
    const LONGEST: usize = 80;
    let text = value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
    let mut short: String = text.chars().take(LONGEST).flat_map(char::escape_debug).collect();
    if text.chars().nth(LONGEST).is_some() {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    fn imported(entries: &[(&str, Value)]) -> Imported {
        let entries = entries.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
        Imported { entries, ..Imported::default() }
    }

    fn text(text: &str) -> Value {
        Value::Text(text.to_owned())
    }

    fn keys(imported: &Imported, config: &Config) -> Vec<String> {
        differences(imported, config).into_iter().map(|difference| difference.key).collect()
    }

    #[test]
    fn only_what_differs_is_told_and_what_we_do_not_say_is_not_compared() {
        let mut config = crate::testing::config();
        config.broker.server.host = Some("rabbit.example.ca".to_owned());
        config.files.dumps = Some("/site/dumps".into());
        let said = imported(&[
            ("broker.host", text("RABBIT.example.ca")),
            ("broker.port", Value::Integer(5672)),
            ("broker.vhost", text("othervhost")),
            ("files.dumps", text("/site/./dumps/")),
            ("search.host", text("elastic")),
            (
                "celery.queues",
                Value::List(["sims", "photo", "fast", "email", "batch"].map(Into::into).to_vec()),
            ),
            ("celery.beat_queue", text("batch")),
        ]);
        let found = differences(&said, &config);
        let expected = Difference {
            key: "broker.vhost".to_owned(),
            values: Some(("othervhost".to_owned(), "myvhost".to_owned())),
        };
        assert_eq!(found.first(), Some(&expected));
        assert_eq!(keys(&said, &config), ["broker.vhost", "celery.beat_queue"]);
    }

    #[test]
    fn a_host_differs_from_a_socket() {
        let mut config = crate::testing::config();
        config.cache.server.socket = Some("/run/memcached.sock".into());
        assert_eq!(keys(&imported(&[("cache.host", text("127.0.0.1"))]), &config), ["cache.host"]);
        assert!(keys(&imported(&[("cache.socket", text("/run/memcached.sock"))]), &config).is_empty());
    }

    #[test]
    fn the_first_served_host_matters_and_the_order_of_queues_does_not() {
        let mut config = crate::testing::config();
        config.web.hosts = vec!["a.ca".to_owned(), "b.ca".to_owned()];
        let hosts = |hosts: [&str; 2]| Value::List(hosts.map(Into::into).to_vec());
        assert_eq!(keys(&imported(&[("web.hosts", hosts(["b.ca", "a.ca"]))]), &config), ["web.hosts"]);
        assert!(keys(&imported(&[("web.hosts", hosts(["a.ca", "b.ca"]))]), &config).is_empty());
    }

    #[test]
    fn a_password_and_an_address_differ_without_being_shown() {
        let mut config = crate::testing::config();
        config.database.server.secret = SecretValue::Known(Secret::new("old one"));
        config.web.cas_url = Some("https://cas.example.ca/".to_owned());
        let mut said = imported(&[("web.cas_url", text("https://u:secret@cas.example.ca/?token=secret"))]);
        said.secrets = vec![("database", Secret::new("new one")), ("broker", Secret::new("x"))];
        let found = differences(&said, &config);
        assert!(found.iter().all(|difference| difference.values.is_none()), "{found:?}");
        assert_eq!(keys(&said, &config), ["web.cas_url", "database.password"]);
    }
}
