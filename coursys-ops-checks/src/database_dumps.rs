//! `database.dumps`: there is a fresh dump of the database to fall back on.

use std::time::Duration;

use async_trait::async_trait;
use coursys_ops_core::config::Dumps as Expected;
use coursys_ops_core::helper::Dump;
use coursys_ops_core::model::{CheckSpec, Code, Finding, Measurement};
use coursys_ops_core::{Check, Scope};

use crate::dumps::{self, Shelf, State};
use crate::{maintenance, units};

/// The check's id, for those that need it.
pub(crate) const ID: &str = "database.dumps";

/// How far into the future a dump may be dated: clocks of file servers differ.
const AHEAD_S: i64 = 300;

const EXPLANATION: &str = "\
Looks at the dumps of the database in `files.dumps`, which the task `backup_database` writes every three hours: the newest \
complete one must be younger than `dumps.max_age_s`, no smaller than `dumps.min_bytes`, and not more than \
`dumps.max_shrink_percent` smaller than the one before it. A dump is complete when it begins as gzip does and ends with \
a length that fits its size. One that has no such end, or is too small, and was changed within `dumps.growing_s` is still \
being written: then the one before it is judged. No link is followed, and nothing but both ends of a file is read: `database.dumps.content` \
(tier slow) reads the newest one throughout.

With the submitted files the database is the only data that must never be lost, and a backup that quietly stopped is \
noticed on the day it is needed. A dump that has shrunk usually means that tables were lost, or that `mysqldump` ended \
early.

When it fails: `stale` and `not_found` mean that the task does not run: look at `celery.beat`, at `celery.queue.batch` and \
at the log of the worker of `batch`. `incomplete` means that one broke off: the disk was full, the worker was restarted, or \
the database hung up. `too_small`: compare the tables in both dumps (`zcat … | grep '^CREATE TABLE'`) before the good one \
is cleaned away. `manage.py backup_db` as the site's user makes a dump at once.

It is skipped while the site is in maintenance, when no worker may write dumps.";

/// The check.
pub(crate) struct DatabaseDumps(CheckSpec);

impl DatabaseDumps {
    pub(crate) fn new() -> Self {
        Self(
            CheckSpec::new(ID, "Dumps of the database")
                // A task of Celery's makes them: a layout without it makes none.
                .component("celery")
                .needs("files.writable.dumps")
                .timeout(Duration::from_secs(3))
                .timeout_hint(dumps::HANGS)
                .explanation(EXPLANATION),
        )
    }
}

#[async_trait]
impl Check for DatabaseDumps {
    fn spec(&self) -> &CheckSpec {
        &self.0
    }

    async fn look(&self, scope: &Scope) -> Vec<Finding> {
        look(scope).await.unwrap_or_else(|finding| vec![finding])
    }
}

async fn look(scope: &Scope) -> Result<Vec<Finding>, Finding> {
    if maintenance::is_on(scope).await? {
        return Err(maintenance::skipped(scope, "no dumps are made now"));
    }
    let shelf = dumps::shelf(scope).await?;
    Ok(judge(&scope.config().dumps, &shelf, scope.context().clock.now().as_second()))
}

/// What the dumps say together.
fn judge(expected: &Expected, shelf: &Shelf, now_s: i64) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut dumps = shelf.dumps.iter();
    while let Some(dump) = dumps.next() {
        match dumps::state(dump, now_s, expected.growing_s) {
            State::Growing => {}
            State::Incomplete(why) => findings.push(broken_off(dump, why)),
            State::Complete => {
                let age_s = now_s.saturating_sub(dump.modified_s);
                let older = dumps.as_slice().iter();
                let mut older = older.filter(|dump| dumps::state(dump, now_s, 0) == State::Complete);
                let found = match too_small(expected, dump, older.next()) {
                    // The middle of a large file can look like an end.
                    Some(_) if dumps::is_settling(dump, now_s, expected.growing_s) => continue,
                    found => found,
                };
                let found = too_old(expected, dump, age_s).or(found);
                let found = found.unwrap_or_else(|| passed(dump, age_s, shelf.count));
                findings.push(measured(found, expected, dump, age_s));
                return findings;
            }
        }
    }
    // Broken ones have said so.
    if findings.is_empty() {
        findings.push(none(shelf, &expected.pattern));
    }
    findings
}

fn passed(dump: &Dump, age_s: i64, count: u64) -> Finding {
    let (age, size) = (units::age(age_s.max(0)), units::size(dump.bytes));
    Finding::passed(format!("{}, the newest of {count} dumps, is {age} old and has {size}", dump.name))
}

fn measured(found: Finding, expected: &Expected, dump: &Dump, age_s: i64) -> Finding {
    let age = Measurement::new("age_s", units::float(age_s.max(0)), "s");
    found
        .about(&dump.name)
        .measured(age.critical_at(units::float(expected.max_age_s)))
        .measured(Measurement::new("size_bytes", units::float(dump.bytes), "B"))
}

fn broken_off(dump: &Dump, why: &str) -> Finding {
    Finding::failed(
        Code::Incomplete,
        format!("{} is no whole dump: {why}", dump.name),
        "make another (`manage.py backup_db` as the site's user), and see in the log of the worker of `batch` why this \
         one broke off: a full disk, a restart, a lost connection",
    )
    .about(&dump.name)
}

/// What is wrong with the age of the newest dump.
fn too_old(expected: &Expected, dump: &Dump, age_s: i64) -> Option<Finding> {
    if age_s < -AHEAD_S {
        return Some(Finding::failed(
            Code::ClockOff,
            format!("{} is dated {} in the future", dump.name, units::age(age_s.saturating_neg())),
            "compare the clocks of this machine and of the file server; until then no age of a dump can be trusted",
        ));
    }
    let old = u64::try_from(age_s).is_ok_and(|age_s| age_s > expected.max_age_s);
    old.then(|| {
        Finding::failed(
            Code::Stale,
            format!("the newest complete dump, {}, is {} old", dump.name, units::age(age_s)),
            "see why `backup_database` does not run: `celery.beat`, `celery.queue.batch`, the log of the worker of \
             `batch`; make one now with `manage.py backup_db` as the site's user",
        )
    })
}

/// What is wrong with the size of the newest dump, by itself and beside the one before it.
fn too_small(expected: &Expected, dump: &Dump, older: Option<&Dump>) -> Option<Finding> {
    let size = units::size(dump.bytes);
    if dump.bytes < expected.min_bytes {
        let least = units::size(expected.min_bytes);
        return Some(Finding::failed(
            Code::TooSmall,
            format!("{} has {size}, less than a dump of the site can have ({least})", dump.name),
            "see what is in it (`zcat`), and whether the site uses the right database; or lower `dumps.min_bytes`",
        ));
    }
    let older = older?;
    let shrunk = shrunk_percent(older.bytes, dump.bytes);
    (shrunk > expected.max_shrink_percent).then(|| {
        let before = units::size(older.bytes);
        Finding::failed(
            Code::TooSmall,
            format!("{} is {shrunk:.0} % smaller than {} ({size} after {before})", dump.name, older.name),
            "compare their tables and rows (`zcat … | grep '^CREATE TABLE'`) and keep the older one until it is clear \
             what is missing; if that much was deleted on purpose, the next dump will pass",
        )
        .measured(Measurement::new("shrunk_percent", shrunk, "%").critical_at(expected.max_shrink_percent))
    })
}

/// There is no complete dump at all.
fn none(shelf: &Shelf, pattern: &str) -> Finding {
    let message = if shelf.dumps.is_empty() {
        format!("no file in {} is called `{pattern}`", shelf.dir.display())
    } else {
        format!("the first dump in {} is still being written", shelf.dir.display())
    };
    Finding::failed(
        Code::NotFound,
        message,
        "see why `backup_database` does not run (`celery.beat`, `celery.queue.batch`), or correct `files.dumps` and \
         `dumps.pattern`",
    )
}

/// How much smaller it has become, in per cent; negative when it has grown.
fn shrunk_percent(before: u64, now: u64) -> f64 {
    if before == 0 { 0.0 } else { (1.0 - units::float(now) / units::float(before)) * 100.0 }
}

#[cfg(test)]
#[path = "database_dumps_tests.rs"]
mod tests;
