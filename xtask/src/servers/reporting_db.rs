//! A second, small MariaDB in the place of the university's reporting database: it is asked through ODBC.

use super::layout::Layout;
use super::mariadb::{self, PROGRAM, literal};
use super::plan::{ConfigFile, Directory, Plan, Server};
use super::probe::Probe;
use super::program::Program;
use super::setting::{Setting, text};

/// The server's name in `status`.
pub const NAME: &str = "reporting-db";

/// The database and the account on it.
pub const DATABASE: &str = "CSRPT";
pub const USER: &str = "reader";

/// The library of the ODBC driver, from Debian's package `odbc-mariadb`. One component of the path is the machine's.
pub const DRIVER: &str = "/usr/lib/*/odbc/libmaodbc.so";

/// What the package calls the driver in `/etc/odbcinst.ini`.
pub const NAME_OF_DRIVER: &str = "MariaDB Unicode";

/// The name of the person that the check asks for, `Bäcker`, in UTF-8: an init file is not read as UTF-8 everywhere.
const LAST_NAME: &str = "_utf8mb4 X'42C3A4636B6572'";

/// The plan. `version` is shown in `status`.
pub fn plan(setting: &Setting, version: String) -> Plan {
    let account = &setting.accounts.mysql;
    let layout = &setting.layout;
    let home = layout.server(NAME);
    let defaults = format!("--defaults-file={}", text(home.join("my.cnf")));
    Plan {
        directories: vec![Directory::private(&home, account)],
        files: vec![
            ConfigFile::private(home.join("my.cnf"), account, configuration(setting)),
            ConfigFile::private(home.join("init.sql"), account, initial_sql(setting)),
        ],
        preparations: vec![mariadb::install(layout, NAME, account, &defaults)],
        server: Server {
            name: NAME.into(),
            version,
            port: Some(setting.ports.reporting_db),
            socket: None,
            data_dir: home.join("data"),
            log: layout.log(NAME),
            program: Program::new(layout, NAME, account, &[PROGRAM, &defaults]),
            probe: Probe::Prints(query(setting)),
        },
    }
}

/// Asks for the known row as the account that the check has.
fn query(setting: &Setting) -> Program {
    let (host, port) = (format!("--host={}", setting.ip()), format!("--port={}", setting.ports.reporting_db));
    let user = format!("--user={USER}");
    let sql = "SELECT LAST_NAME FROM PS_NAMES";
    let argv = [
        "/usr/bin/mariadb",
        "--no-defaults",
        "--protocol=tcp",
        &host,
        &port,
        &user,
        "-N",
        DATABASE,
        "-e",
        sql,
    ];
    let mut program = Program::new(&setting.layout, NAME, &setting.accounts.caller, &argv);
    program.cwd = "/".into();
    program.env([("MYSQL_PWD", setting.names.secrets.reporting_db.clone())])
}

fn configuration(setting: &Setting) -> String {
    let home = setting.layout.server(NAME);
    let essentials =
        mariadb::essentials(&home, &socket(&setting.layout), setting.ip(), setting.ports.reporting_db);
    essentials + "innodb_buffer_pool_size = 8M\nmax_connections = 20\n"
}

/// Runs at every start, one statement a line; so whatever a test changed is right again after a start.
fn initial_sql(setting: &Setting) -> String {
    let user = format!("{}@'%'", literal(USER));
    let password = literal(&setting.names.secrets.reporting_db);
    format!(
        "CREATE DATABASE IF NOT EXISTS {DATABASE} CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;\n\
         CREATE TABLE IF NOT EXISTS {DATABASE}.PS_NAMES (EMPLID varchar(11) PRIMARY KEY, LAST_NAME varchar(30));\n\
         REPLACE INTO {DATABASE}.PS_NAMES VALUES ('301355288', {LAST_NAME});\n\
         CREATE USER IF NOT EXISTS {user} IDENTIFIED BY {password};\n\
         GRANT SELECT ON {DATABASE}.* TO {user};\n"
    )
}

/// Its socket, over which the account that runs it is its administrator.
pub fn socket(layout: &Layout) -> std::path::PathBuf {
    layout.run().join("reporting-db.sock")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::servers::setting::sample;

    #[test]
    fn the_known_row_is_there_after_every_start() {
        let sql = initial_sql(&sample(&[]));
        assert!(
            sql.contains("REPLACE INTO CSRPT.PS_NAMES VALUES ('301355288', _utf8mb4 X'42C3A4636B6572');"),
            "{sql}"
        );
        assert_eq!(sql.lines().count(), 5, "an init file has one statement a line");
    }
}
