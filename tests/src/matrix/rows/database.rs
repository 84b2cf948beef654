//! Faults of the database.

use crate::inject;
use crate::matrix::Fault;

/// The rows of this area.
#[must_use]
pub fn rows() -> Vec<Fault> {
    vec![
        Fault::new("MariaDB is stopped", "stopped")
            .with(inject::stopped("mariadb"))
            .culprit("database.connection", "failed refused"),
        Fault::new("MariaDB hangs", "hung")
            .with(inject::hung("mariadb"))
            .culprit("database.connection", "failed timeout"),
        Fault::new("the database's password is wrong", "wrong password")
            .set("database.password", "wrong")
            .culprit("database.connection", "failed access_denied"),
        Fault::new("the database does not exist", "wrong database")
            .set("database.name", "nosuch")
            .culprit("database.connection", "failed unknown_database"),
        Fault::new("the database is another one", "missing table")
            .set("database.name", "information_schema")
            .culprit("database.connection", "failed table_missing"),
    ]
}
