//! What the files would become: first said, then done.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::answer::Imported;
use super::ask::ImportError;
use super::write::{self, Manner};
use super::{diff, edit};
use crate::config::{Config, FileSource, Origin, SecretValue, Server, Sources, Value, load};
use crate::secret::Secret;

/// A file that holds a password and nothing else.
#[derive(Debug, Clone)]
pub struct SecretFile {
    /// Where.
    pub path: PathBuf,
    /// The password.
    pub secret: Secret,
}

/// What an import would change.
#[derive(Clone)]
pub struct Plan {
    /// The configuration file.
    pub path: PathBuf,
    /// What the configuration file would hold.
    pub text: String,
    /// The difference to what it holds, without secrets; empty when there is none.
    pub difference: String,
    /// The files of secrets that would be written.
    pub secrets: Vec<SecretFile>,
    /// Whether the configuration file is there already.
    pub exists: bool,
    /// What somebody should know.
    pub notes: Vec<String>,
}

/// Plans the import into `path`, which holds `current` when it is there; new files of secrets go to `secrets_dir`.
///
/// # Errors
///
/// What is there is no valid configuration, or has a form in which single keys cannot be changed.
pub fn plan(
    imported: Imported,
    config: &Config,
    path: &Path,
    current: Option<&str>,
    secrets_dir: &Path,
    environment: &BTreeMap<String, String>,
) -> Result<Plan, ImportError> {
    let old = current.unwrap_or_default();
    let known = Known::read(path, old, environment)?;
    let Imported { mut entries, secrets, mut notes } = imported;
    if current.is_none() {
        entries.splice(0..0, of_the_site(config));
    }
    let (mut old_shown, mut new_shown) = (Vec::new(), Vec::new());
    let mut files = Vec::new();
    let mut changed = String::new();
    for (section, secret) in secrets {
        match known.keeps(section, &secret) {
            Keeps::Same => {}
            Keeps::Inline => {
                let key = format!("{section}.password");
                old_shown.push((key.clone(), "[redacted]"));
                new_shown.push((key.clone(), "[redacted, another one]"));
                entries.push((key, Value::Text(secret.expose().to_owned())));
            }
            Keeps::Variable(variable) => {
                notes.push(format!(
                    "the variable `{variable}` holds another password than the site has for `{section}`"
                ));
            }
            Keeps::File(file) => {
                let _ = writeln!(changed, "{}: another password", file.display());
                files.push(SecretFile { path: file, secret });
            }
            Keeps::Nothing => {
                let file = secrets_dir.join(format!("{section}.password"));
                let _ = writeln!(changed, "{}: a new file with a password", file.display());
                entries.push((
                    format!("{section}.password_file"),
                    Value::Text(file.to_string_lossy().into_owned()),
                ));
                files.push(SecretFile { path: file, secret });
            }
        }
    }
    let header = "# Made by `coursys-ops config import-django` of what the site's settings say.\n";
    let mut text = if current.is_none() { header.to_owned() } else { old.to_owned() };
    for (key, value) in &entries {
        if known.values.get(key) != Some(value) {
            text = edit::set(&text, key, value);
        }
        for (kept, gone) in [(".socket", "host"), (".host", "socket")] {
            if let Some(section) = key.strip_suffix(kept) {
                text = edit::remove(&text, &format!("{section}.{gone}"));
            }
        }
    }
    verify(path, &text, &entries, environment)?;
    for (key, shown) in all_passwords(&known) {
        old_shown.push((key.clone(), shown));
        new_shown.push((key, shown));
    }
    let show = |text: &str, shown: &[(String, &str)]| {
        shown.iter().rev().fold(text.to_owned(), |text, (key, shown)| edit::shown_as(&text, key, shown))
    };
    let name = path.display().to_string();
    let mut difference = diff::unified(&show(old, &old_shown), &show(&text, &new_shown), &name, &name);
    difference.push_str(&changed);
    Ok(Plan { path: path.to_owned(), text, difference, secrets: files, exists: current.is_some(), notes })
}

/// The text may hold passwords; the difference does not.
impl std::fmt::Debug for Plan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Plan")
            .field("path", &self.path)
            .field("difference", &self.difference)
            .finish_non_exhaustive()
    }
}

impl Plan {
    /// Whether nothing would change.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.difference.is_empty() && self.secrets.is_empty()
    }

    /// Writes the secrets and then the configuration file, each whole or not at all. `group` may read them.
    ///
    /// # Errors
    ///
    /// A file cannot be written, or one that would be new is there already.
    pub fn write(&self, group: Option<u32>, as_root: bool) -> Result<(), ImportError> {
        let manner = Manner { group, replace: self.exists, as_root };
        if let Some(dir) = self.path.parent() {
            write::directory(dir, write::OPEN, manner)?;
        }
        for SecretFile { path, secret } in &self.secrets {
            if let Some(dir) = path.parent() {
                write::directory(dir, write::CLOSED, manner)?;
            }
            // The newline is the one that is no part of the password.
            write::put(path, format!("{}\n", secret.expose()).as_bytes(), manner)?;
        }
        write::put(&self.path, self.text.as_bytes(), manner)
    }
}

/// How the current file keeps a secret.
enum Keeps {
    Same,
    Inline,
    File(PathBuf),
    Variable(String),
    Nothing,
}

/// What the current file says by itself.
struct Known {
    config: Config,
    /// The keys that stand in the file, passwords left out.
    values: BTreeMap<String, Value>,
    inline: Vec<String>,
}

impl Known {
    fn read(path: &Path, text: &str, environment: &BTreeMap<String, String>) -> Result<Self, ImportError> {
        let loaded = load(&alone(path, text, environment)).map_err(|errors| {
            ImportError::new(
                format!("`{}` is no valid configuration: {errors}", path.display()),
                "mend it, or move it away",
            )
        })?;
        let mut values = BTreeMap::new();
        let mut inline = Vec::new();
        for (key, shown) in loaded.settings {
            if !matches!(shown.origin, Origin::File { .. }) {
                continue;
            }
            if key.ends_with(".password") {
                inline.push(key);
            } else if let Some(value) = value_of(&shown.value) {
                values.insert(key, value);
            }
        }
        Ok(Self { config: loaded.config, values, inline })
    }

    fn server(&self, section: &str) -> Option<&Server> {
        self.config.servers().into_iter().find(|server| server.section == section)
    }

    fn keeps(&self, section: &str, secret: &Secret) -> Keeps {
        let key = |name: &str| format!("{section}.{name}");
        let text = |name: &str| self.values.get(&key(name)).and_then(Value::text).map(ToOwned::to_owned);
        if let Some(SecretValue::Known(known)) = self.server(section).map(|server| &server.secret)
            && known.expose() == secret.expose()
        {
            return Keeps::Same;
        }
        if self.inline.contains(&key("password")) {
            return Keeps::Inline;
        }
        match (text("password_file"), text("password_env")) {
            (Some(file), _) => Keeps::File(file.into()),
            (None, Some(variable)) => Keeps::Variable(variable),
            (None, None) => Keeps::Nothing,
        }
    }
}

/// Sources of one file and nothing else.
fn alone(path: &Path, text: &str, environment: &BTreeMap<String, String>) -> Sources {
    let file = FileSource { path: path.to_owned(), text: text.to_owned(), readable_by_everybody: false };
    // Only for `password_env`: settings of the environment are no part of the file.
    let mut environment = environment.clone();
    environment.retain(|name, _| !name.starts_with(crate::config::ENV_PREFIX));
    Sources { file: Some(file), environment, ..Sources::default() }
}

/// Every inline password, to be shown as one.
fn all_passwords(known: &Known) -> impl Iterator<Item = (String, &'static str)> {
    known.inline.iter().map(|key| (key.clone(), "[redacted]"))
}

/// What a new file says beyond the settings: the site that was asked.
fn of_the_site(config: &Config) -> Vec<(String, Value)> {
    let site = &config.site;
    let path = |path: &Path| path.to_string_lossy().into_owned();
    let texts = [
        ("site.layout", Some(site.layout.clone())),
        ("site.user", site.user.clone()),
        ("site.dir", Some(path(&site.dir))),
        ("site.python", Some(path(&site.python))),
    ];
    texts.into_iter().filter_map(|(key, text)| Some((key.to_owned(), Value::Text(text?)))).collect()
}

/// Makes sure that the new text says what was imported.
fn verify(
    path: &Path,
    text: &str,
    entries: &[(String, Value)],
    environment: &BTreeMap<String, String>,
) -> Result<(), ImportError> {
    let hint = "import into another file with `--output`, and compare";
    let loaded = load(&alone(path, text, environment)).map_err(|errors| {
        // The line would be one of a text that nobody has.
        let problems: Vec<String> = errors
            .problems
            .iter()
            .map(|problem| format!("{}: {}", problem.key.as_deref().unwrap_or("the file"), problem.message))
            .collect();
        ImportError::new(
            format!("what the settings say makes no valid configuration: {}", problems.join("; ")),
            hint,
        )
    })?;
    for (key, value) in entries {
        let written = loaded.settings.get(key);
        let secret = key.ends_with(".password");
        if written.is_none_or(|shown| !secret && value_of(&shown.value).as_ref() != Some(value)) {
            let message = format!("`{}` has a form in which `{key}` cannot be changed", path.display());
            return Err(ImportError::refused(message, hint));
        }
    }
    Ok(())
}

/// A shown value as a value.
fn value_of(shown: &serde_json::Value) -> Option<Value> {
    Some(match shown {
        serde_json::Value::String(text) => Value::Text(text.clone()),
        serde_json::Value::Bool(on) => Value::Switch(*on),
        serde_json::Value::Number(number) => {
            number.as_i64().map(Value::Integer).or_else(|| number.as_f64().map(Value::Number))?
        }
        serde_json::Value::Array(items) => {
            Value::List(items.iter().map(|item| item.as_str().map(ToOwned::to_owned)).collect::<Option<_>>()?)
        }
        _ => return None,
    })
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
