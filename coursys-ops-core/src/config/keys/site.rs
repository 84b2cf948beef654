//! The site itself, and how it is checked.

use super::List;
use crate::config::Kind;

pub(super) fn site(list: &mut List) {
    list.need(
        "site.layout",
        Kind::Choice(crate::config::LAYOUTS),
        "which built-in profile is below everything",
    );
    list.may("site.user", Kind::Text, "the account that the site runs as; without it, the caller");
    list.may("site.user_home", Kind::Path, "that account's home directory");
    list.need("site.dir", Kind::Path, "the directory that holds `manage.py`");
    list.need("site.python", Kind::Program, "the interpreter that runs `manage.py`");
    list.may(
        "site.service",
        Kind::Text,
        "the compose service in whose container the site's Python runs and its files are seen; without it, this machine",
    );
    list.need("site.timezone", Kind::TimeZone, "the zone in which the database holds its naive local times");
    list.may("site.deploy_mode", Kind::Text, "what the site's own `COURSYS_DEPLOY_MODE` says");
    list.may("site.static_dir", Kind::Path, "where static files are collected");
    list.may("site.data_root", Kind::Path, "the parent directory of the site's data");
}

pub(super) fn checks(list: &mut List) {
    list.need("checks.off", Kind::List, "ids or globs of checks that are switched off");
    list.need(
        "checks.located",
        Kind::Places,
        "what is looked at by a worker, where it is: ids or globs of checks, each with the queue of the worker",
    );
    list.need("checks.concurrency", Kind::Integer(1, 1024), "how many checks run at the same time");
}
