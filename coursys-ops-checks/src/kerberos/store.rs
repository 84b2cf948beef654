//! The files of the site's ticket, changed as the site's user, in the helper process.
//!
//! New files are made in a place of their own beside the keytab, and take the places of the old ones together, when all of
//! them are complete on disk. What a killed program left there goes when the next one begins.

use std::fs::{self, DirBuilder};
use std::io::{ErrorKind, Read as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use coursys_ops_core::disk::{self, DiskError, Links};
use coursys_ops_core::helper::{Answer, Refusal};
use serde::{Deserialize, Serialize};

/// The name of these requests.
pub(crate) const NAME: &str = "kerberos-store";

/// More than this, in bytes, is no request.
const LONGEST: u64 = 16 << 20;

/// What the place to work in is called, before the number of the process that works there.
const PLACE: &str = ".coursys-ops.";

/// Who has a keytab is the principal: nobody else even sees that there is one.
const PRIVATE_DIRECTORY: u32 = 0o700;
const PRIVATE_FILE: u32 = 0o600;

/// What is asked for, on standard input.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Request {
    /// Makes these directories, private ones, where they are missing, takes away what killed programs left in them, and
    /// makes a place to work in, below the first, for the program of this number.
    Begin(Vec<PathBuf>, u32),
    /// Replaces these files, all or none.
    Install(Vec<New>),
    /// Takes a place away with all that is in it.
    End(PathBuf),
}

/// The new contents of a file.
#[derive(Serialize, Deserialize)]
pub(super) struct New {
    pub(super) path: PathBuf,
    pub(super) content: Vec<u8>,
}

/// The contents are secret.
impl std::fmt::Debug for New {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "New({})", self.path.display())
    }
}

/// The place to work in of a program.
pub(super) fn place(directory: &Path, program: u32) -> PathBuf {
    directory.join(format!("{PLACE}{program}"))
}

/// Does what standard input asks for.
pub(crate) fn serve() -> Result<String, String> {
    let mut text = Vec::new();
    let asked = std::io::stdin().lock().take(LONGEST).read_to_end(&mut text);
    asked.map_err(|error| error.to_string())?;
    let request = serde_json::from_slice(&text).map_err(|error| error.to_string())?;
    serde_json::to_string(&perform(request)).map_err(|error| error.to_string())
}

fn perform(request: Request) -> Answer<()> {
    match request {
        Request::Begin(directories, program) => begin(&directories, program),
        Request::Install(files) => install(&files),
        Request::End(place) => end(&place),
    }
}

fn begin(directories: &[PathBuf], program: u32) -> Answer<()> {
    let uid = rustix::process::geteuid().as_raw();
    for directory in directories {
        let in_way = |error: std::io::Error| named(directory, error);
        disk::make_directory(directory, PRIVATE_DIRECTORY).map_err(in_way)?;
        let metadata = fs::symlink_metadata(directory).map_err(in_way)?;
        if metadata.uid() == uid && metadata.mode() & 0o077 != 0 {
            fs::set_permissions(directory, fs::Permissions::from_mode(PRIVATE_DIRECTORY)).map_err(in_way)?;
        }
        tidy(directory).map_err(in_way)?;
    }
    let Some(first) = directories.first() else { return Ok(()) };
    let place = place(first, program);
    end(&place)?;
    DirBuilder::new().mode(PRIVATE_DIRECTORY).create(&place).map_err(|error| named(&place, error))
}

/// Takes away what programs left that are no more: `.coursys-ops.NUMBER`, and `.NAME.NUMBER` of a file half replaced.
fn tidy(directory: &Path) -> std::io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let name = entry.file_name();
        let Some((_, number)) =
            name.to_str().filter(|name| name.starts_with('.')).and_then(|name| name.rsplit_once('.'))
        else {
            continue;
        };
        let dead =
            number.parse::<u32>().is_ok_and(|number| !Path::new("/proc").join(number.to_string()).exists());
        if !dead {
            continue;
        }
        if entry.file_type()?.is_dir() {
            if name.to_str().is_some_and(|name| name.starts_with(PLACE)) {
                gone(fs::remove_dir_all(entry.path()))?;
            }
        } else {
            gone(fs::remove_file(entry.path()))?;
        }
    }
    Ok(())
}

fn install(files: &[New]) -> Answer<()> {
    let mut prepared = Vec::new();
    for file in files {
        let made = disk::prepare(&file.path, &file.content, Some(PRIVATE_FILE), Links::Refused);
        prepared.push((file, made.map_err(|error| refused(&file.path, error))?));
    }
    for (file, new) in prepared {
        new.take_its_place().map_err(|error| refused(&file.path, error))?;
    }
    Ok(())
}

fn end(place: &Path) -> Answer<()> {
    gone(fs::remove_dir_all(place)).map_err(|error| named(place, error))
}

/// What is not there is gone.
fn gone(removed: std::io::Result<()>) -> std::io::Result<()> {
    removed.or_else(|error| if error.kind() == ErrorKind::NotFound { Ok(()) } else { Err(error) })
}

fn refused(path: &Path, error: DiskError) -> Refusal {
    match error {
        DiskError::System(error) => named(path, error),
        other => Refusal { errno: None, message: format!("`{}`: {other}", path.display()) },
    }
}

fn named(path: &Path, error: std::io::Error) -> Refusal {
    Refusal { errno: error.raw_os_error(), message: format!("`{}`: {error}", path.display()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new(path: PathBuf, content: &str) -> New {
        New { path, content: content.as_bytes().to_vec() }
    }

    /// No process has this number: Linux gives none beyond 2^22.
    const DEAD: &str = "4194999";

    #[test]
    fn files_take_their_places_together_or_not_at_all() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        fs::write(path("username"), "old").unwrap();
        std::os::unix::fs::symlink("/etc/passwd", path("keytab")).unwrap();
        let files = || vec![new(path("username"), "new"), new(path("keytab"), "key")];
        let refusal = install(&files()).unwrap_err();
        assert!(
            refusal.message.contains("keytab") && refusal.message.contains("symbolic link"),
            "{refusal:?}"
        );
        assert_eq!(fs::read_to_string(path("username")).unwrap(), "old");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2, "nothing stays behind");
        fs::remove_file(path("keytab")).unwrap();
        install(&files()).unwrap();
        assert_eq!(fs::read_to_string(path("username")).unwrap(), "new");
        assert_eq!(fs::metadata(path("keytab")).unwrap().mode() & 0o7777, 0o600);
    }

    #[test]
    fn what_killed_programs_left_goes_and_nothing_else_does() {
        let dir = tempfile::tempdir().unwrap();
        let store = dir.path().join("a/kerberos");
        begin(std::slice::from_ref(&store), 1).unwrap();
        assert_eq!(fs::metadata(&store).unwrap().mode() & 0o7777, 0o700);
        let left = store.join(format!(".coursys-ops.{DEAD}"));
        fs::create_dir(&left).unwrap();
        fs::write(left.join("keytab"), "key").unwrap();
        fs::write(store.join(format!(".adsfu.keytab.{DEAD}")), "half").unwrap();
        for kept in ["adsfu.keytab", ".k5login", ".notes.1", "data.4194999"] {
            fs::write(store.join(kept), "").unwrap();
        }
        fs::set_permissions(&store, fs::Permissions::from_mode(0o755)).unwrap();
        begin(std::slice::from_ref(&store), 7).unwrap();
        let mut names: Vec<_> = fs::read_dir(&store)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        assert_eq!(
            names,
            [".coursys-ops.1", ".coursys-ops.7", ".k5login", ".notes.1", "adsfu.keytab", "data.4194999"]
        );
        assert_eq!(fs::metadata(&store).unwrap().mode() & 0o7777, 0o700);
        end(&place(&store, 7)).unwrap();
        assert!(!place(&store, 7).exists());
    }

    #[test]
    fn a_link_in_place_of_the_directory_is_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        let link = dir.path().join("kerberos");
        std::os::unix::fs::symlink(dir.path(), &link).unwrap();
        assert!(begin(&[link], 1).unwrap_err().message.contains("symbolic link"));
    }

    #[test]
    fn no_contents_are_in_what_is_written_about_a_request() {
        let request = Request::Install(vec![new("/a".into(), "secret")]);
        assert_eq!(format!("{request:?}"), "Install([New(/a)])");
    }
}
