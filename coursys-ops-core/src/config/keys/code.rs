//! The site's code: the checkout in `site.dir`, and what belongs to it.

use super::List;
use crate::config::Kind;

pub(super) fn code(list: &mut List) {
    list.need("code.branch", Kind::Text, "the branch that the site runs");
    list.need(
        "code.expected_changes",
        Kind::List,
        "files that may differ from what is committed or be untracked; paths from `site.dir`, `*` stands for anything",
    );
    list.need(
        "code.patterns",
        Kind::List,
        "files whose change processes notice only when they start: git's path patterns",
    );
    list.need(
        "code.lock_max_age_s",
        Kind::Integer(1, 604_800),
        "how long git may have its index locked before that is a leftover",
    )
    .unit = Some("seconds");
    list.may(
        "code.moss",
        Kind::Text,
        "the program that compares submissions; its path, if relative, counts from `site.dir`",
    );
}
