//! How plans are carried out, and where it is written down.

use super::List;
use crate::config::Kind;

pub(super) fn plans(list: &mut List) {
    list.need("plans.state_dir", Kind::Path, "the directory of root that holds the journals of runs");
    list.need("plans.lock", Kind::Path, "the file whose lock lets one plan act at a time");
    list.need("plans.audit_log", Kind::Path, "the file that tells who did what, one JSON object a line");
    list.need("plans.administrators", Kind::Text, "the group that may read the audit log");
    list.need("plans.keep_runs", Kind::Integer(1, 100_000), "how many runs are kept, the latest ones");
}
