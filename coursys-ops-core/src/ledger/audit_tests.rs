use std::os::unix::fs::{PermissionsExt as _, symlink};

use super::*;

#[test]
fn lines_are_appended_for_the_group_and_a_torn_one_does_not_swallow_the_next() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().canonicalize().unwrap().join("log/audit.jsonl");
    let entry = AuditEntry { run: "r".to_owned(), ..AuditEntry::default() };
    AuditLog::open(&path, None).unwrap().append(&entry).unwrap();
    let mut text = std::fs::read_to_string(&path).unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o640);
    text.push_str("{\"torn");
    std::fs::write(&path, &text).unwrap();
    AuditLog::open(&path, None).unwrap().append(&entry).unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    let lines: Vec<Option<AuditEntry>> = text.lines().map(|line| serde_json::from_str(line).ok()).collect();
    assert_eq!(lines, [Some(entry.clone()), None, Some(entry)]);
}

#[test]
fn a_link_in_the_place_of_the_log_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().canonicalize().unwrap().join("audit.jsonl");
    symlink("/dev/null", &path).unwrap();
    assert!(AuditLog::open(&path, None).unwrap_err().to_string().contains("symbolic link"));
}
