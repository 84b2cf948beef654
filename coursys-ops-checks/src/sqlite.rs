//! One connection to a file of SQLite, which is only read.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use coursys_ops_core::config::Config;
use coursys_ops_core::model::{Code, Finding};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions as _, Connection as _};

/// How long another process may hold the file before that is a finding.
const LOCK_PATIENCE: Duration = Duration::from_secs(1);

/// SQLite's primary result codes (<https://www.sqlite.org/rescode.html>).
mod result {
    pub(super) const ERROR: u32 = 1;
    pub(super) const PERM: u32 = 3;
    pub(super) const BUSY: u32 = 5;
    pub(super) const LOCKED: u32 = 6;
    pub(super) const CORRUPT: u32 = 11;
    pub(super) const CANTOPEN: u32 = 14;
    pub(super) const NOTADB: u32 = 26;
    /// The extended code is in the higher bytes.
    pub(super) const PRIMARY: u32 = 0xff;
}

/// The file, where the configuration gives one.
///
/// # Errors
///
/// The finding that names the missing key.
pub fn path(config: &Config) -> Result<PathBuf, Finding> {
    let name = config.database.name.as_ref().ok_or_else(|| Finding::not_configured("database.name"))?;
    Ok(config.site.dir.join(name))
}

/// Opens the file, does `work` and closes it.
///
/// # Errors
///
/// The finding that says why it cannot be opened, or that of `work`.
pub async fn with<T, W, F>(config: &Config, work: W) -> Result<T, Finding>
where
    W: FnOnce(SqliteConnection) -> F + Send,
    F: Future<Output = (SqliteConnection, Result<T, Finding>)> + Send,
    T: Send,
{
    let path = path(config)?;
    let wal = path.with_added_extension("wal");
    let options = SqliteConnectOptions::new()
        .filename(&path)
        .read_only(true)
        .create_if_missing(false)
        // A file in WAL mode that nobody has open would get two more files from us, and keep them.
        .immutable(in_wal_mode(&path) && !wal.exists())
        .busy_timeout(LOCK_PATIENCE)
        .statement_cache_capacity(0)
        .disable_statement_logging();
    let connection = options.connect().await.map_err(|error| finding(&path, &error))?;
    let (connection, answer) = work(connection).await;
    // Waits for the thread that the library keeps for the connection.
    let _ = connection.close().await;
    answer
}

/// Whether the header says that the file is written by way of a log (<https://www.sqlite.org/fileformat.html>).
fn in_wal_mode(path: &Path) -> bool {
    use std::io::Read as _;
    const READ_VERSION: usize = 19;
    const WAL: u8 = 2;
    let mut header = [0; READ_VERSION + 1];
    let read = std::fs::File::open(path).and_then(|mut file| file.read_exact(&mut header));
    read.is_ok() && header.last() == Some(&WAL)
}

/// The finding for an error of the client library.
#[must_use]
pub fn finding(path: &Path, error: &sqlx::Error) -> Finding {
    let place = path.display();
    let primary = error
        .as_database_error()
        .and_then(|error| error.code()?.parse::<u32>().ok())
        .map(|code| code & result::PRIMARY);
    let message =
        error.as_database_error().map_or_else(|| error.to_string(), |error| error.message().to_owned());
    let (code, hint) = match primary {
        Some(result::CANTOPEN | result::PERM) => {
            match std::fs::File::open(path).map_err(|error| error.kind()) {
                Err(ErrorKind::NotFound) => {
                    (Code::NotFound, "correct `database.name`, or make the database: `manage.py migrate`")
                }
                Err(ErrorKind::PermissionDenied) => {
                    (Code::AccessDenied, "run the check as a user who may read the file")
                }
                _ => (Code::ServerError, "see what the file is, and whether its directory can be entered"),
            }
        }
        Some(result::NOTADB | result::CORRUPT) => {
            (Code::Garbage, "the file is no database, or damaged: correct `database.name`, or restore it")
        }
        Some(result::BUSY | result::LOCKED) => {
            (Code::Timeout, "another process holds the file: `fuser` shows which")
        }
        Some(result::ERROR) if message.starts_with("no such table") => (
            Code::TableMissing,
            "run the site's migrations (`manage.py migrate`), or correct `database.name`",
        ),
        _ => (Code::ServerError, "see whether `sqlite3` can open the file"),
    };
    Finding::failed(code, format!("{place}: {message}"), hint)
}
