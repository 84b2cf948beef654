//! The settings of the unit `univ`: a JSON object in the database, in which the site keeps what has no table of its own.

use coursys_ops_core::Scope;
use coursys_ops_core::config::{Database, Engine};
use coursys_ops_core::model::Finding;
use sqlx::mysql::MySqlConnection;
use sqlx::sqlite::SqliteConnection;
use sqlx::{Row as _, query};

use crate::{mysql, sqlite};

/// More than this is no settings of a unit; it is read into memory.
const CONFIG: &str = "SELECT LEFT(config, 4000000) FROM coredata_unit WHERE slug = 'univ'";
const CONFIG_SQLITE: &str = "SELECT SUBSTR(config, 1, 4000000) FROM coredata_unit WHERE slug = 'univ'";

/// The settings of the unit, where there is such a unit.
type Settings = Result<Option<Vec<u8>>, Finding>;

/// Reads the settings as they are stored; nothing when there is no such unit.
///
/// # Errors
///
/// The finding that says why the database gives no answer.
pub(crate) async fn settings(scope: &Scope) -> Settings {
    let config = scope.config();
    let database = &config.database;
    match database.engine {
        Engine::Mysql => {
            mysql::with(scope, database, |connection| read_mysql(database.clone(), connection)).await
        }
        Engine::Sqlite => {
            let path = sqlite::path(config)?;
            sqlite::with(config, |connection| read_sqlite(path, connection)).await
        }
    }
}

async fn read_mysql(database: Database, mut connection: MySqlConnection) -> (MySqlConnection, Settings) {
    let row = query(CONFIG).fetch_optional(&mut connection).await;
    let settings = row.and_then(|row| row.map(|row| row.try_get_unchecked(0)).transpose());
    (connection, settings.map_err(|error| mysql::finding(&database, error)))
}

async fn read_sqlite(
    path: std::path::PathBuf,
    mut connection: SqliteConnection,
) -> (SqliteConnection, Settings) {
    let row = query(CONFIG_SQLITE).fetch_optional(&mut connection).await;
    let settings = row.and_then(|row| row.map(|row| row.try_get_unchecked(0)).transpose());
    (connection, settings.map_err(|error| sqlite::finding(&path, &error)))
}
