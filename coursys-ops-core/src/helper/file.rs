//! A file as it is found: whose it is, who may read it, what is in it.

use std::fs::{File, Metadata};
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustix::fs::{Mode, OFlags};
use serde::{Deserialize, Serialize};

/// A file and the directory that it is in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileLook {
    /// The file's owner.
    pub uid: u32,
    /// Its permission bits.
    pub mode: u32,
    /// The owner of the directory.
    pub directory_uid: u32,
    /// The directory's permission bits.
    pub directory_mode: u32,
    /// What is in it.
    pub content: Content,
}

/// What is in a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Content {
    /// All of it, in base64; see [`Content::bytes`].
    Whole(String),
    /// It holds this many bytes, more than were asked for.
    TooLong(u64),
    /// It is a directory, a pipe, a device or, in its last component, a symbolic link.
    NotAFile,
}

impl Content {
    /// The bytes, when all of them are there.
    #[must_use]
    pub fn bytes(&self) -> Option<Vec<u8>> {
        if let Self::Whole(text) = self { STANDARD.decode(text).ok() } else { None }
    }
}

/// Looks at a file and reads up to `most` bytes of it.
pub(super) fn look(path: &Path, most: u64) -> io::Result<FileLook> {
    let parent = path.parent().unwrap_or(Path::new("/"));
    let directory = std::fs::metadata(parent)?;
    // A pipe must not hold us, and where others may write, a symbolic link could lead anywhere.
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOFOLLOW;
    let (metadata, content) = match rustix::fs::open(path, flags, Mode::empty()) {
        Ok(file) => read(file.into(), most)?,
        Err(rustix::io::Errno::LOOP) => (std::fs::symlink_metadata(path)?, Content::NotAFile),
        Err(errno) => return Err(errno.into()),
    };
    Ok(FileLook {
        uid: metadata.uid(),
        mode: metadata.mode() & 0o7777,
        directory_uid: directory.uid(),
        directory_mode: directory.mode() & 0o7777,
        content,
    })
}

fn read(mut file: File, most: u64) -> io::Result<(Metadata, Content)> {
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Ok((metadata, Content::NotAFile));
    }
    let mut bytes = Vec::new();
    file.by_ref().take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    let content = if length > most {
        Content::TooLong(metadata.len().max(length))
    } else {
        Content::Whole(STANDARD.encode(bytes))
    };
    Ok((metadata, content))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    #[test]
    fn a_file_is_read_whole_or_not_at_all_and_no_link_is_followed() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
        let path = dir.path().join("keytab");
        std::fs::write(&path, b"\x05\x02\xff").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        let found = look(&path, 3).unwrap();
        assert_eq!((found.content.bytes(), found.mode), (Some(b"\x05\x02\xff".to_vec()), 0o640));
        assert_eq!(found.directory_mode, 0o700);
        assert_eq!(look(&path, 2).unwrap().content, Content::TooLong(3));
        assert_eq!(look(dir.path(), 9).unwrap().content, Content::NotAFile);
        let link = dir.path().join("link");
        symlink(&path, &link).unwrap();
        assert_eq!(look(&link, 9).unwrap().content, Content::NotAFile);
        assert_eq!(look(&dir.path().join("none"), 9).unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn a_pipe_does_not_hold_who_looks_at_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("pipe");
        rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, Mode::RUSR, 0).unwrap();
        assert_eq!(look(&path, 9).unwrap().content, Content::NotAFile);
    }
}
