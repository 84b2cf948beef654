use super::*;

const PATH: &str = "/etc/coursys-ops/config.toml";

/// What the site says: a host, a port and a password of the database.
fn imported(host: &str, password: &str) -> Imported {
    Imported {
        entries: vec![
            ("database.host".to_owned(), Value::Text(host.to_owned())),
            ("database.port".to_owned(), Value::Integer(3306)),
        ],
        secrets: vec![("database", Secret::new(password))],
        notes: Vec::new(),
    }
}

fn planned(imported: Imported, current: Option<&str>) -> Result<Plan, ImportError> {
    let config = load(&Sources::default()).unwrap().config;
    let environment = BTreeMap::from([("DB".to_owned(), "of the variable".to_owned())]);
    plan(imported, &config, Path::new(PATH), current, Path::new("/etc/coursys-ops/secrets"), &environment)
}

#[test]
fn a_first_import_names_the_site_the_settings_and_the_file_of_the_secret() {
    let plan = planned(imported("db", "s3cret"), None).unwrap();
    assert!(!plan.exists);
    let table: toml::Table = toml::from_str(&plan.text).unwrap();
    assert_eq!(table["site"]["layout"].as_str(), Some("vm"));
    assert_eq!(table["site"]["dir"].as_str(), Some("/coursys"));
    assert_eq!(table["database"]["host"].as_str(), Some("db"));
    assert_eq!(
        table["database"]["password_file"].as_str(),
        Some("/etc/coursys-ops/secrets/database.password")
    );
    assert!(!format!("{}{}", plan.text, plan.difference).contains("s3cret"));
    assert_eq!(plan.secrets[0].secret.expose(), "s3cret");
}

#[test]
fn an_import_of_what_is_known_changes_nothing() {
    let current = "[database]\npassword = \"s3cret\"\nhost = \"db\" # mine\nport = 3306\n";
    let plan = planned(imported("db", "s3cret"), Some(current)).unwrap();
    assert!(plan.is_empty() && plan.text == current, "{}", plan.difference);
}

#[test]
fn a_difference_is_shown_without_secrets_and_keeps_what_is_not_imported() {
    let current =
        "# mine\n[disk]\ntmp_gib = 1.5\n\n[database]\nhost = \"old\" # why\npassword = \"old s3cret\"\n";
    let plan = planned(imported("new", "new s3cret"), Some(current)).unwrap();
    assert_eq!(
        plan.difference,
        format!(
            "--- {PATH}\n+++ {PATH}\n@@ -3,5 +3,6 @@\n tmp_gib = 1.5\n \n [database]\n\
             -host = \"old\" # why\n-password = \"[redacted]\"\n\
             +host = \"new\" # why\n+password = \"[redacted, another one]\"\n+port = 3306\n"
        )
    );
    assert_eq!(
        plan.text,
        "# mine\n[disk]\ntmp_gib = 1.5\n\n[database]\nhost = \"new\" # why\npassword = \"new s3cret\"\nport = 3306\n"
    );
    assert!(!format!("{plan:?}").contains("s3cret"));
}

#[test]
fn a_password_that_stays_is_not_shown_either() {
    let current = "[database]\npassword = \"s3cret\"\nhost = \"old\"\n";
    let plan = planned(imported("new", "s3cret"), Some(current)).unwrap();
    assert!(plan.difference.contains(" password = \"[redacted]\"\n"), "{}", plan.difference);
    assert!(!plan.difference.contains("s3cret"));
}

#[test]
fn another_password_goes_where_the_old_one_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("pw");
    std::fs::write(&file, "old\n").unwrap();
    let current = format!("[database]\nhost = \"db\"\nport = 3306\npassword_file = {file:?}\n");
    assert!(planned(imported("db", "old"), Some(&current)).unwrap().is_empty());
    let plan = planned(imported("db", "s3cret"), Some(&current)).unwrap();
    assert_eq!((plan.text.as_str(), &plan.secrets[0].path), (current.as_str(), &file));
    assert_eq!(plan.difference, format!("{}: another password\n", file.display()));

    let current = "[database]\nhost = \"db\"\nport = 3306\npassword_env = \"DB\"\n";
    let plan = planned(imported("db", "s3cret"), Some(current)).unwrap();
    assert!(plan.is_empty());
    assert!(plan.notes[0].contains("the variable `DB` holds another password"), "{:?}", plan.notes);
}

#[test]
fn a_socket_takes_the_place_of_the_host() {
    let socket = Imported {
        entries: vec![("cache.socket".to_owned(), Value::Text("/run/m.sock".to_owned()))],
        ..Imported::default()
    };
    let plan = planned(socket, Some("[cache]\nhost = \"h\"\n")).unwrap();
    assert_eq!(plan.text, "[cache]\nsocket = \"/run/m.sock\"\n");
}

#[test]
fn a_file_that_is_broken_or_cannot_be_changed_is_told() {
    let error = planned(imported("db", "s3cret"), Some("[database]\nhots = 1\n")).unwrap_err();
    assert!(error.message.contains("is no valid configuration: "), "{error}");
    let inline = "database = { host = \"old\" }\n";
    let error = planned(imported("db", "s3cret"), Some(inline)).unwrap_err();
    assert!(!error.message.contains("s3cret"), "{error}");
    let odd = Imported {
        entries: vec![("database.host".to_owned(), Value::Text("a b".to_owned()))],
        ..Imported::default()
    };
    let error = planned(odd, None).unwrap_err();
    assert!(error.message.contains("database.host: expected a host name"), "{error}");
}

#[test]
fn what_is_planned_is_written_and_a_second_import_finds_nothing_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("config.toml");
    let config = load(&Sources::default()).unwrap().config;
    let secrets = dir.path().join("secrets");
    let plan = |password: &str| {
        let current = std::fs::read_to_string(&path).ok();
        plan(imported("db", password), &config, &path, current.as_deref(), &secrets, &BTreeMap::new())
            .unwrap()
    };
    plan("p@ss/w%rd ü'\n").write(None, false).unwrap();
    assert!(plan("p@ss/w%rd ü'\n").is_empty(), "a newline at the end of a password survives");
    let second = plan("other");
    assert!(second.exists && !second.is_empty());
    second.write(None, false).unwrap();
    assert_eq!(std::fs::read_to_string(secrets.join("database.password")).unwrap(), "other\n");
    assert!(plan("other").is_empty());
    // A first import never overwrites what somebody else put there.
    std::fs::remove_file(&path).unwrap();
    assert!(plan("third").write(None, false).unwrap_err().refused);
}
