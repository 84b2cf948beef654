//! Faults of the database.

mod dumps;

use std::time::Duration;

use crate::inject;
use crate::matrix::{Fault, Scene};
use crate::stand_in::Mischief;

/// How long a process gets to be in the middle of what it does.
const SETTLE: Duration = Duration::from_secs(4);

/// What a script of the site's Python begins with.
const CONNECT: &str = r#"
import json, threading, time
import MySQLdb
site = json.load(open("fixture.json"))["database"]
def connect():
    return MySQLdb.connect(host=site["host"], port=site["port"], user=site["user"], passwd=site["password"], db=site["name"])
def run(connection, *statements):
    for statement in statements:
        connection.cursor().execute(statement)
"#;

/// A script that the site's Python runs as long as the row lasts. It sleeps at its end: half a minute at most, so that no
/// statement of it is ever found by another row.
fn script(script: &'static str) -> impl Fn(&mut Scene<'_>) {
    move |scene| {
        let script = format!("{CONNECT}{script}\ntime.sleep(30)\n");
        let command = inject::as_site(scene, &["python", "-c", &script]);
        inject::spawned(scene, command, SETTLE);
    }
}

/// The account that the checks log in with instead, and the rights that it has.
fn other_account(grants: &'static [&'static str]) -> impl Fn(&mut Scene<'_>) {
    move |scene| {
        let mut statements =
            "DROP USER IF EXISTS fault@'%'; CREATE USER fault@'%' IDENTIFIED BY 'fault';".to_owned();
        for grant in grants {
            statements += &format!("GRANT {grant} TO fault@'%';");
        }
        inject::sql(statements, "DROP USER IF EXISTS fault@'%'")(scene);
        scene.set("database.user", "fault");
        scene.set("database.password", "fault");
    }
}

/// The rows of this area.
#[must_use]
pub fn rows() -> Vec<Fault> {
    vec![
        Fault::new("MariaDB is stopped", "stopped")
            .with(inject::stopped("mariadb"))
            .culprit("database.connection", "failed refused"),
        Fault::new("MariaDB hangs", "hung")
            .with(inject::hung("mariadb"))
            .culprit("database.connection", "failed timeout"),
        Fault::new("the database's password is wrong", "wrong password")
            .set("database.password", "wrong")
            .culprit("database.connection", "failed access_denied"),
        Fault::new("the database does not exist", "wrong name")
            .set("database.name", "nosuch")
            .culprit("database.connection", "failed unknown_database"),
        Fault::new("the database is another one", "missing table")
            .set("database.name", "information_schema")
            .culprit("database.connection", "failed table_missing"),
    ]
    .into_iter()
    .chain(tables())
    .chain(migrations())
    .chain(load())
    .chain(accounts())
    .chain(dumps::rows())
    .collect()
}

/// Character sets and tables.
fn tables() -> Vec<Fault> {
    vec![
        Fault::new("a table is latin1", "wrong charset")
            .with(inject::sql(
                "CREATE TABLE fault_latin1 (name varchar(20)) CHARACTER SET latin1",
                "DROP TABLE IF EXISTS fault_latin1",
            ))
            .culprit("database.charset", "failed wrong_collation")
            .telling("ALTER TABLE `fault_latin1` CONVERT TO CHARACTER SET utf8mb4"),
        Fault::new("a column is latin1", "wrong charset")
            .with(inject::sql(
                "CREATE TABLE fault_latin1 (name varchar(20) CHARACTER SET latin1 NOT NULL DEFAULT 'x')",
                "DROP TABLE IF EXISTS fault_latin1",
            ))
            .culprit("database.charset", "failed wrong_collation")
            .telling("MODIFY `name` varchar(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci NOT NULL DEFAULT 'x'"),
        Fault::new("a column has another collation", "wrong charset")
            .with(inject::sql(
                "CREATE TABLE fault_collation (name text COLLATE utf8mb4_general_ci, data json)",
                "DROP TABLE IF EXISTS fault_collation",
            ))
            .culprit("database.charset", "failed wrong_collation")
            .telling("fault_collation.name"),
        Fault::new("the database's default is latin1", "wrong charset")
            .with(inject::sql(
                "ALTER DATABASE CHARACTER SET latin1",
                "ALTER DATABASE CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci",
            ))
            .culprit("database.charset", "failed wrong_collation")
            .telling("ALTER DATABASE"),
        Fault::new("the table of terms is latin1", "wrong charset")
            .with(inject::sql(
                "ALTER TABLE coredata_semester CONVERT TO CHARACTER SET latin1",
                "ALTER TABLE coredata_semester CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci",
            ))
            .culprit("database.charset", "failed wrong_collation")
            .telling("coredata_semester"),
        Fault::new("a pool of connections before MariaDB makes them latin1", "latin1 connection")
            .with(inject::proxied("database", Mischief::Latin1))
            .culprit("database.unicode", "failed mangled")
            .telling("`character_set_client` is `latin1`")
            // What they read of the site's settings in the database is mangled, too.
            .also("celery.beat", "failed garbage")
            .also("photos.service", "failed garbage"),
        Fault::new("a trigger takes names through latin1", "latin1 connection")
            .with(inject::sql(
                "CREATE TRIGGER fault_latin1 BEFORE INSERT ON coredata_semester FOR EACH ROW SET NEW.name = \
                 CONVERT(NEW.name USING latin1)",
                "DROP TRIGGER IF EXISTS fault_latin1",
            ))
            .culprit("database.unicode", "failed mangled")
            .telling("did not come back"),
        Fault::new("the table of terms is gone", "missing table")
            .with(inject::sql(
                "RENAME TABLE coredata_semester TO fault_semester",
                "RENAME TABLE fault_semester TO coredata_semester",
            ))
            .culprit("database.connection", "failed table_missing"),
        Fault::new("the database takes no changes", "read-only")
            .with(inject::sql("SET GLOBAL read_only = ON", "SET GLOBAL read_only = OFF"))
            .culprit("database.unicode", "failed rejected")
            // Every page and every task saves a row.
            .also("web.serving", "failed server_error")
            .also("celery.reporting-db", "failed task_failed"),
    ]
}

/// Code and database at different migrations.
fn migrations() -> Vec<Fault> {
    vec![
        Fault::new("a migration was not run", "migrations differ")
            .with(inject::sql(
                "DELETE FROM django_migrations WHERE app = 'log'",
                "INSERT INTO django_migrations (app, name, applied) VALUES ('log', '0001_initial', NOW())",
            ))
            .culprit("database.migrations", "failed migrations_missing")
            .telling("`log` has migrations that the database has not: 0001_initial"),
        Fault::new("the code has a new migration", "migrations differ")
            .with(inject::replaced(
                "site/coredata/migrations/0002_fault.py",
                "from django.db import migrations\n\n\nclass Migration(migrations.Migration):\n    \
                 dependencies = [(\"coredata\", \"0001_initial\")]\n",
            ))
            .culprit("database.migrations", "failed migrations_missing")
            .telling("0002_fault")
            .also("code.state", "warning untracked"),
        Fault::new("the database is ahead of the code", "migrations differ")
            .with(inject::sql(
                "INSERT INTO django_migrations (app, name, applied) VALUES ('coredata', '0002_fault', NOW())",
                "DELETE FROM django_migrations WHERE name = '0002_fault'",
            ))
            .culprit("database.migrations", "failed migrations_unknown")
            .telling("0002_fault"),
        Fault::new("the database knows an app that is not installed", "migrations differ")
            .with(inject::sql(
                "INSERT INTO django_migrations (app, name, applied) VALUES ('fault', '0001_initial', NOW())",
                "DELETE FROM django_migrations WHERE app = 'fault'",
            ))
            .culprit("database.migrations", "failed migrations_unknown")
            .telling("database.retired_apps"),
    ]
}

/// A table that nobody else uses, also by way of a foreign key.
fn own_table() -> impl Fn(&mut Scene<'_>) {
    inject::sql("CREATE TABLE fault_locked (id int)", "DROP TABLE IF EXISTS fault_locked")
}

/// Connections, statements and locks.
fn load() -> Vec<Fault> {
    vec![
        Fault::new("most connections are taken", "too many connections")
            .with(inject::sql("SET GLOBAL max_connections = 200", "SET GLOBAL max_connections = 60"))
            .with(script("held = [connect() for _ in range(165)]"))
            .culprit("database.capacity", "failed few_connections"),
        Fault::new("every connection is taken", "too many connections")
            .with(inject::sql("SET GLOBAL max_connections = 30", "SET GLOBAL max_connections = 60"))
            .with(script(
                "held = []\nends = time.time() + 30\nwhile time.time() < ends:\n    try:\n        \
                 held.append(connect())\n    except MySQLdb.Error:\n        time.sleep(0.01)",
            ))
            .culprit("database.connection", "failed try_later"),
        Fault::new("somebody's statement runs for long", "lock wait")
            .set("database.max_statement_age_s", 2)
            .with(script("run(connect(), \"SELECT SLEEP(20), 'Kääriäinen'\")"))
            .culprit("database.capacity", "failed long_statement")
            .telling("SELECT SLEEP(?), ?")
            .telling("KILL QUERY"),
        Fault::new("a transaction holds a row that another one wants", "lock wait")
            .set("database.max_statement_age_s", 2)
            .with(script(
                "holds, wants = connect(), connect()\n\
                 run(holds, \"BEGIN\", \"SELECT * FROM coredata_unit WHERE slug = 'cmpt' FOR UPDATE\")\n\
                 run(wants, \"BEGIN\", \"SELECT * FROM coredata_unit WHERE slug = 'cmpt' FOR UPDATE\")",
            ))
            .culprit("database.capacity", "failed lock_wait")
            .telling("`KILL "),
        Fault::new("a table is locked that somebody reads", "lock wait")
            .with(own_table())
            .set("database.max_statement_age_s", 2)
            .with(script(
                "holds, wants = connect(), connect()\nrun(holds, \"LOCK TABLES fault_locked WRITE\")\n\
                 run(wants, \"SELECT COUNT(*) FROM fault_locked\")",
            ))
            .culprit("database.capacity", "failed lock_wait")
            .telling("metadata lock"),
        Fault::new("a table is being checked", "lock wait")
            .with(own_table())
            .with(script(
                "holds, checks = connect(), connect()\nrun(holds, \"LOCK TABLES fault_locked WRITE\")\n\
                 run(checks, \"CHECK TABLE fault_locked\")",
            ))
            .culprit("database.capacity", "failed table_check"),
        Fault::new("an account without PROCESS sees its own statement", "missing right")
            .with(inject::sql(
                "REVOKE PROCESS ON *.* FROM coursys@'%'",
                "GRANT PROCESS ON *.* TO coursys@'%'",
            ))
            .set("database.max_statement_age_s", 2)
            .with(script("run(connect(), \"SELECT SLEEP(20)\")"))
            .culprit("database.capacity", "failed long_statement")
            .telling("GRANT PROCESS"),
    ]
}

/// Accounts and their rights.
fn accounts() -> Vec<Fault> {
    vec![
        Fault::new("the account is locked", "account locked")
            .with(inject::sql("ALTER USER coursys@'%' ACCOUNT LOCK", "ALTER USER coursys@'%' ACCOUNT UNLOCK"))
            .culprit("database.connection", "failed access_denied")
            .telling("ACCOUNT UNLOCK"),
        Fault::new("the account's password has expired", "account locked")
            .with(|scene| {
                let file = scene.servers.configured("database", "password_file");
                let password = std::fs::read_to_string(file).unwrap();
                let password = password.trim_end_matches('\n').replace('\\', "\\\\").replace('\'', "''");
                inject::sql(
                    "ALTER USER coursys@'%' PASSWORD EXPIRE",
                    format!("SET PASSWORD FOR coursys@'%' = PASSWORD('{password}')"),
                )(scene);
            })
            .culprit("database.connection", "failed access_denied"),
        Fault::new("the account may not read the table of terms", "missing right")
            .with(other_account(&["SELECT ON coursys.coredata_unit"]))
            .culprit("database.connection", "failed access_denied"),
        Fault::new("the account may not read the table of migrations", "missing right")
            .with(other_account(&[
                "SELECT, INSERT ON coursys.coredata_semester",
                "SELECT ON coursys.coredata_unit",
            ]))
            .culprit("database.migrations", "failed access_denied"),
        Fault::new("the account may not write", "missing right")
            .with(other_account(&["SELECT ON coursys.*"]))
            .culprit("database.unicode", "failed access_denied"),
    ]
}
