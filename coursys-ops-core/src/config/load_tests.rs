use super::*;
use crate::config::{Engine, FileSource, SecretValue, SiteEnvironment, Tls};

const PATH: &str = "/etc/coursys-ops/config.toml";

/// Sources of a file with this text.
fn file(text: &str) -> Sources {
    let file = FileSource { path: PATH.into(), text: text.to_owned(), readable_by_everybody: false };
    Sources { file: Some(file), directory: Some("/home/me".into()), ..Sources::default() }
}

fn variables(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// The problems of a file, one line each, hints left out, the path cut off.
fn complaints(sources: &Sources) -> Vec<String> {
    let problems = load(sources).unwrap_err().problems;
    let line = |problem: &Problem| problem.to_string().lines().next().unwrap().replace(PATH, "F");
    problems.iter().map(line).collect()
}

fn password(secret: &SecretValue) -> &str {
    let SecretValue::Known(secret) = secret else { panic!("{secret:?}") };
    secret.expose()
}

#[test]
fn every_layout_loads_with_nothing_else_and_without_warnings() {
    for layout in LAYOUTS {
        let loaded = load(&Sources { layout: Some((*layout).to_owned()), ..Sources::default() }).unwrap();
        assert_eq!(loaded.config.site.layout, *layout);
        assert_eq!(loaded.warnings, []);
        assert_eq!(loaded.config.broker.server.section, "broker");
    }
    assert_eq!(load(&Sources::default()).unwrap().config.site.layout, "vm");
}

#[test]
fn profiles_name_no_host_of_an_outside_service() {
    for layout in LAYOUTS {
        let config =
            load(&Sources { layout: Some((*layout).to_owned()), ..Sources::default() }).unwrap().config;
        for server in [&config.database.server, &config.email.server, &config.time.server] {
            assert_eq!(server.host, None, "{layout} {}", server.section);
        }
    }
}

#[test]
fn a_later_layer_wins_and_the_origin_tells_which() {
    let mut sources = file("[broker]\nhost = \"file\"\nport = 1\n[cache]\nhost = \"file\"");
    sources.environment =
        variables(&[("COURSYS_OPS_BROKER__HOST", "variable"), ("COURSYS_OPS_CACHE__HOST", "x")]);
    sources.set = vec!["cache.host=argument".to_owned()];
    let loaded = load(&sources).unwrap();
    let shown = |key: &str| {
        let shown = &loaded.settings[key];
        format!("{} ({})", shown.value, shown.origin)
    };
    assert_eq!(shown("search.host"), "\"127.0.0.1\" (profile vm)");
    assert_eq!(shown("broker.port"), format!("1 ({PATH}:3)"));
    assert_eq!(shown("broker.host"), "\"variable\" (COURSYS_OPS_BROKER__HOST)");
    assert_eq!(shown("cache.host"), "\"argument\" (--set)");
    assert_eq!(loaded.config.cache.server.host.as_deref(), Some("argument"));
}

#[test]
fn the_sites_own_variables_count_between_profile_and_file() {
    let mut sources = file("[site]\ndir = \"/from/file\"");
    sources.environment = variables(&[
        ("COURSYS_USER", "www"),
        ("COURSYS_DIR", "/from/site"),
        ("PYTHON", "python3"),
        ("COURSYS_DATA_ROOT", ""),
    ]);
    let site = load(&sources).unwrap().config.site;
    assert_eq!(site.user.as_deref(), Some("www"));
    assert_eq!(site.dir, Path::new("/from/file"));
    assert_eq!(site.python, Path::new("python3"));
    assert_eq!(site.data_root, None);
}

#[test]
fn the_file_of_the_sites_variables_says_where_a_value_is_from() {
    let path = PathBuf::from("/etc/profile.d/coursys-environment.sh");
    let variables = variables(&[("COURSYS_DEPLOY_MODE", "production")]);
    let site_environment = Some(SiteEnvironment { path, variables });
    let loaded = load(&Sources { site_environment, ..Sources::default() }).unwrap();
    assert_eq!(
        loaded.settings["site.deploy_mode"].origin.to_string(),
        "COURSYS_DEPLOY_MODE in /etc/profile.d/coursys-environment.sh"
    );
}

#[test]
fn a_variable_of_the_environment_stands_above_its_line_in_the_sites_file_and_hides_no_other() {
    let path = PathBuf::from("/etc/profile.d/coursys-environment.sh");
    let in_file = variables(&[("COURSYS_USER", "www"), ("PYTHON", "/venv/bin/python")]);
    let site_environment = Some(SiteEnvironment { path, variables: in_file });
    let environment = variables(&[("PYTHON", "/usr/bin/python3")]);
    let site = load(&Sources { site_environment, environment, ..Sources::default() }).unwrap().config.site;
    assert_eq!((site.user.as_deref(), site.python.as_path()), (Some("www"), Path::new("/usr/bin/python3")));
}

#[test]
fn the_layout_is_the_argument_or_what_the_highest_layer_says() {
    let mut sources = file("[site]\nlayout = \"devel\"");
    assert_eq!(load(&sources).unwrap().config.database.engine, Engine::Sqlite);
    sources.environment = variables(&[("COURSYS_OPS_SITE__LAYOUT", "compose")]);
    assert_eq!(load(&sources).unwrap().config.cache.server.host.as_deref(), Some("memcached"));
    sources.layout = Some("vm".to_owned());
    let loaded = load(&sources).unwrap();
    assert_eq!(loaded.config.cache.server.host.as_deref(), Some("127.0.0.1"));
    assert_eq!(loaded.settings["site.layout"].origin.to_string(), "--layout");
    sources.layout = Some("develop".to_owned());
    assert_eq!(
        complaints(&sources),
        [
            "--layout: site.layout: expected `vm` or `compose` or `devel`, found `develop`; did you mean `devel`?"
        ]
    );
}

#[test]
fn all_errors_of_a_file_are_told_at_once_with_line_and_nearest_name() {
    let sources = file(
        "[database]\nhots = \"db\"\nport = 70000\n[brokr]\nhost = 1\n[cache]\nversion = \"1\"\ntls = \"requierd\"\n\
         [search]\nhost = \"http://search:9200\"\n[celery]\nqueues = [\"fast\", \"fast\"]\n[site]\ntimezone = \"Mars/North\"\n",
    );
    assert_eq!(
        complaints(&sources),
        [
            "F:2: database.hots: no such key; did you mean `database.host`?",
            "F:3: database.port: expected a whole number from 1 to 65535, found `70000`",
            "F:4: brokr: no such section; did you mean `broker`?",
            "F:7: cache.version: expected a whole number from 0 to 4294967295, found a text",
            "F:8: cache.tls: expected `off` or `required`, found `requierd`; did you mean `required`?",
            "F:10: search.host: expected a host name or an IP address, without a port, found something else",
            "F:12: celery.queues: expected a list of texts, none of them empty or twice, found `fast` twice",
            "F:14: site.timezone: expected the IANA name of a time zone, found `Mars/North`",
        ]
    );
}

#[test]
fn all_slips_of_syntax_are_told_with_their_lines() {
    let complaints = complaints(&file("[database\nhost = \"a\"\n\n[cache]\nhost = \nport = 1\nport = 2\n"));
    assert!(complaints.len() >= 3, "{complaints:#?}");
    for line in ["F:1: ", "F:5: ", "F:7: "] {
        assert!(complaints.iter().any(|complaint| complaint.starts_with(line)), "{line} {complaints:#?}");
    }
}

#[test]
fn errors_of_variables_and_arguments_name_their_place() {
    let sources = Sources {
        environment: variables(&[
            ("COURSYS_OPS_DATABASE__PROT", "1"),
            ("COURSYS_OPS_DATBASE", "1"),
            ("COURSYS_OPS_CACHE__PORT", "x"),
            ("COURSYS_OPS_CONFIG", "/x"),
            ("COURSYS_OPS_LOG", "trace"),
            ("OTHER", "x"),
        ]),
        set: ["email.starttls=yes", "database.password:s3cret", "site=vm", "=vm"].map(str::to_owned).into(),
        ..Sources::default()
    };
    assert_eq!(
        complaints(&sources),
        [
            "COURSYS_OPS_CACHE__PORT: cache.port: expected a whole number from 1 to 65535, found `x`",
            "COURSYS_OPS_DATABASE__PROT: database.prot: no such key; did you mean `database.port`?",
            "COURSYS_OPS_DATBASE: datbase: no such section; did you mean `database`?",
            "--set: email.starttls: expected `true` or `false`, found `yes`",
            "--set: database.password: expected `KEY=VALUE`",
            "--set: site: is a section; expected a key in it, such as `site.KEY`",
            "--set: expected `KEY=VALUE`",
        ]
    );
}

#[test]
fn no_error_shows_a_secret() {
    let texts = [
        "[database]\npassword = [\"s3cret\"]",
        "[database]\npasswort = \"s3cret\"",
        "[database]\nhost = \"mysql://u:s3cret@h/\"",
        "[database]\npassword = \"s3cret",
        "[database]\npassword = s3cret",
        "[database]\npassword = \"s3cret\"\npassword = \"s3cret\"",
    ];
    for text in texts {
        let errors = load(&file(text)).unwrap_err();
        assert!(!format!("{errors} {errors:?}").contains("s3cret"), "{errors}");
    }
}

#[test]
fn a_socket_of_a_later_layer_pushes_the_host_out_and_the_other_way_round() {
    let mut sources = file("[broker]\nsocket = \"/run/broker\"");
    let server = load(&sources).unwrap().config.broker.server;
    assert_eq!((server.host, server.socket), (None, Some("/run/broker".into())));
    sources.set = vec!["broker.host=h".to_owned()];
    let server = load(&sources).unwrap().config.broker.server;
    assert_eq!((server.host.as_deref(), server.socket), (Some("h"), None));
}

#[test]
fn two_that_exclude_each_other_in_one_layer_are_an_error() {
    let sources = file(
        "[broker]\nhost = \"h\"\nsocket = \"/run/broker\"\n[cache]\npassword = \"x\"\npassword_env = \"Y\"\n[email]\npassword_env = \"Y\"",
    );
    assert_eq!(
        complaints(&sources),
        [
            "F:3: broker.socket: excludes `broker.host`, which is given too (F:2)",
            "F:6: cache.password_env: excludes `cache.password`, which is given too (F:5)",
        ]
    );
}

#[test]
fn tls_where_there_can_be_none_is_an_error() {
    assert_eq!(complaints(&file("time.tls = \"required\"")), ["F:1: time.tls: NTP knows no TLS"]);
    let sources = file("[database]\ntls = \"required\"\nsocket = \"/run/mysqld.sock\"");
    assert_eq!(complaints(&sources), ["F:3: database.tls: TLS is not possible over `database.socket`"]);
    let config = load(&file("[database]\ntls = \"required\"\nhost = \"::1\"")).unwrap().config;
    assert_eq!(
        (config.database.server.tls, config.database.server.place().as_str()),
        (Tls::Required, "[::1]:3306")
    );
}

#[test]
fn the_beat_runs_on_one_of_the_queues_and_long_queues_are_some_of_them() {
    assert_eq!(
        complaints(&file("[celery]\nqueues = [\"slow\", \"quick\"]\nlong_queues = [\"xyz\"]\n")),
        [
            "F:2: celery.beat_queue: expected one of `celery.queues` (`quick`, `slow`), found `fast`",
            "F:3: celery.long_queues: expected some of `celery.queues` (`quick`, `slow`), found `xyz`",
        ]
    );
    // The profile's long queues do not stand in the way of fewer queues.
    let celery = load(&file("[celery]\nqueues = [\"fast\", \"sims\"]")).unwrap().config.celery;
    assert_eq!(celery.long_queues, ["sims"]);
}

#[test]
fn a_component_can_be_taken_away_added_and_changed() {
    let sources = file(
        "[components]\ndocker = false\nredis = { manager = \"systemd\", unit = \"redis-server\" }\n[components.celery]\nunit = \"celeryd\"",
    );
    let components = load(&sources).unwrap().config.components;
    assert!(!components.contains_key("docker"));
    assert_eq!(components["redis"].unit.as_deref(), Some("redis-server"));
    assert_eq!(components["celery"].unit.as_deref(), Some("celeryd"));
    assert_eq!(components["celery"].process.as_deref(), Some("celery"));
    let all_gone = file("[site]\nlayout = \"devel\"\n[components]\ndatabase = false");
    assert!(load(&all_gone).unwrap().config.components.is_empty());
}

#[test]
fn a_component_without_manager_or_of_a_wrong_name_is_told() {
    assert_eq!(
        complaints(&file(
            "[components]\ncelary = { unit = \"x\" }\nnginx = true\nx = 3\n[components.docker]\nunti = 1"
        )),
        [
            "F:2: components.celary.manager: is missing: the profile has no such component; did you mean `components.celery`?",
            "F:3: components.nginx: expected `false`, which takes the component away, or a table",
            "F:4: components.x: expected a table or `false`",
            "F:6: components.docker.unti: no such key; did you mean `components.docker.unit`?",
        ]
    );
    let warnings = load(&file("[components]\nngins = false")).unwrap().warnings;
    assert!(warnings[0].message.contains("did you mean `components.nginx`"), "{warnings:?}");
}

#[test]
fn relative_paths_count_from_where_they_were_written() {
    let mut sources = file("[site]\nlayout = \"devel\"\ndir = \"site\"\n[files]\nsubmitted = \"data\"");
    sources.set = vec!["database.tls_ca_file=ca.pem".to_owned()];
    let config = load(&sources).unwrap().config;
    assert_eq!(config.site.dir, Path::new("/etc/coursys-ops/site"));
    assert_eq!(config.files.submitted.as_deref(), Some(Path::new("/etc/coursys-ops/data")));
    assert_eq!(config.files.dumps.as_deref(), Some(Path::new("/etc/coursys-ops/site/db_backup")));
    assert_eq!(config.database.name.as_deref(), Some("/etc/coursys-ops/site/db.sqlite"));
    assert_eq!(config.database.server.tls_ca_file.as_deref(), Some(Path::new("/home/me/ca.pem")));
}

#[test]
fn a_relative_name_of_a_mysql_database_is_no_path() {
    let config = load(&file("[database]\nname = \"coursys\"")).unwrap().config;
    assert_eq!(config.database.name.as_deref(), Some("coursys"));
}

#[test]
fn an_empty_text_takes_an_optional_value_away_but_not_a_password() {
    let sources = file("[broker]\nuser = \"\"\nhost = \"\"\npassword = \"\"\n[search]\nindex = \"\"");
    assert_eq!(
        complaints(&sources),
        ["F:6: search.index: expected a text that is not empty, found an empty text"]
    );
    let broker = load(&file("[broker]\nuser = \"\"\nhost = \"\"\npassword = \"\"")).unwrap().config.broker;
    assert_eq!((broker.server.user, broker.server.host), (None, None));
    assert_eq!(password(&broker.server.secret), "");
}

#[test]
fn a_secret_comes_from_the_key_a_variable_or_a_file_and_the_later_layer_wins() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("password");
    std::fs::write(&path, "p@ss/w%rd ü'\n\n").unwrap();
    let mut sources = file(
        "[database]\npassword = \"inline\"\n[broker]\npassword_env = \"BROKER\"\n[cache]\npassword_env = \"NONE\"\n",
    );
    sources.environment = variables(&[("BROKER", "variable")]);
    let config = load(&sources).unwrap().config;
    assert_eq!(password(&config.database.server.secret), "inline");
    assert_eq!(password(&config.broker.server.secret), "variable");
    let SecretValue::Unreadable(why) = &config.cache.server.secret else { panic!() };
    assert_eq!(why, "the environment has no variable `NONE`");
    assert!(matches!(config.email.server.secret, SecretValue::Missing));
    sources.set = vec![format!("database.password_file={}", path.display())];
    let config = load(&sources).unwrap().config;
    assert_eq!(
        password(&config.database.server.secret),
        "p@ss/w%rd ü'\n",
        "one newline is stripped, no more"
    );
}

#[test]
fn a_password_file_that_cannot_be_read_is_told_by_the_checks_not_by_the_loader() {
    let dir = tempfile::tempdir().unwrap();
    let (missing, latin1) = (dir.path().join("missing"), dir.path().join("latin1"));
    std::fs::write(&latin1, b"\xfcber").unwrap();
    for (path, why) in
        [(missing, "there is no such file"), (latin1, "is not UTF-8"), (dir.path().into(), "is not a file")]
    {
        let config = load(&file(&format!("[email]\npassword_file = {:?}", path))).unwrap().config;
        let SecretValue::Unreadable(text) = &config.email.server.secret else { panic!() };
        assert!(text.contains(why), "{text}");
    }
}

#[test]
fn root_follows_no_symbolic_link_to_a_password() {
    let dir = tempfile::tempdir().unwrap();
    let link = dir.path().join("link");
    std::os::unix::fs::symlink("/etc/hostname", &link).unwrap();
    let mut sources = file(&format!("[email]\npassword_file = {link:?}"));
    sources.caller_is_root = true;
    let config = load(&sources).unwrap().config;
    let SecretValue::Unreadable(why) = &config.email.server.secret else { panic!() };
    assert!(why.ends_with("is a symbolic link, which root does not follow"), "{why}");
}

#[test]
fn secrets_that_others_can_see_draw_a_warning() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("password");
    std::fs::write(&path, "x").unwrap();
    let set_mode = |mode| std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
    let mut sources = file(&format!("[database]\npassword = \"inline\"\n[email]\npassword_file = {path:?}"));
    set_mode(0o640);
    assert_eq!(load(&sources).unwrap().warnings, []);
    set_mode(0o644);
    sources.file.as_mut().unwrap().readable_by_everybody = true;
    sources.set = vec!["search.password=x".to_owned()];
    let warnings = load(&sources).unwrap().warnings;
    let keys: Vec<&str> = warnings.iter().filter_map(|warning| warning.key.as_deref()).collect();
    assert_eq!(keys, ["email.password_file", "database.password", "search.password"]);
}

#[test]
fn the_shown_settings_hold_no_secret() {
    let loaded = load(&file("[database]\npassword = \"s3cret\"")).unwrap();
    assert_eq!(loaded.settings["database.password"].value, REDACTED);
    assert!(!format!("{loaded:?}").contains("s3cret"));
}

/// What holds for any text, whatever it is.
#[path = "load_properties.rs"]
mod properties;

#[test]
fn a_list_of_an_argument_may_be_written_as_in_toml_or_with_commas() {
    for text in ["fast,email", " fast , email ", r#"["fast", "email"]"#, "[ 'fast', 'email' ]"] {
        let set = vec!["celery.long_queues=".to_owned(), format!("celery.queues={text}")];
        let loaded = load(&Sources { set, ..Sources::default() }).unwrap();
        assert_eq!(loaded.config.celery.queues, ["fast", "email"], "{text}");
    }
    for text in ["[fast, email]", "[\"fast\"", "[1]"] {
        let set = vec!["celery.long_queues=".to_owned(), format!("celery.queues={text}")];
        assert!(load(&Sources { set, ..Sources::default() }).is_err(), "{text}");
    }
}

#[test]
fn a_program_keeps_its_arguments_as_they_are_and_in_order() {
    let control = |text: &str| {
        let set = vec![format!("broker.control={text}")];
        load(&Sources { set, ..Sources::default() }).map(|loaded| loaded.config.broker.control)
    };
    assert_eq!(
        control(r#"["env", "A=1,2", "-e", "x", "-e", ""]"#).unwrap(),
        ["env", "A=1,2", "-e", "x", "-e", ""]
    );
    assert_eq!(control("/usr/bin/a,b").unwrap(), ["/usr/bin/a,b"]);
    assert!(control("").unwrap().is_empty());
    assert!(control(r#"[""]"#).is_err() && control("[1]").is_err());
}
