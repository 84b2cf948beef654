//! One value for each key: a later layer wins, and some keys push others out.

use std::collections::BTreeMap;

use super::error::{Origin, Problem};
use super::layer::Entry;
use super::schema::{COMPONENTS, SERVERS, Schema, component_name, component_of, secret_of};
use super::value::Value;

/// The keys of a section of which a layer may give only one, `name` among them; giving it pushes out what earlier layers
/// say about the others. Nothing for a key that stands alone.
#[must_use]
pub fn either(section: &str, name: &str) -> Vec<String> {
    const PLACE: [&str; 2] = ["host", "socket"];
    if SERVERS.contains(&section) && PLACE.contains(&name) {
        return PLACE.map(ToOwned::to_owned).into();
    }
    let Some(secret) = secret_of(section) else { return Vec::new() };
    let group = vec![secret.to_owned(), format!("{secret}_file"), format!("{secret}_env")];
    if group.iter().any(|key| key == name) { group } else { Vec::new() }
}

/// The value of a key, and where it comes from.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Setting {
    pub value: Value,
    pub origin: Origin,
}

pub(super) type Settings = BTreeMap<String, Setting>;

/// What came of the layers.
#[derive(Debug, Default)]
pub(super) struct Merged {
    pub settings: Settings,
    pub problems: Vec<Problem>,
    pub warnings: Vec<Problem>,
}

/// Lays the entries over each other, in the order given.
pub(super) fn merge(schema: &Schema, entries: Vec<Entry>) -> Merged {
    let mut merged = Merged::default();
    for Entry { key, value, origin } in entries {
        let Some(value) = value else {
            merged.take_component_away(&key, &origin);
            continue;
        };
        merged.push_rivals_out(&key, &value, &origin);
        let secret = schema.find(&key).is_some_and(|key| key.kind == super::value::Kind::Secret);
        let optional = schema.find(&key).is_some_and(|key| key.optional);
        if optional && !secret && value.text() == Some("") {
            merged.settings.remove(&key);
        } else {
            merged.settings.insert(key, Setting { value, origin });
        }
    }
    merged
}

impl Merged {
    /// Ends what the settings say about `components.NAME`.
    fn take_component_away(&mut self, path: &str, origin: &Origin) {
        let prefix = format!("{path}.");
        let before = self.settings.len();
        self.settings.retain(|key, _| !key.starts_with(&prefix));
        if self.settings.len() == before {
            let names = self.settings.keys().filter_map(|key| component_of(key)).map(|(name, _)| name);
            let near = crate::nearest::nearest(component_name(path).unwrap_or_default(), names);
            let near = near.map(|name| format!("; did you mean `{COMPONENTS}.{name}`?")).unwrap_or_default();
            let message = format!("there is no such component to take away{near}");
            self.warnings.push(Problem::new(origin.clone(), path, message));
        }
    }

    /// Removes what `key` excludes; from the same layer, that is an error.
    fn push_rivals_out(&mut self, key: &str, value: &Value, origin: &Origin) {
        let Some((section, name)) = key.split_once('.') else { return };
        if value.text() == Some("") && Some(name) != secret_of(section) {
            return;
        }
        for rival in either(section, name).into_iter().filter(|rival| rival != name) {
            let rival = format!("{section}.{rival}");
            if let Some(setting) = self.settings.remove(&rival)
                && setting.origin.layer() == origin.layer()
            {
                let message = format!("excludes `{rival}`, which is given too ({})", setting.origin);
                self.problems.push(Problem::new(origin.clone(), key, message).hint("keep one of them"));
            }
        }
    }
}
