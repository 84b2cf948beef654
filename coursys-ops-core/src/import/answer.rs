//! What the site said, and what it means in keys of the configuration.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Map, Value as Json};

use crate::config::Value;
use crate::secret::Secret;

/// What the site said about its settings.
///
/// No `Debug`: it holds passwords.
#[derive(Clone, Default, Deserialize)]
pub struct Answer {
    #[serde(default)]
    settings: Map<String, Json>,
    /// Settings that could not be read, with the name of the exception.
    #[serde(default)]
    errors: std::collections::BTreeMap<String, String>,
    failed: Option<String>,
    /// What the site's container has mounted: from where on this machine, and at which path.
    #[serde(skip)]
    mounts: Vec<(String, String)>,
}

/// The site's settings as keys of the configuration.
#[derive(Debug, Clone, Default)]
pub struct Imported {
    /// Keys and values, in the order in which they are written.
    pub entries: Vec<(String, Value)>,
    /// The passwords, by section.
    pub secrets: Vec<(&'static str, Secret)>,
    /// What somebody should know: what was left out and why.
    pub notes: Vec<String>,
}

impl Answer {
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, String> {
        // The parser's own words could repeat a part of the answer.
        let answer: Self =
            serde_json::from_slice(bytes).map_err(|_| "what came back is not the answer".to_owned())?;
        match &answer.failed {
            Some(error) => Err(format!("reading its settings raised `{error}`")),
            None if answer.settings.is_empty() => Err("its answer holds no settings".to_owned()),
            None => Ok(answer),
        }
    }

    /// The same of a site in a container, whose paths are elsewhere on this machine: see
    /// [`Containers::mounts`](crate::containers::Containers::mounts).
    #[must_use]
    pub fn mounted(mut self, mounts: Vec<(String, String)>) -> Self {
        self.mounts = mounts;
        self
    }

    /// Makes keys of it. Relative paths count from the site's directory, as for its own processes.
    #[must_use]
    pub fn understand(&self, site_dir: &Path) -> Imported {
        let mut reader = Reader {
            settings: &self.settings,
            mounts: &self.mounts,
            site_dir,
            imported: Imported::default(),
        };
        reader.site();
        reader.database();
        reader.broker();
        reader.celery();
        reader.cache();
        reader.search();
        reader.email();
        reader.rest();
        let notes = self.errors.iter();
        reader
            .imported
            .notes
            .extend(notes.map(|(name, error)| format!("`{name}` cannot be read: `{error}`")));
        reader.imported
    }
}

/// Where on this machine a path of a container is: below its innermost mount. Without one it is said as it is there.
fn outside(mounts: &[(String, String)], path: PathBuf) -> PathBuf {
    let below = mounts.iter().filter(|(source, _)| !source.is_empty()).filter_map(|(source, target)| {
        let rest = path.strip_prefix(target).ok()?;
        // Component by component: an empty rest joined would end in a slash.
        Some((target.len(), Path::new(source).components().chain(rest.components()).collect::<PathBuf>()))
    });
    // Of those that have the same place, the first counts.
    below
        .reduce(|best, next| if next.0 > best.0 { next } else { best })
        .map_or(path.clone(), |(_, found)| found)
}

struct Reader<'a> {
    settings: &'a Map<String, Json>,
    mounts: &'a [(String, String)],
    site_dir: &'a Path,
    imported: Imported,
}

impl<'a> Reader<'a> {
    fn set(&mut self, key: &str, value: Value) {
        self.imported.entries.push((key.to_owned(), value));
    }

    /// Sets a key to a text, unless it is missing or empty.
    fn text(&mut self, key: &str, text: Option<&str>) {
        if let Some(text) = text.filter(|text| !text.is_empty()) {
            self.set(key, Value::Text(text.to_owned()));
        }
    }

    fn path(&mut self, key: &str, path: Option<&str>) {
        if let Some(path) = path.filter(|path| !path.is_empty()) {
            let path = outside(self.mounts, self.site_dir.join(path));
            self.set(key, Value::Text(path.to_string_lossy().into_owned()));
        }
    }

    /// Sets a port. Django takes texts and numbers.
    fn port(&mut self, key: &str, port: Option<&Json>) {
        let port = port.and_then(|port| port.as_i64().or_else(|| port.as_str()?.parse().ok()));
        if let Some(port) = port.filter(|port| (1..=65_535).contains(port)) {
            self.set(key, Value::Integer(port));
        }
    }

    fn tls(&mut self, section: &str, required: bool, ca_file: Option<&str>) {
        self.text(&format!("{section}.tls"), Some(if required { "required" } else { "off" }));
        if required {
            self.path(&format!("{section}.tls_ca_file"), ca_file);
        }
    }

    fn user(&mut self, section: &'static str, user: Option<&str>, password: Option<&str>) {
        self.text(&format!("{section}.user"), user);
        if let Some(password) = password.filter(|password| !password.is_empty()) {
            self.imported.secrets.push((section, Secret::new(password)));
        }
    }

    fn note(&mut self, note: impl Into<String>) {
        self.imported.notes.push(note.into());
    }

    fn setting(&self, name: &str) -> Option<&'a Json> {
        self.settings.get(name).filter(|value| !value.is_null())
    }

    fn setting_text(&self, name: &str) -> Option<&'a str> {
        self.setting(name)?.as_str()
    }

    fn is_on(&self, name: &str) -> bool {
        self.setting(name).and_then(Json::as_bool) == Some(true)
    }

    fn site(&mut self) {
        self.text("site.timezone", self.setting_text("TIME_ZONE"));
        self.text("site.deploy_mode", self.setting_text("DEPLOY_MODE"));
    }

    fn database(&mut self) {
        let Some(database) = self.setting("database") else {
            self.note("the settings name no database `default`");
            return;
        };
        let engine = text(database, "ENGINE").unwrap_or_default();
        let name = text(database, "NAME");
        if engine.ends_with("sqlite3") {
            self.text("database.engine", Some("sqlite"));
            self.path("database.name", name);
            return;
        }
        if !engine.ends_with("mysql") {
            self.note(format!("the database engine `{engine}` is none that the checks know; it is left out"));
            return;
        }
        self.text("database.engine", Some("mysql"));
        let options = database.get("OPTIONS").unwrap_or(&Json::Null);
        let host = text(database, "HOST").unwrap_or_default();
        let socket = text(options, "unix_socket").or_else(|| host.starts_with('/').then_some(host));
        let mode = text(options, "ssl_mode").unwrap_or_default().to_uppercase();
        let ssl = options.get("ssl").filter(|ssl| truthy(ssl));
        let required = mode.starts_with("REQUIRED")
            || mode.starts_with("VERIFY")
            || (ssl.is_some() && mode != "DISABLED");
        match socket {
            Some(socket) => self.path("database.socket", Some(socket)),
            None if host.is_empty() => self.note(
                "the database has no `HOST`: MySQL's client library uses a socket of its own; set `database.socket`",
            ),
            None => {
                if host == "localhost" {
                    self.note("MySQL's client library takes `localhost` for a socket; `database.host` means the host");
                }
                self.text("database.host", Some(host));
                self.port("database.port", database.get("PORT"));
            }
        }
        let ca_file = ssl.and_then(|ssl| text(ssl, "ca"));
        self.tls("database", required && socket.is_none(), ca_file);
        if options.get("read_default_file").is_some() {
            self.note("the database takes more options from `read_default_file`; they are not imported");
        }
        self.text("database.name", name);
        self.user("database", text(database, "USER"), text(database, "PASSWORD"));
    }

    fn broker(&mut self) {
        let Some(broker) = self.setting("broker") else {
            self.note("the settings name no broker: Celery is not in use, or its URL cannot be read");
            return;
        };
        let transport = text(broker, "transport").unwrap_or_default();
        if !transport.contains("amqp") {
            self.note(format!(
                "the broker's transport `{transport}` is none that the checks know; it is left out"
            ));
            return;
        }
        let ssl = self.setting("broker_ssl").filter(|ssl| truthy(ssl));
        let tls = ssl.is_some() || broker.get("tls").and_then(Json::as_bool) == Some(true);
        self.text("broker.host", text(broker, "host"));
        let port = broker.get("port").filter(|port| truthy(port)).cloned();
        self.port("broker.port", Some(&port.unwrap_or_else(|| Json::from(if tls { 5671 } else { 5672 }))));
        self.tls("broker", tls, ssl.and_then(|ssl| text(ssl, "ca_certs")));
        if tls {
            self.text("broker.tls_server_name", ssl.and_then(|ssl| text(ssl, "server_hostname")));
        }
        // What the client library takes when the URL has none.
        let user = text(broker, "user").unwrap_or("guest");
        self.user("broker", Some(user), Some(text(broker, "password").unwrap_or("guest")));
        self.text(
            "broker.vhost",
            Some(text(broker, "vhost").filter(|vhost| !vhost.is_empty()).unwrap_or("/")),
        );
    }

    fn celery(&mut self) {
        let mut queues = names(self.setting("queues"));
        queues.sort();
        queues.dedup();
        if queues.is_empty() {
            return;
        }
        // The entry of the beat's own task, where it says on which queue it runs.
        let beat = self.setting("beat").and_then(Json::as_object).and_then(|schedule| {
            let own = |entry: &&Json| text(entry, "task").is_some_and(|task| task.ends_with(".beat_test"));
            text(schedule.values().find(own)?.get("options")?, "queue")
        });
        if let Some(beat) = beat.filter(|beat| queues.iter().any(|queue| queue == beat)) {
            self.text("celery.beat_queue", Some(beat));
        }
        self.set("celery.queues", Value::List(queues));
    }

    fn cache(&mut self) {
        let Some(cache) = self.setting("cache") else { return };
        let backend = text(cache, "BACKEND").unwrap_or_default();
        let name = backend.to_lowercase();
        // Django's own cache in a process's memory is `LocMemCache`.
        if !name.contains("memcache") || name.contains("locmem") {
            self.note(format!("the cache `{backend}` is no memcached; it is left out"));
            return;
        }
        let places = names(cache.get("LOCATION"));
        let mut places = places.iter().flat_map(|place| place.split([';', ','])).map(str::trim);
        let place = places.next().unwrap_or_default();
        if places.next().is_some() {
            self.note("the cache has several servers; the first is imported");
        }
        let socket = place.strip_prefix("unix:").or_else(|| place.starts_with('/').then_some(place));
        if let Some(socket) = socket {
            self.path("cache.socket", Some(socket.strip_prefix("//").unwrap_or(socket)));
        } else {
            let (host, port) = match place.rsplit_once(':') {
                // A bare IPv6 address has colons, too.
                Some((host, port)) if !host.contains(':') || host.ends_with(']') => (host, Some(port)),
                _ => (place, None),
            };
            self.text("cache.host", Some(host.trim_start_matches('[').trim_end_matches(']')));
            self.port("cache.port", port.map(Json::from).as_ref());
        }
        self.set("cache.key_prefix", Value::Text(text(cache, "KEY_PREFIX").unwrap_or_default().to_owned()));
        if let Some(version) = cache.get("VERSION").and_then(Json::as_i64) {
            self.set("cache.version", Value::Integer(version));
        }
    }

    fn search(&mut self) {
        let Some(search) = self.setting("search") else { return };
        let Some(url) = self.setting("search_url") else {
            let engine = text(search, "ENGINE").unwrap_or_default();
            self.note(format!("the search engine `{engine}` has no URL; it is left out"));
            return;
        };
        self.text("search.host", text(url, "host"));
        let tls = url.get("tls").and_then(Json::as_bool) == Some(true);
        let port = url.get("port").filter(|port| truthy(port)).cloned();
        // The client library's own port when the URL has none.
        self.port("search.port", Some(&port.unwrap_or_else(|| Json::from(9200))));
        let options = search.get("KWARGS").unwrap_or(&Json::Null);
        self.tls("search", tls, text(options, "ca_certs"));
        let login = options.get("http_auth").or_else(|| options.get("basic_auth"));
        let (user, password) = match login {
            Some(Json::String(login)) => login.split_once(':').unwrap_or((login, "")),
            Some(Json::Array(login)) => {
                let part = |index: usize| login.get(index).and_then(Json::as_str).unwrap_or_default();
                (part(0), part(1))
            }
            _ => (text(url, "user").unwrap_or_default(), text(url, "password").unwrap_or_default()),
        };
        self.user("search", Some(user), Some(password));
        self.text("search.index", text(search, "INDEX_NAME"));
    }

    fn email(&mut self) {
        self.text("email.host", self.setting_text("EMAIL_HOST"));
        self.port("email.port", self.setting("EMAIL_PORT"));
        let (starttls, at_once) = (self.is_on("EMAIL_USE_TLS"), self.is_on("EMAIL_USE_SSL"));
        self.tls("email", starttls || at_once, self.setting_text("EMAIL_CA_FILE"));
        if starttls || at_once {
            self.set("email.starttls", Value::Switch(starttls));
        }
        self.user("email", self.setting_text("EMAIL_HOST_USER"), self.setting_text("EMAIL_HOST_PASSWORD"));
        self.text("email.from", self.setting_text("DEFAULT_FROM_EMAIL"));
    }

    fn rest(&mut self) {
        self.path("files.submitted", self.setting_text("SUBMISSION_PATH"));
        self.path("files.compressed_media", self.setting_text("media"));
        self.path("files.dumps", self.setting_text("DB_BACKUP_DIR"));
        self.text("time.host", names(self.setting("NTP_REFERENCE")).first().map(String::as_str));
        self.port("time.port", self.setting("NTP_PORT"));
        let served = self.setting("SERVE_HOSTS").or_else(|| self.setting("ALLOWED_HOSTS"));
        // A pattern is no host, and Django takes a host twice without a word.
        let hosts = |value| -> Vec<String> {
            let mut known = BTreeSet::new();
            let mut hosts = names(value);
            hosts.retain(|host| {
                !host.is_empty() && !host.starts_with(['.', '*']) && known.insert(host.clone())
            });
            hosts
        };
        for (key, value) in [("web.hosts", served), ("web.redirected_hosts", self.setting("REDIRECT_HOSTS"))]
        {
            if value.is_some() {
                self.set(key, Value::List(hosts(value)));
            }
        }
        self.text("web.cas_url", self.setting_text("CAS_SERVER_URL"));
        let moss = self.setting_text("MOSS_DISTRIBUTION_PATH").filter(|dir| !dir.is_empty());
        let moss = moss.map(|dir| self.site_dir.join(dir).join("moss.pl"));
        let below = moss.as_deref().map(|moss| moss.strip_prefix(self.site_dir).unwrap_or(moss));
        self.text("code.moss", below.and_then(Path::to_str));
    }
}

fn text<'a>(object: &'a Json, name: &str) -> Option<&'a str> {
    object.get(name)?.as_str()
}

/// The texts of a list, the names of a table, or the one text.
fn names(value: Option<&Json>) -> Vec<String> {
    match value {
        Some(Json::String(text)) => vec![text.clone()],
        Some(Json::Array(items)) => items.iter().filter_map(Json::as_str).map(ToOwned::to_owned).collect(),
        Some(Json::Object(table)) => table.keys().cloned().collect(),
        _ => Vec::new(),
    }
}

/// Python's idea of true.
fn truthy(value: &Json) -> bool {
    match value {
        Json::Null | Json::Bool(false) => false,
        Json::Number(number) => number.as_f64() != Some(0.0),
        Json::String(text) => !text.is_empty(),
        Json::Array(items) => !items.is_empty(),
        Json::Object(table) => !table.is_empty(),
        Json::Bool(true) => true,
    }
}

#[cfg(test)]
#[path = "answer_tests.rs"]
mod tests;
