//! One connection to MariaDB or MySQL, as the site has them: naive local times, and no change to the server's SQL mode.

use std::io;
use std::os::fd::AsFd;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use coursys_ops_core::Scope;
use coursys_ops_core::config::{Database, SecretValue, Tls};
use coursys_ops_core::model::{Code, Finding};
use coursys_ops_core::net::{NetError, Relay, Stream, TlsProblem, client_config};
use futures_util::FutureExt as _;
use rustix::net::RecvFlags;
use sqlx::mysql::{MySqlConnectOptions, MySqlConnection, MySqlDatabaseError, MySqlSslMode};
use sqlx::{ConnectOptions as _, Connection as _};
use tokio::io::Interest;

use crate::garbage;
use crate::login::Login;

/// What the site's tables and connections are in: a name may hold any character.
pub const CHARSET: &str = "utf8mb4";
const COLLATION: &str = "utf8mb4_unicode_ci";

/// How long saying goodbye may take; without it the server logs an aborted connection.
const GOODBYE: Duration = Duration::from_millis(100);

/// How long to wait for the rest of a greeting of which a part is there.
const BETWEEN_PEEKS: Duration = Duration::from_millis(5);

/// Connects, does `work` and says goodbye. Dropping it in the middle closes the connection, upon which the server rolls
/// back.
///
/// # Errors
///
/// The finding that says why there is no connection, or that of `work`.
pub async fn with<T, W, F>(scope: &Scope, database: &Database, work: W) -> Result<T, Finding>
where
    W: FnOnce(MySqlConnection) -> F + Send,
    F: Future<Output = (MySqlConnection, Result<T, Finding>)> + Send,
    T: Send,
{
    let server = &database.server;
    let options = options(database)?;
    let stream = scope.dial_plain(server).await.map_err(|error| error.finding(server))?;
    greeted(&stream).await.map_err(|trouble| trouble.finding(database))?;
    let (relay, path) = Relay::unix(stream).map_err(|error| {
        Finding::unknown(Code::HelperFailed, format!("cannot make a socket of our own: {error}"))
    })?;
    let client = async {
        let connection = options.socket(path).connect().await.map_err(|error| finding(database, error))?;
        let (connection, answer) = work(connection).await;
        let _ = tokio::time::timeout(GOODBYE, connection.close()).await;
        answer
    };
    // The client library trusts the lengths in packets and panics on some of those that make no sense.
    let client = AssertUnwindSafe(client).catch_unwind();
    relay
        .during(client)
        .await
        .unwrap_or_else(|_| Err(Trouble::Garbage("what it says makes no sense".to_owned()).finding(database)))
}

/// How to log in.
fn options(database: &Database) -> Result<MySqlConnectOptions, Finding> {
    let server = &database.server;
    let options = match (&server.socket, &server.user, &server.secret) {
        // A local server may know its users by their sockets.
        (Some(_), Some(user), SecretValue::Missing) => MySqlConnectOptions::new().username(user),
        _ => {
            let Login { user, password } = Login::required(server)?;
            MySqlConnectOptions::new().username(user).password(password.expose())
        }
    };
    let name = database.name.as_deref().ok_or_else(|| Finding::not_configured("database.name"))?;
    let mut options = options
        .database(name)
        .charset(CHARSET)
        .collation(COLLATION)
        .timezone(None)
        .pipes_as_concat(false)
        .no_engine_substitution(false)
        .statement_cache_capacity(0)
        .disable_statement_logging();
    Ok(match server.tls {
        Tls::Off => options.ssl_mode(MySqlSslMode::Disabled),
        Tls::Required => {
            let problem = |problem| NetError::Tls(server.place(), problem).finding(server);
            // Read here for its precise errors; the library would read the file on a thread of its own.
            client_config(server).map_err(problem)?;
            if let Some(path) = &server.tls_ca_file {
                let pem = std::fs::read(path).map_err(|error| {
                    problem(TlsProblem::CaFile(path.display().to_string(), error.to_string()))
                })?;
                options = options.ssl_ca_from_pem(pem);
            }
            let name = server.tls_server_name.as_deref().or(server.host.as_deref()).unwrap_or("localhost");
            options.ssl_mode(MySqlSslMode::VerifyIdentity).host(name.trim_matches(['[', ']']))
        }
    })
}

/// What is wrong with a server that was reached.
enum Trouble {
    Lost(io::Error),
    Garbage(String),
}

impl Trouble {
    fn finding(&self, database: &Database) -> Finding {
        let place = database.server.place();
        match self {
            Self::Lost(error) => Finding::failed(
                Code::ConnectionLost,
                format!("{place} closed the connection: {error}"),
                "look at the database server's log for the reason",
            ),
            Self::Garbage(what) => Finding::failed(
                Code::Garbage,
                format!("{place} does not answer as a database server: {what}"),
                "correct `database.host` and `database.port`",
            ),
        }
    }
}

/// Waits for the beginning of the server's greeting and looks, without taking it, whether it is one.
///
/// The library would take the first bytes of any protocol for a length, and wait for megabytes that never come.
async fn greeted(stream: &Stream) -> Result<(), Trouble> {
    loop {
        let mut start = [0; 5];
        let peek = |fd: rustix::fd::BorrowedFd<'_>| {
            let (_, count) = rustix::net::recv(fd, &mut start[..], RecvFlags::PEEK)?;
            Ok(count)
        };
        let count = match stream {
            Stream::Tcp(stream) => {
                let mut peek = peek;
                stream.async_io(Interest::READABLE, || peek(stream.as_fd())).await
            }
            Stream::Unix(stream) => {
                let mut peek = peek;
                stream.async_io(Interest::READABLE, || peek(stream.as_fd())).await
            }
            Stream::Tls(_) => return Ok(()),
        };
        match count {
            Err(error) => return Err(Trouble::Lost(error)),
            Ok(0) => return Err(Trouble::Lost(io::ErrorKind::UnexpectedEof.into())),
            Ok(count) => {
                if let Some(judged) = judge_greeting(start.get(..count).unwrap_or_default()) {
                    return judged.map_err(Trouble::Garbage);
                }
            }
        }
        tokio::time::sleep(BETWEEN_PEEKS).await;
    }
}

/// Whether these bytes begin a greeting; nothing when there are too few to tell.
fn judge_greeting(start: &[u8]) -> Option<Result<(), String>> {
    /// The version of the protocol since MySQL 3.21, and an error instead of a greeting.
    const KINDS: [u8; 2] = [10, 0xff];
    /// Greetings have about 100 bytes, so the second and third byte of the length are zero.
    const fn sane(start: &[u8]) -> Option<bool> {
        Some(match start {
            [_, 0 | 1, 0, 0, kind, ..] => *kind == KINDS[0] || *kind == KINDS[1],
            [] | [_] | [_, 0 | 1] | [_, 0 | 1, 0] | [_, 0 | 1, 0, 0] => return None,
            _ => false,
        })
    }
    sane(start).map(
        |sane| {
            if sane { Ok(()) } else { Err(format!("it begins with `{}`", garbage::excerpt(start))) }
        },
    )
}

/// The finding for an error of the client library.
#[must_use]
pub fn finding(database: &Database, error: sqlx::Error) -> Finding {
    let server = &database.server;
    match error {
        sqlx::Error::Database(error) => {
            let number = error.try_downcast_ref::<MySqlDatabaseError>().map(MySqlDatabaseError::number);
            refused(database, number.unwrap_or_default(), error.message())
        }
        sqlx::Error::Io(error)
            if error.get_ref().is_some_and(<dyn std::error::Error + Send + Sync>::is::<rustls::Error>) =>
        {
            NetError::Tls(server.place(), TlsProblem::from_io(error)).finding(server)
        }
        sqlx::Error::Io(error) => Trouble::Lost(error).finding(database),
        // The library's own words when the greeting lacks the capability.
        sqlx::Error::Tls(error) if error.to_string().contains("does not support TLS") => {
            NetError::Tls(server.place(), TlsProblem::NotTls).finding(server)
        }
        sqlx::Error::Tls(error) => Finding::failed(
            Code::TlsFailed,
            format!("TLS with {} failed: {error}", server.place()),
            "look at `database.tls_ca_file`, `database.tls_server_name` and the server's TLS settings",
        ),
        sqlx::Error::Configuration(error) => Finding::failed(
            Code::ServerError,
            format!("{} wants a login that is not possible here: {error}", server.place()),
            "set `database.tls = \"required\"`, or let the account log in with `mysql_native_password`",
        ),
        other => Trouble::Garbage(other.to_string()).finding(database),
    }
}

/// The finding for an error of the server.
fn refused(database: &Database, number: u16, message: &str) -> Finding {
    let (code, hint) = match number {
        // Access denied: to the server, by password or by socket, from this host, and with an expired password.
        1045 | 1698 | 1130 | 1820 | 1862 => (
            Code::AccessDenied,
            "correct `database.user` and its password, or the account's host; an account that requires TLS is refused \
             in the same words: then set `database.tls = \"required\"`",
        ),
        // The login is good. An account without rights gets the same answer whether the database exists or not.
        1044 => (
            Code::UnknownDatabase,
            "correct `database.name`; if it is right, give the account its rights to it: `SHOW GRANTS` tells those it has",
        ),
        // Access denied: to a table, a column, a privilege.
        1142 | 1143 | 1227 => {
            (Code::AccessDenied, "give the account its rights: `SHOW GRANTS` tells those it has")
        }
        1049 => (Code::UnknownDatabase, "correct `database.name`, or restore the database"),
        // 1109 is what the tables about tables say.
        1109 | 1146 => (
            Code::TableMissing,
            "run the site's migrations (`manage.py migrate`), or correct `database.name`",
        ),
        // Too many connections, of all or of this account.
        1040 | 1203 | 1226 => (Code::TryLater, "see who is connected: `SHOW PROCESSLIST`"),
        // Read-only: the server, a transaction, a table.
        1290 | 1792 | 1036 => (
            Code::Rejected,
            "the server takes no changes: is it a replica, or was `read_only` set for a change of servers?",
        ),
        1129 => (Code::Rejected, "the server blocks this host after too many errors: `FLUSH HOSTS` there"),
        // Only encrypted connections are allowed.
        4151 => (
            Code::AccessDenied,
            "the account is locked: find out who did it and why, then `ALTER USER … ACCOUNT UNLOCK`",
        ),
        3159 => (Code::Rejected, "set `database.tls = \"required\"`"),
        _ => (Code::ServerError, "look at the database server's log"),
    };
    Finding::failed(code, format!("{} answered: {number} {message}", database.server.place()), hint)
}

#[cfg(test)]
#[path = "mysql_tests.rs"]
mod tests;
