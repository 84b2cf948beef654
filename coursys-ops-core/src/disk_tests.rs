use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};

use super::*;

fn names(dir: &Path) -> Vec<String> {
    let names = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<_> = names.map(|name| name.into_string().unwrap()).collect();
    names.sort();
    names
}

/// A directory whose path has no link in it.
fn place() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().canonicalize().unwrap();
    (dir, path)
}

#[test]
fn a_file_is_replaced_by_another_and_nothing_stays_beside_it() {
    let (_dir, dir) = place();
    let path = dir.join("flag");
    replace(&path, b"old, and longer", Some(0o640), Links::Refused).unwrap();
    let before = std::fs::metadata(&path).unwrap();
    replace(&path, b"new", Some(0o604), Links::Refused).unwrap();
    let after = std::fs::metadata(&path).unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "new");
    assert_ne!(before.ino(), after.ino(), "who reads sees one or the other");
    assert_eq!(before.permissions().mode() & 0o7777, 0o640, "whatever the umask is");
    assert_eq!(after.permissions().mode() & 0o7777, 0o604);
    assert_eq!(names(&dir), ["flag"]);
}

#[test]
fn what_is_no_regular_file_is_never_replaced() {
    let (_dir, dir) = place();
    let target = dir.join("target");
    std::fs::write(&target, "precious").unwrap();
    let link = dir.join("link");
    symlink(&target, &link).unwrap();
    for path in [link.as_path(), Path::new("/dev/null"), &dir] {
        assert!(matches!(replace(path, b"x", None, Links::Refused), Err(DiskError::NotAFile(_))));
    }
    assert_eq!(std::fs::read_to_string(&target).unwrap(), "precious");
    assert_eq!(names(&dir), ["link", "target"]);
}

/// What others put where a file should be.
fn in_the_way(dir: &Path) -> Vec<(&'static str, PathBuf)> {
    let target = dir.join("target");
    std::fs::write(&target, "precious").unwrap();
    symlink(&target, dir.join("link")).unwrap();
    symlink("/nowhere", dir.join("dangling")).unwrap();
    rustix::fs::mkfifoat(CWD, dir.join("pipe"), Mode::from_raw_mode(0o600)).unwrap();
    std::fs::create_dir(dir.join("directory")).unwrap();
    std::fs::write(dir.join("file"), "old").unwrap();
    let names = ["link", "dangling", "pipe", "directory", "file", "nothing"];
    names.map(|name| (name, dir.join(name))).to_vec()
}

#[test]
fn whatever_is_in_the_way_of_a_file_goes_when_that_is_asked_for() {
    let (_dir, dir) = place();
    for (what, path) in in_the_way(&dir) {
        replace_anything(&path, b"new", Some(0o644), Links::Refused).unwrap();
        assert!(std::fs::symlink_metadata(&path).unwrap().is_file(), "{what}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "new", "{what}");
    }
    assert_eq!(std::fs::read_to_string(dir.join("target")).unwrap(), "precious");
    let full = dir.join("full");
    std::fs::create_dir_all(full.join("precious")).unwrap();
    let refused = replace_anything(&full, b"new", None, Links::Refused).unwrap_err().to_string();
    assert_eq!(refused, "it is a directory that is not empty");
    assert_eq!(names(&full), ["precious"]);
    assert!(names(&dir).iter().all(|name| !name.starts_with('.')), "nothing stays beside it");
}

#[test]
fn what_is_in_the_way_stays_until_the_new_file_is_complete() {
    let (_dir, dir) = place();
    // The new file beside it needs a longer name, which no file system takes.
    let path = |name: &str| dir.join(format!("{name}{}", "x".repeat(255 - name.len())));
    for (what, old) in in_the_way(&dir) {
        let path = path(what);
        let is_there = std::fs::rename(&old, &path).is_ok();
        assert!(replace_anything(&path, b"new", None, Links::Refused).is_err(), "{what}");
        assert_eq!(std::fs::symlink_metadata(&path).is_ok(), is_there, "{what}");
    }
}

#[test]
fn no_link_on_the_way_is_followed_unless_the_caller_has_put_it_there() {
    let (_dir, dir) = place();
    std::fs::create_dir(dir.join("real")).unwrap();
    symlink(dir.join("real"), dir.join("link")).unwrap();
    let file = dir.join("link/file");
    let error = replace(&file, b"x", None, Links::Refused).unwrap_err().to_string();
    assert!(error.contains("link` is a symbolic link"), "{error}");
    assert!(remove(&file, Links::Refused).is_err());
    assert!(make_directory(&dir.join("link/below"), 0o700).is_err());
    assert_eq!(names(&dir.join("real")), [""; 0]);
    replace(&file, b"x", None, Links::Followed).unwrap();
    assert!(directory(&dir.join("link/../real"), Links::Refused).is_err());
    assert!(directory(Path::new("."), Links::Refused).is_ok());
}

#[test]
fn a_file_is_removed_whatever_it_is_but_no_directory() {
    let (_dir, dir) = place();
    let target = dir.join("target");
    std::fs::write(&target, "precious").unwrap();
    let link = dir.join("link");
    symlink(&target, &link).unwrap();
    remove(&link, Links::Refused).unwrap();
    remove(&link, Links::Refused).unwrap();
    remove(&dir.join("missing/file"), Links::Refused).unwrap();
    assert_eq!(names(&dir), ["target"], "the link is gone, not what it leads to");
    assert!(matches!(remove(&dir, Links::Refused), Err(DiskError::NotAFile("a directory"))));
    assert!(matches!(remove(Path::new("/"), Links::Refused), Err(DiskError::NoName)));
}

#[test]
fn a_missing_directory_is_made_with_its_permissions_whatever_the_umask_is() {
    let (_dir, dir) = place();
    let below = dir.join("a/b");
    make_directory(&below, 0o711).unwrap();
    make_directory(&below, 0o700).unwrap();
    let mode = std::fs::metadata(&below).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o711, "one that is there stays as it is");
}

#[test]
fn what_a_killed_process_left_goes_with_the_next_change_and_nothing_else_does() {
    let (_dir, dir) = place();
    let path = dir.join("flag");
    // More than any process has as its number, and one that is there.
    let gone = format!(".flag.{}", i32::MAX);
    let kept =
        [".flag.1".to_owned(), ".flag.".to_owned(), ".flag.-1".to_owned(), format!(".flags.{}", i32::MAX)];
    for change in
        [|path: &Path| replace(path, b"x", None, Links::Refused), |path: &Path| remove(path, Links::Refused)]
    {
        for name in kept.iter().chain([&gone]) {
            std::fs::write(dir.join(name), "half").unwrap();
        }
        change(&path).unwrap();
        assert!(!dir.join(&gone).exists());
        assert!(kept.iter().all(|name| dir.join(name).exists()), "{:?}", names(&dir));
    }
    std::fs::create_dir(dir.join(&gone)).unwrap();
    remove(&path, Links::Refused).unwrap();
    assert!(dir.join(&gone).exists(), "nobody but somebody else makes a directory of this name");
}
