//! The configuration file that `servers up` prints, for `coursys-ops --config`.

use std::path::Path;

use anyhow::Result;
use toml::{Table, Value};

use super::elasticsearch::USER as SEARCH_USER;
use super::kdc;
use super::options::Search;
use super::reporting_db;
use super::setting::{Setting, text};
use super::site::{HOST, QUEUES, REDIRECTED_HOST, TIMEZONE};
use super::standins;
use super::{markup, rabbitmq};

/// What must be free, in GiB. A developer's disk is fuller than the server's.
const DISK_GIB: f64 = 0.1;

/// The least that a dump has, in bytes. The fixture's database is small.
const DUMP_BYTES: i64 = 2000;

/// How long the ticket of a set of servers is good, in seconds: 30 days.
const TICKET_S: i64 = 30 * 24 * 3600;

/// The file's text. Secrets stay in files of their own. `python` is missing when there is no site.
///
/// # Errors
/// Never in practice: the values are all plain.
pub fn text_of(setting: &Setting, python: Option<&Path>) -> Result<String> {
    let head = "# Made by `cargo xtask servers up` for the servers that it started.\n\n";
    Ok(format!("{head}{}", toml::to_string_pretty(&table(setting, python))?))
}

fn table(setting: &Setting, python: Option<&Path>) -> Table {
    let Setting { names, ports, layout, .. } = setting;
    let tls = setting.tls.is_some();
    let server = |port: u16, tls: bool| {
        let mut table = Table::new();
        table.insert("host".into(), setting.ip().to_string().into());
        table.insert("port".into(), i64::from(port).into());
        table.insert("tls".into(), if tls { "required" } else { "off" }.into());
        if tls {
            table.insert("tls_ca_file".into(), text(layout.ca()).into());
        }
        table
    };
    let mut database = server(ports.database, tls);
    if setting.options.sockets {
        over_socket(&mut database, text(setting.database_socket()));
    }
    log_in(&mut database, setting, names.database_user, "database");
    database.insert("engine".into(), "mysql".into());
    database.insert("name".into(), names.database.into());

    let mut broker = server(ports.broker, tls);
    log_in(&mut broker, setting, names.broker_user, "broker");
    broker.insert("vhost".into(), names.vhost.into());
    broker.insert("control".into(), rabbitmq::control(setting).into());

    let mut cache = server(ports.cache, false);
    if let Some(socket) = setting.cache_socket() {
        over_socket(&mut cache, text(socket));
    }
    cache.insert("key_prefix".into(), names.key_prefix.into());

    let mut search = server(ports.search, tls);
    if setting.search == Search::Seven {
        log_in(&mut search, setting, SEARCH_USER, "search");
    }
    search.insert("index".into(), names.index.into());

    let mut email = server(ports.email, tls);
    log_in(&mut email, setting, names.email_user, "email");
    email.insert("starttls".into(), true.into());
    email.insert("from".into(), format!("CourSys <nobody@{HOST}>").into());

    let mut config = Table::new();
    config.insert("site".into(), site(setting, python).into());
    config.insert("database".into(), database.into());
    config.insert("broker".into(), broker.into());
    config.insert("celery".into(), celery().into());
    config.insert("cache".into(), cache.into());
    config.insert("search".into(), search.into());
    config.insert("email".into(), email.into());
    config.insert("files".into(), files(setting).into());
    config.insert("disk".into(), disk().into());
    config.insert("dumps".into(), dumps().into());
    config.insert("maintenance".into(), maintenance(setting).into());
    config.insert("system".into(), system());
    config.insert("time".into(), server(ports.time, false).into());
    config.insert("web".into(), web(setting).into());
    config.insert("gunicorn".into(), server(ports.web, false).into());
    config.insert(
        "systemd".into(),
        one("bus", format!("unix:path={}", text(setting.layout.run().join("no-bus")))),
    );
    config.insert("docker".into(), one("socket", text(setting.layout.run().join("no-docker.sock"))));
    config.insert("ports".into(), private_ports(setting).into());
    if python.is_some() {
        config.insert("components".into(), components().into());
    }
    config.insert("photos".into(), photos(setting).into());
    config.insert("emplid".into(), emplid(setting).into());
    config.insert("kerberos".into(), kerberos(setting).into());
    config.insert("reporting_db".into(), reporting_db(setting).into());
    config
}

fn site(setting: &Setting, python: Option<&Path>) -> Table {
    let layout = &setting.layout;
    let mut site = Table::new();
    site.insert("layout".into(), "vm".into());
    site.insert("user".into(), setting.accounts.nobody.user.clone().into());
    site.insert("user_home".into(), text(layout.home()).into());
    site.insert("timezone".into(), TIMEZONE.into());
    site.insert("data_root".into(), text(layout.files()).into());
    if let Some(python) = python {
        site.insert("dir".into(), text(setting.site()).into());
        site.insert("python".into(), text(python).into());
    }
    site
}

fn celery() -> Table {
    let queues = QUEUES.iter().map(|&queue| Value::from(queue)).collect();
    Table::from_iter([("queues".into(), Value::Array(queues))])
}

fn files(setting: &Setting) -> Table {
    let directories = [
        ("submitted", setting.submitted()),
        ("compressed_media", setting.compressed()),
        ("static", setting.media()),
        ("dumps", setting.dumps()),
    ];
    directories.into_iter().map(|(key, path)| (key.to_owned(), text(path).into())).collect()
}

fn disk() -> Table {
    let keys = ["tmp_gib", "submitted_gib", "dumps_gib", "root_gib"];
    keys.into_iter().map(|key| (key.to_owned(), DISK_GIB.into())).collect()
}

fn dumps() -> Table {
    Table::from_iter([("min_bytes".into(), DUMP_BYTES.into())])
}

/// As in the layout `vm`: beside the site's code.
fn maintenance(setting: &Setting) -> Table {
    Table::from_iter([("flag".into(), text(setting.maintenance_flag()).into())])
}

/// What a developer's machine may be: busy, and full of updates that nobody installs.
fn system() -> Value {
    const ANY_NUMBER: i64 = 36_500;
    let numbers = [
        ("load_warn", 1000.0),
        ("load_fail", 2000.0),
        ("memory_warn_percent", 0.5),
        ("memory_fail_percent", 0.1),
        ("swap_warn_percent", 100.0),
        ("swap_fail_percent", 100.0),
    ];
    let numbers = numbers.map(|(key, value)| (key.to_owned(), Value::Float(value)));
    let counts = ["updates_max", "updates_list_days", "reboot_grace_days"];
    let counts = counts.map(|key| (key.to_owned(), Value::Integer(ANY_NUMBER)));
    // What the machine itself has seen is an hour's matter at most.
    let hours = [("kernel_log_hours".to_owned(), Value::Integer(1))];
    Value::Table(numbers.into_iter().chain(counts).chain(hours).collect())
}

fn web(setting: &Setting) -> Table {
    let list = |host: &str| Value::Array(vec![host.into()]);
    Table::from_iter([
        ("host".into(), setting.ip().to_string().into()),
        ("port".into(), i64::from(setting.ports.nginx).into()),
        ("https_port".into(), i64::from(setting.ports.nginx_tls).into()),
        ("tls_ca_file".into(), text(setting.web_ca()).into()),
        ("hosts".into(), list(HOST)),
        ("redirected_hosts".into(), list(REDIRECTED_HOST)),
        ("nginx_config".into(), text(setting.layout.server("nginx").join("nginx.conf")).into()),
        ("cas_url".into(), standins::url(setting, "well", "cas").into()),
    ])
}

/// A section of one key. Whatever manages this machine's own services is no matter of these servers.
fn one(key: &str, value: String) -> Value {
    Value::Table(Table::from_iter([(key.to_owned(), value.into())]))
}

/// Nothing of a set of servers is for the world.
fn private_ports(setting: &Setting) -> Table {
    let ports = setting.ports.all().into_iter().map(|port| Value::from(port.to_string())).collect();
    Table::from_iter([("private".into(), Value::Array(ports))])
}

/// What the layout has not, and the servers have.
fn components() -> Table {
    let markup = Table::from_iter([("manager".into(), "compose".into())]);
    Table::from_iter([(markup::NAME.into(), markup.into())])
}

/// The password is in the database, as the site has it.
fn photos(setting: &Setting) -> Table {
    Table::from_iter([
        ("url".into(), standins::url(setting, "well", "photos").into()),
        ("account".into(), standins::PHOTO_ACCOUNT.into()),
    ])
}

fn emplid(setting: &Setting) -> Table {
    Table::from_iter([
        ("url".into(), standins::url(setting, "well", "emplid/global.json").into()),
        ("secret_file".into(), text(setting.layout.secret("emplid")).into()),
    ])
}

fn kerberos(setting: &Setting) -> Table {
    Table::from_iter([
        ("username_file".into(), text(kdc::directory(setting).join("username")).into()),
        ("realm".into(), kdc::REALM.into()),
        ("cache".into(), text(kdc::cache(setting)).into()),
        ("keytab".into(), text(kdc::keytab(setting)).into()),
        ("crontab".into(), text(kdc::crontab(setting)).into()),
        ("config".into(), text(kdc::client_configuration_path(setting)).into()),
        // Nobody refreshes it here, and a set of servers may be up for a long time.
        ("refresh_s".into(), TICKET_S.into()),
    ])
}

fn reporting_db(setting: &Setting) -> Table {
    let mut table = Table::from_iter([
        ("host".into(), setting.ip().to_string().into()),
        ("port".into(), i64::from(setting.ports.reporting_db).into()),
        ("driver".into(), reporting_db::NAME_OF_DRIVER.into()),
        ("options".into(), Value::Array(Vec::new())),
        ("trusted".into(), false.into()),
    ]);
    log_in(&mut table, setting, reporting_db::USER, "reporting_db");
    table
}

/// A socket takes the place of host and port; it is never encrypted.
fn over_socket(server: &mut Table, socket: String) {
    for key in ["host", "port", "tls_ca_file"] {
        server.remove(key);
    }
    server.insert("tls".into(), "off".into());
    server.insert("socket".into(), socket.into());
}

fn log_in(server: &mut Table, setting: &Setting, user: &str, secret: &str) {
    server.insert("user".into(), user.into());
    server.insert("password_file".into(), text(setting.layout.secret(secret)).into());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::servers::setting::sample;

    fn config(arguments: &[&str]) -> (String, Table) {
        let text = text_of(&sample(arguments), Some(Path::new("/venv/bin/python"))).unwrap();
        let table = text.parse().unwrap();
        (text, table)
    }

    #[test]
    fn no_secret_is_in_the_file_itself() {
        for arguments in [&[][..], &["--search", "7"], &["--tls"], &["--weird", "--sockets"]] {
            assert!(!config(arguments).0.contains("p@ss"), "{arguments:?}");
        }
    }

    #[test]
    fn the_file_names_a_server_as_it_was_asked_for() {
        let (_, plain) = config(&[]);
        assert_eq!(plain["database"]["host"].as_str(), Some("127.0.0.1"));
        assert_eq!(plain["database"]["tls"].as_str(), Some("off"));
        assert_eq!(plain["disk"]["dumps_gib"].as_float(), Some(0.1));
        assert!(plain["search"].get("password_file").is_none());
        let (_, tls) = config(&["--tls", "--ipv6"]);
        assert_eq!(tls["broker"]["tls"].as_str(), Some("required"));
        assert_eq!(tls["broker"]["host"].as_str(), Some("::1"));
        assert_eq!(tls["cache"]["tls"].as_str(), Some("off"), "memcached has none");
        assert_eq!(tls["search"]["user"].as_str(), Some("elastic"));
        let (_, sockets) = config(&["--sockets", "--tls"]);
        assert!(sockets["database"].get("host").is_none() && sockets["cache"].get("port").is_none());
        assert_eq!(sockets["database"]["tls"].as_str(), Some("off"));
    }
}
