//! Every key of the configuration: the one list that validation, `config show` and the documentation read.

use super::value::Kind;

/// The sections that describe a server.
pub const SERVERS: [&str; 8] = ["database", "broker", "cache", "search", "email", "time", "web", "gunicorn"];

/// Sections of outside services that have a secret too, and what its key is called.
pub(super) const OUTSIDE_SECRETS: [(&str, &str); 3] =
    [("reporting_db", "password"), ("photos", "password"), ("emplid", "secret")];

/// What the key of a section's secret is called; beside it, `NAME_file` and `NAME_env` say where the secret is.
pub(super) fn secret_of(section: &str) -> Option<&'static str> {
    let outside = OUTSIDE_SECRETS.iter().find(|(own, _)| *own == section).map(|(_, name)| *name);
    outside.or_else(|| SERVERS.contains(&section).then_some("password"))
}

/// The section of the deployment's parts, whose keys have a name in the middle.
pub(super) const COMPONENTS: &str = "components";

/// The name that stands for any component in the paths of [`Schema`].
pub(super) const ANY_NAME: &str = "NAME";

/// A key of the configuration.
#[derive(Debug, Clone)]
pub struct Key {
    /// The dotted path; `NAME` stands for the name of a component.
    pub path: String,
    /// What it may hold.
    pub kind: Kind,
    /// What it is for, one sentence without the period.
    pub meaning: &'static str,
    /// The unit of a number.
    pub unit: Option<&'static str>,
    /// Whether it may be missing; an empty text in a later layer takes such a value away.
    pub optional: bool,
}

impl Key {
    /// The section that it is in.
    #[must_use]
    pub fn section(&self) -> &str {
        self.path.split('.').next().unwrap_or_default()
    }
}

/// The keys of the configuration, in the order of the documentation.
#[derive(Debug, Clone)]
pub struct Schema {
    keys: Vec<Key>,
}

impl Default for Schema {
    fn default() -> Self {
        Self::new()
    }
}

impl Schema {
    /// All keys.
    #[must_use]
    pub fn new() -> Self {
        Self { keys: super::keys::all() }
    }

    /// Every key.
    #[must_use]
    pub fn keys(&self) -> &[Key] {
        &self.keys
    }

    /// The key of a path; the name of any component fits `NAME`.
    #[must_use]
    pub fn find(&self, path: &str) -> Option<&Key> {
        let general = component_of(path).map(|(_, rest)| format!("{COMPONENTS}.{ANY_NAME}.{rest}"));
        let path = general.as_deref().unwrap_or(path);
        self.keys.iter().find(|key| key.path == path)
    }

    /// Whether a path is a table that holds keys.
    #[must_use]
    pub fn is_table(&self, path: &str) -> bool {
        component_name(path).is_some()
            || self
                .keys
                .iter()
                .any(|key| key.path.strip_prefix(path).is_some_and(|rest| rest.starts_with('.')))
    }

    /// The valid path that is most like an unknown one.
    #[must_use]
    pub fn nearest(&self, path: &str) -> Option<String> {
        let (section, name) = path.split_once('.').unwrap_or((path, ""));
        if let Some((component, rest)) = component_of(path) {
            let names = self.keys.iter().filter_map(|key| component_of(&key.path)).map(|(_, rest)| rest);
            return crate::nearest::nearest(rest, names)
                .map(|near| format!("{COMPONENTS}.{component}.{near}"));
        }
        let in_section = self
            .keys
            .iter()
            .filter_map(|key| key.path.split_once('.'))
            .filter_map(|(own, name)| (own == section).then_some(name));
        if let Some(near) = crate::nearest::nearest(name, in_section) {
            return Some(format!("{section}.{near}"));
        }
        let paths = || self.keys.iter().map(|key| key.path.as_str());
        if name.is_empty() {
            let sections = self.keys.iter().map(Key::section);
            // A key that was written above its section, or a section with a slip of the pen.
            return crate::nearest::nearest(section, sections).map(ToOwned::to_owned).or_else(|| {
                paths().find(|path| path.ends_with(&format!(".{section}"))).map(ToOwned::to_owned)
            });
        }
        crate::nearest::nearest(path, paths()).map(ToOwned::to_owned)
    }
}

/// The name of a component and the key below it: `components.celery.unit` is `celery` and `unit`.
pub(super) fn component_of(path: &str) -> Option<(&str, &str)> {
    path.strip_prefix(COMPONENTS)?.strip_prefix('.')?.split_once('.')
}

/// The name in `components.NAME`.
pub(super) fn component_name(path: &str) -> Option<&str> {
    let name = path.strip_prefix(COMPONENTS)?.strip_prefix('.')?;
    let good = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    (!name.is_empty() && name.chars().all(good)).then_some(name)
}
