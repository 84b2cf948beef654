//! What is in a demo site.

use jiff::Zoned;
use jiff::civil::{Date, date};

/// The configuration file, by which a demo is known too.
pub const CONFIG_FILE: &str = "coursys-ops.toml";

/// How the configuration file of a demo begins.
pub const MARK: &str = "# A demo site of coursys-ops.";

/// The database.
pub const DATABASE: &str = "db.sqlite";

/// Every directory, parents first.
pub const DIRECTORIES: [&str; 5] = ["submitted_files", "static", "static/CACHE", "db_backup", "logs"];

/// The configuration. Its paths count from its own directory.
pub const CONFIG: &str = r#"# A demo site of coursys-ops. `coursys-ops demo` writes this file anew.

[site]
# A laptop: a SQLite file, no Celery, nothing that is reached by network. A server has the layout `vm` or `compose`.
layout = "devel"
# Where the site's code would be. Relative paths count from the directory of this file.
dir = "."
# The time zone of the naive times in the database.
timezone = "America/Vancouver"

[database]
engine = "sqlite"
name = "db.sqlite"

[files]
# What students hand in: with the database the only data that must never be lost.
submitted = "submitted_files"
# Compressed style sheets and scripts.
compressed_media = "static/CACHE"
# Dumps of the database.
dumps = "db_backup"

[disk]
# How much must be free, in GiB. A server needs more: the layout `vm` asks for 84 where the submitted files are.
tmp_gib = 0.1
submitted_gib = 0.1
dumps_gib = 0.1
root_gib = 0.1

# Try what happens when a check is switched off:
# [checks]
# off = ["disk.*"]
"#;

/// The tables, with the names and columns of the real site as far as checks look at them.
pub const TABLES: &str = r#"
CREATE TABLE coredata_semester (
    id integer NOT NULL PRIMARY KEY AUTOINCREMENT,
    name varchar(4) NOT NULL UNIQUE,
    start date NOT NULL,
    "end" date NOT NULL
);
CREATE TABLE coredata_unit (
    id integer NOT NULL PRIMARY KEY AUTOINCREMENT,
    label varchar(4) NOT NULL UNIQUE,
    name varchar(60) NOT NULL,
    parent_id bigint NULL REFERENCES coredata_unit (id),
    slug varchar(50) NOT NULL UNIQUE,
    config text NOT NULL
);
CREATE TABLE coredata_person (
    id integer NOT NULL PRIMARY KEY AUTOINCREMENT,
    emplid integer unsigned NOT NULL UNIQUE,
    userid varchar(32) NULL UNIQUE,
    last_name varchar(32) NOT NULL,
    first_name varchar(32) NOT NULL,
    config text NOT NULL
);
CREATE TABLE log_requestlog (
    id char(32) NOT NULL PRIMARY KEY,
    time datetime NOT NULL,
    duration bigint NOT NULL,
    data text NOT NULL,
    username varchar(32) NULL,
    method varchar(10) NOT NULL,
    path varchar(1024) NOT NULL
);
CREATE TABLE log_celerytasklog (
    id char(32) NOT NULL PRIMARY KEY,
    time datetime NOT NULL,
    duration bigint NOT NULL,
    data text NOT NULL,
    task varchar(255) NOT NULL
);
"#;

/// People: number, account, last and first name. A name may hold any character.
pub const PEOPLE: [(i64, &str, &str, &str); 3] = [
    (200_000_001, "ttkaar", "Kääriäinen", "Tiina"),
    (200_000_002, "yoshi", "𠮷田", "Hanako"),
    (200_000_003, "obrien", "O'Brien", "Zoë"),
];

/// A term.
pub struct Semester {
    /// The university's code: years since 1900 and the first month, 1267 for the autumn of 2026.
    pub name: String,
    /// The first day.
    pub start: String,
    /// The last day.
    pub end: String,
}

/// The three terms of this year.
pub fn semesters(now: &Zoned) -> impl Iterator<Item = Semester> {
    let year = now.year();
    [(1, 4), (5, 8), (9, 12)].into_iter().map(move |(first, last)| {
        let last_day = date(year, last, 1).last_of_month();
        Semester {
            name: format!("{}{first}", i32::from(year) - 1900),
            start: date(year, first, 1).to_string(),
            end: last_day.to_string(),
        }
    })
}

/// Departments: label, name, slug, and the JSON of what is configured for each. The row `univ` is the whole university;
/// there the real site's beat leaves its sign of life.
pub fn units(now: &Zoned) -> [(&'static str, &'static str, &'static str, String); 2] {
    let beat = serde_json::json!({ "celery-beat-time": now.timestamp().as_second() });
    [
        ("UNIV", "The University", "univ", beat.to_string()),
        ("CMPT", "School of Computing Science", "cmpt", "{}".to_owned()),
    ]
}

/// The dump of today. A demo has one.
pub fn dump_name(now: &Zoned) -> String {
    format!("db_backup/coursys-{}.sql.gz", Date::from(now.clone()))
}

/// What is in a dump.
pub fn dump(now: &Zoned) -> String {
    let people = PEOPLE.map(|(emplid, userid, last, first)| {
        let quoted = |text: &str| text.replace('\'', "''");
        format!("INSERT INTO coredata_person (emplid, userid, last_name, first_name, config) VALUES ({emplid}, '{userid}', '{}', '{}', '{{}}');\n", quoted(last), quoted(first))
    });
    format!("-- A sample dump of the demo, {now}\n{TABLES}{}", people.concat())
}

/// Log files and a few lines of each, as gunicorn and Celery write them.
pub fn logs(now: &Zoned) -> [(&'static str, String); 3] {
    let common = now.strftime("%d/%b/%Y:%H:%M:%S %z");
    let gunicorn = now.strftime("%Y-%m-%d %H:%M:%S %z");
    let celery = now.strftime("%Y-%m-%d %H:%M:%S,000");
    [
        (
            "logs/gunicorn-server.log",
            format!(
                "127.0.0.1 - - [{common}] \"GET / HTTP/1.1\" 302 0 \"-\" \"Mozilla/5.0\"\n\
                 127.0.0.1 - - [{common}] \"GET /docs/ HTTP/1.1\" 200 5120 \"-\" \"Mozilla/5.0\"\n"
            ),
        ),
        (
            "logs/gunicorn-error.log",
            format!(
                "[{gunicorn}] [1] [INFO] Starting gunicorn\n\
                 [{gunicorn}] [1] [INFO] Listening at: http://127.0.0.1:8000 (1)\n\
                 [{gunicorn}] [7] [INFO] Booting worker with pid: 7\n"
            ),
        ),
        (
            "logs/celery-fast.log",
            format!(
                "[{celery}: INFO/MainProcess] fast@demo ready.\n\
                 [{celery}: INFO/MainProcess] Task coredata.tasks.beat_test[0] received\n\
                 [{celery}: INFO/ForkPoolWorker-1] Task coredata.tasks.beat_test[0] succeeded in 0.01s: None\n"
            ),
        ),
    ]
}
