//! From sources to a configuration.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize as _;

use super::error::{ConfigErrors, Origin, Problem};
use super::layer::Reader;
use super::merge::{Merged, Setting, Settings, merge};
use super::model::Config;
use super::profile::{COMMON, DEFAULT_LAYOUT, LAYOUTS, profile};
use super::schema::{OUTSIDE_SECRETS, SERVERS, Schema};
use super::sources::Sources;
use super::value::{Kind, Value};
use super::{rules, secrets};
use crate::secret::REDACTED;

/// A configuration and where it comes from.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// Every key that has a value, by its path.
    pub settings: BTreeMap<String, Shown>,
    /// What is doubtful: how secrets are kept, mostly.
    pub warnings: Vec<Problem>,
}

/// The value of a key as it may be shown, and where it comes from.
#[derive(Debug, Clone, PartialEq)]
pub struct Shown {
    /// The value; a secret is redacted.
    pub value: serde_json::Value,
    /// Where it comes from.
    pub origin: Origin,
}

/// Makes a configuration of its sources; reads password files, and nothing else.
///
/// # Errors
///
/// Everything that is wrong in any layer, in the order of layers and lines.
pub fn load(sources: &Sources) -> Result<Loaded, ConfigErrors> {
    let schema = Schema::new();
    let mut reader = Reader::new(&schema);
    read_layers(&mut reader, sources);
    let Reader { mut entries, own, mut problems, .. } = reader;
    // The order of the layers is that of their origins; within one, a later entry wins.
    entries.sort_by_key(|entry| entry.origin.layer());
    let mut merged = merge(&schema, entries);
    rules::apply(&mut merged);
    problems.append(&mut merged.problems);
    if !problems.is_empty() {
        problems.sort_by(|a, b| a.origin.cmp(&b.origin));
        return Err(ConfigErrors { problems, refused: false });
    }
    let Merged { mut settings, mut warnings, .. } = merged;
    resolve_paths(&schema, &mut settings, sources);
    let mut config = build(&schema, &settings, sources, &mut warnings)?;
    config.own = own;
    config.checks.located_at = settings.get("checks.located").map(|setting| setting.origin.clone());
    doubts(&schema, &settings, sources, &mut warnings);
    let shown = settings.into_iter().map(|(key, setting)| {
        let secret = schema.find(&key).is_some_and(|key| key.kind == Kind::Secret);
        let value = if secret { REDACTED.into() } else { (&setting.value).into() };
        (key, Shown { value, origin: setting.origin })
    });
    Ok(Loaded { config, settings: shown.collect(), warnings })
}

/// Reads every layer, the profile last, because the others name it.
fn read_layers(reader: &mut Reader<'_>, sources: &Sources) {
    // Of one layer the later wins: a variable of the environment stands above the same one in the site's file.
    if let Some(site) = &sources.site_environment {
        reader.site(&site.variables, Some(&site.path));
    }
    reader.site(&sources.environment, None);
    if let Some(file) = &sources.file {
        reader.toml(&file.text, |line| Origin::File { path: file.path.clone(), line });
    }
    reader.environment(&sources.environment);
    reader.arguments(&sources.set);
    if let Some(layout) = &sources.layout {
        reader.layout(layout);
    }
    let named = reader.entries.iter().filter(|entry| entry.key == "site.layout");
    let named = named.max_by_key(|entry| entry.origin.layer()).and_then(|entry| entry.value.as_ref()?.text());
    let layout = named.unwrap_or(DEFAULT_LAYOUT).to_owned();
    reader.toml(COMMON, |_| Origin::Profile(layout.clone()));
    reader.toml(profile(&layout).unwrap_or_default(), |_| Origin::Profile(layout.clone()));
}

/// Makes relative paths absolute: those of a file count from its directory, those of variables and arguments from the
/// working directory. Those of the profile count from `site.dir`, which itself counts from the file's directory. What
/// begins with `~/` counts from the home of the site's user, wherever it was written.
fn resolve_paths(schema: &Schema, settings: &mut Settings, sources: &Sources) {
    let file_dir = sources.file.as_ref().and_then(|file| file.path.parent()).map(Path::to_owned);
    let working = sources.directory.clone();
    let written_in = |origin: &Origin| match origin {
        Origin::File { .. } => file_dir.clone(),
        Origin::Environment(_) | Origin::Argument(_) => working.clone(),
        Origin::Profile(_) | Origin::Site(..) => file_dir.clone().or_else(|| working.clone()),
    };
    resolve(settings, "site.dir", written_in);
    resolve(settings, "site.user_home", written_in);
    let home = settings.get("site.user_home").and_then(|home| home.value.text()).map(PathBuf::from);
    let site_dir = settings.get("site.dir").and_then(|dir| dir.value.text()).map(PathBuf::from);
    let base = |origin: &Origin| match origin {
        Origin::Profile(_) => site_dir.clone(),
        other => written_in(other),
    };
    let sqlite = settings.get("database.engine").is_some_and(|engine| engine.value.text() == Some("sqlite"));
    for key in schema.keys() {
        if let Some(home) = &home
            && key.kind == Kind::Path
        {
            below_home(settings, &key.path, home);
        }
        match key.kind {
            Kind::Path => resolve(settings, &key.path, base),
            // A bare name is a program that is looked for in the system's directories.
            Kind::Program
                if settings
                    .get(&key.path)
                    .is_some_and(|setting| setting.value.text().unwrap_or("").contains('/')) =>
            {
                resolve(settings, &key.path, base);
            }
            _ => {}
        }
    }
    if sqlite {
        resolve(settings, "database.name", base);
    }
}

fn below_home(settings: &mut Settings, key: &str, home: &Path) {
    if let Some(Setting { value: Value::Text(path), .. }) = settings.get_mut(key)
        && let Some(rest) = path.strip_prefix("~/")
    {
        *path = home.join(rest).to_string_lossy().into_owned();
    }
}

fn resolve(settings: &mut Settings, key: &str, base: impl Fn(&Origin) -> Option<PathBuf>) {
    if let Some(Setting { value: Value::Text(path), origin }) = settings.get_mut(key)
        && let Some(base) = base(origin)
    {
        // Collecting the parts takes `.` out, so that `.` of a file in /srv is /srv.
        *path = base.join(&*path).components().collect::<PathBuf>().to_string_lossy().into_owned();
    }
}

/// Makes the typed configuration.
fn build(
    schema: &Schema,
    settings: &Settings,
    sources: &Sources,
    warnings: &mut Vec<Problem>,
) -> Result<Config, ConfigErrors> {
    let mut tree = toml::Table::new();
    tree.insert(super::schema::COMPONENTS.to_owned(), toml::Value::Table(toml::Table::new()));
    for (path, setting) in settings {
        if schema.find(path).is_none_or(|key| key.kind != Kind::Secret) {
            insert(&mut tree, path, (&setting.value).into());
        }
    }
    let mut config = Config::deserialize(toml::Value::Table(tree)).map_err(|error| {
        // The schema lets nothing through that the types refuse; a test holds them together.
        Problem::new(Origin::Argument("the configuration"), "", error.message().replace('\n', ", "))
    })?;
    let mut secret = |section, name| {
        let root = sources.caller_is_root;
        secrets::secret(settings, section, name, &sources.environment, root, warnings)
    };
    for (section, server) in SERVERS.into_iter().zip(config.servers_mut()) {
        section.clone_into(&mut server.section);
        server.secret = secret(section, "password");
    }
    for ((section, name), value) in OUTSIDE_SECRETS.into_iter().zip(config.outside_secrets_mut()) {
        *value = secret(section, name);
    }
    Ok(config)
}

fn insert(table: &mut toml::Table, path: &str, value: toml::Value) {
    match path.split_once('.') {
        None => {
            table.insert(path.to_owned(), value);
        }
        Some((first, rest)) => {
            let inner = table.entry(first).or_insert_with(|| toml::Value::Table(toml::Table::new()));
            if let toml::Value::Table(inner) = inner {
                insert(inner, rest, value);
            }
        }
    }
}

/// Secrets that are written where others can read them.
fn doubts(schema: &Schema, settings: &Settings, sources: &Sources, warnings: &mut Vec<Problem>) {
    let secrets =
        settings.iter().filter(|(path, _)| schema.find(path).is_some_and(|key| key.kind == Kind::Secret));
    for (path, Setting { origin, .. }) in secrets {
        let doubt = match (origin, &sources.file) {
            (Origin::File { path, .. }, Some(file)) if file.readable_by_everybody => Some((
                "everybody on this machine may read this secret",
                format!("run `chmod o-rwx {}`", path.display()),
            )),
            (Origin::Argument(_), _) => Some((
                "a secret among the arguments can be seen in the list of processes",
                format!("use `{path}_file` or `{path}_env`"),
            )),
            _ => None,
        };
        if let Some((message, hint)) = doubt {
            warnings.push(Problem::new(origin.clone(), path, message).hint(hint));
        }
    }
}

impl Reader<'_> {
    /// Takes the argument `--layout`.
    fn layout(&mut self, layout: &str) {
        let origin = Origin::Argument("--layout");
        let kind = Kind::Choice(LAYOUTS);
        match kind.take_text(layout, false) {
            Ok(value) => self.push("site.layout", Some(value), origin),
            Err(message) => self.problems.push(Problem::new(origin, "site.layout", message)),
        }
    }
}

#[cfg(test)]
#[path = "load_tests.rs"]
mod tests;
