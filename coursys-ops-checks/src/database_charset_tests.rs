//! Tests of what is made of the answers of `information_schema`.

use super::*;
use crate::testing;

fn column(table: &str, name: &str) -> Column {
    Column {
        table: table.to_owned(),
        name: name.to_owned(),
        column_type: "varchar(9)".to_owned(),
        collation: "latin1_swedish_ci".to_owned(),
        ..Column::default()
    }
}

fn off(tables: &[&str]) -> Vec<(String, String)> {
    tables.iter().map(|table| ((*table).to_owned(), "latin1_swedish_ci".to_owned())).collect()
}

fn good() -> Found {
    Found { default: "utf8mb4_unicode_ci".to_owned(), tables: 10, ..Found::default() }
}

/// Subjects and hints.
fn told(found: &Found) -> Vec<(String, String)> {
    let findings = findings(&testing::config().database, found);
    let told = |finding: Finding| {
        assert_eq!(finding.code, Code::WrongCollation);
        (finding.subject.unwrap_or_default(), finding.hint.unwrap())
    };
    findings.into_iter().map(told).collect()
}

#[test]
fn a_database_of_one_collation_passes() {
    let findings = findings(&testing::config().database, &good());
    assert_eq!(findings[0].code, Code::Ok);
    assert!(findings[0].message.contains("10 tables"));
}

#[test]
fn each_offender_is_named_once_with_its_statement() {
    let found = Found {
        default: "latin1_swedish_ci".to_owned(),
        off: off(&["b", "c"]),
        columns: vec![column("a", "x"), column("b", "x"), column("b", "y")],
        ..good()
    };
    let told = told(&found);
    let subjects: Vec<_> = told.iter().map(|(subject, _)| subject.as_str()).collect();
    assert_eq!(subjects, ["database", "b", "c", "a.x"]);
    let ends = [
        "ALTER DATABASE `coursys` CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci",
        "ALTER TABLE `b` CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci",
        // All of its columns are right: nothing has to be written anew.
        "ALTER TABLE `c` DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci",
        "ALTER TABLE `a` MODIFY `x` varchar(9) CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci NOT NULL",
    ];
    for ((_, hint), end) in told.iter().zip(ends) {
        assert!(hint.ends_with(end), "{hint}");
    }
}

#[test]
fn of_very_many_offenders_some_are_named_and_the_others_counted() {
    let names: Vec<String> = (0..10_000).map(|n| format!("t{n:05}")).collect();
    let found = Found { off: off(&names.iter().map(String::as_str).collect::<Vec<_>>()), ..good() };
    let findings = findings(&testing::config().database, &found);
    assert_eq!(findings.len(), SHOWN + 1);
    assert!(findings[SHOWN].message.starts_with("9980 more"), "{}", findings[SHOWN].message);
}

#[tokio::test]
async fn a_file_of_sqlite_has_no_character_sets() {
    let mut config = testing::config();
    config.database.engine = Engine::Sqlite;
    assert_eq!(testing::look(DatabaseCharset::new(), config).await[0].code, Code::NotInLayout);
}
