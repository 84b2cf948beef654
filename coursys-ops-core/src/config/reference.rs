//! The generated texts: `docs/configuration.md`, and the commented file of `config init`.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::error::Origin;
use super::layer::Reader;
use super::merge::{Settings, merge};
use super::own::{COMMON_KEYS, OWN_KINDS, OwnKey, own_example, own_keys};
use super::profile::{COMMON, LAYOUTS, profile};
use super::schema::{ANY_NAME, COMPONENTS, Key, Schema, component_of};

/// What stands above the tables of the reference.
const INTRODUCTION: &str = include_str!("reference.md");

/// What stands above the tables of checks of one's own.
const OWN: &str = include_str!("reference_own.md");

/// What each layout says about each key.
struct Defaults(Vec<(&'static str, Settings)>);

impl Defaults {
    fn new(schema: &Schema) -> Self {
        Self(LAYOUTS.iter().map(|layout| (*layout, defaults(schema, layout))).collect())
    }

    /// A key's value in one layout, as the cell of a table; empty when the layout gives none.
    fn cell(&self, layout: &str, path: &str) -> String {
        let settings = self.0.iter().find(|(name, _)| *name == layout).map(|(_, settings)| settings);
        let setting = settings.and_then(|settings| settings.get(path));
        setting.map(|setting| format!("`{}`", toml::Value::from(&setting.value))).unwrap_or_default()
    }
}

fn defaults(schema: &Schema, layout: &str) -> Settings {
    let mut reader = Reader::new(schema);
    reader.toml(COMMON, |_| Origin::Profile(layout.to_owned()));
    reader.toml(profile(layout).unwrap_or_default(), |_| Origin::Profile(layout.to_owned()));
    merge(schema, reader.entries).settings
}

/// The text of `docs/configuration.md`: every key with type, range, unit and default in each layout.
#[must_use]
pub fn reference() -> String {
    let schema = Schema::new();
    let defaults = Defaults::new(&schema);
    let mut text = INTRODUCTION.to_owned();
    for (section, keys) in sections(&schema) {
        let _ = write!(text, "\n## `[{section}]`\n\n{}\n\n", about(section));
        if section == COMPONENTS {
            let _ = writeln!(text, "| key | type | meaning |\n|---|---|---|");
            for key in keys {
                let _ = writeln!(text, "| `{}` | {} | {} |", key.path, key.kind.expected(), key.meaning);
            }
            components(&mut text, &defaults);
            continue;
        }
        let heads = LAYOUTS.join(" | ");
        let rule = "|---".repeat(LAYOUTS.len());
        let _ = writeln!(text, "| key | type | unit | {heads} | meaning |\n|---|---|---{rule}|---|");
        for key in keys {
            let cell = |layout: &&str| defaults.cell(layout, &key.path);
            let cells = LAYOUTS.iter().map(cell).collect::<Vec<_>>().join(" | ");
            let unit = key.unit.unwrap_or_default();
            let (path, expected) = (&key.path, key.kind.expected());
            let _ = writeln!(text, "| `{path}` | {expected} | {unit} | {cells} | {} |", key.meaning);
        }
    }
    own_checks(&mut text);
    text
}

/// The sections `[[check]]`: what all have, and each kind with an example.
fn own_checks(text: &mut String) {
    let _ = write!(text, "\n## `[[check]]`\n\n{OWN}\n");
    own_table(text, COMMON_KEYS);
    for kind in OWN_KINDS {
        let (purpose, example) = own_example(kind);
        let _ = write!(text, "\n### `kind = \"{kind}\"`\n\n{purpose}\n\n```toml\n{example}```\n\n");
        own_table(text, own_keys(kind));
    }
}

fn own_table(text: &mut String, keys: &[OwnKey]) {
    let _ = writeln!(text, "| key | type | unit | default | meaning |\n|---|---|---|---|---|");
    for key in keys {
        let (name, expected, unit) = (key.name, key.kind.expected(), key.unit.unwrap_or_default());
        let default = key.default.map(|default| format!("`{default}`"));
        let default = default.unwrap_or_else(|| if key.needed { "needed".to_owned() } else { String::new() });
        let _ = writeln!(text, "| `{name}` | {expected} | {unit} | {default} | {} |", key.meaning);
    }
}

/// The components of each layout.
fn components(text: &mut String, defaults: &Defaults) {
    let mut rows: BTreeMap<&str, BTreeMap<&str, String>> = BTreeMap::new();
    for (layout, settings) in &defaults.0 {
        for name in names(settings) {
            rows.entry(name).or_default().insert(layout, component(settings, name));
        }
    }
    let rule = "|---".repeat(LAYOUTS.len());
    let _ = writeln!(text, "\n| component | {} |\n|---{rule}|", LAYOUTS.join(" | "));
    for (name, cells) in rows {
        let cell = |layout: &&str| cells.get(layout).map(|cell| format!("`{cell}`")).unwrap_or_default();
        let _ = writeln!(text, "| `{name}` | {} |", LAYOUTS.iter().map(cell).collect::<Vec<_>>().join(" | "));
    }
}

/// The names of the components that settings have.
fn names(settings: &Settings) -> Vec<&str> {
    let mut names: Vec<&str> =
        settings.keys().filter_map(|key| component_of(key)).map(|(name, _)| name).collect();
    names.dedup();
    names
}

/// A component as an inline table.
fn component(settings: &Settings, name: &str) -> String {
    let prefix = format!("{COMPONENTS}.{name}.");
    // Who manages it comes first.
    let manager = settings.get_key_value(&format!("{prefix}manager"));
    let others = settings.iter().filter(|(path, _)| path.starts_with(&prefix) && !path.ends_with(".manager"));
    let keys = manager.into_iter().chain(others).filter_map(|(path, setting)| {
        Some(format!("{} = {}", path.strip_prefix(&prefix)?, toml::Value::from(&setting.value)))
    });
    format!("{{ {} }}", keys.collect::<Vec<_>>().join(", "))
}

/// The keys of each section, in order.
fn sections(schema: &Schema) -> Vec<(&str, Vec<&Key>)> {
    let mut sections: Vec<(&str, Vec<&Key>)> = Vec::new();
    for key in schema.keys() {
        match sections.iter_mut().find(|(name, _)| *name == key.section()) {
            Some((_, keys)) => keys.push(key),
            None => sections.push((key.section(), vec![key])),
        }
    }
    sections
}

/// What a section is about.
fn about(section: &str) -> &'static str {
    match section {
        "site" => "The site itself.",
        "code" => "The site's code: the git clone in `site.dir`.",
        "database" => "The site's database.",
        "broker" => "RabbitMQ, which Celery's messages go through.",
        "celery" => "Celery's queues, and the beat that starts periodic tasks.",
        "markup" => "The service that makes HTML of Markdown, where there is one.",
        "cache" => "memcached.",
        "search" => "Elasticsearch.",
        "email" => "The relay that the site sends its mail through.",
        "files" => "Directories of the site.",
        "disk" => "What must be free.",
        "dumps" => "Dumps of the database in `files.dumps`.",
        "maintenance" => "The site's maintenance page.",
        "plans" => "How plans are carried out: what acts writes a journal, one at a time.",
        "system" => "The machine: what is too much, too little or too old.",
        "time" => "The NTP reference that the clock is compared with.",
        "web" => "The site as the world sees it, and nginx, which serves it.",
        "gunicorn" => "gunicorn, which runs the site's Python behind nginx.",
        "ports" => "What the world must not reach.",
        "cas" => "The CAS server at `web.cas_url`, where users log in.",
        "photos" => "The service that has students' photos.",
        "emplid" => "The API that tells the student number of a user.",
        "kerberos" => "The ticket with which the site logs in to the reporting database.",
        "reporting_db" => "The university's reporting database, an SQL Server that is asked through ODBC.",
        "systemd" => "How systemd is asked, and what acts on its units behind its back.",
        "docker" => "How Docker is asked.",
        "compose" => "Docker Compose, which runs some or all components.",
        "components" => {
            "The parts of the deployment. `components.NAME = false` takes one away that the layout has; a new name with a\n\
             `manager` adds one. Checks of a part that is not there are `skipped`, code `not_in_layout`."
        }
        "checks" => "How checks are run.",
        _ => "",
    }
}

/// The file of `config init`: every key, commented out with the default of the layout. Nothing when there is no such
/// layout.
#[must_use]
pub fn template(layout: &str) -> Option<String> {
    profile(layout)?;
    let schema = Schema::new();
    let defaults = defaults(&schema, layout);
    let mut text = format!(
        "# Configuration of coursys-ops, layout `{layout}`. A line that starts with `#name =` shows the value that holds\n\
         # without it; take the `#` away to change it. `\"\"` stands for a value that nothing gives yet.\n\
         # What is written here: `coursys-ops config check`. What holds, and why: `coursys-ops config show`.\n"
    );
    for (section, keys) in sections(&schema) {
        let _ = write!(text, "\n# {}\n[{section}]\n", about(section).replace('\n', "\n# "));
        if section == COMPONENTS {
            for key in keys {
                let name = key.path.rsplit('.').next().unwrap_or_default();
                let _ = writeln!(text, "# {ANY_NAME}.{name}: {}; {}", key.meaning, key.kind.expected());
            }
            for name in names(&defaults) {
                let _ = writeln!(text, "#{name} = {}", component(&defaults, name));
            }
            continue;
        }
        for key in keys {
            let name = key.path.rsplit('.').next().unwrap_or_default();
            let unit = key.unit.map(|unit| format!(", in {unit}")).unwrap_or_default();
            let _ = writeln!(text, "# {}; {}{unit}", key.meaning, key.kind.expected());
            let value = defaults.get(&key.path).map(|setting| toml::Value::from(&setting.value).to_string());
            let comment = if key.path == "site.layout" { "" } else { "#" };
            let _ = writeln!(text, "{comment}{name} = {}", value.unwrap_or_else(|| "\"\"".to_owned()));
        }
    }
    let kinds = OWN_KINDS.join(", ");
    let _ = write!(
        text,
        "\n# Checks of one's own, one section each; kinds: {kinds}. See docs/configuration.md.\n"
    );
    own_example("file").1.lines().for_each(|line| text.extend(["# ", line, "\n"]));
    Some(text)
}

#[cfg(test)]
#[path = "reference_tests.rs"]
mod tests;
