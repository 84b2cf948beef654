//! Every key of the configuration: the one list that validation, `config show` and the documentation read.

use super::value::Kind;

/// The sections that describe a server.
pub const SERVERS: [&str; 6] = ["database", "broker", "cache", "search", "email", "time"];

/// The section of the deployment's parts, whose keys have a name in the middle.
pub(super) const COMPONENTS: &str = "components";

/// The name that stands for any component in the paths of [`Schema`].
pub(super) const ANY_NAME: &str = "NAME";

/// A key of the configuration.
#[derive(Debug, Clone)]
pub struct Key {
    /// The dotted path; `NAME` stands for the name of a component.
    pub path: String,
    /// What it may hold.
    pub kind: Kind,
    /// What it is for, one sentence without the period.
    pub meaning: &'static str,
    /// The unit of a number.
    pub unit: Option<&'static str>,
    /// Whether it may be missing; an empty text in a later layer takes such a value away.
    pub optional: bool,
}

impl Key {
    /// The section that it is in.
    #[must_use]
    pub fn section(&self) -> &str {
        self.path.split('.').next().unwrap_or_default()
    }
}

/// The keys of the configuration, in the order of the documentation.
#[derive(Debug, Clone)]
pub struct Schema {
    keys: Vec<Key>,
}

impl Default for Schema {
    fn default() -> Self {
        Self::new()
    }
}

impl Schema {
    /// All keys.
    #[must_use]
    pub fn new() -> Self {
        let mut list = List::default();
        site(&mut list);
        servers(&mut list);
        rest(&mut list);
        Self { keys: list.keys }
    }

    /// Every key.
    #[must_use]
    pub fn keys(&self) -> &[Key] {
        &self.keys
    }

    /// The key of a path; the name of any component fits `NAME`.
    #[must_use]
    pub fn find(&self, path: &str) -> Option<&Key> {
        let general = component_of(path).map(|(_, rest)| format!("{COMPONENTS}.{ANY_NAME}.{rest}"));
        let path = general.as_deref().unwrap_or(path);
        self.keys.iter().find(|key| key.path == path)
    }

    /// Whether a path is a table that holds keys.
    #[must_use]
    pub fn is_table(&self, path: &str) -> bool {
        component_name(path).is_some()
            || self
                .keys
                .iter()
                .any(|key| key.path.strip_prefix(path).is_some_and(|rest| rest.starts_with('.')))
    }

    /// The valid path that is most like an unknown one.
    #[must_use]
    pub fn nearest(&self, path: &str) -> Option<String> {
        let (section, name) = path.split_once('.').unwrap_or((path, ""));
        if let Some((component, rest)) = component_of(path) {
            let names = self.keys.iter().filter_map(|key| component_of(&key.path)).map(|(_, rest)| rest);
            return crate::nearest::nearest(rest, names)
                .map(|near| format!("{COMPONENTS}.{component}.{near}"));
        }
        let in_section = self
            .keys
            .iter()
            .filter_map(|key| key.path.split_once('.'))
            .filter_map(|(own, name)| (own == section).then_some(name));
        if let Some(near) = crate::nearest::nearest(name, in_section) {
            return Some(format!("{section}.{near}"));
        }
        let paths = || self.keys.iter().map(|key| key.path.as_str());
        if name.is_empty() {
            let sections = self.keys.iter().map(Key::section);
            // A key that was written above its section, or a section with a slip of the pen.
            return crate::nearest::nearest(section, sections).map(ToOwned::to_owned).or_else(|| {
                paths().find(|path| path.ends_with(&format!(".{section}"))).map(ToOwned::to_owned)
            });
        }
        crate::nearest::nearest(path, paths()).map(ToOwned::to_owned)
    }
}

/// The name of a component and the key below it: `components.celery.unit` is `celery` and `unit`.
pub(super) fn component_of(path: &str) -> Option<(&str, &str)> {
    path.strip_prefix(COMPONENTS)?.strip_prefix('.')?.split_once('.')
}

/// The name in `components.NAME`.
pub(super) fn component_name(path: &str) -> Option<&str> {
    let name = path.strip_prefix(COMPONENTS)?.strip_prefix('.')?;
    let good = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    (!name.is_empty() && name.chars().all(good)).then_some(name)
}

#[derive(Default)]
struct List {
    keys: Vec<Key>,
}

impl List {
    /// A key that some layer must give; the profiles do.
    fn need(&mut self, path: impl Into<String>, kind: Kind, meaning: &'static str) -> &mut Key {
        self.push(path.into(), kind, meaning, false)
    }

    /// A key that may be missing.
    fn may(&mut self, path: impl Into<String>, kind: Kind, meaning: &'static str) -> &mut Key {
        self.push(path.into(), kind, meaning, true)
    }

    fn push(&mut self, path: String, kind: Kind, meaning: &'static str, optional: bool) -> &mut Key {
        self.keys.push_mut(Key { path, kind, meaning, unit: None, optional })
    }
}

fn site(list: &mut List) {
    list.need(
        "site.layout",
        Kind::Choice(super::profile::LAYOUTS),
        "which built-in profile is below everything",
    );
    list.may("site.user", Kind::Text, "the account that the site runs as; without it, the caller");
    list.may("site.user_home", Kind::Path, "that account's home directory");
    list.need("site.dir", Kind::Path, "the directory that holds `manage.py`");
    list.need("site.python", Kind::Program, "the interpreter that runs `manage.py`");
    list.need("site.timezone", Kind::TimeZone, "the zone in which the database holds its naive local times");
    list.may("site.deploy_mode", Kind::Text, "what the site's own `COURSYS_DEPLOY_MODE` says");
    list.may("site.static_dir", Kind::Path, "where static files are collected");
    list.may("site.data_root", Kind::Path, "the parent directory of the site's data");
}

fn servers(list: &mut List) {
    server(list, "database");
    list.need("database.engine", Kind::Choice(&["mysql", "sqlite"]), "MariaDB or MySQL, or a file of SQLite");
    list.may("database.name", Kind::Text, "the name of the database, or the path of the SQLite file");
    server(list, "broker");
    list.need("broker.vhost", Kind::Text, "the virtual host of RabbitMQ");
    list.need("celery.queues", Kind::List, "every queue that has a worker");
    list.need(
        "celery.long_queues",
        Kind::List,
        "those of the queues whose tasks take long, where a slow answer is normal",
    );
    list.need("celery.beat_queue", Kind::Text, "the queue that the beat's own task runs on");
    list.need(
        "celery.beat_max_age_s",
        Kind::Integer(1, 604_800),
        "the oldest that the beat's marker may be",
    )
    .unit = Some("seconds");
    server(list, "cache");
    list.need("cache.key_prefix", Kind::AnyText, "Django's `KEY_PREFIX`");
    list.need("cache.version", Kind::Integer(0, 0xffff_ffff), "Django's `VERSION` of cache keys");
    server(list, "search");
    list.need("search.index", Kind::Text, "the index that haystack fills");
    list.need("search.query", Kind::Text, "a word that must have a hit in the index");
    server(list, "email");
    list.need(
        "email.starttls",
        Kind::Switch,
        "with `email.tls = \"required\"`: true is STARTTLS, false is TLS from the first byte",
    );
    list.may("email.from", Kind::Text, "the sender of test mails");
}

fn server(list: &mut List, section: &str) {
    let path = |name: &str| format!("{section}.{name}");
    list.may(
        path("host"),
        Kind::Host,
        "a name, an IPv4 or an IPv6 address; every address of a name is tried",
    );
    list.may(path("socket"), Kind::Path, "a Unix socket instead of host and port");
    list.need(path("port"), Kind::Integer(1, 65_535), "the port");
    list.need(
        path("tls"),
        Kind::Choice(&["off", "required"]),
        "whether the connection is encrypted and the certificate verified; nothing is opportunistic",
    );
    list.may(
        path("tls_ca_file"),
        Kind::Path,
        "the trusted certificates, PEM; without it, those of the system",
    );
    list.may(
        path("tls_server_name"),
        Kind::Host,
        "the name that the certificate must be for; without it, the host",
    );
    list.may(path("user"), Kind::Text, "the user to log in as");
    list.may(path("password"), Kind::Secret, "the password itself");
    list.may(path("password_file"), Kind::Path, "a file that holds the password and nothing else");
    list.may(path("password_env"), Kind::Text, "the environment variable that holds the password");
}

fn rest(list: &mut List) {
    list.may("files.submitted", Kind::Path, "what students hand in");
    list.may("files.compressed_media", Kind::Path, "compressed static files");
    list.may("files.dumps", Kind::Path, "database dumps");
    for (name, meaning) in [
        ("tmp_gib", "what must be free in /tmp"),
        ("submitted_gib", "what must be free where the submitted files are"),
        ("dumps_gib", "what must be free where the dumps are"),
        ("root_gib", "what must be free on /"),
    ] {
        list.need(format!("disk.{name}"), Kind::Number(0.0, 1_048_576.0), meaning).unit = Some("GiB");
    }
    list.need(
        "disk.inodes_percent",
        Kind::Number(0.0, 100.0),
        "the inodes that must be free on each of them",
    )
    .unit = Some("per cent");
    server(list, "time");
    list.need("time.max_offset_s", Kind::Number(0.001, 3600.0), "how far the clock may be off").unit =
        Some("seconds");
    list.need("web.hosts", Kind::List, "the hosts that the site serves");
    list.need("web.redirected_hosts", Kind::List, "the hosts that redirect to the first of those");
    list.may("web.cas_url", Kind::Url, "the CAS server that users log in with");
    list.need(
        format!("{COMPONENTS}.{ANY_NAME}.manager"),
        Kind::Choice(&["systemd", "compose", "builtin", "external"]),
        "who starts and stops the component; `components.NAME = false` takes one away",
    );
    list.may(
        format!("{COMPONENTS}.{ANY_NAME}.unit"),
        Kind::Text,
        "its systemd unit or compose service; without it, the component's name",
    );
    list.may(
        format!("{COMPONENTS}.{ANY_NAME}.process"),
        Kind::Text,
        "a word in the command line of its processes",
    );
    list.need("checks.off", Kind::List, "ids or globs of checks that are switched off");
    list.need("checks.concurrency", Kind::Integer(1, 1024), "how many checks run at the same time");
}
