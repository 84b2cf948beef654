//! What a run could leave in the servers: rows, cache keys, queues.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::{Servers, administrator};

/// What the servers hold at one moment, apart from what the site itself adds all the time.
#[derive(Debug, PartialEq, Eq)]
pub struct Leftovers {
    /// How many rows each table has.
    rows: BTreeMap<String, u64>,
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

    /// What is there that was not there before.
    #[must_use]
    pub fn new_since(&self, before: &Self) -> Vec<String> {
        // Fewer is not ours: a database that was killed forgets the last second.
        let rows = self.rows.iter().filter_map(|(table, &rows)| {
            let were = before.rows.get(table).copied().unwrap_or_default();
            (rows > were).then(|| format!("{rows} rows in `{table}`, where {were} were"))
        });
        let keys = self.keys.difference(&before.keys).map(|key| format!("the cache {key}"));
        let queues = self.queues.difference(&before.queues).map(|queue| format!("the queue {queue:?}"));
        rows.chain(keys).chain(queues).collect()
    }
}

/// What the site adds by itself: its beat saves a row for each of its own tasks, the tasks that checks say they run save
/// one, and every page that anybody gets does (so a web server that was started again has one more).
const OWN: [(&str, &str); 2] = [
    ("log_celerytasklog", " WHERE task NOT LIKE '%beat_test%' AND task NOT LIKE '%.check\\_%'"),
    ("log_requestlog", " WHERE FALSE"),
];

fn rows(servers: &Servers) -> BTreeMap<String, u64> {
    let tables = administrator::sql(servers, "SHOW TABLES");
    let count = |table: &str| {
        let own = OWN.iter().find(|(own, _)| *own == table).map_or("", |(_, condition)| condition);
        format!("SELECT '{table}', COUNT(*) FROM `{table}`{own}")
    };
    let all: Vec<String> = tables.lines().map(count).collect();
    if all.is_empty() {
        return BTreeMap::new();
    }
    let counted = administrator::sql(servers, &all.join(" UNION ALL "));
    let row = |line: &str| {
        line.split_once('\t').map(|(name, rows)| (name.to_owned(), rows.parse().expect("a count")))
    };
    counted.lines().filter_map(row).collect()
}

fn keys(servers: &Servers) -> BTreeSet<String> {
    let table: toml::Table = std::fs::read_to_string(&servers.config).unwrap().parse().unwrap();
    if table["cache"].get("socket").is_some() {
        let stream = UnixStream::connect(servers.configured("cache", "socket")).unwrap();
        return unexpired(stream.try_clone().unwrap(), stream);
    }
    let port = servers.configured("cache", "port").parse().unwrap();
    let stream = TcpStream::connect((servers.configured("cache", "host").as_str(), port)).unwrap();
    unexpired(stream.try_clone().unwrap(), stream)
}

fn unexpired(mut stream: impl Write, answer: impl Read) -> BTreeSet<String> {
    stream.write_all(b"lru_crawler metadump all\r\n").unwrap();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let lines = BufReader::new(answer).lines().map_while(Result::ok).take_while(|line| line.trim() != "END");
    let fresh = |line: &String| {
        let expires = line.split(' ').find_map(|word| word.strip_prefix("exp=")).unwrap_or("-1");
        expires == "-1" || expires.parse::<u64>().is_ok_and(|expires| expires > now)
    };
    lines.filter(fresh).filter_map(|line| line.split(' ').next().map(ToOwned::to_owned)).collect()
}

fn queues(servers: &Servers) -> BTreeSet<String> {
    let vhost = servers.configured("broker", "vhost");
    let text = administrator::rabbitmqctl(servers, &["list_queues", "--vhost", &vhost, "name", "messages"]);
    // Celery's clients and workers keep queues for answers and events that are named by a UUID, new ones after each
    // start. The program itself declares none of that kind.
    let of_client = |name: &str| {
        let name = name.strip_prefix("celeryev.").unwrap_or(name);
        name.len() == 36 && name.chars().all(|c| c.is_ascii_hexdigit() || c == '-')
    };
    let ours = |line: &&str| !of_client(line.split('\t').next().unwrap_or_default());
    text.lines().skip(1).filter(ours).map(ToOwned::to_owned).collect()
}
