//! Static files: whether what was collected is what the code has now. In the helper, because they may lie on slow storage.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};
use serde::{Deserialize, Serialize};

/// No more files than this are looked at: the site has about two thousand.
const MOST_FILES: u64 = 100_000;

/// Directories below directories, no deeper than this.
const DEEPEST: usize = 32;

/// So many names are told of each kind.
const TOLD: usize = 5;

/// Larger files than this are compared by size and time only, in bytes.
const LARGEST_READ: u64 = 16 << 20;

/// How collected files compare with their sources.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Collected {
    /// How many sources there are.
    pub files: u64,
    /// How many were never collected.
    pub missing: u64,
    /// How many have changed since.
    pub older: u64,
    /// The first of both kinds, relative to the sources.
    pub names: Vec<String>,
}

/// Compares each file below `sources` with the one of its name below `collected`, as `collectstatic` does: by time; and,
/// because a change of branch and back changes only times, by contents.
///
/// # Errors
///
/// When the sources cannot be read.
pub(super) fn collected(sources: &Path, collected: &Path) -> io::Result<Collected> {
    // What is missing altogether is said once, not once for each file.
    fs::read_dir(collected)?;
    let mut result = Collected::default();
    walk(sources, Path::new(""), collected, DEEPEST, &mut result)?;
    Ok(result)
}

fn walk(
    sources: &Path,
    below: &Path,
    collected: &Path,
    depth: usize,
    result: &mut Collected,
) -> io::Result<()> {
    let mut entries: Vec<_> = fs::read_dir(sources.join(below))?.collect::<io::Result<_>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let name = entry.file_name();
        let shown = name.to_string_lossy();
        // What `collectstatic` leaves out, too.
        if shown.starts_with('.') || shown.ends_with('~') || shown == "CVS" || result.files >= MOST_FILES {
            continue;
        }
        let (kind, below) = (entry.file_type()?, below.join(&name));
        if kind.is_dir() && depth > 0 {
            walk(sources, &below, collected, depth - 1, result)?;
        } else if kind.is_file() {
            result.files += 1;
            let told = match compare(&sources.join(&below), &collected.join(&below)) {
                Some(false) => continue,
                Some(true) => &mut result.older,
                None => &mut result.missing,
            };
            *told += 1;
            if result.names.len() < TOLD {
                result.names.push(below.to_string_lossy().into_owned());
            }
        }
    }
    Ok(())
}

/// Whether a source has changed since it was collected; nothing when it never was.
fn compare(source: &Path, copy: &Path) -> Option<bool> {
    let copied = fs::metadata(copy).ok()?;
    let Ok(own) = fs::symlink_metadata(source) else { return Some(false) };
    if own.mtime() <= copied.mtime() {
        return Some(false);
    }
    let same = own.size() == copied.size()
        && (own.size() > LARGEST_READ || matches!((read(source), read(copy)), (Ok(a), Ok(b)) if a == b));
    Some(!same)
}

/// A file's contents. Somebody may have put something else in its place meanwhile.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = File::from(rustix::fs::open(path, flags, Mode::empty())?);
    let mut contents = Vec::new();
    file.take(LARGEST_READ).read_to_end(&mut contents)?;
    Ok(contents)
}

/// The sizes of files below a directory, in their order; nothing for one that is not there.
pub(super) fn sizes(dir: &Path, names: &[PathBuf]) -> io::Result<Vec<Option<u64>>> {
    fs::read_dir(dir)?;
    let size = |name: &PathBuf| {
        let file = fs::metadata(dir.join(name)).ok().filter(fs::Metadata::is_file);
        file.map(|file| file.len())
    };
    Ok(names.iter().map(size).collect())
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;

    fn write(path: &Path, contents: &str, age_s: u64) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, contents).unwrap();
        let file = File::options().append(true).open(path).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(age_s)).unwrap();
    }

    #[test]
    fn what_was_never_collected_and_what_has_changed_since_are_told_apart() {
        let dir = tempfile::tempdir().unwrap();
        let (sources, copies) = (dir.path().join("media"), dir.path().join("static"));
        for (name, source_age, copy_age, content) in [
            ("css/same.css", 100, 50, "x"),
            ("css/touched.css", 10, 50, "x"),
            ("js/changed.js", 10, 50, "old"),
        ] {
            write(&sources.join(name), "x", source_age);
            write(&copies.join(name), content, copy_age);
        }
        write(&sources.join("new.css"), "x", 1);
        write(&sources.join(".hidden"), "x", 1);
        std::os::unix::fs::symlink("/etc/passwd", sources.join("link")).unwrap();
        let found = collected(&sources, &copies).unwrap();
        assert_eq!((found.files, found.missing, found.older), (4, 1, 1), "{found:?}");
        assert_eq!(found.names, ["js/changed.js", "new.css"]);
    }

    #[test]
    fn a_directory_that_is_missing_is_said_once() {
        let dir = tempfile::tempdir().unwrap();
        let missing = dir.path().join("nowhere");
        assert_eq!(collected(dir.path(), &missing).unwrap_err().kind(), io::ErrorKind::NotFound);
        assert_eq!(collected(&missing, dir.path()).unwrap_err().kind(), io::ErrorKind::NotFound);
        assert_eq!(sizes(&missing, &[]).unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn of_files_that_are_there_the_size_is_told() {
        let dir = tempfile::tempdir().unwrap();
        write(&dir.path().join("css/a.css"), "abc", 0);
        let names = ["css/a.css", "css/b.css", "css"].map(PathBuf::from);
        assert_eq!(sizes(dir.path(), &names).unwrap(), [Some(3), None, None]);
    }
}
