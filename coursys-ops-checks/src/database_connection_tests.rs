//! Tests of the connection to SQLite.

use std::path::Path;

use coursys_ops_core::config::Config;
use coursys_ops_core::model::Status;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, raw_sql};

use super::*;
use crate::database_unicode::DatabaseUnicode;
use crate::testing::{config, look};

fn sqlite_config(path: &Path) -> Config {
    let mut config = config();
    config.database.engine = Engine::Sqlite;
    config.database.name = Some(path.display().to_string());
    config
}

async fn make(path: &Path, sql: &'static str) {
    let options = SqliteConnectOptions::new().filename(path).create_if_missing(true);
    let mut connection = options.connect().await.unwrap();
    raw_sql(sql).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

fn files(dir: &Path) -> Vec<String> {
    let mut names: Vec<_> = std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

const TERMS: &str =
    "CREATE TABLE coredata_semester (id integer PRIMARY KEY, name varchar(4), start date, \"end\" date);";

async fn code(path: &Path) -> Code {
    look(DatabaseConnection::new(), sqlite_config(path)).await[0].code
}

#[tokio::test]
async fn a_missing_file_is_not_found_and_not_made() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(code(&dir.path().join("db.sqlite")).await, Code::NotFound);
    assert_eq!(files(dir.path()), Vec::<String>::new());
}

#[tokio::test]
async fn what_is_no_site_is_told_apart() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db.sqlite");
    std::fs::write(&path, "").unwrap();
    assert_eq!(code(&path).await, Code::TableMissing);
    make(&path, TERMS).await;
    assert_eq!(code(&path).await, Code::Empty);
    make(&path, "INSERT INTO coredata_semester (name) VALUES ('1267')").await;
    assert_eq!(code(&path).await, Code::Ok);
    std::fs::write(&path, [b'x'; 4096]).unwrap();
    assert_eq!(code(&path).await, Code::Garbage);
}

#[tokio::test]
async fn looks_leave_the_file_and_its_directory_as_they_were() {
    for mode in ["PRAGMA journal_mode = DELETE;", "PRAGMA journal_mode = WAL;"] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("db.sqlite");
        make(&path, mode).await;
        make(&path, TERMS).await;
        make(&path, "INSERT INTO coredata_semester (name) VALUES ('1267')").await;
        let before = (std::fs::read(&path).unwrap(), files(dir.path()));
        assert_eq!(look(DatabaseConnection::new(), sqlite_config(&path)).await[0].status, Status::Passed);
        let unicode = look(DatabaseUnicode::new(), sqlite_config(&path)).await;
        assert_eq!(unicode[0].status, Status::Passed, "{unicode:?}");
        assert_eq!((std::fs::read(&path).unwrap(), files(dir.path())), before, "{mode}");
    }
}
