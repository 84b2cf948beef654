//! `database.capacity`: the database has connections left, and nothing holds it up.

use async_trait::async_trait;
use coursys_ops_core::config::{Database, Engine};
use coursys_ops_core::model::{CheckSpec, Code, Finding, Measurement};
use coursys_ops_core::{Check, Scope};
use sqlx::mysql::MySqlConnection;

use crate::processlist::{Connection, Load, load};
use crate::{database_connection, mysql, statement, units};

/// So many statements are named.
const SHOWN: usize = 10;

const EXPLANATION: &str = "\
Compares the connections that are open with the server's `max_connections`, and those of this account with its own limit, \
if it has one: less than `database.max_connections_percent` may be in use. Then it looks at what is running in this \
database: no statement may run or wait for a lock for longer than `database.max_statement_age_s`, and no `CHECK TABLE`, \
`REPAIR`, `ANALYZE` or `OPTIMIZE TABLE` may be under way. `mysqldump` may read for as long as it likes, and connections that \
are idle do not count: gunicorn keeps its own for an hour. Statements are shown without any value that is in them.

When the last connection is taken, every request of the site fails at once (\"Too many connections\"), and the next \
restart of workers is what takes it. One forgotten transaction in a shell holds rows that the whole site waits for. Both \
announce themselves minutes before, and this is where.

When it fails: `few_connections`: see who has them (`SHOW PROCESSLIST`): workers of gunicorn and Celery that were started \
twice, or a script that does not close them. `long_statement` and `lock_wait` name the connection and the `KILL` that ends \
it; ask whose it is first, a nightly import may be worth waiting for. In a wait for a metadata lock the culprit is an older \
transaction on the same table: `SELECT * FROM information_schema.innodb_trx ORDER BY trx_started`. `table_check`: wait for \
it, or kill it.

An account without the right PROCESS sees its own connections only: those are judged, and a finding says that the others \
were not (`not_permitted`).";

/// The check.
pub(crate) struct DatabaseCapacity(CheckSpec);

impl DatabaseCapacity {
    pub(crate) fn new() -> Self {
        Self(
            CheckSpec::new("database.capacity", "Capacity of the database")
                .component("database")
                .needs(database_connection::ID)
                .timeout_hint("the server hardly answers: look at its load and at `SHOW PROCESSLIST`")
                .explanation(EXPLANATION),
        )
    }
}

#[async_trait]
impl Check for DatabaseCapacity {
    fn spec(&self) -> &CheckSpec {
        &self.0
    }

    async fn look(&self, scope: &Scope) -> Vec<Finding> {
        let database = &scope.config().database;
        if database.engine == Engine::Sqlite {
            return vec![Finding::skipped(Code::NotInLayout, "a file of SQLite has no connections")];
        }
        let work = |connection| look(database.clone(), connection);
        mysql::with(scope, database, work).await.unwrap_or_else(|finding| vec![finding])
    }
}

async fn look(
    database: Database,
    mut connection: MySqlConnection,
) -> (MySqlConnection, Result<Vec<Finding>, Finding>) {
    let answer = load(&mut connection).await.map_err(|error| mysql::finding(&database, error));
    (connection, answer.map(|load| judge(&database, &load)))
}

/// What the server's load says.
fn judge(database: &Database, load: &Load) -> Vec<Finding> {
    let mut findings = connections(database, load);
    let mut busy =
        load.connections.iter().filter(|connection| connection.is_at_work()).filter_map(|connection| {
            // What others do in their own databases is theirs to judge.
            let ours =
                connection.database.as_deref().is_none_or(|name| Some(name) == database.name.as_deref())
                    || Some(connection.user.as_str()) == database.server.user.as_deref();
            if ours { held_up(database, load, connection) } else { None }
        });
    findings.extend(busy.by_ref().take(SHOWN));
    let more = busy.count();
    if more > 0 {
        findings.push(Finding::failed(
            Code::LongStatement,
            format!("{more} more statements are running for too long"),
            "`SHOW FULL PROCESSLIST` shows them all",
        ));
    }
    if load.waits.is_none() {
        findings.push(
            Finding::skipped(
                Code::NotPermitted,
                "without the right PROCESS only the connections of this account were looked at",
            )
            .with_hint("let the database's administrator `GRANT PROCESS ON *.* TO` the site's account")
            .about("other accounts"),
        );
    }
    findings
}

/// How many connections are in use: of the server's, and of the account's where that has a limit.
fn connections(database: &Database, load: &Load) -> Vec<Finding> {
    let limit = database.max_connections_percent;
    let own = load
        .connections
        .iter()
        .filter(|connection| Some(connection.user.as_str()) == database.server.user.as_deref());
    // The one that asks is not in the list.
    let own = own.count() as u64 + 1;
    let shares = [
        ("the server", load.connected, load.max_connections, "max_connections"),
        ("this account", own, load.max_user_connections, "max_user_connections"),
    ];
    let share = |(whose, used, most, variable): (&str, u64, u64, &str)| {
        // No limit, or a server that tells none.
        if most == 0 {
            return None;
        }
        let percent = units::float(used) / units::float(most) * 100.0;
        let message = format!("{used} of the {most} connections of {whose} are in use ({percent:.0} %)");
        let found = if percent < limit {
            Finding::passed(message)
        } else {
            let hint = format!(
                "see whose they are (`SHOW PROCESSLIST`) and end what was started twice, or raise `{variable}` on the server"
            );
            Finding::failed(Code::FewConnections, message, hint)
        };
        let percent = Measurement::new("connections_percent", percent, "%").critical_at(limit);
        Some(found.about(whose).measured(percent).measured(Measurement::new(
            "connections",
            units::float(used),
            "",
        )))
    };
    shares.into_iter().filter_map(share).collect()
}

/// What is wrong with a connection that is at work.
fn held_up(database: &Database, load: &Load, connection: &Connection) -> Option<Finding> {
    let Connection { id, user, seconds, state, statement, .. } = connection;
    let limit = units::float(database.max_statement_age_s);
    let text = statement::shortened(statement);
    let whose = format!("connection {id} of `{user}`");
    let age = |seconds: f64| Measurement::new("age_s", seconds, "s").critical_at(limit);
    let lasts = |seconds: f64| format!("{seconds:.0} s");
    if statement::is_over_a_table(statement) {
        let hint = format!(
            "wait for its end, or end it with `KILL QUERY {id}`; until then the site may wait for the table"
        );
        let message = format!("{whose} has been at `{text}` for {}", lasts(*seconds));
        return Some(
            Finding::failed(Code::TableCheck, message, hint).about(id.to_string()).measured(age(*seconds)),
        );
    }
    let wait = load.waits.iter().flatten().find(|wait| wait.id == *id);
    let found = if let Some(wait) = wait.filter(|wait| wait.seconds >= limit) {
        let message = format!(
            "{whose} has been waiting for {} for rows that connection {} holds: `{text}`",
            lasts(wait.seconds),
            wait.blocker
        );
        let hint = format!(
            "see what connection {0} is (`SHOW PROCESSLIST`), a forgotten shell most often, and end it with `KILL {0}`",
            wait.blocker
        );
        Finding::failed(Code::LockWait, message, hint).measured(age(wait.seconds))
    } else if *seconds < limit || statement::is_of_a_dump(statement) {
        return None;
    } else if connection.waits_for_a_table() {
        let message = format!("{whose} has been at `{text}` for {}: {state}", lasts(*seconds));
        let hint = "somebody holds the table: the oldest of `SELECT * FROM information_schema.innodb_trx ORDER BY \
                    trx_started`, or a `LOCK TABLES`; end that with `KILL` and its number";
        Finding::failed(Code::LockWait, message, hint).measured(age(*seconds))
    } else {
        let message = format!("{whose} has been running `{text}` for {}", lasts(*seconds));
        let hint = format!("see whose it is and what for; `KILL QUERY {id}` ends it");
        Finding::failed(Code::LongStatement, message, hint).measured(age(*seconds))
    };
    Some(found.about(id.to_string()))
}

#[cfg(test)]
#[path = "database_capacity_tests.rs"]
mod tests;
