use std::fs::File;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};

use super::*;
use crate::failure::{REFUSED, USAGE};

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<_> = std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_file_is_replaced_by_another_and_nothing_stays_beside_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("report.json");
    replace(&path, "old, and longer").unwrap();
    let before = std::fs::metadata(&path).unwrap();
    let reader = File::open(&path).unwrap();
    replace(&path, "new").unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "new");
    assert_eq!(
        std::io::read_to_string(reader).unwrap(),
        "old, and longer",
        "who reads sees one or the other"
    );
    assert_ne!(std::fs::metadata(&path).unwrap().ino(), before.ino());
    assert_eq!(names(dir.path()), ["report.json"]);
    assert_eq!(before.permissions().mode() & 0o111, 0);
}

#[test]
fn what_is_no_regular_file_is_never_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let target = dir.path().join("target");
    std::fs::write(&target, "precious").unwrap();
    let link = dir.path().join("link");
    symlink(&target, &link).unwrap();
    for path in [link.as_path(), Path::new("/dev/null"), dir.path()] {
        assert_eq!(replace(path, "x").unwrap_err().code, REFUSED, "{}", path.display());
    }
    assert_eq!(std::fs::read_to_string(&target).unwrap(), "precious");
    assert_eq!(names(dir.path()), ["link", "target"]);
}

#[test]
fn a_missing_directory_is_a_mistake_of_the_caller() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(replace(&dir.path().join("no/report"), "x").unwrap_err().code, USAGE);
    assert_eq!(replace(Path::new("/"), "x").unwrap_err().code, USAGE);
}
