//! The fixture site: a copy of `tests/site` with its workers, its beat and its web server.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::json;

use super::account::give;
use super::checkout;
use super::mariadb;
use super::options::Search;
use super::plan::{ConfigFile, Server};
use super::probe::http::Request;
use super::probe::{Probe, Wire};
use super::program::Program;
use super::rabbitmq;
use super::setting::{Setting, text};
use super::{elasticsearch, standins, store};

/// The queues of the real site; each has a worker of its own.
pub const QUEUES: [&str; 5] = ["batch", "fast", "email", "photo", "sims"];

/// A host that the site serves. Not `localhost`: the real site refuses that one, too.
pub const HOST: &str = "coursys.test";

/// A host that redirects to it.
pub const REDIRECTED_HOST: &str = "courses.test";

/// The zone of the naive times in the database.
pub const TIMEZONE: &str = "America/Vancouver";

/// Seconds between two runs of `beat_test`, 300 on the real site. The first one is after one interval, and `up` waits
/// for it.
const BEAT_INTERVAL_S: u32 = 5;

/// Where the site's code is in the checkout.
pub fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/site")
}

/// Copies the site's code, writes `fixture.json` and makes a git clone of it.
///
/// # Errors
/// `tests/site` is missing, or what the file system says.
pub fn make(setting: &Setting) -> Result<()> {
    let site = setting.site();
    copy(&source(), &site, setting)?;
    let content = serde_json::to_string_pretty(&fixture(setting))?;
    ConfigFile::private(site.join("fixture.json"), &setting.accounts.nobody, content).write()?;
    checkout::make(setting)
}

/// Tables, rows and the index: what must have ended before anything of the site starts.
pub fn setup(setting: &Setting, python: &Path) -> Program {
    program(setting, "setup", &[&text(python), "setup_site.py"])
}

/// Workers, beat and web server.
pub fn servers(setting: &Setting, python: &Path) -> Vec<Server> {
    let version = |package: &str| pinned(package).unwrap_or_else(|| "unknown".into());
    let python = text(python);
    let celery = [python.as_str(), "-m", "celery", "-A", "site_fixture"];
    let server = |name: String, package: &str, port, argv: &[&str], probe| Server {
        version: version(package),
        port,
        socket: None,
        data_dir: setting.site(),
        log: setting.layout.log(&name),
        program: program(setting, &name, argv),
        probe,
        name,
    };
    let worker = |queue: &&str| {
        // Unique on the machine: two sets may be up, though never in the same broker.
        let node = format!("{queue}@coursys-ops-{}", setting.ports.broker);
        let arguments = ["worker", "-Q", queue, "-n", &node, "--concurrency", "2", "--loglevel", "INFO"];
        let argv = [celery.as_slice(), &arguments].concat();
        server(format!("celery-{queue}"), "celery", None, &argv, rabbitmq::probe(setting, Some(queue)))
    };
    let mut servers: Vec<Server> = QUEUES.iter().map(worker).collect();
    let schedule = text(setting.layout.run().join("beat-schedule"));
    let arguments = ["beat", "--schedule", &schedule, "--pidfile=", "--loglevel", "INFO"];
    let argv = [celery.as_slice(), &arguments].concat();
    servers.push(server("celerybeat".into(), "celery", None, &argv, marker(setting)));
    let address = setting.address(setting.ports.web);
    let bind = address.to_string();
    let argv =
        [&python, "-m", "gunicorn", "site_fixture.wsgi:application", "--bind", &bind, "--workers", "2"];
    let page = Probe::Page(Request::get(Wire::Plain(address), HOST, "/docs/"));
    servers.push(server("gunicorn".into(), "gunicorn", Some(setting.ports.web), &argv, page));
    servers
}

/// The time that the beat's task leaves in the database.
fn marker(setting: &Setting) -> Probe {
    mariadb::query(
        setting,
        "SELECT 1 FROM coredata_unit WHERE slug = 'univ' AND config LIKE '%\"celery-beat-time\"%'",
    )
}

fn program(setting: &Setting, name: &str, argv: &[&str]) -> Program {
    let mut program = Program::new(&setting.layout, name, &setting.accounts.nobody, argv);
    program.cwd = setting.site();
    program.env([("HOME", text(setting.layout.home()))])
}

/// What `tests/site` reads; its README lists the keys.
pub fn fixture(setting: &Setting) -> serde_json::Value {
    let Setting { names, ports, .. } = setting;
    let ip = setting.ip().to_string();
    let ca = setting.ca_file();
    let seven = setting.search == Search::Seven;
    let scheme = if ca.is_some() { "https" } else { "http" };
    let database_socket = setting.options.sockets.then(|| setting.database_socket());
    let cache_socket = setting.cache_socket();
    json!({
        "database": {
            "host": ip, "port": ports.database, "socket": database_socket, "name": names.database,
            "user": names.database_user, "password": names.secrets.database, "ca_file": ca,
        },
        "broker": {
            "host": ip, "port": ports.broker, "vhost": names.vhost,
            "user": names.broker_user, "password": names.secrets.broker, "ca_file": ca,
        },
        "cache": {
            "host": ip, "port": ports.cache, "socket": cache_socket, "key_prefix": names.key_prefix,
        },
        "search": {
            "url": format!("{scheme}://{}", setting.address(ports.search)),
            "version": elasticsearch::version(setting.search),
            "user": seven.then_some(elasticsearch::USER),
            "password": seven.then_some(&names.secrets.search),
            "ca_file": ca, "index": names.index,
        },
        "email": {
            "host": ip, "port": ports.email,
            "user": names.email_user, "password": names.secrets.email, "ca_file": ca, "starttls": true,
            "by_celery": false,
        },
        "ntp": { "host": ip, "port": ports.time },
        "paths": {
            "submitted": setting.submitted(), "media": setting.media(), "dumps": setting.dumps(),
            "logs": setting.layout.logs(),
        },
        "web": { "hosts": [HOST], "redirected_hosts": [REDIRECTED_HOST] },
        "cas_url": standins::url(setting, "well", "cas"),
        "timezone": TIMEZONE,
        "photo_password": names.secrets.photos,
        "secret_key": names.secrets.django,
        "beat_interval_s": BEAT_INTERVAL_S,
    })
}

/// The version of a package that the site's requirements pin.
fn pinned(package: &str) -> Option<String> {
    let requirements = fs::read_to_string(source().join(store::REQUIREMENTS)).ok()?;
    let prefix = format!("{package}==");
    let line = requirements.lines().find_map(|line| line.strip_prefix(&prefix))?;
    line.split_whitespace().next().map(str::to_owned)
}

/// Copies a tree of plain files and directories and gives it to the site's account.
fn copy(from: &Path, to: &Path, setting: &Setting) -> Result<()> {
    fs::create_dir_all(to).with_context(|| format!("failed to make `{}`", to.display()))?;
    give(to, &setting.accounts.nobody)?;
    let entries = fs::read_dir(from).with_context(|| {
        format!("the fixture site `{}` cannot be read (or use `--no-site`)", from.display())
    })?;
    for entry in entries {
        let entry = entry?;
        let target = to.join(entry.file_name());
        let kind = entry.file_type()?;
        if kind.is_dir() && entry.file_name() != "__pycache__" {
            copy(&entry.path(), &target, setting)?;
        } else if kind.is_file() {
            fs::copy(entry.path(), &target)?;
            give(&target, &setting.accounts.nobody)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::servers::setting::sample;

    #[test]
    fn every_queue_has_a_worker_of_its_own() {
        let servers = servers(&sample(&[]), Path::new("/venv/bin/python"));
        let names: Vec<&str> = servers.iter().map(|server| server.name.as_str()).collect();
        assert_eq!(
            names,
            [
                "celery-batch",
                "celery-fast",
                "celery-email",
                "celery-photo",
                "celery-sims",
                "celerybeat",
                "gunicorn"
            ]
        );
        let line = servers[1].program.argv.join(" ");
        assert!(line.contains("worker -Q fast -n fast@coursys-ops-20002 --concurrency 2"), "{line}");
        assert!(servers.iter().all(|server| server.program.env["LANG"] == "C.UTF-8"));
    }

    #[test]
    fn the_site_is_told_what_the_servers_are() {
        let plain = fixture(&sample(&[]));
        assert_eq!(plain["search"]["url"], "http://127.0.0.1:20006");
        assert_eq!(plain["database"]["password"], "p@ss/w%rd ü'd");
        assert!(plain["broker"]["ca_file"].is_null() && plain["database"]["socket"].is_null());
        let other = fixture(&sample(&["--tls", "--ipv6", "--sockets", "--weird"]));
        assert_eq!(other["search"]["url"], "https://[::1]:20006");
        assert_eq!(other["search"]["version"], "7.17.28");
        assert_eq!(other["broker"]["ca_file"], "/tmp/coursys-ops-x-abc234/ca.pem");
        assert_eq!(other["cache"]["socket"], "/tmp/coursys-ops-x-abc234/run/memcached.sock");
        assert_ne!(other["database"]["name"], plain["database"]["name"]);
    }

    #[test]
    fn versions_come_from_the_requirements() {
        assert!(pinned("celery").unwrap().starts_with(char::is_numeric));
        assert_eq!(pinned("no-such-package"), None);
    }
}
