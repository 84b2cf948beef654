//! The configuration as types: what checks and plans read. How it comes about is in the modules beside this one.

mod code;
mod component;
mod outside;
mod own;
mod servers;
mod system;
mod upkeep;
mod web;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use code::SiteCode;
pub use component::{Component, Compose, Docker, Manager, Systemd};
pub use outside::{Cas, Emplid, Kerberos, Photos, ReportingDb};
pub use own::{
    Limits, OwnCheck, OwnCommand, OwnDns, OwnFile, OwnHttp, OwnLook, OwnPlace, OwnProcess, OwnTcp, OwnUnit,
    OwnUrl, Pattern,
};
pub use servers::{
    Broker, Cache, Celery, Database, Email, Engine, Markup, Search, SecretValue, Server, Time, Tls,
};
pub use system::System;
pub use upkeep::{Dumps, Maintenance, Plans};
pub use web::{Gunicorn, Ports, Subnet, Web};

pub use crate::machine::{FileType, PortProtocol, PrivatePort};

use super::error::{Origin, Problem};
use crate::secret::Secret;

/// Everything that is configured, after all layers.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[allow(missing_docs, reason = "each field is the section of its name; see docs/configuration.md")]
pub struct Config {
    pub site: Site,
    pub code: SiteCode,
    pub database: Database,
    pub broker: Broker,
    pub celery: Celery,
    pub markup: Markup,
    pub cache: Cache,
    pub search: Search,
    pub email: Email,
    pub files: Files,
    pub disk: Disk,
    pub dumps: Dumps,
    #[serde(default)]
    pub maintenance: Maintenance,
    pub plans: Plans,
    pub system: System,
    pub time: Time,
    pub web: Web,
    pub gunicorn: Gunicorn,
    pub ports: Ports,
    #[serde(default)]
    pub cas: Cas,
    pub photos: Photos,
    pub emplid: Emplid,
    pub kerberos: Kerberos,
    pub reporting_db: ReportingDb,
    pub systemd: Systemd,
    #[serde(default)]
    pub docker: Docker,
    pub compose: Compose,
    pub components: BTreeMap<String, Component>,
    pub checks: Checks,
    /// The sections `[[check]]`, in the order of the file.
    #[serde(skip)]
    pub own: Vec<Arc<OwnCheck>>,
}

impl Config {
    /// Every server, in the order of [`SERVERS`](super::SERVERS).
    #[must_use]
    pub const fn servers(&self) -> [&Server; 8] {
        [
            &self.database.server,
            &self.broker.server,
            &self.cache.server,
            &self.search.server,
            &self.email.server,
            &self.time.server,
            &self.web.server,
            &self.gunicorn.server,
        ]
    }

    /// The same, to be changed.
    pub(super) const fn servers_mut(&mut self) -> [&mut Server; 8] {
        [
            &mut self.database.server,
            &mut self.broker.server,
            &mut self.cache.server,
            &mut self.search.server,
            &mut self.email.server,
            &mut self.time.server,
            &mut self.web.server,
            &mut self.gunicorn.server,
        ]
    }

    /// The secrets of outside services, in the order of their sections in the schema, to be changed.
    pub(super) const fn outside_secrets_mut(&mut self) -> [&mut SecretValue; 3] {
        [&mut self.reporting_db.secret, &mut self.photos.secret, &mut self.emplid.secret]
    }

    /// Every secret, for the redactor.
    pub fn secrets(&self) -> impl Iterator<Item = &Secret> {
        let outside = [&self.reporting_db.secret, &self.photos.secret, &self.emplid.secret];
        let servers = self.servers().into_iter().map(|server| &server.secret);
        servers.chain(outside).filter_map(|value| match value {
            SecretValue::Known(secret) => Some(secret),
            SecretValue::Missing | SecretValue::Unreadable(_) => None,
        })
    }
}

/// The site itself.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub struct Site {
    /// The name of the layout: `vm`, `compose` or `devel`.
    pub layout: String,
    /// The account that the site runs as; nothing means the caller.
    pub user: Option<String>,
    /// That account's home.
    pub user_home: Option<PathBuf>,
    /// The directory that holds `manage.py`.
    pub dir: PathBuf,
    /// The interpreter that runs `manage.py`.
    pub python: PathBuf,
    /// The compose service in whose container the site's Python runs and the site's paths are seen; nothing means this
    /// machine.
    pub service: Option<String>,
    /// The IANA name of the zone in which the database holds its naive times.
    pub timezone: String,
    /// What the site's own `COURSYS_DEPLOY_MODE` says.
    pub deploy_mode: Option<String>,
    /// Where static files are collected.
    pub static_dir: Option<PathBuf>,
    /// The parent of the site's data.
    pub data_root: Option<PathBuf>,
}

/// Directories of the site.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub struct Files {
    /// What students hand in: must never be lost.
    pub submitted: Option<PathBuf>,
    /// Compressed static files.
    pub compressed_media: Option<PathBuf>,
    /// Collected static files.
    #[serde(rename = "static")]
    pub statics: Option<PathBuf>,
    /// Database dumps.
    pub dumps: Option<PathBuf>,
}

/// How much must be free, in GiB.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub struct Disk {
    /// In /tmp.
    pub tmp_gib: f64,
    /// Where the submitted files are.
    pub submitted_gib: f64,
    /// Where the dumps are.
    pub dumps_gib: f64,
    /// On /.
    pub root_gib: f64,
    /// Free inodes on each of them, in per cent.
    pub inodes_percent: f64,
}

/// How checks are run.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub struct Checks {
    /// Ids or globs of checks that are switched off.
    pub off: Vec<String>,
    /// Ids or globs of checks that are made by the workers of a queue, each with the queue.
    pub located: BTreeMap<String, String>,
    /// Where that is written, for messages.
    #[serde(skip)]
    pub located_at: Option<Origin>,
    /// How many checks run at the same time.
    pub concurrency: usize,
}

impl Checks {
    /// Something that is wrong with `checks.located`.
    #[must_use]
    pub fn misplaced(&self, message: impl Into<String>) -> Problem {
        let origin = self.located_at.clone().unwrap_or(Origin::Argument("the configuration"));
        Problem::new(origin, "checks.located", message)
    }
}
