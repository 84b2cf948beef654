use std::path::Path;

use super::*;
use crate::config::{FileSource, Kind, Sources, load};

#[test]
fn the_reference_is_in_step_with_the_schema() {
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/configuration.md"));
    let expected = reference();
    if std::env::var_os("COURSYS_OPS_BLESS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, &expected).unwrap();
    }
    let found = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        found == expected,
        "docs/configuration.md is out of step with the schema; renew it with\n\
         COURSYS_OPS_BLESS=1 cargo test -p coursys-ops-core the_reference_is_in_step_with_the_schema"
    );
}

#[test]
fn every_key_is_in_the_reference_and_in_every_template() {
    let text = reference();
    for key in Schema::new().keys() {
        assert!(text.contains(&format!("| `{}` |", key.path)), "{}", key.path);
        let name = key.path.rsplit('.').next().unwrap();
        for layout in LAYOUTS {
            let template = template(layout).unwrap();
            let (_, section) = template.split_once(&format!("\n[{}]\n", key.section())).unwrap();
            let section = section.split("\n[").next().unwrap();
            assert!(section.contains(name), "{layout}: {}", key.path);
        }
    }
}

/// What a template makes when it is the file.
fn loaded(text: String) -> crate::config::Loaded {
    let file = FileSource { path: "/srv/config.toml".into(), text, readable_by_everybody: true };
    load(&Sources { file: Some(file), ..Sources::default() }).unwrap_or_else(|errors| panic!("{errors}"))
}

#[test]
fn a_template_changes_nothing_until_it_is_edited() {
    for layout in LAYOUTS {
        let loaded = loaded(template(layout).unwrap());
        let changed: Vec<_> =
            loaded.settings.iter().filter(|(_, shown)| shown.origin.word() == "file").collect();
        assert_eq!(changed.len(), 1, "{changed:?}");
        assert_eq!(loaded.config.site.layout, *layout);
        assert_eq!(loaded.warnings, []);
    }
    assert_eq!(template("laptop"), None);
}

#[test]
fn a_template_with_its_comments_taken_away_is_valid_and_says_the_same() {
    for layout in LAYOUTS {
        let template = template(layout).unwrap();
        let bare: String = template
            .lines()
            .map(|line| line.strip_prefix('#').filter(|rest| !rest.starts_with(' ')).unwrap_or(line))
            .flat_map(|line| [line, "\n"])
            .collect();
        let with = loaded(bare);
        let without = loaded(template);
        for (key, shown) in &without.settings {
            assert_eq!(with.settings[key].value, shown.value, "{layout}: {key}");
        }
    }
}

/// A value that no profile has, as TOML.
fn sample(key: &Key) -> String {
    match key.kind {
        _ if key.path == "ports.private" => "[\"11211/udp\"]".to_owned(),
        _ if key.path == "ports.allowed_networks" => "[\"10.0.0.0/8\"]".to_owned(),
        _ if key.path.ends_with(".listens") => "[\"127.0.0.1:99\"]".to_owned(),
        // The default of every one of them is `false`.
        Kind::Switch if key.path.starts_with("components.") => "true".to_owned(),
        Kind::Choice(words) => format!("{:?}", words[words.len() - 1]),
        Kind::Integer(low, high) => (low + (high - low) / 3).to_string(),
        Kind::Number(low, high) => format!("{:?}", low + (high - low) / 3.0),
        Kind::Switch => "false".to_owned(),
        Kind::List | Kind::Words => "[\"sample\"]".to_owned(),
        Kind::Places => "{ \"sample.*\" = \"fast\" }".to_owned(),
        Kind::TimeZone => "\"UTC\"".to_owned(),
        Kind::Version => "\"7.8.9\"".to_owned(),
        Kind::Url => "\"https://sam/ple\"".to_owned(),
        Kind::Path | Kind::Program => "\"/sam/ple\"".to_owned(),
        Kind::Host | Kind::Text | Kind::AnyText | Kind::Secret => "\"sample\"".to_owned(),
        // Of checks of one's own, which have samples of theirs.
        other => unreachable!("no key of a section is {other:?}"),
    }
}

/// The leaves of a JSON document by their dotted paths.
fn leaves(prefix: &str, value: &serde_json::Value, into: &mut BTreeMap<String, serde_json::Value>) {
    match value {
        // A key that holds a table.
        serde_json::Value::Object(object) if prefix != "checks.located" => {
            for (name, value) in object {
                let path = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
                leaves(&path, value, into);
            }
        }
        leaf => {
            into.insert(prefix.to_owned(), leaf.clone());
        }
    }
}

#[test]
fn schema_and_types_have_the_same_keys_and_a_key_sets_its_own_field() {
    let schema = Schema::new();
    // Keys that become a section's secret, which is never serialised.
    let is_secret = |path: &str| {
        let (section, name) = path.split_once('.').unwrap();
        let rest = crate::config::schema::secret_of(section).and_then(|secret| name.strip_prefix(secret));
        rest.is_some_and(|rest| ["", "_file", "_env"].contains(&rest))
    };
    let fields = |set: Vec<String>| {
        let loaded = load(&Sources { set, layout: Some("vm".to_owned()), ..Sources::default() });
        let config = loaded.unwrap_or_else(|errors| panic!("{errors}")).config;
        let mut fields = BTreeMap::new();
        leaves("", &serde_json::to_value(&config).unwrap(), &mut fields);
        fields
    };
    let before = fields(Vec::new());
    let of_schema: Vec<String> = schema
        .keys()
        .iter()
        .map(|key| key.path.replace(ANY_NAME, "nginx"))
        .filter(|path| !is_secret(path))
        .collect();
    let of_types: Vec<&String> =
        before.keys().filter(|path| component_of(path).is_none_or(|(name, _)| name == "nginx")).collect();
    let mut sorted: Vec<&String> = of_schema.iter().collect();
    sorted.sort();
    assert_eq!(sorted, of_types);

    // NTP knows no TLS, so that `time.tls` has one value only.
    for key in schema.keys().iter().filter(|key| !is_secret(&key.path) && key.path != "time.tls") {
        let path = key.path.replace(ANY_NAME, "nginx");
        let text = sample(key);
        let value: toml::Table = toml::from_str(&format!("x = {text}")).unwrap();
        let expected = serde_json::to_value(&value["x"]).unwrap();
        let plain = text.trim_matches(['"', '[', ']']);
        let mut set = vec![format!("{path}={plain}")];
        match path.as_str() {
            "site.layout" => set = vec!["site.layout=vm".to_owned()],
            "components.nginx.needs" => set.push("components.sample.manager=builtin".to_owned()),
            "celery.queues" => set.push("celery.beat_queue=sample".to_owned()),
            "celery.beat_queue" => set.push("celery.queues=sample".to_owned()),
            "celery.long_queues" => set.extend(["celery.queues=sample,fast".to_owned()]),
            // What fails has warned before, whatever the sample.
            warn if warn.contains("warn") => set.push(format!("{}={plain}", warn.replace("warn", "fail"))),
            fail if fail.contains("_fail") => set.push(format!("{}={plain}", fail.replace("_fail", "_warn"))),
            _ => {}
        }
        let after = fields(set);
        if path != "site.layout" {
            assert_eq!(after[&path], expected, "{path}");
        }
    }
}

#[test]
fn profiles_hold_every_key_that_is_needed() {
    let schema = Schema::new();
    for layout in LAYOUTS {
        let settings = defaults(&schema, layout);
        let mut reader = Reader::new(&schema);
        reader.toml(profile(layout).unwrap(), |_| Origin::Profile((*layout).to_owned()));
        assert_eq!(reader.problems, []);
        for key in schema.keys().iter().filter(|key| !key.optional && key.section() != COMPONENTS) {
            assert!(settings.contains_key(&key.path), "{layout}: {}", key.path);
        }
    }
}
