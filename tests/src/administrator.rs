//! What only the administrator of a server may do: MariaDB's and RabbitMQ's.

use std::os::unix::fs::MetadataExt as _;
use std::process::{Command, Output};

use crate::Servers;

/// Runs statements in the site's database as MariaDB's own account, over its socket; returns what they print.
///
/// # Panics
/// A statement fails.
#[must_use]
pub fn sql(servers: &Servers, statements: &str) -> String {
    sql_over(servers, "run/mariadb.sock", &servers.configured("database", "name"), statements)
}

/// The same in the database that stands for the university's reporting database.
///
/// # Panics
/// A statement fails.
#[must_use]
pub fn reporting_sql(servers: &Servers, statements: &str) -> String {
    sql_over(servers, "run/reporting-db.sock", "CSRPT", statements)
}

fn sql_over(servers: &Servers, socket: &str, database: &str, statements: &str) -> String {
    let mut command = Command::new("setpriv");
    let socket = servers.root().join(socket);
    let owner = std::fs::metadata(&socket).expect("MariaDB's socket").uid();
    command.args([&format!("--reuid={owner}"), "--clear-groups", "mariadb", "--no-defaults"]);
    // The account that runs the server is its administrator, by the socket.
    let name = printed(Command::new("id").args(["-nu", &owner.to_string()]).output());
    command.arg(format!("--user={name}")).args([
        "--batch",
        "--skip-column-names",
        &format!("--socket={}", socket.display()),
    ]);
    command.arg(database).args(["--execute", statements]);
    printed(command.current_dir("/").output())
}

/// Runs `rabbitmqctl` as the broker's own account; returns what it prints.
///
/// # Panics
/// It fails.
#[must_use]
pub fn rabbitmqctl(servers: &Servers, args: &[&str]) -> String {
    // The broker's own environment says which node, cookie and port mapper are meant.
    let found = servers.server("rabbitmq").pids.into_iter().find_map(|pid| {
        let environ = std::fs::read(format!("/proc/{pid}/environ")).ok()?;
        let text = String::from_utf8(environ).ok()?;
        let owner = std::fs::metadata(format!("/proc/{pid}")).ok()?.uid();
        text.contains("RABBITMQ_NODENAME").then_some((text, owner))
    });
    let (environment, owner) = found.expect("the environment of a broker");
    let variables = environment.split('\0').filter_map(|pair| pair.split_once('='));
    // As the broker's own account: its cookie is in a directory that is the account's home here.
    let mut command = Command::new("setpriv");
    command.args([&format!("--reuid={owner}"), "--clear-groups", "/usr/lib/rabbitmq/bin/rabbitmqctl"]);
    // Erlang complains about a directory that this account may not read: a checkout below `/root` is one.
    command.arg("--quiet").args(args).env_clear().envs(variables).current_dir("/");
    printed(command.output())
}

fn printed(output: std::io::Result<Output>) -> String {
    let output = output.expect("the program starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text").trim_end().to_owned()
}
