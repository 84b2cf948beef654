//! `database.charset`: the database, its tables and their columns are in the site's character set and collation.

use async_trait::async_trait;
use coursys_ops_core::config::{Database, Engine};
use coursys_ops_core::model::{CheckSpec, Code, Finding};
use coursys_ops_core::{Check, Scope};
use sqlx::mysql::{MySqlConnection, MySqlDatabaseError, MySqlRow};
use sqlx::{Row as _, query};

use crate::alter::{Column, Wanted};
use crate::probe_row::quote;
use crate::{database_connection, mysql};

/// The check's id, for those that need it.
pub(crate) const ID: &str = "database.charset";

/// So many offenders are named, each with its statement.
const SHOWN: usize = 20;

/// So many columns are read; whoever has more wrong ones converts whole tables first. Also in the statement.
const COLUMNS_READ: usize = 2000;

const EXPLANATION: &str = "\
Reads in three statements from `information_schema` whether the database's default, every table and every text column have \
the collation `database.collation`, `utf8mb4_unicode_ci` for this site, and names each that has not, with the `ALTER …` \
that mends it. A table that is off as a whole is named once, not for each of its columns. Columns of JSON, which MariaDB \
keeps as `longtext` in `utf8mb4_bin` with a check that it is JSON, are as they should be. Views have no columns of their \
own.

A student's name or a message may hold any character, and only utf8mb4 holds them all: `latin1` and MariaDB's three-byte \
`utf8` refuse or mangle some, often only when the first such student comes. Columns of different collations cannot be \
compared: the site's queries fail with \"Illegal mix of collations\", or do without an index. New tables inherit the \
database's default, so a restored dump or a new server brings such tables in by and by.

When it fails: make a dump, announce maintenance and run the statements in the hints. A conversion writes the whole table \
anew and locks it meanwhile. Foreign keys over text columns must be off for it (`SET foreign_key_checks = 0`), on both \
sides, and a column that is longer in utf8mb4 may become a larger type (`text` becomes `mediumtext`): compare `SHOW CREATE \
TABLE` before and after.";

/// The check.
pub(crate) struct DatabaseCharset(CheckSpec);

impl DatabaseCharset {
    pub(crate) fn new() -> Self {
        Self(
            CheckSpec::new(ID, "Character set of the database")
                .component("database")
                .needs(database_connection::ID)
                .timeout_hint("`information_schema` waits for a table that is being changed: look at `SHOW PROCESSLIST`")
                .explanation(EXPLANATION),
        )
    }
}

#[async_trait]
impl Check for DatabaseCharset {
    fn spec(&self) -> &CheckSpec {
        &self.0
    }

    async fn look(&self, scope: &Scope) -> Vec<Finding> {
        let database = &scope.config().database;
        if database.engine == Engine::Sqlite {
            return vec![Finding::skipped(
                Code::NotInLayout,
                "SQLite has one encoding and no character sets",
            )];
        }
        let work = |connection| look(database.clone(), connection);
        match mysql::with(scope, database, work).await {
            Ok(found) => findings(database, &found),
            Err(finding) => vec![finding],
        }
    }
}

/// What is off, as the server tells it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Found {
    /// The collation of tables to come.
    default: String,
    /// How many tables there are.
    tables: i64,
    /// Tables with another collation: name and collation.
    off: Vec<(String, String)>,
    /// Columns with another collation, table by table.
    columns: Vec<Column>,
    /// How many columns are taken for JSON, when it would have taken too long to read the checks of columns.
    believed: Option<usize>,
}

async fn look(
    database: Database,
    mut connection: MySqlConnection,
) -> (MySqlConnection, Result<Found, Finding>) {
    let answer = ask(&database.collation, &mut connection).await;
    (connection, answer.map_err(|error| mysql::finding(&database, error)))
}

async fn ask(collation: &str, connection: &mut MySqlConnection) -> Result<Found, sqlx::Error> {
    // The first row is the database itself.
    const TABLES: &str = "SELECT NULL, CAST(@@collation_database AS CHAR), CAST((SELECT COUNT(*) \
            FROM information_schema.tables WHERE table_schema = DATABASE() AND table_type = 'BASE TABLE') AS SIGNED) \
        UNION ALL SELECT CAST(table_name AS CHAR), CAST(table_collation AS CHAR), CAST(0 AS SIGNED) \
        FROM information_schema.tables \
        WHERE table_schema = DATABASE() AND table_type = 'BASE TABLE' AND table_collation <> ? LIMIT 20001";
    const COLUMNS: &str = "SELECT CAST(table_name AS CHAR), CAST(column_name AS CHAR), CAST(column_type AS CHAR), \
            CAST(collation_name AS CHAR), is_nullable = 'YES', CAST(column_default AS CHAR), CAST(extra AS CHAR), \
            CAST(generation_expression AS CHAR), CAST(column_comment AS CHAR) \
        FROM information_schema.columns \
        WHERE table_schema = DATABASE() AND collation_name <> ? AND table_name NOT IN \
            (SELECT table_name FROM information_schema.views WHERE table_schema = DATABASE()) \
        ORDER BY table_name, ordinal_position LIMIT 2000";
    let mut found = Found::default();
    for row in query(TABLES).bind(collation).fetch_all(&mut *connection).await? {
        match row.try_get::<Option<String>, _>(0)? {
            None => (found.default, found.tables) = (row.try_get(1)?, row.try_get(2)?),
            Some(name) => found.off.push((name, row.try_get(1)?)),
        }
    }
    found.off.sort_unstable();
    let rows = query(COLUMNS).bind(collation).fetch_all(&mut *connection).await?;
    let columns = rows.iter().map(column).collect::<Result<Vec<_>, _>>()?;
    if columns.is_empty() {
        return Ok(found);
    }
    match column_checks(connection).await? {
        Some(checks) => {
            let with_check = |column: Column| {
                let check =
                    checks.iter().find(|(table, name, _)| *table == column.table && *name == column.name);
                Column { check: check.map(|(_, _, clause)| clause.clone()), ..column }
            };
            found.columns = columns.into_iter().map(with_check).filter(|column| !column.is_json()).collect();
        }
        None => {
            let (json, others): (Vec<_>, Vec<_>) = columns.into_iter().partition(Column::may_be_json);
            (found.believed, found.columns) = (Some(json.len()), others);
        }
    }
    Ok(found)
}

fn column(row: &MySqlRow) -> Result<Column, sqlx::Error> {
    Ok(Column {
        table: row.try_get(0)?,
        name: row.try_get(1)?,
        column_type: row.try_get(2)?,
        collation: row.try_get(3)?,
        nullable: row.try_get::<i64, _>(4)? != 0,
        default: row.try_get(5)?,
        extra: row.try_get(6)?,
        generation: row.try_get(7)?,
        comment: row.try_get(8)?,
        check: None,
    })
}

/// The checks of columns: table, column, clause. Every table with one must be opened for that: with very many it would
/// take longer than there is time, and then nothing comes back.
async fn column_checks(
    connection: &mut MySqlConnection,
) -> Result<Option<Vec<(String, String, String)>>, sqlx::Error> {
    const CHECKS: &str = "SET STATEMENT max_statement_time = 1.5 FOR \
        SELECT CAST(table_name AS CHAR), CAST(constraint_name AS CHAR), CAST(check_clause AS CHAR) \
        FROM information_schema.check_constraints \
        WHERE constraint_schema = DATABASE() AND level = 'Column' LIMIT 20000";
    const TOOK_TOO_LONG: u16 = 1969;
    match query(CHECKS).fetch_all(connection).await {
        Ok(rows) => {
            let check = |row: &MySqlRow| Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?));
            rows.iter().map(check).collect::<Result<_, sqlx::Error>>().map(Some)
        }
        Err(sqlx::Error::Database(error))
            if error
                .try_downcast_ref::<MySqlDatabaseError>()
                .is_some_and(|error| error.number() == TOOK_TOO_LONG) =>
        {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// One finding for each offender.
fn findings(database: &Database, found: &Found) -> Vec<Finding> {
    let wanted = Wanted::new(&database.collation);
    let is_off = |table: &str| found.off.binary_search_by(|(name, _)| name.as_str().cmp(table)).is_ok();
    let default = (found.default != database.collation).then(|| {
        let name = quote(database.name.as_deref().unwrap_or_default());
        offender(
            "database",
            format!("tables made from now on would be `{}`", found.default),
            wanted.database(&name),
        )
    });
    let tables = found.off.iter().map(|(table, collation)| {
        // Of more columns than were read, nobody knows whose they are.
        let has_columns = found.columns.len() >= COLUMNS_READ
            || found.columns.binary_search_by(|column| column.table.as_str().cmp(table)).is_ok();
        let (what, statement) = if has_columns {
            ("is", wanted.convert(table))
        } else {
            ("has columns as they should be, but its default is", wanted.table_default(table))
        };
        offender(table, format!("the table `{table}` {what} `{collation}`"), statement)
    });
    let columns = found.columns.iter().filter(|column| !is_off(&column.table)).map(|column| {
        let Column { table, name, collation, .. } = column;
        let message = format!("the column `{name}` of `{table}` is `{collation}`");
        let statement = wanted.modify(column);
        // The checks were not read, and what a `MODIFY` leaves out is gone.
        let unread = " and its CHECK, if `SHOW CREATE TABLE` shows one";
        let statement = if found.believed.is_some() { statement + unread } else { statement };
        offender(&format!("{table}.{name}"), message, statement)
    });
    let mut offenders = default.into_iter().chain(tables).chain(columns);
    let mut findings: Vec<Finding> = offenders.by_ref().take(SHOWN).collect();
    let more = offenders.count();
    if more > 0 {
        let at_least = if found.columns.len() >= COLUMNS_READ { "at least " } else { "" };
        findings.push(Finding::failed(
            Code::WrongCollation,
            format!("{at_least}{more} more tables and columns are not in `{}`", database.collation),
            "mend the database's default and the tables first and look again; so many mean that a dump was restored \
             into a database of another collation",
        ));
    }
    if findings.is_empty() {
        findings.push(Finding::passed(good(database, found)));
    }
    findings
}

fn good(database: &Database, found: &Found) -> String {
    let all = format!("the database and its {} tables are in `{}`", found.tables, database.collation);
    match found.believed {
        None => all,
        Some(columns) => {
            format!(
                "{all}; {columns} columns in `utf8mb4_bin` are taken for JSON: there are too many to look"
            )
        }
    }
}

fn offender(subject: &str, message: String, statement: String) -> Finding {
    Finding::failed(Code::WrongCollation, message, format!("after a dump, in maintenance: {statement}"))
        .about(subject)
}

#[cfg(test)]
#[path = "database_charset_tests.rs"]
mod tests;
