//! File systems that are full, read-only or hung, each on a directory of its own.

use std::ffi::CString;
use std::fs;
use std::io::Write as _;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::fs::{Mode, OFlags, open};
use rustix::mount::{MountFlags, UnmountFlags, mount, mount_remount, unmount};

/// A file system in user space that never answers: nobody reads what the kernel asks it.
pub struct HungMount {
    directory: tempfile::TempDir,
    _device: OwnedFd,
}

impl HungMount {
    /// Mounts one; root only.
    ///
    /// # Panics
    /// It cannot be mounted.
    #[must_use]
    #[allow(clippy::new_without_default, reason = "a mount is always made for a purpose")]
    pub fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let device = open("/dev/fuse", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty()).unwrap();
        let data = format!("fd={},rootmode=40755,user_id=0,group_id=0,allow_other", device.as_raw_fd());
        let data = CString::new(data).unwrap();
        mount("silent", directory.path(), "fuse", MountFlags::empty(), Some(data.as_c_str())).unwrap();
        Self { directory, _device: device }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.directory.path()
    }
}

impl Drop for HungMount {
    fn drop(&mut self) {
        let _ = unmount(self.directory.path(), UnmountFlags::DETACH);
    }
}

/// What is wrong with a small file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disk {
    /// No byte is free.
    Full,
    /// Bytes are free, inodes are not.
    NoInodes,
    /// Mounted read-only.
    ReadOnly,
}

/// Bytes of a small file system.
const SIZE: u64 = 8 << 20;

impl Disk {
    /// Mounts a small file system of a loop device below `directory`; root only.
    ///
    /// # Panics
    /// It cannot be made.
    #[must_use]
    pub fn mount(self, directory: &Path) -> SmallDisk {
        let (image, path) = (directory.join("image"), directory.join("disk"));
        fs::File::create(&image).unwrap().set_len(SIZE).unwrap();
        fs::create_dir(&path).unwrap();
        let run = |program: &str, args: &[&str]| {
            let output = Command::new(program).args(args).output().expect(program);
            assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
        };
        // No reserve for root, as few inodes as it takes.
        run("mkfs.ext4", &["-q", "-m", "0", "-N", "32", &image.display().to_string()]);
        run("mount", &["-o", "loop", &image.display().to_string(), &path.display().to_string()]);
        let disk = SmallDisk(path);
        fs::set_permissions(&disk.0, fs::Permissions::from_mode(0o777)).unwrap();
        match self {
            Self::Full => {
                // Once more after each flush: the kernel holds some blocks back until it knows where they go.
                for round in 0..5 {
                    let mut file = fs::File::create(disk.0.join(format!("filling-{round}"))).unwrap();
                    let mut fill = |size| while file.write(&vec![b'x'; size]).is_ok_and(|count| count > 0) {};
                    fill(64 << 10);
                    fill(512);
                    file.sync_all().unwrap();
                }
            }
            Self::NoInodes => {
                let mut number = 0;
                while fs::File::create(disk.0.join(format!("empty-{number}"))).is_ok() {
                    number += 1;
                }
            }
            Self::ReadOnly => mount_remount(&disk.0, MountFlags::RDONLY, "").unwrap(),
        }
        disk
    }
}

/// A small file system, unmounted when dropped.
pub struct SmallDisk(PathBuf);

impl SmallDisk {
    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = unmount(&self.0, UnmountFlags::DETACH);
    }
}
