//! What a run could leave in the servers: rows, cache keys, queues.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::Servers;

/// What the servers hold at one moment, apart from what the site itself adds all the time.
#[derive(Debug, PartialEq, Eq)]
pub struct Leftovers {
    /// How many rows each table has.
    rows: BTreeMap<String, String>,
    /// Keys in the cache that have not expired.
    keys: BTreeSet<String>,
    /// Queues with their messages.
    queues: BTreeSet<String>,
}

impl Leftovers {
    /// What the servers hold now.
    #[must_use]
    pub fn now(servers: &Servers) -> Self {
        Self { rows: rows(servers), keys: keys(servers), queues: queues(servers) }
    }
}

/// A value of the set's configuration.
fn configured(servers: &Servers, section: &str, key: &str) -> String {
    let text = std::fs::read_to_string(&servers.config).unwrap();
    let table: toml::Table = text.parse().unwrap();
    let value = table[section].get(key).unwrap_or_else(|| panic!("no {section}.{key}"));
    value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned)
}

fn rows(servers: &Servers) -> BTreeMap<String, String> {
    let database = |key: &str| configured(servers, "database", key);
    let password = std::fs::read_to_string(PathBuf::from(database("password_file"))).unwrap();
    let ask = |statement: &str| {
        let mut command = Command::new("mariadb");
        command.args(["--no-defaults", "--protocol=tcp", "--batch", "--skip-column-names"]);
        command.arg(format!("--host={}", database("host"))).arg(format!("--port={}", database("port")));
        command.arg(format!("--user={}", database("user"))).arg(database("name"));
        command.args(["--execute", statement]).env("MYSQL_PWD", password.trim_end_matches('\n'));
        let output = command.output().expect("the client of MariaDB");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    let count = |table: &str| {
        // The site's beat saves a row for each of its own tasks.
        let own = if table == "log_celerytasklog" { " WHERE task NOT LIKE '%beat_test%'" } else { "" };
        (table.to_owned(), ask(&format!("SELECT COUNT(*) FROM `{table}`{own}")))
    };
    ask("SHOW TABLES").lines().map(count).collect()
}

fn keys(servers: &Servers) -> BTreeSet<String> {
    let address =
        format!("{}:{}", configured(servers, "cache", "host"), configured(servers, "cache", "port"));
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(b"lru_crawler metadump all\r\n").unwrap();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let lines = BufReader::new(stream).lines().map_while(Result::ok).take_while(|line| line.trim() != "END");
    let fresh = |line: &String| {
        let expires = line.split(' ').find_map(|word| word.strip_prefix("exp=")).unwrap_or("-1");
        expires == "-1" || expires.parse::<u64>().is_ok_and(|expires| expires > now)
    };
    lines.filter(fresh).filter_map(|line| line.split(' ').next().map(ToOwned::to_owned)).collect()
}

fn queues(servers: &Servers) -> BTreeSet<String> {
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
    command.args([
        format!("--reuid={owner}"),
        "--clear-groups".to_owned(),
        "/usr/lib/rabbitmq/bin/rabbitmqctl".to_owned(),
    ]);
    command.args(["--quiet", "list_queues", "--vhost"]).arg(configured(servers, "broker", "vhost"));
    // Erlang complains about a directory that this account may not read: a checkout below `/root` is one.
    command.args(["name", "messages"]).env_clear().envs(variables).current_dir("/");
    let output = command.output().unwrap();
    assert!(output.status.success(), "rabbitmqctl: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    // Celery's clients, the beat among them, keep a queue for answers that is named by a UUID: what is in it is theirs.
    let of_client = |name: &str| name.len() == 36 && name.chars().all(|c| c.is_ascii_hexdigit() || c == '-');
    let line = |line: &str| match line.split_once('\t') {
        Some((name, _)) if of_client(name) => name.to_owned(),
        _ => line.to_owned(),
    };
    text.lines().skip(1).map(line).collect()
}
