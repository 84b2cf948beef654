//! The machine: directories and what must be free.

use super::List;
use crate::config::Kind;

pub(super) fn files(list: &mut List) {
    list.may("files.submitted", Kind::Path, "what students hand in");
    list.may("files.compressed_media", Kind::Path, "compressed static files");
    list.may(
        "files.static",
        Kind::Path,
        "collected static files; without it, `static` below `site.static_dir`",
    );
    list.may("files.dumps", Kind::Path, "database dumps");
}

pub(super) fn disk(list: &mut List) {
    for (name, meaning) in [
        ("tmp_gib", "what must be free in /tmp"),
        ("submitted_gib", "what must be free where the submitted files are"),
        ("dumps_gib", "what must be free where the dumps are"),
        ("root_gib", "what must be free on /"),
    ] {
        list.need(format!("disk.{name}"), Kind::Number(0.0, 1_048_576.0), meaning).unit = Some("GiB");
    }
    list.need(
        "disk.inodes_percent",
        Kind::Number(0.0, 100.0),
        "the inodes that must be free on each of them",
    )
    .unit = Some("per cent");
}
