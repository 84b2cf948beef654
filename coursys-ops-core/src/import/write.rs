//! Files that are made with their final mode: whole or not at all, and never through somebody else's link.

use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, chown};
use std::path::{Path, PathBuf};

use rustix::fs::{Gid, Mode, OFlags};

use super::ask::ImportError;
use crate::config::sources::reason;
use crate::trust;

/// The mode of configuration files and secrets: the owner writes, the site's group reads.
const MODE: Mode = Mode::from_raw_mode(0o640);
/// The mode of a new directory of configuration files: their own mode keeps others out.
pub(super) const OPEN: u32 = 0o755;
/// The mode of a new directory of secrets.
pub(super) const CLOSED: u32 = 0o750;

/// How a file is put in its place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Manner {
    /// The group that may read it; nothing leaves it to the system.
    pub group: Option<u32>,
    /// Whether a file that is there already is replaced.
    pub replace: bool,
    /// Whether root writes: then only where nobody else can write.
    pub as_root: bool,
}

/// Creates a file of mode 0640, and its directory when only that is missing; never replaces one.
///
/// # Errors
///
/// The file exists, its directory belongs to somebody else while root writes, or it cannot be written.
pub fn create(path: &Path, text: &str, as_root: bool) -> Result<(), ImportError> {
    let manner = Manner { group: None, replace: false, as_root };
    directory(parent(path), OPEN, manner)?;
    put(path, text.as_bytes(), manner)
}

pub(super) fn put(path: &Path, bytes: &[u8], manner: Manner) -> Result<(), ImportError> {
    let shown = path.display();
    let cannot = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => {
            ImportError::refused(format!("`{shown}` exists already"), "move it away, or name another file")
        }
        std::io::ErrorKind::NotFound => ImportError::new(
            format!("cannot write `{shown}`: there is no such directory"),
            "create the directory first",
        ),
        _ => ImportError::refused(
            format!("cannot write `{shown}`: {}", reason(&error)),
            "look at the directory's rights",
        ),
    };
    if manner.as_root {
        trusted(parent(path)).map_err(cannot)??;
    }
    let beside = beside(path);
    let written = write(&beside, bytes, manner.group).and_then(|()| {
        if manner.replace { std::fs::rename(&beside, path) } else { std::fs::hard_link(&beside, path) }
    });
    // After a rename there is nothing left to remove.
    let _ = std::fs::remove_file(&beside);
    written.map_err(cannot)
}

/// Makes a directory, unless it is there; its parents must be.
pub(super) fn directory(path: &Path, mode: u32, manner: Manner) -> Result<(), ImportError> {
    let cannot = |error: std::io::Error| {
        let why = match error.kind() {
            std::io::ErrorKind::NotFound => "the directory above it is missing".to_owned(),
            _ => reason(&error),
        };
        let message = format!("cannot make the directory `{}`: {why}", path.display());
        ImportError::refused(message, "make it by hand, or name another place")
    };
    if path.is_dir() {
        return Ok(());
    }
    if manner.as_root {
        trusted(parent(path)).map_err(cannot)??;
    }
    std::fs::DirBuilder::new().mode(mode).create(path).map_err(cannot)?;
    manner.group.map_or(Ok(()), |group| chown(path, None, Some(group))).map_err(cannot)
}

/// Whether root can trust a directory.
fn trusted(dir: &Path) -> std::io::Result<Result<(), ImportError>> {
    let judged = trust::only_root_writes(dir)?;
    Ok(judged.map_err(|distrust| {
        ImportError::refused(format!("refused for root: {}", distrust.message), distrust.remedy)
    }))
}

fn parent(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn beside(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.{}", std::process::id()))
}

/// Writes a new file. The group is set before there is anything to read.
fn write(path: &Path, bytes: &[u8], group: Option<u32>) -> std::io::Result<()> {
    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::WRONLY | OFlags::CLOEXEC;
    let file = rustix::fs::open(path, flags, MODE)?;
    if let Some(group) = group {
        rustix::fs::fchown(&file, None, Some(Gid::from_raw(group)))?;
    }
    // The umask may have taken some of it.
    rustix::fs::fchmod(&file, MODE)?;
    let mut file = std::fs::File::from(file);
    file.write_all(bytes)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

    use super::*;

    #[test]
    fn a_file_is_created_with_its_final_mode_and_nothing_is_left_beside_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("config.toml");
        create(&path, "x", false).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o7777, 0o640);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_or_a_link_that_is_there_is_never_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let (path, link) = (dir.path().join("config.toml"), dir.path().join("link"));
        std::fs::write(&path, "mine").unwrap();
        std::os::unix::fs::symlink(&path, &link).unwrap();
        for path in [&path, &link] {
            let error = create(path, "x", false).unwrap_err();
            assert!(error.refused && error.message.ends_with("exists already"), "{error}");
        }
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "mine");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 2);
    }

    #[test]
    fn a_missing_directory_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let error = create(&dir.path().join("none/here/config.toml"), "x", false).unwrap_err();
        assert!(error.message.ends_with("here`: the directory above it is missing"), "{error}");
        create(&dir.path().join("new/config.toml"), "x", false).unwrap();
    }

    #[test]
    fn root_writes_no_secret_where_others_can_write() {
        if !rustix::process::geteuid().is_root() {
            return;
        }
        let dir = tempfile::tempdir().unwrap();
        std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
        let error = create(&dir.path().join("x"), "x", true).unwrap_err();
        assert!(error.refused && error.hint.contains("run `chmod o-w "), "{error:?}");
    }

    #[test]
    fn the_group_may_read_what_is_made_for_it() {
        if !rustix::process::geteuid().is_root() {
            return;
        }
        let dir = tempfile::tempdir().unwrap();
        let manner = Manner { group: Some(33), replace: true, as_root: true };
        let secrets = dir.path().join("secrets");
        directory(&secrets, CLOSED, manner).unwrap();
        put(&secrets.join("x"), b"one", manner).unwrap();
        put(&secrets.join("x"), b"two", manner).unwrap();
        let metadata = std::fs::metadata(secrets.join("x")).unwrap();
        assert_eq!((metadata.uid(), metadata.gid(), metadata.mode() & 0o7777), (0, 33, 0o640));
        assert_eq!(std::fs::metadata(&secrets).unwrap().gid(), 33);
        assert_eq!(std::fs::read(secrets.join("x")).unwrap(), b"two");
    }
}
