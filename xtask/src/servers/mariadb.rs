//! MariaDB 10.11, with the site's database and account.

use std::fmt::Write as _;
use std::net::IpAddr;
use std::path::Path;

use super::account::Account;
use super::layout::Layout;
use super::plan::{ConfigFile, Directory, Plan, Server};
use super::probe::Probe;
use super::program::Program;
use super::setting::{Setting, text};

/// The server's name in `status`.
pub const NAME: &str = "mariadb";

/// The server's package has it; `mariadbd --version` says it more exactly.
pub const PROGRAM: &str = "/usr/sbin/mariadbd";

/// The plan. `version` is shown in `status`.
pub fn plan(setting: &Setting, version: String) -> Plan {
    let account = &setting.accounts.mysql;
    let layout = &setting.layout;
    let home = layout.server(NAME);
    let defaults = format!("--defaults-file={}", text(home.join("my.cnf")));
    let mut files = vec![
        ConfigFile::private(home.join("my.cnf"), account, server_configuration(setting)),
        ConfigFile::private(home.join("init.sql"), account, initial_sql(setting)),
        ConfigFile {
            path: client_file(layout),
            content: client_configuration(setting),
            account: setting.operator(),
            mode: 0o640,
        },
    ];
    files.extend(setting.tls_files(&home, account));
    Plan {
        directories: vec![Directory::private(&home, account)],
        files,
        preparations: vec![install(layout, NAME, account, &defaults)],
        server: Server {
            name: NAME.into(),
            version,
            port: Some(setting.ports.database),
            socket: Some(setting.database_socket()),
            data_dir: home.join("data"),
            log: layout.log(NAME),
            program: Program::new(layout, NAME, account, &[PROGRAM, &defaults]),
            probe: query(setting, "SELECT 1"),
        },
    }
}

/// Makes the empty data directory that a server's `--defaults-file=…` names. Its account is its administrator over its
/// socket.
pub fn install(layout: &Layout, server: &str, account: &Account, defaults: &str) -> Program {
    let argv = [
        "/usr/bin/mariadb-install-db",
        defaults,
        "--auth-root-authentication-method=socket",
        &format!("--auth-root-socket-user={}", account.user),
        "--skip-test-db",
        "--skip-name-resolve",
    ];
    Program::new(layout, server, account, &argv)
}

/// Asks the database as the site's user; an answer without rows is not one.
pub fn query(setting: &Setting, sql: &str) -> Probe {
    let defaults = format!("--defaults-file={}", text(client_file(&setting.layout)));
    let argv =
        ["/usr/bin/mariadb", &defaults, "--batch", "--skip-column-names", setting.names.database, "-e", sql];
    let mut program = Program::new(&setting.layout, NAME, &setting.accounts.caller, &argv);
    program.cwd = "/".into();
    Probe::Prints(program)
}

fn client_file(layout: &Layout) -> std::path::PathBuf {
    layout.secret("mariadb-client.cnf")
}

fn server_configuration(setting: &Setting) -> String {
    let home = setting.layout.server(NAME);
    let mut cnf = essentials(&home, &setting.database_socket(), setting.ip(), setting.ports.database);
    cnf += "innodb_buffer_pool_size = 32M\nmax_connections = 60\n";
    if setting.tls.is_some() {
        let file = |name: &str| text(home.join(name));
        let (ca, certificate, key) = (file("ca.pem"), file("server.pem"), file("server.key"));
        let _ = write!(
            cnf,
            "ssl_ca = {ca}\nssl_cert = {certificate}\nssl_key = {key}\nrequire_secure_transport = ON\n"
        );
    }
    cnf
}

/// What every server of a set is configured with: small and careless, since its data is thrown away.
pub fn essentials(home: &Path, socket: &Path, ip: IpAddr, port: u16) -> String {
    let path = |name: &str| text(home.join(name));
    format!(
        "[mariadbd]\n\
         datadir = {data}\n\
         socket = {socket}\n\
         pid_file = {pid}\n\
         # Its own: temporary tables of two servers have the same names where their processes have the same number.\n\
         tmpdir = {tmp}\n\
         bind_address = {ip}\n\
         port = {port}\n\
         init_file = {init}\n\
         character_set_server = utf8mb4\n\
         skip_name_resolve = ON\n\
         skip_log_bin\n\
         innodb_log_file_size = 8M\n\
         innodb_flush_log_at_trx_commit = 0\n\
         performance_schema = OFF\n",
        data = path("data"),
        socket = text(socket),
        pid = path("pid"),
        tmp = text(home),
        init = path("init.sql"),
    )
}

/// Runs at every start of the server, one statement a line. `utf8mb4_unicode_ci` is the site's collation, not the
/// server's default.
fn initial_sql(setting: &Setting) -> String {
    let names = &setting.names;
    let user = format!("{}@'%'", literal(names.database_user));
    let password = literal(&names.secrets.database);
    let database = format!("`{}`", names.database);
    format!(
        "CREATE DATABASE IF NOT EXISTS {database} CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;\n\
         CREATE USER IF NOT EXISTS {user} IDENTIFIED BY {password};\n\
         GRANT ALL PRIVILEGES ON {database}.* TO {user};\n\
         GRANT PROCESS ON *.* TO {user};\n"
    )
}

fn client_configuration(setting: &Setting) -> String {
    let names = &setting.names;
    let mut cnf = format!(
        "[client]\nuser = \"{}\"\npassword = \"{}\"\nhost = {}\nport = {}\nprotocol = tcp\n",
        names.database_user,
        names.secrets.database,
        setting.ip(),
        setting.ports.database,
    );
    if let Some(ca) = setting.ca_file() {
        let _ = write!(cnf, "ssl_ca = {}\nssl_verify_server_cert\n", text(ca));
    }
    cnf
}

/// A text in SQL.
pub fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::servers::setting::sample;

    #[test]
    fn a_quote_in_a_password_stays_inside_its_literal() {
        let sql = initial_sql(&sample(&[]));
        assert!(
            sql.contains("CREATE USER IF NOT EXISTS 'coursys'@'%' IDENTIFIED BY 'p@ss/w%rd ü''d';"),
            "{sql}"
        );
        assert!(sql.contains("`coursys` CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci"), "{sql}");
        assert_eq!(sql.lines().count(), 4, "an init file has one statement a line");
    }

    #[test]
    fn plain_text_is_refused_only_when_tls_is_asked_for() {
        assert!(!server_configuration(&sample(&[])).contains("ssl"));
        let cnf = server_configuration(&sample(&["--tls", "--ipv6"]));
        assert!(cnf.contains("require_secure_transport = ON"));
        assert!(cnf.contains("bind_address = ::1\n"));
        assert!(client_configuration(&sample(&["--tls"])).contains("ssl_verify_server_cert"));
    }
}
