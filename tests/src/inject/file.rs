//! Files of the set of servers that are changed, moved away, or given to others.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::matrix::Scene;

/// Puts back what was there: contents, owner, mode and time of a file, or its absence.
struct PutBack {
    path: PathBuf,
    was: Option<(Vec<u8>, fs::Metadata)>,
}

impl PutBack {
    fn of(path: &Path) -> Self {
        let was = fs::metadata(path).ok().map(|metadata| (fs::read(path).unwrap(), metadata));
        Self { path: path.to_owned(), was }
    }
}

impl Drop for PutBack {
    fn drop(&mut self) {
        let Some((contents, metadata)) = &self.was else {
            let _ = fs::remove_file(&self.path);
            return;
        };
        let _ = fs::write(&self.path, contents);
        let _ = std::os::unix::fs::chown(&self.path, Some(metadata.uid()), Some(metadata.gid()));
        let _ = fs::set_permissions(&self.path, metadata.permissions());
        if let (Ok(file), Ok(modified)) =
            (fs::File::options().append(true).open(&self.path), metadata.modified())
        {
            let _ = file.set_modified(modified);
        }
    }
}

/// A file holds something else than it did, or is there though it was not; one that is new belongs to its directory's
/// owner.
pub fn replaced(path: impl Into<PathBuf>, contents: impl Into<Vec<u8>>) -> impl Fn(&mut Scene<'_>) {
    let (path, contents) = (path.into(), contents.into());
    move |scene| {
        let path = scene.servers.root().join(&path);
        scene.hold(PutBack::of(&path));
        let new = !path.exists();
        fs::write(&path, &contents).unwrap();
        if new {
            let owner = fs::metadata(path.parent().unwrap()).unwrap();
            std::os::unix::fs::chown(&path, Some(owner.uid()), Some(owner.gid())).unwrap();
        }
    }
}

/// A file was changed this long ago, so it says.
pub fn touched(path: impl Into<PathBuf>, ago: Duration) -> impl Fn(&mut Scene<'_>) {
    let path = path.into();
    move |scene| {
        let path = scene.servers.root().join(&path);
        scene.hold(PutBack::of(&path));
        let file = fs::File::options().append(true).open(&path).unwrap();
        file.set_modified(SystemTime::now() - ago).unwrap();
    }
}

/// Moves a file or directory back.
struct MoveBack(PathBuf, PathBuf);

impl Drop for MoveBack {
    fn drop(&mut self) {
        let _ = fs::rename(&self.1, &self.0);
    }
}

/// A file or directory is not there.
pub fn missing(path: impl Into<PathBuf>) -> impl Fn(&mut Scene<'_>) {
    let path = path.into();
    move |scene| {
        let path = scene.servers.root().join(&path);
        let name = path.file_name().unwrap().display();
        let aside = scene.servers.root().join("run").join(format!("{name}.aside"));
        fs::rename(&path, &aside).unwrap();
        scene.hold(MoveBack(path, aside));
    }
}

/// Gives a file or directory its mode back.
struct ModeBack(PathBuf, Permissions);

impl Drop for ModeBack {
    fn drop(&mut self) {
        let _ = fs::set_permissions(&self.0, self.1.clone());
    }
}

/// A file or directory has another mode.
pub fn chmod(path: impl Into<PathBuf>, mode: u32) -> impl Fn(&mut Scene<'_>) {
    let path = path.into();
    move |scene| {
        let path = scene.servers.root().join(&path);
        let was = fs::metadata(&path).unwrap().permissions();
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        scene.hold(ModeBack(path, was));
    }
}

/// Gives a file or directory its owner back.
struct OwnerBack(PathBuf, u32, u32);

impl Drop for OwnerBack {
    fn drop(&mut self) {
        let _ = std::os::unix::fs::chown(&self.0, Some(self.1), Some(self.2));
    }
}

/// A file or directory belongs to another user and group, by their numbers.
pub fn chown(path: impl Into<PathBuf>, uid: u32, gid: u32) -> impl Fn(&mut Scene<'_>) {
    let path = path.into();
    move |scene| {
        let path = scene.servers.root().join(&path);
        let was = fs::metadata(&path).unwrap();
        std::os::unix::fs::chown(&path, Some(uid), Some(gid)).unwrap();
        scene.hold(OwnerBack(path, was.uid(), was.gid()));
    }
}
