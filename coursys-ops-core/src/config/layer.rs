//! The layers as lists of settings: what a file, the environment and the arguments say, each looked at by itself.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use toml::de::{DeTable, DeValue};

use super::error::{Origin, Problem};
use super::model::OwnCheck;
use super::own;
use super::schema::{COMPONENTS, Schema, component_name};
use super::value::Value;

/// The prefix of the variables that set a key: `COURSYS_OPS_DATABASE__HOST` is `database.host`.
pub const ENV_PREFIX: &str = "COURSYS_OPS_";

/// Variables of the prefix that set no key; the command line reads them.
pub const OTHER_VARIABLES: [&str; 3] = ["COURSYS_OPS_CONFIG", "COURSYS_OPS_LOG", "COURSYS_OPS_ESCALATED"];

/// The site's own variables that count below the file, and the keys they set.
pub const SITE_VARIABLES: [(&str, &str); 7] = [
    ("COURSYS_USER", "site.user"),
    ("COURSYS_USER_HOME", "site.user_home"),
    ("COURSYS_DIR", "site.dir"),
    ("COURSYS_DEPLOY_MODE", "site.deploy_mode"),
    ("COURSYS_STATIC_DIR", "site.static_dir"),
    ("COURSYS_DATA_ROOT", "site.data_root"),
    ("PYTHON", "site.python"),
];

/// What a layer says about one key.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    pub key: String,
    /// Nothing takes a component away.
    pub value: Option<Value>,
    pub origin: Origin,
}

/// What the layers say, and what is wrong with it.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    schema: &'a Schema,
    pub entries: Vec<Entry>,
    pub own: Vec<Arc<OwnCheck>>,
    pub problems: Vec<Problem>,
}

/// Where the offsets of a text are, in lines and in the words of its layer.
struct Places<'a> {
    /// Where each line but the first begins.
    starts: Vec<usize>,
    origin: &'a dyn Fn(usize) -> Origin,
}

impl<'a> Places<'a> {
    fn new(text: &str, origin: &'a dyn Fn(usize) -> Origin) -> Self {
        let starts = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
        Self { starts: starts.collect(), origin }
    }

    /// The line, from 1, of an offset in bytes.
    fn line(&self, offset: usize) -> usize {
        self.starts.partition_point(|start| *start <= offset) + 1
    }

    fn of(&self, offset: usize) -> Origin {
        (self.origin)(self.line(offset))
    }
}

impl<'a> Reader<'a> {
    pub(super) const fn new(schema: &'a Schema) -> Self {
        Self { schema, entries: Vec::new(), own: Vec::new(), problems: Vec::new() }
    }

    /// Reads TOML; `origin` makes the place of a line.
    pub(super) fn toml(&mut self, text: &str, origin: impl Fn(usize) -> Origin) {
        let (table, errors) = DeTable::parse_recoverable(text);
        let places = Places::new(text, &origin);
        for error in &errors {
            let offset = error.span().map_or(0, |span| span.start);
            self.problems.push(Problem::new(places.of(offset), "", error.message().replace('\n', ", ")));
        }
        // What a broken file seems to say is not judged: one slip would bring a tail of false complaints.
        if errors.is_empty() {
            self.table("", table.get_ref(), &places);
        }
    }

    fn table(&mut self, prefix: &str, table: &DeTable<'_>, places: &Places<'_>) {
        for (name, value) in table {
            let path = joined(prefix, name.get_ref());
            self.toml_value(&path, value.get_ref(), name.span().start, places);
        }
    }

    fn toml_value(&mut self, path: &str, value: &DeValue<'_>, offset: usize, places: &Places<'_>) {
        let origin = places.of(offset);
        if let Some(key) = self.schema.find(path) {
            match key.kind.take_toml(value, key.optional) {
                Ok(value) => self.push(path, Some(value), origin),
                Err(message) => self.problems.push(Problem::new(origin, path, message)),
            }
        } else if component_name(path).is_some() && value.is_bool() {
            self.component_switch(path, value.as_bool() == Some(true), origin);
        } else if path == "check" {
            let Origin::File { path: file, line } = origin else { return self.unknown(path, origin) };
            let read = own::read(value, &file, &|offset| places.line(offset), line, &mut self.problems);
            self.own.extend(read);
        } else if self.schema.is_table(path) {
            match value {
                DeValue::Table(table) => self.table(path, table, places),
                _ if component_name(path).is_some() => {
                    self.problems.push(Problem::new(origin, path, "expected a table or `false`"));
                }
                _ => self.problems.push(Problem::new(origin, path, format!("expected a table `[{path}]`"))),
            }
        } else {
            self.unknown(path, origin);
        }
    }

    /// Reads the variables of the prefix.
    pub(super) fn environment(&mut self, environment: &BTreeMap<String, String>) {
        for (variable, text) in environment {
            let Some(rest) = variable.strip_prefix(ENV_PREFIX) else { continue };
            if OTHER_VARIABLES.contains(&variable.as_str()) {
                continue;
            }
            let path = rest.split("__").map(str::to_lowercase).collect::<Vec<_>>().join(".");
            self.text(&path, text, Origin::Environment(variable.clone()));
        }
    }

    /// Reads the site's own variables; those that are empty count as missing.
    pub(super) fn site(&mut self, environment: &BTreeMap<String, String>, from: Option<&Path>) {
        for (variable, path) in SITE_VARIABLES {
            if let Some(text) = environment.get(variable).filter(|text| !text.is_empty()) {
                self.text(path, text, Origin::Site(variable.to_owned(), from.map(Path::to_owned)));
            }
        }
    }

    /// Reads the arguments `--set KEY=VALUE`.
    pub(super) fn arguments(&mut self, set: &[String]) {
        for argument in set {
            let origin = Origin::Argument("--set");
            match argument.split_once('=').filter(|(path, _)| !path.trim().is_empty()) {
                Some((path, text)) => self.text(path.trim(), text, origin),
                None => {
                    // What follows the key may be a secret.
                    let key = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
                    let path: String = argument.chars().take_while(key).collect();
                    self.problems.push(Problem::new(origin, &path, "expected `KEY=VALUE`"));
                }
            }
        }
    }

    /// Reads the text of a variable or an argument.
    fn text(&mut self, path: &str, text: &str, origin: Origin) {
        if let Some(key) = self.schema.find(path) {
            match key.kind.take_text(text, key.optional) {
                Ok(value) => self.push(path, Some(value), origin),
                Err(message) => self.problems.push(Problem::new(origin, path, message)),
            }
        } else if component_name(path).is_some() {
            match text.trim() {
                "true" | "false" => self.component_switch(path, text.trim() == "true", origin),
                _ => self.problems.push(Problem::new(origin, path, "expected `false`, or a key below it")),
            }
        } else if path == "check" || path.starts_with("check[") {
            let message = "checks of one's own, `[[check]]`, are written in the configuration file";
            self.problems.push(Problem::new(origin, path, message));
        } else {
            self.unknown(path, origin);
        }
    }

    fn component_switch(&mut self, path: &str, on: bool, origin: Origin) {
        if on {
            let message = "expected `false`, which takes the component away, or a table";
            self.problems.push(
                Problem::new(origin, path, message)
                    .hint(format!("a component is there when `{path}.manager` is set")),
            );
        } else {
            self.push(path, None, origin);
        }
    }

    fn unknown(&mut self, path: &str, origin: Origin) {
        if self.schema.is_table(path) {
            let message = format!("is a section; expected a key in it, such as `{path}.KEY`");
            self.problems.push(Problem::new(origin, path, message));
            return;
        }
        let what = if path.contains('.') { "no such key" } else { "no such section" };
        let near =
            self.schema.nearest(path).filter(|near| near != COMPONENTS || !path.starts_with(COMPONENTS));
        let near = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
        self.problems.push(Problem::new(origin, path, format!("{what}{near}")));
    }

    pub(super) fn push(&mut self, key: &str, value: Option<Value>, origin: Origin) {
        self.entries.push(Entry { key: key.to_owned(), value, origin });
    }
}

/// The path of a name in a table; names that are no bare words keep their quotes.
fn joined(prefix: &str, name: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let name = if !name.is_empty() && name.chars().all(bare) { name.to_owned() } else { format!("{name:?}") };
    if prefix.is_empty() { name } else { format!("{prefix}.{name}") }
}
