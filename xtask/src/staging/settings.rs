//! What the site and the tested program are told of a server: `fixture.json` and `/etc/coursys-ops/config.toml`.

use anyhow::{Context, Result};
use serde_json::{Value as Json, json};
use toml::{Table, Value};

use super::Layout;
use crate::servers::account::Account;
use crate::servers::plan::{ConfigFile, Directory};
use crate::servers::setting::Setting;
use crate::servers::site::{HOST, REDIRECTED_HOST, TIMEZONE, fixture};
use crate::servers::{kdc, reporting_db, standins};

/// Where the tested program looks for its configuration.
const DIRECTORY: &str = "/etc/coursys-ops";

/// What must be free, in GiB: a developer's disk is fuller than the server's.
const DISK_GIB: f64 = 0.1;

/// The least that a dump has, in bytes. The fixture's database is small.
const DUMP_BYTES: i64 = 2000;

/// Seconds between two runs of `beat_test`, as on the real site.
const BEAT_INTERVAL_S: u32 = 300;

/// The files of the site that nobody else may read, with their content.
///
/// # Errors
/// Never in practice: it is an object of objects.
pub fn site_files(setting: &Setting, layout: Layout) -> Result<Vec<(&'static str, String)>> {
    let fixture = site(setting, layout)?;
    let secrets = &setting.names.secrets;
    Ok(match layout {
        Layout::Vm => vec![
            ("/coursys/fixture.json", fixture),
            ("/coursys/.env", format!("RABBITMQ_PASSWORD={}\n", secrets.broker)),
        ],
        Layout::Compose => vec![
            ("/coursys/secrets/app-config.json", fixture),
            ("/coursys/secrets/rabbitmq-default-password", secrets.broker.clone()),
            ("/coursys/secrets/elastic-initial-password", secrets.search.clone()),
        ],
    })
}

/// What `tests/site` reads.
fn site(setting: &Setting, layout: Layout) -> Result<String> {
    let mut fixture = fixture(setting);
    let mut put = |pointer: &str, value: Json| {
        let place =
            fixture.pointer_mut(pointer).with_context(|| format!("`fixture.json` has no `{pointer}`"))?;
        *place = value;
        anyhow::Ok(())
    };
    put("/beat_interval_s", json!(BEAT_INTERVAL_S))?;
    // As on the real site.
    put("/email/by_celery", json!(true))?;
    match layout {
        // What runs in containers is reached on loopback.
        Layout::Vm => {
            put("/broker/host", json!("127.0.0.1"))?;
            put("/cache/host", json!("127.0.0.1"))?;
            put("/search/url", json!("http://127.0.0.1:9200"))?;
            put(
                "/paths",
                json!({
                    "submitted": "/filestore/prod/submitted_files", "media": "/opt/static/static",
                    "dumps": "/filestore/prod/db_backup", "logs": "/opt/logs",
                }),
            )?;
        }
        Layout::Compose => {
            put("/broker/host", json!("rabbitmq"))?;
            put("/cache/host", json!("memcached"))?;
            put("/search/url", json!("http://elasticsearch:9200"))?;
            put("/search/version", json!("7.17.28"))?;
            put("/search/user", json!("elastic"))?;
            put("/search/password", json!(setting.names.secrets.search))?;
            put(
                "/paths",
                json!({
                    "submitted": "/submitted_files", "media": "/static/static",
                    "dumps": "/db_backups", "logs": "/celery_logs",
                }),
            )?;
        }
    }
    Ok(serde_json::to_string_pretty(&fixture)?)
}

/// The directories and files of the tested program. Secrets are for root and the group of administrators, whose number is
/// `adm`.
///
/// # Errors
/// Never in practice: the values are all plain.
pub fn program(setting: &Setting, layout: Layout, adm: u32) -> Result<(Vec<Directory>, Vec<ConfigFile>)> {
    let root = &setting.accounts.caller;
    let administrators = Account { gid: adm, ..root.clone() };
    let secrets = format!("{DIRECTORY}/secrets");
    let directories = vec![
        Directory::open(DIRECTORY, root),
        Directory { path: secrets.clone().into(), account: administrators.clone(), mode: 0o750 },
    ];
    let text =
        format!("# Made by `cargo xtask staging`.\n\n{}", toml::to_string_pretty(&table(setting, layout))?);
    let mut files = vec![ConfigFile {
        path: format!("{DIRECTORY}/config.toml").into(),
        content: text,
        account: root.clone(),
        mode: 0o644,
    }];
    let known = &setting.names.secrets;
    let values = [
        ("database", &known.database),
        ("broker", &known.broker),
        ("search", &known.search),
        ("email", &known.email),
        ("reporting_db", &known.reporting_db),
        ("emplid", &known.emplid),
    ];
    files.extend(values.map(|(name, value)| ConfigFile {
        path: format!("{secrets}/{name}").into(),
        content: value.clone(),
        account: administrators.clone(),
        mode: 0o640,
    }));
    Ok((directories, files))
}

/// What the profile of the layout does not say.
fn table(setting: &Setting, layout: Layout) -> Table {
    let names = &setting.names;
    let outside = setting.ip().to_string();
    let server = |port: u16, user: Option<(&str, &str)>| {
        let mut table = Table::from_iter([
            ("host".to_owned(), Value::from(outside.clone())),
            ("port".to_owned(), Value::from(i64::from(port))),
        ]);
        if let Some((user, secret)) = user {
            table.insert("user".into(), user.into());
            table.insert("password_file".into(), format!("{DIRECTORY}/secrets/{secret}").into());
        }
        table
    };
    let mut database = server(setting.ports.database, Some((names.database_user, "database")));
    database.insert("name".into(), names.database.into());
    let mut email = server(setting.ports.email, Some((names.email_user, "email")));
    email.insert("from".into(), format!("CourSys <nobody@{HOST}>").into());
    let mut reporting = server(setting.ports.reporting_db, Some((reporting_db::USER, "reporting_db")));
    reporting.insert("driver".into(), reporting_db::NAME_OF_DRIVER.into());
    reporting.insert("options".into(), Value::Array(Vec::new()));
    reporting.insert("trusted".into(), false.into());

    let sections: [(&str, Table); 14] = [
        ("site", of([("timezone", TIMEZONE.into()), ("layout", layout.as_str().into())])),
        ("database", database),
        ("broker", of([("password_file", format!("{DIRECTORY}/secrets/broker").into())])),
        ("email", email),
        ("time", server(setting.ports.time, None)),
        ("files", directories(layout)),
        ("web", web(setting)),
        (
            "disk",
            ["tmp_gib", "submitted_gib", "dumps_gib", "root_gib"]
                .map(|key| (key.to_owned(), DISK_GIB.into()))
                .into_iter()
                .collect(),
        ),
        ("dumps", of([("min_bytes", DUMP_BYTES.into())])),
        ("system", system()),
        (
            "photos",
            of([
                ("url", standins::url(setting, "well", "photos").into()),
                ("account", standins::PHOTO_ACCOUNT.into()),
            ]),
        ),
        (
            "emplid",
            of([
                ("url", standins::url(setting, "well", "emplid/global.json").into()),
                ("secret_file", format!("{DIRECTORY}/secrets/emplid").into()),
            ]),
        ),
        ("kerberos", of([("realm", kdc::REALM.into())])),
        ("reporting_db", reporting),
    ];
    let mut config: Table = sections.into_iter().map(|(key, table)| (key.to_owned(), table.into())).collect();
    match layout {
        // What the layout of today has not, and this server has.
        Layout::Vm => {
            let markup = of([("manager", "compose".into())]);
            config.insert("components".into(), of([("ruby-markup", markup.into())]).into());
        }
        Layout::Compose => {
            let secret = format!("{DIRECTORY}/secrets/search");
            config.insert("search".into(), of([("password_file", secret.into())]).into());
        }
    }
    config
}

/// The site's files, as the server itself sees them.
fn directories(layout: Layout) -> Table {
    match layout {
        Layout::Vm => of([("compressed_media", "/opt/static/static/CACHE".into())]),
        // All is where the profile says.
        Layout::Compose => Table::new(),
    }
}

fn web(setting: &Setting) -> Table {
    let list = |host: &str| Value::Array(vec![host.into()]);
    of([
        ("hosts", list(HOST)),
        ("redirected_hosts", list(REDIRECTED_HOST)),
        ("cas_url", standins::url(setting, "well", "cas").into()),
    ])
}

/// What a developer's machine may be: busy, and full of updates that nobody installs.
fn system() -> Table {
    const ANY_NUMBER: i64 = 36_500;
    of([
        ("load_warn", 1000.0.into()),
        ("load_fail", 2000.0.into()),
        ("memory_warn_percent", 0.5.into()),
        ("memory_fail_percent", 0.1.into()),
        ("swap_warn_percent", 100.0.into()),
        ("swap_fail_percent", 100.0.into()),
        ("updates_max", ANY_NUMBER.into()),
        ("updates_list_days", ANY_NUMBER.into()),
        ("reboot_grace_days", ANY_NUMBER.into()),
        // What the machine itself has seen is an hour's matter at most.
        ("kernel_log_hours", 1.into()),
    ])
}

fn of<const N: usize>(values: [(&str, Value); N]) -> Table {
    values.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::servers::setting::sample;

    #[test]
    fn secrets_are_in_files_of_their_own_for_administrators_alone() {
        let (_, files) = program(&sample(&[]), Layout::Vm, 4).unwrap();
        for file in files {
            let secret = file.content.contains("p@ss");
            assert_eq!(secret, file.path.starts_with("/etc/coursys-ops/secrets"), "{}", file.path.display());
            assert_eq!(
                (file.mode, file.account.gid == 4),
                if secret { (0o640, true) } else { (0o644, false) }
            );
        }
    }

    #[test]
    fn the_site_finds_its_containers_on_loopback_and_the_rest_outside() {
        let text = site(&sample(&["--ipv6"]), Layout::Vm).unwrap();
        let fixture: Json = serde_json::from_str(&text).unwrap();
        assert_eq!(fixture["broker"]["host"], "127.0.0.1");
        assert_eq!(fixture["database"]["host"], "::1");
        assert_eq!(fixture["paths"]["media"], "/opt/static/static");
    }
}
