//! `database.connection`: the site's database can be read and holds the site's data.

use std::time::Duration;

use async_trait::async_trait;
use coursys_ops_core::config::{Database, Engine};
use coursys_ops_core::model::{CheckSpec, Code, Finding, Tier};
use coursys_ops_core::{Check, Scope};
use sqlx::mysql::MySqlConnection;
use sqlx::sqlite::SqliteConnection;
use sqlx::{Row as _, query};

use crate::{mysql, sqlite};

/// The check's id, for those that need it.
pub const ID: &str = "database.connection";

/// A table that every installation has and that is never empty: the terms.
const TABLE: &str = "coredata_semester";
const LOOK: &str = "SELECT 1 FROM coredata_semester LIMIT 1";

const EXPLANATION: &str = "\
Logs in to the site's database as the site does and reads one row of `coredata_semester`, the table of terms, which is \
never empty on a working site. Nothing is written. A file of SQLite is opened for reading only and never created.

Without its database the site answers nothing at all.

When it fails: `refused`, `unknown_host` and `timeout` are about the server or the network before it; in production that \
server is run by others, so ask them. `access_denied` and `unknown_database` mean that account or name here are not \
those of the site: compare with `config import-django`. `table_missing` and `empty` mean that it is the wrong database, or \
one that was never filled: look at `database.name`, and restore a dump if it is the right one.";

/// Looks whether the site's database is there.
#[derive(Debug)]
pub struct DatabaseConnection(CheckSpec);

impl DatabaseConnection {
    /// The check.
    #[must_use]
    pub fn new() -> Self {
        Self(
            CheckSpec::new(ID, "Database connection")
                .tier(Tier::Sanity)
                .component("database")
                .timeout(Duration::from_secs(3))
                .timeout_hint(
                    "the database does not answer: look at the server, the network before it, and at locked tables \
                     (`SHOW PROCESSLIST`)",
                )
                .explanation(EXPLANATION),
        )
    }
}

impl Default for DatabaseConnection {
    fn default() -> Self {
        Self::new()
    }
}

/// What a database says about itself.
struct Description {
    version: String,
    session: String,
}

async fn look_mysql(
    database: Database,
    mut connection: MySqlConnection,
) -> (MySqlConnection, Result<Description, Finding>) {
    const DESCRIBE: &str = "SELECT CAST(@@version AS CHAR), \
        CONCAT('time zone ', @@time_zone, ', ', @@collation_connection)";
    let answer = async {
        let wrong = |error| mysql::finding(&database, error);
        let row = query(DESCRIBE).fetch_one(&mut connection).await.map_err(wrong)?;
        let text = |index: usize| row.try_get(index).map_err(wrong);
        let description = Description { version: text(0)?, session: text(1)? };
        let rows = query(LOOK).fetch_optional(&mut connection).await.map_err(wrong)?;
        rows.map(|_| description).ok_or_else(empty)
    }
    .await;
    (connection, answer)
}

async fn look_sqlite(
    path: std::path::PathBuf,
    mut connection: SqliteConnection,
) -> (SqliteConnection, Result<Description, Finding>) {
    let answer = async {
        let wrong = |error| sqlite::finding(&path, &error);
        let rows = query(LOOK).fetch_optional(&mut connection).await.map_err(wrong)?;
        rows.ok_or_else(empty)?;
        let describe = query("SELECT sqlite_version(), journal_mode FROM pragma_journal_mode");
        let row = describe.fetch_one(&mut connection).await.map_err(wrong)?;
        let text = |index: usize| row.try_get::<String, _>(index).map_err(wrong);
        Ok(Description {
            version: format!("SQLite {}", text(0)?),
            session: format!("journal mode {}", text(1)?),
        })
    }
    .await;
    (connection, answer)
}

fn empty() -> Finding {
    Finding::failed(
        Code::Empty,
        format!("the table `{TABLE}` is empty"),
        "correct `database.name`, or restore a dump: a working site always has terms",
    )
}

#[async_trait]
impl Check for DatabaseConnection {
    fn spec(&self) -> &CheckSpec {
        &self.0
    }

    async fn look(&self, scope: &Scope) -> Vec<Finding> {
        let config = scope.config();
        let database = &config.database;
        let (looked, place) = match database.engine {
            Engine::Mysql => {
                let work = |connection| look_mysql(database.clone(), connection);
                (mysql::with(scope, database, work).await, database.server.place())
            }
            Engine::Sqlite => {
                let path = match sqlite::path(config) {
                    Ok(path) => path,
                    Err(finding) => return vec![finding],
                };
                let work = |connection| look_sqlite(path.clone(), connection);
                (sqlite::with(config, work).await, path.display().to_string())
            }
        };
        vec![match looked {
            Ok(Description { version, session }) => {
                scope.fact("database", format!("{version} at {place}, {session}"));
                Finding::passed(format!("{version} answers, and `{TABLE}` has rows"))
            }
            Err(finding) => finding,
        }]
    }
}

#[cfg(test)]
#[path = "database_connection_tests.rs"]
mod tests;
