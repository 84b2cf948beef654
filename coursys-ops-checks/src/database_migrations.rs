//! `database.migrations`: code and database are at the same migrations.

use std::time::Duration;

use async_trait::async_trait;
use coursys_ops_core::config::{Config, Database, Engine};
use coursys_ops_core::model::{CheckSpec, Code, Finding, Measurement};
use coursys_ops_core::{Check, Scope};
use serde::Deserialize;
use sqlx::mysql::{MySqlConnection, MySqlRow};
use sqlx::{Row as _, query};

use crate::migrations::{Difference, Known, Migration, compare};
use crate::site_container::needs_site;
use crate::site_shell::ask_site;
use crate::{database_connection, mysql, units};

/// How long Django may take to be imported on a busy server.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Within one process the site is not started more often than this.
const INTERVAL: Duration = Duration::from_secs(60);

/// So many migrations of one app are named.
const NAMES: usize = 8;

/// So many apps are named.
const APPS: usize = 20;

/// What runs in the site's Python. Files are read, the database is not asked.
const PROGRAM: &str = r#"
from django.db.migrations.loader import MigrationLoader
_loader = MigrationLoader(None, load=False)
_loader.load_disk()
answer = {
    "apps": sorted(_loader.migrated_apps | _loader.unmigrated_apps),
    "migrations": [
        [_app, _name, [list(_replaced) for _replaced in _migration.replaces]]
        for (_app, _name), _migration in _loader.disk_migrations.items()
    ],
}
"#;

const EXPLANATION: &str = "\
Asks the site's own Python, as the site's user, which migrations the installed apps have on disk, without touching the \
database, and compares them with the rows of `django_migrations`. Each must be recorded, and none may be recorded that the \
code does not have. A squashed migration counts as run when all that it replaces are, and the other way round; apps in \
`database.retired_apps` may leave their rows behind.

Code that is ahead of its tables fails on the first page that uses a new column; code that is behind them, after a return \
to an older revision, fails when it does not fill one. Both look fine on the pages that one happens to try after a deploy.

When it fails: `migrations_missing`: run `manage.py migrate` as the site's user, after a dump. `migrations_unknown`: is the \
right revision checked out (`git log -1`)? If so, the files were deleted: after a squash, `manage.py migrate APP --prune` \
forgets them, and an app that is gone for good belongs into `database.retired_apps`. `site_failed`: the site's Python cannot \
read its migrations; the message has its last words.";

/// The check.
pub(crate) struct DatabaseMigrations(CheckSpec);

impl DatabaseMigrations {
    pub(crate) fn new(config: &Config) -> Self {
        let spec = CheckSpec::new("database.migrations", "Migrations of the database")
            .component("database")
            .needs(database_connection::ID)
            .timeout(TIMEOUT)
            .interval(INTERVAL)
            .timeout_hint(
                "the site's Python hangs: run `manage.py showmigrations` as the site's user and see where it waits",
            )
            .explanation(EXPLANATION);
        Self(needs_site(spec, config))
    }
}

#[async_trait]
impl Check for DatabaseMigrations {
    fn spec(&self) -> &CheckSpec {
        &self.0
    }

    async fn look(&self, scope: &Scope) -> Vec<Finding> {
        look(scope).await.unwrap_or_else(|finding| vec![finding])
    }
}

/// What the site says.
#[derive(Debug, Deserialize)]
struct Answer {
    /// The labels of the installed apps.
    apps: Vec<String>,
    /// App, name, and what it replaces.
    migrations: Vec<(String, String, Vec<Migration>)>,
}

async fn look(scope: &Scope) -> Result<Vec<Finding>, Finding> {
    let database = &scope.config().database;
    if database.engine == Engine::Sqlite {
        return Err(Finding::skipped(Code::NotInLayout, "the database is a developer's own file"));
    }
    // First what is quick, and says more when it fails.
    let recorded = mysql::with(scope, database, |connection| recorded(database.clone(), connection)).await?;
    let answer: Answer = ask_site(scope, PROGRAM, &()).await?;
    let known = Known {
        apps: answer.apps.into_iter().collect(),
        migrations: answer
            .migrations
            .into_iter()
            .map(|(app, name, replaces)| ((app, name), replaces))
            .collect(),
    };
    let retired = database.retired_apps.iter().map(String::as_str).collect();
    let recorded = recorded.into_iter().collect();
    Ok(findings(&compare(&known, &recorded, &retired), known.migrations.len()))
}

/// The migrations that the database records.
async fn recorded(
    database: Database,
    mut connection: MySqlConnection,
) -> (MySqlConnection, Result<Vec<Migration>, Finding>) {
    const RECORDED: &str = "SELECT CAST(app AS CHAR), CAST(name AS CHAR) FROM django_migrations";
    let answer = async {
        let rows = query(RECORDED).fetch_all(&mut connection).await?;
        let migration = |row: &MySqlRow| Ok((row.try_get(0)?, row.try_get(1)?));
        rows.iter().map(migration).collect::<Result<_, sqlx::Error>>()
    }
    .await;
    (connection, answer.map_err(|error| mysql::finding(&database, error)))
}

/// One finding for each app and kind of difference.
fn findings(difference: &Difference, count: usize) -> Vec<Finding> {
    let missing = difference.missing.iter().map(|(app, names)| {
        let message = format!("`{app}` has migrations that the database has not: {}", list(names));
        let hint = "run `manage.py migrate` as the site's user, after a dump";
        told(Code::MigrationsMissing, app, names, message, hint.to_owned())
    });
    let unknown = difference.unknown.iter().map(|(app, names)| {
        let message = format!("the database has migrations of `{app}` that the code has not: {}", list(names));
        let hint = format!(
            "the code is older than the database: check out the right revision; if the files were deleted on purpose, run \
             `manage.py migrate {app} --prune`"
        );
        told(Code::MigrationsUnknown, app, names, message, hint)
    });
    let uninstalled = difference.uninstalled.iter().map(|(app, names)| {
        let message = format!("the database has migrations of `{app}`, an app that is not installed: {}", list(names));
        let hint = format!(
            "the code is older than the database: check out the right revision; if the app is gone for good, add `{app}` \
             to `database.retired_apps`"
        );
        told(Code::MigrationsUnknown, app, names, message, hint)
    });
    let mut all = missing.chain(unknown).chain(uninstalled);
    let mut findings: Vec<Finding> = all.by_ref().take(APPS).collect();
    let more = all.count();
    if more > 0 {
        let hint = "is it the database of this site? look at `database.name`";
        findings.push(Finding::failed(Code::MigrationsUnknown, format!("{more} more apps differ"), hint));
    }
    if findings.is_empty() {
        findings
            .push(Finding::passed(format!("all {count} migrations of the code are recorded, and no others")));
    }
    findings
}

fn told(code: Code, app: &str, names: &[String], message: String, hint: String) -> Finding {
    let count = units::float(names.len() as u64);
    Finding::failed(code, message, hint)
        .about(app)
        .measured(Measurement::new("migrations", count, "").critical_at(1.0))
}

/// The first of many names.
fn list(names: &[String]) -> String {
    let shown: Vec<&str> = names.iter().take(NAMES).map(String::as_str).collect();
    let more = names.len() - shown.len();
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{more}", shown.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn each_app_that_differs_is_named_once_for_each_kind() {
        let names = |count: usize| (1..=count).map(|n| format!("{n:04}_x")).collect::<Vec<_>>();
        let difference = Difference {
            missing: [("grades".to_owned(), names(10))].into(),
            unknown: [("coredata".to_owned(), names(1))].into(),
            uninstalled: [("alerts".to_owned(), names(2))].into(),
        };
        let found = findings(&difference, 40);
        let codes: Vec<Code> = found.iter().map(|finding| finding.code).collect();
        assert_eq!(codes, [Code::MigrationsMissing, Code::MigrationsUnknown, Code::MigrationsUnknown]);
        assert!(found[0].message.ends_with("0008_x and 2 more"), "{}", found[0].message);
        assert!(found[2].hint.as_ref().unwrap().contains("`database.retired_apps`"));
        assert_eq!(findings(&Difference::default(), 40)[0].code, Code::Ok);
    }

    #[tokio::test]
    async fn a_developers_file_is_not_compared() {
        let mut config = testing::config();
        config.database.engine = Engine::Sqlite;
        assert_eq!(testing::look(DatabaseMigrations::new(&config), config).await[0].code, Code::NotInLayout);
    }
}
