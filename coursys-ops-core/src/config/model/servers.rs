//! The servers that the site uses.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::secret::Secret;

/// Whether a connection must be encrypted. Nothing is opportunistic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Tls {
    /// Never.
    Off,
    /// Always, with a certificate that is verified.
    Required,
}

/// A secret after all layers.
#[derive(Debug, Clone, Default)]
pub enum SecretValue {
    /// No layer gives one.
    #[default]
    Missing,
    /// It is known.
    Known(Secret),
    /// A layer names a file or a variable that could not be read: why, without the secret.
    Unreadable(String),
}

/// Where a server is and how to log in.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub struct Server {
    /// The section of the configuration that it comes from, for messages: `database`.
    #[serde(skip)]
    pub section: String,
    /// A name, an IPv4 or an IPv6 address.
    pub host: Option<String>,
    /// A Unix socket instead of `host` and `port`.
    pub socket: Option<PathBuf>,
    /// The port.
    pub port: u16,
    /// Whether the connection must be encrypted.
    pub tls: Tls,
    /// The certificates that are trusted, PEM; nothing means the system's.
    pub tls_ca_file: Option<PathBuf>,
    /// The name that the certificate must be for; nothing means `host`.
    pub tls_server_name: Option<String>,
    /// The user.
    pub user: Option<String>,
    /// The password.
    #[serde(skip)]
    pub secret: SecretValue,
}

impl Server {
    /// Where it is, for messages: `host:port` or the socket's path.
    #[must_use]
    pub fn place(&self) -> String {
        match (&self.socket, &self.host) {
            (Some(socket), _) => socket.display().to_string(),
            (None, Some(host)) if host.contains(':') && !host.starts_with('[') => {
                format!("[{host}]:{}", self.port)
            }
            (None, Some(host)) => format!("{host}:{}", self.port),
            (None, None) => format!("`{}.host`, which is not configured", self.section),
        }
    }
}

/// Which database engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    /// MariaDB or MySQL.
    Mysql,
    /// A file.
    Sqlite,
}

/// The site's database.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub struct Database {
    /// Where it is.
    #[serde(flatten)]
    pub server: Server,
    /// Which engine.
    pub engine: Engine,
    /// The name of the database, or the file of SQLite.
    pub name: Option<String>,
    /// The collation of the database, its tables and its columns; the character set is how it begins.
    pub collation: String,
    /// Labels of Django apps that the code has no more and whose migrations stay recorded.
    pub retired_apps: Vec<String>,
    /// How much of the server's or the account's connections may be in use, in per cent.
    pub max_connections_percent: f64,
    /// How long a statement may run or wait for a lock, in seconds.
    pub max_statement_age_s: u64,
}

/// The message broker.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub struct Broker {
    /// Where it is.
    #[serde(flatten)]
    pub server: Server,
    /// The virtual host.
    pub vhost: String,
    /// How to call `rabbitmqctl`; empty means in the container of the component `rabbitmq`.
    pub control: Vec<String>,
    /// The oldest version that the site's Celery can use; empty means any.
    pub min_version: String,
    /// The first version that the site's Celery cannot use any more; empty means none.
    pub below_version: String,
}

/// Celery's queues and its beat.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub struct Celery {
    /// Every queue that has a worker.
    pub queues: Vec<String>,
    /// Those among them whose tasks take long, so that a slow answer is normal.
    pub long_queues: Vec<String>,
    /// The queue that the beat's task runs on.
    pub beat_queue: String,
    /// The oldest that the beat's marker may be, in seconds.
    pub beat_max_age_s: u64,
    /// The names of the nodes that are expected; empty means one for each queue, whatever it is called.
    pub nodes: Vec<String>,
    /// An answer through a queue of quick tasks that takes longer is told, in seconds.
    pub slow_after_s: f64,
    /// Where all children of a queue have tasks older than this, in seconds, they are stuck.
    pub wedged_after_s: u64,
    /// The same for the queues of long tasks.
    pub long_wedged_after_s: u64,
    /// More messages than this in any queue are a backlog.
    pub max_backlog: u64,
    /// The task that asks the reporting database.
    pub reporting_task: String,
    /// The queue that it runs on.
    pub reporting_queue: String,
}

/// The service that makes HTML of Markdown.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub struct Markup {
    /// The queue that it consumes.
    pub queue: String,
}

/// The cache.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub struct Cache {
    /// Where it is.
    #[serde(flatten)]
    pub server: Server,
    /// Django's `KEY_PREFIX`.
    pub key_prefix: String,
    /// Django's `VERSION`.
    pub version: u32,
    /// The oldest version of memcached that is good enough: `1.5.6`.
    pub min_version: String,
    /// The largest value that must fit, in MiB.
    pub item_size_mib: f64,
    /// How many values an hour it may throw away before they expire.
    pub max_evictions_per_hour: f64,
    /// How many of the questions it should be able to answer, in per cent.
    pub min_hit_percent: f64,
    /// So many questions tell whether it does.
    pub min_gets: u64,
    /// How many of the possible connections may be in use, in per cent.
    pub max_connections_percent: f64,
}

/// The search server.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub struct Search {
    /// Where it is.
    #[serde(flatten)]
    pub server: Server,
    /// The index that haystack fills.
    pub index: String,
    /// A word that must have a hit.
    pub query: String,
    /// The part of Java's memory whose use is a warning, in per cent.
    pub heap_warn_percent: f64,
    /// The same for a failure.
    pub heap_fail_percent: f64,
    /// The part of the time that may go into freeing memory, in per cent.
    pub gc_max_percent: f64,
    /// How much smaller the index may become within a day, in per cent.
    pub max_shrink_percent: f64,
    /// The last words of the names of tasks that rebuild the index.
    pub rebuild_tasks: Vec<String>,
}

/// The mail relay.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub struct Email {
    /// Where it is.
    #[serde(flatten)]
    pub server: Server,
    /// With TLS required: STARTTLS on the plain port, or TLS from the first byte.
    pub starttls: bool,
    /// The sender of test mails.
    pub from: Option<String>,
}

/// The time reference.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub struct Time {
    /// Where it is.
    #[serde(flatten)]
    pub server: Server,
    /// How far the clock may be off, in seconds.
    pub max_offset_s: f64,
}
