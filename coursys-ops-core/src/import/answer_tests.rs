use serde_json::json;

use super::*;

/// What settings like these mean: lines `key = value`, then the secrets, then the notes.
fn understood(settings: serde_json::Value) -> Vec<String> {
    let answer =
        Answer::parse(json!({ "settings": settings }).to_string().as_bytes()).map_err(|why| panic!("{why}"));
    let imported = answer.unwrap().understand(Path::new("/site"));
    let entries = imported.entries.iter().map(|(key, value)| format!("{key} = {}", toml::Value::from(value)));
    let secrets = imported.secrets.iter().map(|(section, secret)| format!("{section}: {}", secret.expose()));
    let notes = imported.notes.iter().map(|note| format!("note: {note}"));
    entries.chain(secrets).chain(notes).collect()
}

fn of(section: &str, settings: serde_json::Value) -> Vec<String> {
    let mut lines = understood(settings);
    lines.retain(|line| line.starts_with(section));
    lines
}

#[test]
fn a_mysql_database_with_its_authority_is_imported() {
    let settings = json!({"database": {
        "ENGINE": "django.db.backends.mysql", "HOST": "db.example.ca", "PORT": "3307", "NAME": "coursys", "USER": "u",
        "PASSWORD": "p@ss/w%rd ü'", "OPTIONS": {"ssl_mode": "VERIFY_IDENTITY", "ssl": {"ca": "ca.pem"}},
    }});
    assert_eq!(
        of("database", settings),
        [
            "database.engine = \"mysql\"",
            "database.host = \"db.example.ca\"",
            "database.port = 3307",
            "database.tls = \"required\"",
            "database.tls_ca_file = \"/site/ca.pem\"",
            "database.name = \"coursys\"",
            "database.user = \"u\"",
            "database: p@ss/w%rd ü'",
        ]
    );
}

#[test]
fn a_socket_of_the_database_is_imported_without_tls() {
    for place in
        [json!({"HOST": "/run/db.sock"}), json!({"HOST": "db", "OPTIONS": {"unix_socket": "/run/db.sock"}})]
    {
        let mut database = json!({"ENGINE": "django.db.backends.mysql", "NAME": "c", "PORT": ""});
        database.as_object_mut().unwrap().extend(place.as_object().unwrap().clone());
        let lines = of("database", json!({ "database": database }));
        assert!(lines.contains(&"database.socket = \"/run/db.sock\"".to_owned()), "{lines:?}");
        assert!(lines.contains(&"database.tls = \"off\"".to_owned()), "{lines:?}");
        assert!(!lines.iter().any(|line| line.starts_with("database.host")), "{lines:?}");
    }
}

#[test]
fn a_file_of_sqlite_counts_from_the_sites_directory_and_another_engine_is_left_out() {
    let sqlite = json!({"database": {"ENGINE": "django.db.backends.sqlite3", "NAME": "db.sqlite"}});
    assert_eq!(
        of("database", sqlite),
        ["database.engine = \"sqlite\"", "database.name = \"/site/db.sqlite\""]
    );
    let other = json!({"database": {"ENGINE": "django.db.backends.postgresql", "HOST": "h"}});
    assert_eq!(of("database", other.clone()), Vec::<String>::new());
    assert!(of("note", other)[0].contains("postgresql"));
}

#[test]
fn the_broker_is_imported_as_its_client_understands_it() {
    let settings = json!({
        "broker": {"transport": "amqp", "host": "::1", "port": null, "user": "u", "password": "p", "vhost": "v", "tls": true},
        "broker_ssl": {"ca_certs": "/ca.pem", "server_hostname": "broker.example.ca"},
    });
    assert_eq!(
        of("broker", settings),
        [
            "broker.host = \"::1\"",
            "broker.port = 5671",
            "broker.tls = \"required\"",
            "broker.tls_ca_file = \"/ca.pem\"",
            "broker.tls_server_name = \"broker.example.ca\"",
            "broker.user = \"u\"",
            "broker.vhost = \"v\"",
            "broker: p",
        ]
    );
    let plain = of("broker", json!({"broker": {"transport": "amqp", "host": "h", "vhost": "/"}}));
    assert!(
        plain.contains(&"broker.port = 5672".to_owned()) && plain.contains(&"broker: guest".to_owned()),
        "{plain:?}"
    );
    assert!(
        of("note", json!({"broker": {"transport": "redis"}})).iter().any(|note| note.contains("`redis`"))
    );
}

#[test]
fn queues_are_imported_from_a_table_or_a_list_and_the_beats_from_its_schedule() {
    let beat = json!({"x": {"task": "coredata.tasks.beat_test", "options": {"queue": "quick"}}});
    for queues in [json!({"slow": {}, "quick": {}}), json!(["slow", "quick", "slow"])] {
        assert_eq!(
            of("celery", json!({"queues": queues, "beat": beat})),
            ["celery.beat_queue = \"quick\"", "celery.queues = [\"quick\", \"slow\"]"]
        );
    }
    assert_eq!(of("celery", json!({"queues": ["slow"], "beat": beat})), ["celery.queues = [\"slow\"]"]);
}

#[test]
fn the_place_of_memcached_is_imported_in_all_its_forms() {
    let place = |location: serde_json::Value| {
        let cache =
            json!({"BACKEND": "django.core.cache.backends.memcached.PyMemcacheCache", "LOCATION": location});
        let lines = of("cache", json!({ "cache": cache }));
        lines.into_iter().filter(|line| !line.contains("key_prefix")).collect::<Vec<_>>().join(", ")
    };
    assert_eq!(place(json!("memcached:11212")), "cache.host = \"memcached\", cache.port = 11212");
    assert_eq!(place(json!(["10.0.0.1:1", "10.0.0.2:1"])), "cache.host = \"10.0.0.1\", cache.port = 1");
    assert_eq!(place(json!("[::1]:11212")), "cache.host = \"::1\", cache.port = 11212");
    assert_eq!(place(json!("::1")), "cache.host = \"::1\"");
    for socket in ["unix:/run/m.sock", "unix:///run/m.sock", "/run/m.sock"] {
        assert_eq!(place(json!(socket)), "cache.socket = \"/run/m.sock\"");
    }
    let local = json!({"cache": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}});
    assert_eq!(of("cache", local), Vec::<String>::new());
}

#[test]
fn the_search_server_is_imported_with_its_login() {
    let url = json!({"host": "es", "port": null, "user": "", "password": "", "tls": true});
    for login in [json!(["elastic", "s:cret"]), json!("elastic:s:cret")] {
        let search =
            json!({"ENGINE": "x", "INDEX_NAME": "i", "KWARGS": {"http_auth": login, "ca_certs": "/ca.pem"}});
        assert_eq!(
            of("search", json!({"search": search, "search_url": url})),
            [
                "search.host = \"es\"",
                "search.port = 9200",
                "search.tls = \"required\"",
                "search.tls_ca_file = \"/ca.pem\"",
                "search.user = \"elastic\"",
                "search.index = \"i\"",
                "search: s:cret",
            ]
        );
    }
    let in_url = json!({"host": "es", "port": 80, "user": "u", "password": "p", "tls": false});
    assert!(of("search", json!({"search": {}, "search_url": in_url})).contains(&"search: p".to_owned()));
    assert!(of("note", json!({"search": {"ENGINE": "whoosh"}})).iter().any(|note| note.contains("`whoosh`")));
}

#[test]
fn mail_tells_starttls_and_tls_from_the_first_byte_apart() {
    let mail = |tls: bool, ssl: bool| {
        of("email.", json!({"EMAIL_HOST": "m", "EMAIL_PORT": 25, "EMAIL_USE_TLS": tls, "EMAIL_USE_SSL": ssl}))
            .split_off(2)
    };
    assert_eq!(mail(false, false), ["email.tls = \"off\""]);
    assert_eq!(mail(true, false), ["email.tls = \"required\"", "email.starttls = true"]);
    assert_eq!(mail(false, true), ["email.tls = \"required\"", "email.starttls = false"]);
}

#[test]
fn patterns_are_no_hosts_and_the_served_hosts_win() {
    let hosts = json!({"SERVE_HOSTS": ["a.ca"], "ALLOWED_HOSTS": ["*"], "REDIRECT_HOSTS": [".b.ca", "b.ca"]});
    assert_eq!(of("web", hosts), ["web.hosts = [\"a.ca\"]", "web.redirected_hosts = [\"b.ca\"]"]);
    assert_eq!(of("web", json!({"ALLOWED_HOSTS": ["*", "c.ca"]})), ["web.hosts = [\"c.ca\"]"]);
    // Django does not mind a host that is there twice.
    let twice = json!({"ALLOWED_HOSTS": ["c.ca", "b.ca", "c.ca"]});
    assert_eq!(of("web", twice), ["web.hosts = [\"c.ca\", \"b.ca\"]"]);
}

#[test]
fn the_program_that_compares_submissions_counts_from_the_sites_directory() {
    let moss = |dir: &str| of("code", json!({ "MOSS_DISTRIBUTION_PATH": dir }));
    assert_eq!(moss("/site/moss"), ["code.moss = \"moss/moss.pl\""]);
    assert_eq!(moss("/opt/moss/"), ["code.moss = \"/opt/moss/moss.pl\""]);
    assert!(moss("").is_empty());
}

#[test]
fn an_answer_without_settings_is_none() {
    let error = |text: &str| Answer::parse(text.as_bytes()).err().unwrap();
    assert_eq!(error("{}"), "its answer holds no settings");
    assert_eq!(
        error("{\"failed\": \"ImproperlyConfigured\"}"),
        "reading its settings raised `ImproperlyConfigured`"
    );
    assert_eq!(error("[\"s3cret\"]"), "what came back is not the answer");
}

#[test]
fn paths_of_a_container_are_told_as_this_machine_has_them() {
    let mounts = [
        ("/data/submitted_files", "/submitted_files"),
        ("/var/lib/docker/volumes/coursys_static/_data", "/static"),
        ("/elsewhere", "/static"),
        ("", "/tmp"),
    ];
    let mounts = mounts.map(|(source, target)| (source.to_owned(), target.to_owned()));
    let seen = |path: &str| outside(&mounts, path.into()).to_string_lossy().into_owned();
    assert_eq!(seen("/submitted_files"), "/data/submitted_files");
    assert_eq!(seen("/static/static/CACHE"), "/var/lib/docker/volumes/coursys_static/_data/static/CACHE");
    assert_eq!(seen("/tmp/x"), "/tmp/x");
    assert_eq!(seen("/submitted_files2"), "/submitted_files2");
}
