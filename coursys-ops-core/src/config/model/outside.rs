//! The outside services that the site asks: people's logins, photos and numbers, and the reporting database.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{SecretValue, Server, Tls};

/// The server that users log in with, beside its address in `web.cas_url`.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
pub struct Cas {
    /// The page of the site that the server sends users back to; nothing means the login page of the first served host.
    pub service: Option<String>,
    /// A proxy on the way.
    pub proxy: Option<String>,
    /// The certificates that are trusted, PEM; nothing means the system's.
    pub tls_ca_file: Option<PathBuf>,
}

/// The service that has students' photos.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub struct Photos {
    /// Where it is.
    pub url: Option<String>,
    /// The site's account there.
    pub account: Option<String>,
    /// That account's password; missing means that the site keeps it in its database.
    #[serde(skip)]
    pub secret: SecretValue,
    /// The number of somebody who has a photo.
    pub probe_id: String,
    /// A proxy on the way.
    pub proxy: Option<String>,
    /// The certificates that are trusted, PEM; nothing means the system's.
    pub tls_ca_file: Option<PathBuf>,
}

/// The service that tells the number of a user.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub struct Emplid {
    /// Where it is.
    pub url: Option<String>,
    /// What it knows the site by.
    #[serde(skip)]
    pub secret: SecretValue,
    /// A user whom it knows.
    pub probe_user: String,
    /// What that user's number looks like; `*` and `?` stand for anything.
    pub expected: String,
    /// A proxy on the way.
    pub proxy: Option<String>,
    /// The certificates that are trusted, PEM; nothing means the system's.
    pub tls_ca_file: Option<PathBuf>,
}

/// The ticket with which the site logs in to the reporting database.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub struct Kerberos {
    /// Whose ticket it is: `name@REALM`. Nothing means the name in `username_file` and `realm`.
    pub principal: Option<String>,
    /// A file that holds the name.
    pub username_file: Option<PathBuf>,
    /// The realm of that name.
    pub realm: Option<String>,
    /// The ticket cache; nothing means where MIT Kerberos has it, `/tmp/krb5cc_UID`.
    pub cache: Option<PathBuf>,
    /// The key with which the ticket is refreshed.
    pub keytab: Option<PathBuf>,
    /// The configuration of Kerberos; nothing means the machine's.
    pub config: Option<PathBuf>,
    /// How long the ticket must be good for, in seconds.
    pub min_remaining_s: u64,
    /// How often the ticket is refreshed, in seconds.
    pub refresh_s: u64,
    /// The crontab whose job refreshes it.
    pub crontab: Option<PathBuf>,
    /// A word in that job's command.
    pub refresh_job: String,
}

/// The university's reporting database.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub struct ReportingDb {
    /// A name, an IPv4 or an IPv6 address.
    pub host: Option<String>,
    /// The port.
    pub port: u16,
    /// The name of the database.
    pub database: String,
    /// The ODBC driver: its name in odbcinst.ini, or the path of its library.
    pub driver: String,
    /// What else is in the connection string.
    pub options: Vec<String>,
    /// Whether to log in with the Kerberos ticket.
    pub trusted: bool,
    /// Whom to log in as otherwise.
    pub user: Option<String>,
    /// That user's password.
    #[serde(skip)]
    pub secret: SecretValue,
    /// A query whose first value is known.
    pub query: String,
    /// What that value looks like; `*` and `?` stand for anything.
    pub expected: String,
}

impl ReportingDb {
    /// Where the server is, for connecting without its own protocol and for messages.
    #[must_use]
    pub fn server(&self) -> Server {
        Server {
            section: "reporting_db".to_owned(),
            host: self.host.clone(),
            socket: None,
            port: self.port,
            tls: Tls::Off,
            tls_ca_file: None,
            tls_server_name: None,
            user: self.user.clone(),
            secret: self.secret.clone(),
        }
    }
}
