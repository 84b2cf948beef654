//! `database.unicode`: any character survives in the site's database.

use async_trait::async_trait;
use coursys_ops_core::config::{Database, Engine};
use coursys_ops_core::model::{CheckSpec, Code, Effects, Finding, Status};
use coursys_ops_core::{Check, Scope};
use sqlx::mysql::MySqlConnection;
use sqlx::sqlite::SqliteConnection;
use sqlx::{AssertSqlSafe, Connection as _, Row as _, query};
use uuid::Uuid;

use crate::probe_row::{Column, Value, probe_row};
use crate::{database_charset, mysql, sqlite};

const EXPLANATION: &str = "\
Inserts a term whose name holds a character outside Unicode's Basic Multilingual Plane into `coredata_semester`, reads it \
back and rolls the transaction back, so that nobody else ever sees it; its id is negative, so that not even the counter \
of ids moves. A table that cannot roll back is not written to. It also reads the character sets of its connection, which \
a server can impose. In SQLite, which has one encoding, the round trip is through a table in memory.

A student's name or a message may hold any character. MariaDB's `latin1` and its three-byte `utf8` refuse or mangle some, \
often only when the first such student comes.

When it fails: tables and columns are the affair of `database.charset`, so it is the connection: look at \
`skip-character-set-client-handshake` and `init_connect` in the server's configuration, and at a proxy in between; or a \
trigger of the table that mangles what it is given.";

/// The table of terms: small, and the site cannot do without it.
const TABLE: &str = "coredata_semester";

/// Looks whether any character survives.
#[derive(Debug)]
pub struct DatabaseUnicode(CheckSpec);

impl DatabaseUnicode {
    /// The check.
    #[must_use]
    pub fn new() -> Self {
        Self(
            CheckSpec::new("database.unicode", "Database Unicode")
                .component("database")
                .needs(database_charset::ID)
                .effects(Effects::SelfCleaning)
                .timeout_hint("the table may be locked: look at `SHOW PROCESSLIST`")
                .explanation(EXPLANATION),
        )
    }
}

impl Default for DatabaseUnicode {
    fn default() -> Self {
        Self::new()
    }
}

/// A name of four characters, the room that a term has, that no term has and no other run tries at the same time.
///
/// MariaDB's `utf8mb4_unicode_ci` takes all characters beyond the Basic Multilingual Plane for equal, so the other three
/// make the difference.
fn unlikely_name() -> String {
    /// The syllables of Hangul: 11172 characters without special properties.
    const HANGUL: u32 = 0xac00;
    const SYLLABLES: u32 = 11_172;
    let random = Uuid::new_v4();
    let (pairs, _) = random.as_bytes().as_chunks::<2>();
    let syllable = |pair: &[u8; 2]| char::from_u32(HANGUL + u32::from(u16::from_be_bytes(*pair)) % SYLLABLES);
    std::iter::once('🎓').chain(pairs.iter().take(3).filter_map(syllable)).collect()
}

/// The round trip and the look at the connection, in a transaction that is never committed.
async fn look_mysql(
    database: Database,
    mut connection: MySqlConnection,
) -> (MySqlConnection, Result<Vec<Finding>, Finding>) {
    let answer = async {
        let wrong = |error| mysql::finding(&database, error);
        let tried = match engine(&mut connection).await.map_err(wrong)? {
            Some(engine) if engine != "InnoDB" => Some(no_rollback(&engine)),
            _ => round_trip(&database, &mut connection).await?,
        };
        let mut findings = charsets(&mut connection).await.map_err(wrong)?;
        // Where the connection is known to be wrong, the round trip only shows the same again.
        let explained = findings.iter().any(|finding| finding.status == Status::Failed);
        findings.extend(tried.filter(|tried| !explained || tried.code != Code::Mangled));
        Ok(findings)
    }
    .await;
    (connection, answer)
}

/// How the table is stored: what is not InnoDB does not roll back.
async fn engine(connection: &mut MySqlConnection) -> Result<Option<String>, sqlx::Error> {
    const ENGINE: &str = "SELECT CAST(engine AS CHAR) FROM information_schema.tables \
        WHERE table_schema = DATABASE() AND table_name = 'coredata_semester'";
    query(ENGINE).fetch_optional(connection).await?.map_or(Ok(None), |row| row.try_get(0))
}

async fn round_trip(
    database: &Database,
    connection: &mut MySqlConnection,
) -> Result<Option<Finding>, Finding> {
    /// The server's words for a character that the column cannot hold, that it could hold in part, and that is not in
    /// another character set.
    const CANNOT_HOLD: [u16; 3] = [1366, 1406, 1977];
    let wrong = |error| mysql::finding(database, error);
    let name = unlikely_name();
    let id = -1 - i64::from(Uuid::new_v4().as_fields().1);
    let columns = table_columns(connection).await.map_err(wrong)?;
    let Some(row) = probe_row(&columns, &name, id) else { return Ok(Some(no_room())) };
    let mut transaction = connection.begin().await.map_err(wrong)?;
    let sql = AssertSqlSafe(row.insert(TABLE));
    let insert = row.values.iter().fold(query(sql), |insert, (_, value)| match value {
        Value::Text(text) => insert.bind(text),
        Value::Number(number) => insert.bind(number),
        Value::Now(_) => insert,
    });
    let back = match insert.execute(&mut *transaction).await {
        Ok(_) => {
            let read = query(AssertSqlSafe(row.read(TABLE)));
            let read = if row.id.is_some() { read.bind(id) } else { read.bind(&name) };
            let found = read.fetch_optional(&mut *transaction).await.map_err(wrong)?;
            found.map_or(Ok(Vec::new()), |row| row.try_get::<Vec<u8>, _>(0)).map_err(wrong)?
        }
        Err(sqlx::Error::Database(error))
            if error
                .try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>()
                .is_some_and(|error| CANNOT_HOLD.contains(&error.number())) =>
        {
            Vec::new()
        }
        Err(error) => return Err(wrong(error)),
    };
    transaction.rollback().await.map_err(wrong)?;
    Ok((back != name.as_bytes()).then(|| mangled(&row.text)))
}

/// The columns of the table of terms.
async fn table_columns(connection: &mut MySqlConnection) -> Result<Vec<Column>, sqlx::Error> {
    const COLUMNS: &str = "SELECT CAST(column_name AS CHAR), CAST(data_type AS CHAR), \
        CAST(character_maximum_length AS UNSIGNED), \
        is_nullable = 'NO' AND column_default IS NULL AND extra NOT LIKE '%auto_increment%' \
            AND extra NOT LIKE '%GENERATED%', \
        column_type NOT LIKE '%unsigned%' \
        FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = 'coredata_semester' \
        ORDER BY ordinal_position";
    let rows = query(COLUMNS).fetch_all(connection).await?;
    let column = |row: &sqlx::mysql::MySqlRow| {
        Ok(Column {
            name: row.try_get(0)?,
            data_type: row.try_get::<String, _>(1)?.to_lowercase(),
            length: row.try_get(2)?,
            required: row.try_get::<i64, _>(3)? != 0,
            signed: row.try_get::<i64, _>(4)? != 0,
        })
    };
    rows.iter().map(column).collect()
}

/// The character sets of this connection.
async fn charsets(connection: &mut MySqlConnection) -> Result<Vec<Finding>, sqlx::Error> {
    const CHARSETS: &str = "SELECT CAST(@@character_set_client AS CHAR), \
        CAST(@@character_set_connection AS CHAR), CAST(@@character_set_results AS CHAR)";
    let row = query(CHARSETS).fetch_one(connection).await?;
    let mut findings = Vec::new();
    for (index, what) in ["client", "connection", "results"].into_iter().enumerate() {
        let charset: Option<String> = row.try_get(index)?;
        let charset = charset.unwrap_or_else(|| "binary".to_owned());
        if charset != mysql::CHARSET {
            findings.push(
                Finding::failed(
                    Code::Mangled,
                    format!(
                        "the connection's `character_set_{what}` is `{charset}`, though utf8mb4 was asked for"
                    ),
                    "look at the server's `skip-character-set-client-handshake` and `init_connect`",
                )
                .about("connection"),
            );
        }
    }
    Ok(findings)
}

/// The round trip through a table that lives in memory: nothing is written to the file.
async fn look_sqlite(
    path: std::path::PathBuf,
    mut connection: SqliteConnection,
) -> (SqliteConnection, Result<Vec<Finding>, Finding>) {
    let answer = async {
        let wrong = |error| sqlite::finding(&path, &error);
        let name = unlikely_name();
        query("PRAGMA temp_store = MEMORY").execute(&mut connection).await.map_err(wrong)?;
        let mut transaction = connection.begin().await.map_err(wrong)?;
        let make = "CREATE TEMPORARY TABLE coursys_ops_probe (name TEXT)";
        query(make).execute(&mut *transaction).await.map_err(wrong)?;
        let insert = query("INSERT INTO coursys_ops_probe (name) VALUES (?)").bind(&name);
        insert.execute(&mut *transaction).await.map_err(wrong)?;
        let read = query("SELECT CAST(name AS BLOB) FROM coursys_ops_probe");
        let row = read.fetch_one(&mut *transaction).await.map_err(wrong)?;
        let back: Vec<u8> = row.try_get(0).map_err(wrong)?;
        transaction.rollback().await.map_err(wrong)?;
        Ok((back != name.as_bytes()).then(|| mangled("name")).into_iter().collect())
    }
    .await;
    (connection, answer)
}

fn mangled(column: &str) -> Finding {
    Finding::failed(
        Code::Mangled,
        "the name of a term with `🎓` in it did not come back as it was",
        "its columns are as they should be, so something changes names on their way: `SHOW TRIGGERS`, `init_connect` of the \
         server, a proxy in between",
    )
    .about(format!("{TABLE}.{column}"))
}

fn no_room() -> Finding {
    Finding::unknown(Code::Contradictory, "no column of the table has room for four characters")
        .with_hint("is this the site's database? look at `database.name`")
        .about(TABLE)
}

fn no_rollback(engine: &str) -> Finding {
    Finding::warning(
        Code::Rejected,
        format!("`coredata_semester` is stored by {engine}, which cannot roll back, so nothing was written"),
        "the site needs transactions: after a dump, ALTER TABLE coredata_semester ENGINE = InnoDB",
    )
    .about("coredata_semester")
}

#[async_trait]
impl Check for DatabaseUnicode {
    fn spec(&self) -> &CheckSpec {
        &self.0
    }

    async fn look(&self, scope: &Scope) -> Vec<Finding> {
        let config = scope.config();
        let database = &config.database;
        let looked = match database.engine {
            Engine::Mysql => {
                mysql::with(scope, database, |connection| look_mysql(database.clone(), connection)).await
            }
            Engine::Sqlite => match sqlite::path(config) {
                Ok(path) => sqlite::with(config, |connection| look_sqlite(path, connection)).await,
                Err(finding) => Err(finding),
            },
        };
        match looked {
            Ok(findings) if findings.is_empty() => {
                vec![Finding::passed("any character survives")]
            }
            Ok(findings) => findings,
            Err(finding) => vec![finding],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_probe_has_room_in_a_term_and_is_no_name_of_one() {
        let names: std::collections::BTreeSet<_> = (0..100).map(|_| unlikely_name()).collect();
        assert_eq!(names.len(), 100);
        for name in names {
            assert_eq!(name.chars().count(), 4);
            assert!(
                name.starts_with('🎓') && name.chars().skip(1).all(|c| ('가'..='힣').contains(&c)),
                "{name}"
            );
        }
    }
}
