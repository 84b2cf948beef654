//! File systems, and servers with other settings.

use crate::matrix::Scene;
use crate::{Disk, HungMount};

/// A key names a directory on a small file system that something is wrong with.
pub fn disk(key: &'static str, disk: Disk) -> impl Fn(&mut Scene<'_>) {
    move |scene| {
        let directory = scene.directory();
        let disk = disk.mount(&directory);
        scene.set(key, disk.path().display());
        scene.hold(disk);
    }
}

/// A key names a directory on a file system that never answers.
pub fn hung_disk(key: &'static str) -> impl Fn(&mut Scene<'_>) {
    move |scene| {
        let mount = HungMount::new();
        scene.set(key, mount.path().display());
        scene.hold(mount);
    }
}
