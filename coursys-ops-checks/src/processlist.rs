//! What a database server is doing, as far as this account may see.

use sqlx::mysql::{MySqlConnection, MySqlDatabaseError, MySqlRow};
use sqlx::{Row as _, query};

/// Commands of connections on which nobody waits for an answer.
const AT_REST: [&str; 8] =
    ["Sleep", "Daemon", "Binlog Dump", "Slave_IO", "Slave_SQL", "Slave_worker", "Connect", "Delayed insert"];

/// The server's load.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Load {
    /// How many connections are open.
    pub(crate) connected: u64,
    /// How many there may be.
    pub(crate) max_connections: u64,
    /// How many this account may have; 0 when it has no limit of its own.
    pub(crate) max_user_connections: u64,
    /// Those that this account may see, apart from the one that asks.
    pub(crate) connections: Vec<Connection>,
    /// Who waits for rows; nothing when this account may not see it.
    pub(crate) waits: Option<Vec<Wait>>,
}

/// One connection.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Connection {
    /// Its number, for `KILL`.
    pub(crate) id: u64,
    /// Whose.
    pub(crate) user: String,
    /// In which database.
    pub(crate) database: Option<String>,
    /// What kind of thing it does: `Query`, `Sleep`.
    pub(crate) command: String,
    /// For how long.
    pub(crate) seconds: f64,
    /// How far it is: `Waiting for table metadata lock`.
    pub(crate) state: String,
    /// The beginning of the statement.
    pub(crate) statement: String,
}

impl Connection {
    /// Whether somebody waits for the end of its statement.
    pub(crate) fn is_at_work(&self) -> bool {
        !AT_REST.contains(&self.command.as_str()) && self.user != "system user"
    }

    /// Whether it waits for a lock on a whole table or schema.
    pub(crate) fn waits_for_a_table(&self) -> bool {
        self.state.starts_with("Waiting for") && self.state.contains("lock")
    }
}

/// A connection that waits for rows.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Wait {
    /// Its number.
    pub(crate) id: u64,
    /// For how long.
    pub(crate) seconds: f64,
    /// The number of the connection that holds them.
    pub(crate) blocker: u64,
}

/// Reads the load in three statements.
///
/// # Errors
///
/// Those of the client library.
pub(crate) async fn load(connection: &mut MySqlConnection) -> Result<Load, sqlx::Error> {
    const LIMITS: &str = "SELECT CAST(variable_value AS UNSIGNED), CAST(@@max_connections AS UNSIGNED), \
            CAST(@@max_user_connections AS UNSIGNED) \
        FROM information_schema.global_status WHERE variable_name = 'THREADS_CONNECTED'";
    const CONNECTIONS: &str = "SELECT CAST(id AS UNSIGNED), CAST(user AS CHAR), CAST(db AS CHAR), CAST(command AS CHAR), \
            CAST(time_ms AS DOUBLE), CAST(state AS CHAR), CAST(LEFT(info, 2000) AS CHAR) \
        FROM information_schema.processlist WHERE id <> CONNECTION_ID() LIMIT 1000";
    let row = query(LIMITS).fetch_one(&mut *connection).await?;
    let (connected, max_connections, max_user_connections) =
        (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
    let rows = query(CONNECTIONS).fetch_all(&mut *connection).await?;
    let connections = rows.iter().map(one).collect::<Result<_, _>>()?;
    let waits = waits(connection).await?;
    Ok(Load { connected, max_connections, max_user_connections, connections, waits })
}

fn one(row: &MySqlRow) -> Result<Connection, sqlx::Error> {
    const MS: f64 = 1000.0;
    Ok(Connection {
        id: row.try_get(0)?,
        user: row.try_get(1)?,
        database: row.try_get(2)?,
        command: row.try_get(3)?,
        seconds: row.try_get::<Option<f64>, _>(4)?.unwrap_or_default() / MS,
        state: row.try_get::<Option<String>, _>(5)?.unwrap_or_default(),
        statement: row.try_get::<Option<String>, _>(6)?.unwrap_or_default(),
    })
}

/// Who waits for rows of InnoDB's, and for whom. Without the right PROCESS the server refuses, by which it is known too
/// that the list of connections held this account's only.
async fn waits(connection: &mut MySqlConnection) -> Result<Option<Vec<Wait>>, sqlx::Error> {
    const WAITS: &str = "SELECT CAST(waits.trx_mysql_thread_id AS UNSIGNED), \
            CAST(TIMESTAMPDIFF(SECOND, waits.trx_wait_started, NOW()) AS DOUBLE), \
            CAST(holds.trx_mysql_thread_id AS UNSIGNED) \
        FROM information_schema.innodb_lock_waits AS pair \
        JOIN information_schema.innodb_trx AS waits ON waits.trx_id = pair.requesting_trx_id \
        JOIN information_schema.innodb_trx AS holds ON holds.trx_id = pair.blocking_trx_id LIMIT 1000";
    const NO_RIGHT: u16 = 1227;
    match query(WAITS).fetch_all(connection).await {
        Ok(rows) => {
            let wait = |row: &MySqlRow| {
                let seconds: Option<f64> = row.try_get(1)?;
                Ok(Wait {
                    id: row.try_get(0)?,
                    seconds: seconds.unwrap_or_default(),
                    blocker: row.try_get(2)?,
                })
            };
            rows.iter().map(wait).collect::<Result<_, sqlx::Error>>().map(Some)
        }
        Err(sqlx::Error::Database(error))
            if error
                .try_downcast_ref::<MySqlDatabaseError>()
                .is_some_and(|error| error.number() == NO_RIGHT) =>
        {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}
