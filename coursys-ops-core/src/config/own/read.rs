//! From TOML to the fields of each section.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::super::error::{Origin, Problem};
use super::super::model::OwnCheck;
use super::super::value::Value;
use super::build::build;
use super::fields::{Field, Fields, place};
use super::keys::{COMMON_KEYS, OWN_KINDS, OwnKey, own_keys};

/// Reads what the key `check` holds.
///
/// `line` makes the line of an offset. What is wrong is added to the problems; a section with a problem makes no check.
pub(in super::super) fn read(
    value: &DeValue<'_>,
    file: &Path,
    line: &dyn Fn(usize) -> usize,
    here: usize,
    problems: &mut Vec<Problem>,
) -> Vec<Arc<OwnCheck>> {
    let file: Arc<Path> = file.into();
    let origin = |line| Origin::File { path: file.to_path_buf(), line };
    let DeValue::Array(sections) = value else {
        let message = "expected sections `[[check]]`, with two brackets";
        problems.push(Problem::new(origin(here), "check", message));
        return Vec::new();
    };
    let mut patterns = BTreeMap::new();
    let mut ids: BTreeMap<String, usize> = BTreeMap::new();
    let mut checks = Vec::with_capacity(sections.len());
    for (index, section) in sections.iter().enumerate() {
        let number = index + 1;
        let head = line(section.span().start);
        let place = place(&file, number, head);
        let DeValue::Table(table) = section.get_ref() else {
            let key = format!("check[{number}]");
            problems.push(Problem::new(origin(head), &key, "expected a section `[[check]]`"));
            continue;
        };
        let before = problems.len();
        let mut fields =
            Fields { fields: Vec::with_capacity(table.len()), place, problems, patterns: &mut patterns };
        let Some(kind) = kind(table, &mut fields, line) else { continue };
        fill(&mut fields, table, kind, line);
        let check = build(kind, &mut fields);
        if let Some(first) = check.as_ref().and_then(|check| ids.insert(check.id.clone(), head)) {
            fields.wrong("id", format!("is that of the section in line {first} already"));
        }
        if problems.len() == before {
            checks.extend(check.map(Arc::new));
        }
    }
    checks
}

/// The kind of a section: without it nothing else can be judged.
fn kind(table: &DeTable<'_>, fields: &mut Fields<'_>, line: &dyn Fn(usize) -> usize) -> Option<&'static str> {
    let Some((name, value)) = table.get_key_value("kind") else {
        let kinds = OWN_KINDS.iter().map(|kind| format!("`{kind}`")).collect::<Vec<_>>().join(" or ");
        fields.wrong("kind", format!("is missing: expected {kinds}"));
        return None;
    };
    let key = COMMON_KEYS.iter().find(|key| key.name == "kind")?;
    match key.kind.take_toml(value.get_ref(), false) {
        Ok(value) => OWN_KINDS.iter().copied().find(|kind| value.text() == Some(kind)),
        Err(message) => {
            let problem = fields.place.problem(line(name.span().start), "kind", message);
            fields.problems.push(problem);
            None
        }
    }
}

/// Looks at every key of a section, and for those that are missing.
fn fill(fields: &mut Fields<'_>, table: &DeTable<'_>, kind: &'static str, line: &dyn Fn(usize) -> usize) {
    let keys = || COMMON_KEYS.iter().chain(own_keys(kind));
    for (name, value) in table {
        let at = line(name.span().start);
        match keys().find(|key| key.name == *name.get_ref()) {
            Some(key) => field(fields, key, value, at),
            None => {
                let problem = fields.place.problem(at, name.get_ref(), unknown(name.get_ref(), kind));
                fields.problems.push(problem);
            }
        }
    }
    for key in keys().filter(|key| key.needed && !table.contains_key(key.name)) {
        fields.wrong(key.name, format!("is missing: expected {}", key.kind.expected()));
    }
}

fn field(fields: &mut Fields<'_>, key: &'static OwnKey, value: &Spanned<DeValue<'_>>, line: usize) {
    match key.name {
        "id" => fields.place.id_line = line,
        "needs" => fields.place.needs_line = line,
        "tier" => fields.place.tier_line = line,
        _ => {}
    }
    match key.kind.take_toml(value.get_ref(), false) {
        Ok(value) => fields.fields.push(Field { name: key.name, value, line }),
        Err(message) => {
            let problem = fields.place.problem(line, key.name, message);
            fields.problems.push(problem);
            // It is there all the same: nobody should complain that it is missing.
            fields.fields.push(Field { name: key.name, value: Value::Pairs(Vec::new()), line });
        }
    }
}

/// What to say about a key that the kind does not have.
fn unknown(name: &str, kind: &str) -> String {
    let keys = || COMMON_KEYS.iter().chain(own_keys(kind)).map(|key| key.name);
    if let Some(near) = crate::nearest::nearest(name, keys()) {
        return format!("no such key of kind `{kind}`; did you mean `{near}`?");
    }
    let others = OWN_KINDS.iter().filter(|other| own_keys(other).iter().any(|key| key.name == name));
    match others.copied().next() {
        Some(other) => format!("no such key of kind `{kind}`; it is one of kind `{other}`"),
        None => format!("no such key of kind `{kind}`"),
    }
}
