//! Tests of what is made of a server's load.

use coursys_ops_core::model::Status;

use super::*;
use crate::processlist::Wait;
use crate::testing;

fn connection(id: u64, seconds: f64, statement: &str) -> Connection {
    Connection {
        id,
        user: "coursys".to_owned(),
        database: Some("coursys".to_owned()),
        command: "Query".to_owned(),
        seconds,
        state: "Sending data".to_owned(),
        statement: statement.to_owned(),
    }
}

fn load(connections: Vec<Connection>) -> Load {
    Load { connected: 30, max_connections: 100, max_user_connections: 0, connections, waits: Some(vec![]) }
}

fn judged(load: &Load) -> Vec<Finding> {
    judge(&testing::config().database, load)
}

fn codes(load: &Load) -> Vec<Code> {
    judged(load).iter().map(|finding| finding.code).collect()
}

#[test]
fn exactly_the_threshold_is_too_many_connections() {
    assert_eq!(codes(&Load { connected: 79, ..load(vec![]) }), [Code::Ok]);
    let found = judged(&Load { connected: 80, ..load(vec![]) });
    assert_eq!(found[0].code, Code::FewConnections);
    assert_eq!((found[0].measurements[0].value, found[0].measurements[0].crit), (80.0, Some(80.0)));
}

#[test]
fn an_account_with_a_limit_of_its_own_is_judged_by_that_too() {
    let others = |user: &str| Connection {
        user: user.to_owned(),
        command: "Sleep".to_owned(),
        ..connection(1, 9.0, "")
    };
    let mut connections = vec![others("coursys"); 7];
    connections.extend(vec![others("wiki"); 50]);
    let limited = Load { max_user_connections: 10, ..load(connections.clone()) };
    assert_eq!(codes(&limited), [Code::Ok, Code::FewConnections]);
    assert_eq!(codes(&Load { max_user_connections: 11, ..load(connections) }), [Code::Ok, Code::Ok]);
}

#[test]
fn a_long_statement_is_named_with_its_kill_and_without_its_values() {
    let found = judged(&load(vec![connection(42, 61.0, "SELECT * FROM t WHERE name = 'Kääriäinen'")]));
    assert_eq!(found[1].code, Code::LongStatement);
    assert!(found[1].message.contains("`SELECT * FROM t WHERE name = ?` for 61 s"), "{}", found[1].message);
    assert!(found[1].hint.as_ref().unwrap().contains("`KILL QUERY 42`"));
}

#[test]
fn dumps_idle_connections_and_other_peoples_databases_may_take_their_time() {
    let quiet = [
        connection(1, 999.0, "SELECT /*!40001 SQL_NO_CACHE */ `id` FROM `coredata_person`"),
        Connection { command: "Sleep".to_owned(), ..connection(2, 3600.0, "") },
        Connection { command: "Binlog Dump".to_owned(), ..connection(3, 1e9, "") },
        Connection { user: "system user".to_owned(), ..connection(4, 1e9, "COMMIT") },
        Connection {
            user: "wiki".to_owned(),
            database: Some("wiki".to_owned()),
            ..connection(5, 999.0, "SELECT 1")
        },
        connection(6, 59.9, "SELECT 1"),
    ];
    assert_eq!(codes(&load(quiet.to_vec())), [Code::Ok]);
}

#[test]
fn who_waits_for_rows_names_who_holds_them() {
    let waiting = Load {
        waits: Some(vec![Wait { id: 42, seconds: 70.0, blocker: 7 }]),
        ..load(vec![connection(42, 71.0, "UPDATE t SET a = 1")])
    };
    let found = judged(&waiting);
    assert_eq!(found[1].code, Code::LockWait);
    assert!(found[1].hint.as_ref().unwrap().contains("`KILL 7`"));
    let locked =
        Connection { state: "Waiting for table metadata lock".to_owned(), ..connection(1, 61.0, "SELECT 1") };
    assert_eq!(codes(&load(vec![locked])), [Code::Ok, Code::LockWait]);
}

#[test]
fn a_check_of_a_table_fails_at_once() {
    assert_eq!(codes(&load(vec![connection(1, 0.1, "CHECK TABLE `grades`")])), [Code::Ok, Code::TableCheck]);
}

#[test]
fn without_the_right_to_see_others_the_own_are_judged() {
    let blind = Load { waits: None, ..load(vec![connection(1, 61.0, "SELECT 1")]) };
    let found = judged(&blind);
    assert_eq!(codes(&blind), [Code::Ok, Code::LongStatement, Code::NotPermitted]);
    assert_eq!(Status::of(&found), Status::Failed);
    assert_eq!(Status::of(&judged(&Load { waits: None, ..load(vec![]) })), Status::Passed);
}

#[test]
fn of_very_many_statements_some_are_named() {
    let many = (0..50).map(|id| connection(id, 61.0, "SELECT 1")).collect();
    let found = judged(&load(many));
    assert_eq!(found.len(), 1 + SHOWN + 1);
    assert!(found.last().unwrap().message.starts_with("40 more"));
}

#[tokio::test]
async fn a_file_of_sqlite_has_no_connections() {
    let mut config = testing::config();
    config.database.engine = Engine::Sqlite;
    assert_eq!(testing::look(DatabaseCapacity::new(), config).await[0].code, Code::NotInLayout);
}
