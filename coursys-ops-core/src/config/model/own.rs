//! Checks of one's own: the sections `[[check]]`, one type for each kind.

mod serialize;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::{Serialize, Serializer};

use crate::machine::FileType;

use super::Server;
use crate::config::{Origin, Problem};
use crate::model::{Effects, Tier};

/// A check that the configuration describes.
#[derive(Debug, Clone, Serialize)]
pub struct OwnCheck {
    /// Its id.
    pub id: String,
    /// What it looks at.
    #[serde(flatten)]
    pub look: OwnLook,
    /// For people; nothing means what the kind makes of its keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// See [`Tier`].
    pub tier: Tier,
    /// Ids or globs of checks without which this one makes no sense.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<String>,
    /// How long it may take before it has failed.
    #[serde(rename = "timeout_s", serialize_with = "serialize::seconds")]
    pub timeout: Duration,
    /// It is not looked at more often than this within one process.
    #[serde(
        rename = "interval_s",
        serialize_with = "serialize::some_seconds",
        skip_serializing_if = "Option::is_none"
    )]
    pub interval: Option<Duration>,
    /// What looking does to the world.
    pub effects: Effects,
    /// What to do when it fails; nothing means what the kind can say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// Why it is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub explanation: Option<String>,
    /// Where it was written.
    #[serde(skip)]
    pub place: OwnPlace,
}

/// Where a section `[[check]]` stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnPlace {
    /// The configuration file.
    pub file: Arc<Path>,
    /// Which of the sections it is, from 1.
    pub number: usize,
    /// The line of its head.
    pub line: usize,
    /// The line of its key `id`.
    pub id_line: usize,
    /// The line of its key `needs`, or of its head.
    pub needs_line: usize,
    /// The line of its key `tier`, or of its head.
    pub tier_line: usize,
}

impl OwnPlace {
    /// Where one of its lines is.
    #[must_use]
    pub fn origin(&self, line: usize) -> Origin {
        Origin::File { path: self.file.to_path_buf(), line }
    }

    /// What is wrong with one of its keys, which stands in this line.
    #[must_use]
    pub fn problem(&self, line: usize, key: &str, message: impl Into<String>) -> Problem {
        Problem::new(self.origin(line), &format!("check[{}].{key}", self.number), message)
    }
}

/// What a check of one's own looks at.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
#[allow(missing_docs, reason = "each is the kind of its name")]
pub enum OwnLook {
    Tcp(Box<OwnTcp>),
    Http(Box<OwnHttp>),
    Dns(OwnDns),
    File(Box<OwnFile>),
    Process(OwnProcess),
    Unit(OwnUnit),
    Command(Box<OwnCommand>),
}

/// From where on a figure is a warning or a failure.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Limits {
    /// From here on it is a warning.
    pub warn: Option<f64>,
    /// From here on it is a failure.
    pub crit: Option<f64>,
}

/// Something listens and, where that is asked, says the right thing.
#[derive(Debug, Clone, Serialize)]
pub struct OwnTcp {
    /// Where it is.
    #[serde(flatten, serialize_with = "serialize::server")]
    pub server: Server,
    /// What to say first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub send: Option<String>,
    /// What the peer must say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expect: Option<Pattern>,
    /// Limits of the time until it is connected and has said that, in seconds.
    #[serde(flatten, serialize_with = "serialize::of_seconds")]
    pub latency: Limits,
}

/// A web server answers as it should.
#[derive(Debug, Clone, Serialize)]
pub struct OwnHttp {
    /// The address; its query, if it has one, may hold a secret and is never shown.
    #[serde(serialize_with = "serialize::shown_url")]
    pub url: OwnUrl,
    /// Where to connect, and which certificates are trusted.
    #[serde(skip)]
    pub server: Server,
    /// Where to connect instead of the URL's host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// The trusted certificates, PEM.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_ca_file: Option<PathBuf>,
    /// `GET` or `HEAD`.
    pub method: &'static str,
    /// The right status codes; empty with a redirect means any of those.
    pub status: Vec<u16>,
    /// What the body must match.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<Pattern>,
    /// What headers must match, by name in lower case.
    #[serde(skip_serializing_if = "Vec::is_empty", serialize_with = "serialize::pairs")]
    pub header: Vec<(String, Pattern)>,
    /// What the `Location` of a redirect must match.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redirect: Option<Pattern>,
    /// How many days the certificate must still be valid: below `warn` a warning, below `crit` a failure.
    #[serde(flatten, serialize_with = "serialize::of_days")]
    pub certificate: Limits,
    /// Limits of the time until the answer is complete, in seconds.
    #[serde(flatten, serialize_with = "serialize::of_seconds")]
    pub latency: Limits,
}

/// The parts of an address of the web.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnUrl {
    /// Whether it begins with `https`.
    pub tls: bool,
    /// The host as a name or an address without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
    /// Host and port as in the `Host` header.
    pub authority: String,
    /// Path and query, at least `/`.
    pub target: String,
}

impl OwnUrl {
    /// The address without its query, which may hold a secret.
    #[must_use]
    pub fn shown(&self) -> String {
        let (path, query) =
            self.target.split_once('?').map_or((self.target.as_str(), false), |(p, _)| (p, true));
        let scheme = if self.tls { "https" } else { "http" };
        format!("{scheme}://{}{path}{}", self.authority, if query { "?…" } else { "" })
    }
}

/// A name resolves, or does not.
#[derive(Debug, Clone, Serialize)]
pub struct OwnDns {
    /// The name.
    pub name: String,
    /// Addresses that it must have, all of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<std::net::IpAddr>,
    /// Whether it must have no address but those.
    pub exact: bool,
    /// Whether there must be such a name.
    pub exists: bool,
    /// Limits of the time that the look-up takes, in seconds.
    #[serde(flatten, serialize_with = "serialize::of_seconds")]
    pub latency: Limits,
}

/// A file is as it should be.
#[derive(Debug, Clone, Serialize)]
pub struct OwnFile {
    /// Where it is.
    pub path: PathBuf,
    /// Whether it must be there.
    pub exists: bool,
    /// What it must be.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<FileType>,
    /// Whom it must belong to: a name, or an id in digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Its group: a name, or an id in digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Its permissions.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "serialize::octal")]
    pub mode: Option<u32>,
    /// Permissions of which it must have no others.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "serialize::octal")]
    pub mode_max: Option<u32>,
    /// Limits of its age since the last change of its content, in seconds.
    #[serde(flatten, serialize_with = "serialize::of_age")]
    pub age: Limits,
    /// Limits of its size, in bytes.
    #[serde(flatten, serialize_with = "serialize::of_bytes")]
    pub size: Limits,
    /// The least size, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_bytes: Option<u64>,
    /// As whom to look; nothing means the caller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
}

/// Processes run, in the right number.
#[derive(Debug, Clone, Serialize)]
pub struct OwnProcess {
    /// Their name as the kernel knows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What their command line matches, words joined by blanks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<Pattern>,
    /// Whose they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// How many there must be at least.
    pub min: u64,
    /// How many there may be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<u64>,
    /// Fewer are a warning.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warn_min: Option<u64>,
    /// More are a warning.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warn_max: Option<u64>,
}

/// A unit of systemd is as it should be.
#[derive(Debug, Clone, Serialize)]
pub struct OwnUnit {
    /// Its name.
    pub unit: String,
    /// What it must be, as `systemctl is-active` says.
    pub active: String,
    /// What it must be, as `systemctl is-enabled` says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<String>,
    /// Limits of how often systemd restarted it.
    #[serde(flatten, serialize_with = "serialize::of_restarts")]
    pub restarts: Limits,
}

/// A command does and says what it should.
#[derive(Debug, Clone, Serialize)]
pub struct OwnCommand {
    /// The program and its arguments.
    pub argv: Vec<String>,
    /// As whom; nothing means the site's user for root, and the caller for everybody else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// In which directory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dir: Option<PathBuf>,
    /// Whether it is a plugin of Nagios: its exit code is the status, its line the message.
    pub nagios: bool,
    /// The right exit codes; none for a plugin, which decides by itself.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub exit: Vec<i32>,
    /// What its standard output must match.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<Pattern>,
    /// Limits of the time that it takes, in seconds.
    #[serde(flatten, serialize_with = "serialize::of_seconds")]
    pub latency: Limits,
}

/// A regular expression. It matches anywhere in a text of bytes unless it is anchored; `^` and `$` are the ends of lines.
#[derive(Debug, Clone)]
pub struct Pattern(regex::bytes::Regex);

impl Pattern {
    /// More memory than this, in bytes, no expression may take when compiled.
    const SIZE_LIMIT: usize = 1 << 20;

    /// Compiles an expression.
    ///
    /// # Errors
    ///
    /// What is wrong with it, in one line.
    pub fn new(text: &str) -> Result<Self, String> {
        let compiled = regex::bytes::RegexBuilder::new(text)
            .multi_line(true)
            .size_limit(Self::SIZE_LIMIT)
            .dfa_size_limit(Self::SIZE_LIMIT)
            .build();
        compiled.map(Self).map_err(|error| match error {
            // The last line says what; those before it draw the place, which is one line in a message.
            regex::Error::Syntax(text) => {
                let last = text.lines().last().unwrap_or_default();
                last.trim_start_matches("error: ").to_owned()
            }
            regex::Error::CompiledTooBig(limit) => format!("it takes more than {limit} bytes of memory"),
            other => other.to_string(),
        })
    }

    /// Whether it matches somewhere.
    #[must_use]
    pub fn is_match(&self, text: &[u8]) -> bool {
        self.0.is_match(text)
    }

    /// As it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl Serialize for Pattern {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.as_str())
    }
}
