//! What is expected of the database beyond an answer: its collation, its limits, its dumps.

use super::List;
use crate::config::Kind;

/// A day and a half: whoever allows more wants no check.
const LONGEST_S: i64 = 129_600;

pub(super) fn expectations(list: &mut List) {
    list.need(
        "database.collation",
        Kind::Text,
        "the collation of the database, its tables and its columns; the character set is how it begins",
    );
    list.need(
        "database.retired_apps",
        Kind::List,
        "Django apps that the code has no more and whose migrations stay recorded",
    );
    list.need(
        "database.max_connections_percent",
        Kind::Number(1.0, 100.0),
        "how much of the server's or the account's connections may be in use",
    )
    .unit = Some("per cent");
    list.need(
        "database.max_statement_age_s",
        Kind::Integer(1, LONGEST_S),
        "how long a statement may run or wait for a lock; dumps may run longer",
    )
    .unit = Some("seconds");
}

pub(super) fn dumps(list: &mut List) {
    list.need("dumps.pattern", Kind::Text, "a glob that the names of dumps in `files.dumps` match");
    list.need("dumps.max_age_s", Kind::Integer(1, 2_592_000), "the oldest that the newest dump may be")
        .unit = Some("seconds");
    list.need(
        "dumps.max_shrink_percent",
        Kind::Number(0.0, 100.0),
        "how much smaller a dump may be than the one before it",
    )
    .unit = Some("per cent");
    list.need("dumps.min_bytes", Kind::Integer(0, i64::MAX), "the smallest that a dump may be, compressed")
        .unit = Some("bytes");
    list.need(
        "dumps.growing_s",
        Kind::Integer(0, 86_400),
        "how long after its last change a dump without an end may still be growing",
    )
    .unit = Some("seconds");
    list.may("dumps.ending", Kind::Text, "what the last line of a dump begins with");
}

pub(super) fn maintenance(list: &mut List) {
    list.may(
        "maintenance.flag",
        Kind::Path,
        "the file that turns the site's maintenance page on by being there",
    );
    list.may(
        "maintenance.bypass",
        Kind::Text,
        "the value of `X-Forwarded-For` whose requests pass while the maintenance page is on",
    );
    list.need(
        "maintenance.patience_s",
        Kind::Integer(1, 86_400),
        "how long running tasks, and after them running requests, are waited for when the site is closed",
    )
    .unit = Some("seconds");
}
