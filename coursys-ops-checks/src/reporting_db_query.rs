//! `reporting-db.query`: the reporting database answers, and its answer is read as it was meant.

use std::time::Duration;

use async_trait::async_trait;
use coursys_ops_core::config::Config;
#[cfg(feature = "odbc")]
use coursys_ops_core::config::{ReportingDb, Server};
#[cfg(feature = "odbc")]
use coursys_ops_core::helper::Ask;
use coursys_ops_core::model::{CheckSpec, Code, Finding};
#[cfg(feature = "odbc")]
use coursys_ops_core::process::Command;
use coursys_ops_core::{Check, Scope};

use crate::kerberos_ticket;
#[cfg(feature = "odbc")]
use crate::{garbage, odbc, outside};
#[cfg(any(feature = "odbc", test))]
use {
    crate::odbc::{Complaint, First},
    coursys_ops_core::glob::glob_matches,
};

/// The login of a server that is far away, and a look into an index.
const TIMEOUT: Duration = Duration::from_secs(8);

/// How long the driver waits for a login and for the answer, in seconds: less than the check, so that it says what it waited
/// for.
#[cfg(feature = "odbc")]
const LOGIN_S: u32 = 4;
#[cfg(feature = "odbc")]
const STATEMENT_S: usize = 3;

/// The reporting database is somebody else's.
const INTERVAL: Duration = Duration::from_secs(5 * 60);

const EXPLANATION: &str = "\
Connects to the university's reporting database as the site does, through ODBC (unixODBC and FreeTDS), with the site's Kerberos \
ticket where `reporting_db.trusted` says so, and makes the query `reporting_db.query`. The value that comes must look like \
`reporting_db.expected`: it is a name with a letter beyond ASCII, so that a wrong character set is seen before it has \
spoilt names in the site's own database. The drivers are libraries of C that block: they are used in a process of their own, \
as the site's user. A program that was built without the feature `odbc` says so (`not_built_in`) and only sees whether the \
server can be reached; the ticket is looked at by `kerberos.ticket` in any case.

New students, enrolments, courses and grades come from there, every night and on demand.

When it fails: `access_denied` with a good ticket means that the account has lost its right to the database. `no_driver`: \
the package of the driver (`tdsodbc`) is missing, or `/etc/odbcinst.ini` does not name it. `mangled`: look at `ClientCharset` \
and the locale of the site's processes before the next import runs. `timeout` and `refused` are about the server or the \
network: the database is down for its nightly renewal now and then. `empty` means that the person asked for is gone: choose \
another one.";

/// The check.
pub(crate) struct ReportingDbQuery(CheckSpec);

impl ReportingDbQuery {
    /// The check. It needs the ticket where it logs in with it.
    pub(crate) fn new(config: &Config) -> Self {
        let mut spec = CheckSpec::new("reporting-db.query", "Reporting database")
            .component("reporting-db")
            .timeout(TIMEOUT)
            .interval(INTERVAL)
            .timeout_hint(
                "the reporting database does not answer: ask whoever runs it, and look at firewalls between",
            )
            .explanation(EXPLANATION);
        if config.reporting_db.trusted {
            spec = spec.needs(kerberos_ticket::ID);
        }
        Self(spec)
    }
}

#[async_trait]
impl Check for ReportingDbQuery {
    fn spec(&self) -> &CheckSpec {
        &self.0
    }

    async fn look(&self, scope: &Scope) -> Vec<Finding> {
        look(scope).await.unwrap_or_else(|failed| vec![failed])
    }
}

async fn look(scope: &Scope) -> Result<Vec<Finding>, Finding> {
    let server = scope.config().reporting_db.server();
    // ODBC would tell all of these apart as badly as each driver does.
    scope.dial_plain(&server).await.map_err(|error| error.finding(&server))?;
    #[cfg(feature = "odbc")]
    return Ok(vec![query(scope, &server).await?]);
    #[cfg(not(feature = "odbc"))]
    Ok(vec![
        Finding::passed(format!(
            "the reporting database at {} can be reached; it was not asked",
            server.place()
        )),
        Finding::skipped(Code::NotBuiltIn, "this program was built without ODBC: the query was not made")
            .with_hint("build it with `--features odbc` on a machine that has unixODBC"),
    ])
}

#[cfg(feature = "odbc")]
async fn query(scope: &Scope, server: &Server) -> Result<Finding, Finding> {
    let config = &scope.config().reporting_db;
    let user = scope.site_user().await?;
    let query = odbc::Query {
        connection: connection(config)?,
        statement: config.query.clone(),
        login_s: LOGIN_S,
        statement_s: STATEMENT_S,
    };
    let failed =
        |why: String| Finding::unknown(Code::HelperFailed, format!("the process that asks failed: {why}"));
    let request = serde_json::to_vec(&query).map_err(|error| failed(error.to_string()))?;
    let mut command = Command::ask(Ask::Further(odbc::NAME)).input(request);
    if config.trusted {
        let uid = user.as_ref().map_or(scope.context().caller.uid, |user| user.uid);
        let cache = crate::kerberos::cache_path(&scope.config().kerberos, uid);
        command = command.env("KRB5CCNAME", format!("FILE:{}", cache.display()));
    }
    let output = scope.run(command.user(user)).await.map_err(|error| failed(error.to_string()))?;
    let answer: Result<First, Complaint> =
        serde_json::from_slice(&output.stdout).map_err(|_| failed(output.complaint()))?;
    Ok(match answer {
        Ok(first) => judge(&first, &config.expected, &server.place()),
        Err(complaint) => complained(&complaint, config, server),
    })
}

#[cfg(feature = "odbc")]
fn connection(config: &ReportingDb) -> Result<String, Finding> {
    let host = config.host.as_deref().ok_or_else(|| Finding::not_configured("reporting_db.host"))?;
    let port = config.port.to_string();
    let mut parts = vec![
        ("DRIVER", config.driver.as_str()),
        ("SERVER", host),
        ("PORT", &port),
        ("DATABASE", &config.database),
    ];
    for option in &config.options {
        parts.push(option.split_once('=').ok_or_else(|| {
            let message =
                format!("`reporting_db.options` holds `{}`, which has no value", option.escape_debug());
            Finding::failed(Code::NotConfigured, message, "write each option as `NAME=VALUE`")
        })?);
    }
    if config.trusted {
        parts.push(("Trusted_Connection", "Yes"));
    } else {
        let user = config.user.as_deref().ok_or_else(|| Finding::not_configured("reporting_db.user"))?;
        let password = outside::secret(&config.secret, "reporting_db.password")?;
        parts.extend([("UID", user), ("PWD", password.expose())]);
    }
    Ok(odbc::connection_string(parts))
}

/// What an answer means. A name of somebody is not shown.
#[cfg(any(feature = "odbc", test))]
fn judge(first: &First, expected: &str, place: &str) -> Finding {
    let other = "look with another program (`tsql`) what is there, or correct `reporting_db.query` and `reporting_db.expected`";
    match first {
        First::Text(text) if glob_matches(expected, text.trim()) => {
            Finding::passed(format!("the reporting database at {place} gives the known row, rightly decoded"))
        }
        First::Text(text) if is_mangled(text.trim(), expected) => Finding::failed(
            Code::Mangled,
            "the reporting database's answer comes in the wrong character set: a letter beyond ASCII is lost",
            "stop the imports; then look at `reporting_db.options` (`ClientCharset`) and the driver's version",
        ),
        First::Text(_) => Finding::failed(
            Code::WrongAnswer,
            format!("the reporting database's answer does not look like `{expected}`"),
            other,
        ),
        First::Null => Finding::failed(Code::WrongAnswer, "the reporting database's answer is NULL", other),
        First::NoRow => Finding::failed(
            Code::Empty,
            "the reporting database has no row for the known person",
            "it may be in the middle of its renewal; else choose another person in `reporting_db.query`",
        ),
    }
}

/// Whether a text would be right if it had been decoded otherwise: UTF-8 read as Latin-1, or letters replaced.
#[cfg(any(feature = "odbc", test))]
fn is_mangled(text: &str, expected: &str) -> bool {
    let latin: Option<Vec<u8>> = text.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect();
    let again = latin.and_then(|bytes| String::from_utf8(bytes).ok());
    again.is_some_and(|again| again != text && glob_matches(expected, &again))
        || text.contains(['\u{fffd}', '?'])
}

/// What a driver's complaint means. Numbers are those of SQL Server and MariaDB.
#[cfg(feature = "odbc")]
fn complained(complaint: &Complaint, config: &ReportingDb, server: &Server) -> Finding {
    let place = server.place();
    let said = garbage::long_excerpt(&complaint.message);
    let failed =
        |code, what: &str, hint: &str| Finding::failed(code, format!("{what} {place}: {said}"), hint);
    match code(complaint) {
        Code::AccessDenied => {
            let hint = if config.trusted {
                "ask whoever runs the database whether the account still has its right to it"
            } else {
                "correct `reporting_db.user` and its password"
            };
            failed(Code::AccessDenied, "nobody is let in to the reporting database at", hint)
        }
        Code::UnknownDatabase => {
            let what = format!("there is no database `{}` for us at", config.database);
            failed(
                Code::UnknownDatabase,
                &what,
                "correct `reporting_db.database`, or ask for the right to it",
            )
        }
        Code::TableMissing => {
            let hint = "ask whoever runs the database: it is being renewed, or a table has another name";
            failed(Code::TableMissing, "a table is missing in the reporting database at", hint)
        }
        Code::NoDriver => Finding::failed(
            Code::NoDriver,
            format!("the ODBC driver `{}` cannot be used: {said}", config.driver),
            "install it (`tdsodbc`), and see that `odbcinst -q -d` lists it; or correct `reporting_db.driver`",
        ),
        Code::Timeout => {
            let hint = "ask whoever runs the database whether it is busy or locked";
            failed(Code::Timeout, "no answer in time from the reporting database at", hint)
        }
        Code::ConnectionLost => {
            let hint =
                "look whether it is another server that listens there, and ask whoever runs the database";
            failed(Code::ConnectionLost, "the connection broke to the reporting database at", hint)
        }
        other => failed(other, "an error from the reporting database at", "ask whoever runs the database"),
    }
}

/// The code of a complaint.
#[cfg(any(feature = "odbc", test))]
fn code(complaint: &Complaint) -> Code {
    let no_library = complaint.state == "01000" && complaint.message.contains("open lib");
    match (complaint.state.as_str(), complaint.native) {
        ("IM002" | "IM003" | "IM004" | "IM005", _) => Code::NoDriver,
        _ if no_library => Code::NoDriver,
        (_, 4060 | 1049 | 1044) => Code::UnknownDatabase,
        ("28000", _) | (_, 18456 | 18452 | 1045) => Code::AccessDenied,
        ("42S02", _) | (_, 208 | 1146) => Code::TableMissing,
        ("HYT00" | "HYT01", _) | (_, 1969 | 3024) => Code::Timeout,
        ("08S01" | "08003" | "08007", _) | (_, 2006 | 2013) => Code::ConnectionLost,
        _ => Code::ServerError,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_character_set_is_told_from_a_wrong_row() {
        let code = |text: &str| judge(&First::Text(text.to_owned()), "?ä*", "db:1433").code;
        assert_eq!(code("Bäcker"), Code::Ok);
        assert_eq!(code("Bäcker   "), Code::Ok);
        for mangled in ["BÃ¤cker", "B\u{fffd}cker", "B\u{fffd}\u{fffd}cker", "B?cker"] {
            assert_eq!(code(mangled), Code::Mangled, "{mangled}");
        }
        for other in ["Becker", "", "ä", "Baecker"] {
            assert_eq!(code(other), Code::WrongAnswer, "{other}");
        }
        assert_eq!(judge(&First::Null, "?ä*", "db").code, Code::WrongAnswer);
        assert_eq!(judge(&First::NoRow, "?ä*", "db").code, Code::Empty);
    }

    #[test]
    fn no_name_of_anybody_is_shown() {
        let finding = judge(&First::Text("Becker".to_owned()), "?ä*", "db");
        assert!(!format!("{finding:?}").contains("Becker"));
    }

    #[test]
    fn complaints_of_sql_server_and_mariadb_have_the_same_codes() {
        for (state, native, message, expected) in [
            ("28000", 18456, "[FreeTDS][SQL Server]Login failed for user 'x'.", Code::AccessDenied),
            ("28000", 1045, "[ma-3.1.15]Access denied for user 'x'@'y'", Code::AccessDenied),
            ("42000", 4060, "Cannot open database", Code::UnknownDatabase),
            ("42000", 1049, "Unknown database 'x'", Code::UnknownDatabase),
            ("42S02", 208, "Invalid object name 'PS_NAMES'", Code::TableMissing),
            ("HYT00", 0, "Timeout expired", Code::Timeout),
            ("IM002", 0, "Data source name not found", Code::NoDriver),
            ("01000", 0, "[unixODBC][Driver Manager]Can't open lib '/x.so' : file not found", Code::NoDriver),
            ("08S01", 2013, "Lost connection to server at 'handshake'", Code::ConnectionLost),
            ("08001", 0, "Unable to connect to data source", Code::ServerError),
            ("", 0, "", Code::ServerError),
        ] {
            let complaint = Complaint { state: state.to_owned(), native, message: message.to_owned() };
            assert_eq!(code(&complaint), expected, "{complaint:?}");
        }
    }
}
