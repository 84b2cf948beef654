use std::os::unix::fs::symlink;

use super::*;

fn place() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().canonicalize().unwrap().join("lock");
    (dir, path)
}

fn holder(owner: &str) -> Holder {
    Holder { pid: 7, owner: owner.to_owned(), command: vec!["coursys-ops".to_owned()], ..Holder::default() }
}

#[test]
fn the_second_is_told_who_has_the_lock_and_gets_it_when_it_is_free() {
    let (_dir, path) = place();
    assert_eq!(Lock::holder(&path).unwrap(), None);
    let lock = Lock::take(&path, &holder("ann")).unwrap();
    match Lock::take(&path, &holder("bob")) {
        Err(LockError::Held(Some(other))) => assert_eq!(other, holder("ann")),
        other => panic!("{other:?}"),
    }
    assert_eq!(Lock::holder(&path).unwrap(), Some(holder("ann")));
    drop(lock);
    assert_eq!(Lock::holder(&path).unwrap(), None);
    Lock::take(&path, &holder("bob")).unwrap();
}

#[test]
fn what_a_killed_holder_left_is_no_lock() {
    let (_dir, path) = place();
    std::fs::write(&path, serde_json::to_vec(&holder("ann")).unwrap()).unwrap();
    assert_eq!(Lock::holder(&path).unwrap(), None);
    Lock::take(&path, &holder("bob")).unwrap();
}

#[test]
fn a_link_a_pipe_a_directory_or_a_second_name_in_the_place_of_the_lock_is_refused() {
    let (dir, path) = place();
    let target = dir.path().canonicalize().unwrap().join("target");
    std::fs::write(&target, "precious").unwrap();
    let refused = || match Lock::take(&path, &holder("ann")) {
        Err(LockError::System { error, .. }) => error.to_string(),
        other => panic!("{other:?}"),
    };
    symlink(&target, &path).unwrap();
    assert!(refused().contains("symbolic link"));
    std::fs::remove_file(&path).unwrap();
    std::fs::hard_link(&target, &path).unwrap();
    assert!(refused().contains("other names"));
    std::fs::remove_file(&path).unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &path,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR,
        0,
    )
    .unwrap();
    assert!(refused().contains("no regular file"));
    std::fs::remove_file(&path).unwrap();
    std::fs::create_dir(&path).unwrap();
    refused();
    assert_eq!(std::fs::read_to_string(&target).unwrap(), "precious");
}
