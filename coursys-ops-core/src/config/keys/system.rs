//! The machine itself, and the inner health of the servers on it: thresholds, all of which the profiles give.

use super::List;
use crate::config::Kind;

const PERCENT: Kind = Kind::Number(0.0, 100.0);

/// A century, in days: for those who do not want to know.
const LONGEST_DAYS: i64 = 36_500;

pub(super) fn system(list: &mut List) {
    let load = Kind::Number(0.01, 10_000.0);
    list.need("system.load_warn", load, "the load from which on it is a warning").unit = Some("per core");
    list.need("system.load_fail", load, "the load from which on it is a failure").unit = Some("per core");
    for (name, meaning) in [
        ("memory_warn_percent", "the available memory below which it is a warning"),
        ("memory_fail_percent", "the available memory below which it is a failure"),
        ("swap_warn_percent", "the used swap space above which it is a warning"),
        ("swap_fail_percent", "the used swap space above which it is a failure"),
    ] {
        list.need(format!("system.{name}"), PERCENT, meaning).unit = Some("per cent");
    }
    list.need(
        "system.updates_max",
        Kind::Integer(0, 1_000_000),
        "how many security updates may wait to be installed",
    );
    for (name, meaning) in [
        ("updates_list_days", "the oldest that the lists of packages may be"),
        ("reboot_grace_days", "how long a restart that updates ask for may wait"),
    ] {
        list.need(format!("system.{name}"), Kind::Integer(0, LONGEST_DAYS), meaning).unit = Some("days");
    }
    list.need(
        "system.kernel_log_hours",
        Kind::Integer(1, 24 * LONGEST_DAYS),
        "how far back the kernel's log is read",
    )
    .unit = Some("hours");
    list.need(
        "system.kernel_log_ignore",
        Kind::List,
        "lines of the kernel's log with one of these texts in them do not count",
    );
}

pub(super) fn cache(list: &mut List) {
    list.need("cache.min_version", Kind::Version, "the oldest memcached that is good enough");
    list.need("cache.item_size_mib", Kind::Number(0.0, 1024.0), "the largest value that must fit").unit =
        Some("MiB");
    list.need(
        "cache.max_evictions_per_hour",
        Kind::Number(0.0, 1e12),
        "how many values it may throw away before they expire",
    )
    .unit = Some("an hour");
    list.need(
        "cache.min_hit_percent",
        PERCENT,
        "the part of the questions that it should have an answer to",
    )
    .unit = Some("per cent");
    list.need(
        "cache.min_gets",
        Kind::Integer(1, i64::MAX),
        "how many questions tell whether it has; before, it is only warming up",
    );
    list.need(
        "cache.max_connections_percent",
        PERCENT,
        "how many of the possible connections may be in use",
    )
    .unit = Some("per cent");
}

pub(super) fn search(list: &mut List) {
    for (name, meaning) in [
        ("heap_warn_percent", "the part of Java's memory for what lives long whose use is a warning"),
        ("heap_fail_percent", "the part of it whose use is a failure"),
        ("gc_max_percent", "the part of the time that may go into freeing that memory"),
        ("max_shrink_percent", "how much smaller the index may become within a day"),
    ] {
        list.need(format!("search.{name}"), PERCENT, meaning).unit = Some("per cent");
    }
    list.need(
        "search.rebuild_tasks",
        Kind::List,
        "the tasks that empty the index and fill it again: the last words of their names",
    );
}
