//! Configurations: from a file, from values, from Django's settings. The layers and their order are those of the program.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use coursys_ops_core::config::{self, ConfigErrors, FileSource, Loaded, Options, Origin, Sources};
use coursys_ops_core::import::{Answer, SETTINGS};
use coursys_ops_core::run::History;
use pyo3::prelude::*;

use crate::error::Error;

/// The name of the values that stand in the place of a file, in messages.
const VALUES: &str = "COURSYS_OPS";

/// A configuration after all its layers.
#[pyclass(frozen, module = "coursys_ops._native")]
pub struct Config {
    pub(crate) loaded: Loaded,
    pub(crate) environment: BTreeMap<String, String>,
    /// What checks of outside services found a moment ago: they are not asked again too soon.
    pub(crate) history: Mutex<History>,
}

#[pymethods]
impl Config {
    /// Reads a file, as `--config` of the program does; without a path, the one that counts.
    #[staticmethod]
    fn from_path(
        path: Option<PathBuf>,
        layout: Option<String>,
        set: Vec<String>,
        environment: BTreeMap<String, String>,
    ) -> PyResult<Self> {
        let caller_is_root = caller_is_root();
        let options = Options { config: path, layout, set, directory: directory(), caller_is_root };
        let sources = config::read_sources(options, environment).map_err(Error::from)?;
        Ok(Self::of(&sources)?)
    }

    /// Takes values, a JSON document shaped like the file, in the place of the file.
    #[staticmethod]
    fn from_values(values: &str, environment: BTreeMap<String, String>) -> PyResult<Self> {
        let values = table(values)?;
        Ok(Self::of_table(values, environment).map_err(unplaced)?)
    }

    /// Takes what Django's settings say, the answer of [`settings_reader`], with values over it. `site` has what only the
    /// process knows, below both. Returns notes, too: what was left out of the settings and why.
    #[staticmethod]
    fn from_settings(
        settings: &str,
        site: &str,
        values: &str,
        environment: BTreeMap<String, String>,
    ) -> PyResult<(Self, Vec<String>)> {
        let mut merged = table(site)?;
        let dir = merged.get("site").and_then(|site| site.get("dir")).and_then(toml::Value::as_str);
        let dir = dir.map(PathBuf::from).or_else(directory).unwrap_or_default();
        // The parser's own words could repeat a part of the settings.
        let answer: Answer =
            serde_json::from_str(settings).map_err(|_| Error::other("the settings are no answer"))?;
        let imported = answer.understand(&dir);
        for (key, value) in &imported.entries {
            put(&mut merged, key, value.into());
        }
        for (section, secret) in &imported.secrets {
            put(&mut merged, &format!("{section}.password"), secret.expose().into());
        }
        overlay(&mut merged, table(values)?);
        let config = Self::of_table(merged, environment).map_err(unplaced)?;
        Ok((config, imported.notes))
    }

    /// Every key that has a value, with its origin, as `config show --format json` of the program prints it.
    fn show(&self) -> String {
        config::show_json(&self.loaded).to_string()
    }

    /// What is doubtful in it, one text each.
    #[getter]
    fn warnings(&self) -> Vec<String> {
        self.loaded.warnings.iter().map(ToString::to_string).collect()
    }

    /// The layout of the deployment.
    #[getter]
    fn layout(&self) -> &str {
        &self.loaded.config.site.layout
    }
}

impl Config {
    fn of(sources: &Sources) -> Result<Self, Error> {
        let loaded = config::load(sources)?;
        Ok(Self { loaded, environment: sources.environment.clone(), history: Mutex::default() })
    }

    fn of_table(values: toml::Table, environment: BTreeMap<String, String>) -> Result<Self, Error> {
        let text = toml::to_string(&values).map_err(|error| Error::usage(error.to_string()))?;
        let path = directory().unwrap_or_default().join(VALUES);
        let sources = Sources {
            file: Some(FileSource { path, text, readable_by_everybody: false }),
            environment,
            directory: directory(),
            caller_is_root: caller_is_root(),
            ..Sources::default()
        };
        Self::of(&sources)
    }
}

/// The program that reads Django's settings, in Python: it defines `settings_of(settings)`.
#[pyfunction]
pub fn settings_reader() -> &'static str {
    SETTINGS
}

fn caller_is_root() -> bool {
    rustix::process::geteuid().is_root()
}

fn directory() -> Option<PathBuf> {
    std::env::current_dir().ok()
}

/// Problems of values have no line, and their place is no file.
fn unplaced(error: Error) -> Error {
    let Error::Config(ConfigErrors { mut problems, refused }) = error else { return error };
    for problem in &mut problems {
        if let Origin::File { path, line } = &mut problem.origin {
            *path = Path::new(VALUES).to_owned();
            *line = 0;
        }
    }
    Error::Config(ConfigErrors { problems, refused })
}

/// A JSON object as a table; what is null is not there.
fn table(json: &str) -> Result<toml::Table, Error> {
    let json: serde_json::Value = serde_json::from_str(json).map_err(Error::usage)?;
    match value(json)? {
        Some(toml::Value::Table(table)) => Ok(table),
        _ => Err(Error::usage("the configuration is a dictionary of sections")),
    }
}

fn value(json: serde_json::Value) -> Result<Option<toml::Value>, Error> {
    Ok(Some(match json {
        serde_json::Value::Null => return Ok(None),
        serde_json::Value::Bool(on) => on.into(),
        serde_json::Value::String(text) => text.into(),
        serde_json::Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => whole.into(),
            (None, Some(number)) => number.into(),
            (None, None) => return Err(Error::usage(format!("{number} is no number of the configuration"))),
        },
        serde_json::Value::Array(items) => {
            let items = items.into_iter().filter_map(|item| value(item).transpose());
            toml::Value::Array(items.collect::<Result<_, _>>()?)
        }
        serde_json::Value::Object(object) => {
            let pairs = object.into_iter();
            let pairs =
                pairs.filter_map(|(key, json)| value(json).map(|value| Some((key, value?))).transpose());
            toml::Value::Table(pairs.collect::<Result<_, _>>()?)
        }
    }))
}

/// Sets a dotted key.
fn put(table: &mut toml::Table, key: &str, value: toml::Value) {
    match key.split_once('.') {
        None => drop(table.insert(key.to_owned(), value)),
        Some((section, rest)) => {
            let inner = table.entry(section).or_insert_with(|| toml::Table::new().into());
            if let toml::Value::Table(inner) = inner {
                put(inner, rest, value);
            }
        }
    }
}

/// Lays values over others; tables grow together, and what a section may say in one way only is pushed out.
fn overlay(below: &mut toml::Table, above: toml::Table) {
    for (key, value) in above {
        match (below.get_mut(&key), value) {
            (Some(toml::Value::Table(below)), toml::Value::Table(above)) => {
                for name in above.keys() {
                    for rival in config::either(&key, name).iter().filter(|rival| *rival != name) {
                        below.remove(rival);
                    }
                }
                overlay(below, above);
            }
            (_, value) => drop(below.insert(key, value)),
        }
    }
}
