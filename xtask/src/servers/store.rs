//! What outlives a set of servers because it takes long to get: Elasticsearch, and the Python packages of the site.
//!
//! Each thing is complete once its file `.complete` is there, and never changed after that. Whoever makes one holds a
//! lock; the kernel lets go of it if he is killed, and the next one starts over.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};

use super::account::is_root;
use super::elasticsearch;
use super::options::Search;
use super::program::tool;

/// The site's Python packages, below `tests/site`.
pub const REQUIREMENTS: &str = "requirements.txt";

/// Debian's own interpreter: one from a home directory cannot be run by another account.
const PYTHON: &str = "/usr/bin/python3";

/// The cache directory. Not in a home directory when root runs this: other accounts must get at it.
#[derive(Clone, Debug)]
pub struct Store {
    root: PathBuf,
}

impl Store {
    /// Opens (and makes) `/var/cache/coursys-ops`, or `~/.cache/coursys-ops` for everybody but root.
    ///
    /// # Errors
    /// There is no home directory, or what the file system says.
    pub fn open() -> Result<Self> {
        let root = if is_root() {
            PathBuf::from("/var/cache/coursys-ops")
        } else {
            let home = std::env::home_dir().context("this account has no home directory")?;
            home.join(".cache/coursys-ops")
        };
        Self::open_at(&root)
    }

    fn open_at(root: &Path) -> Result<Self> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o755)
            .create(root)
            .with_context(|| format!("failed to make `{}`", root.display()))?;
        Ok(Self { root: root.to_owned() })
    }

    /// Where something of this name is kept.
    #[must_use]
    pub fn directory(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// Takes the lock `name`, waiting for it as long as it takes.
    ///
    /// # Errors
    /// What the file system says.
    pub fn lock(&self, name: &str) -> Result<File> {
        let path = self.root.join(format!("{name}.lock"));
        let mut options = OpenOptions::new();
        let file = options.create(true).truncate(false).write(true).open(&path);
        let file = file.with_context(|| format!("failed to open `{}`", path.display()))?;
        file.lock().with_context(|| format!("failed to lock `{}`", path.display()))?;
        Ok(file)
    }

    /// Where Elasticsearch is unpacked; fetched from Maven the first time. `mark` is the directory of the set of
    /// servers on whose behalf this happens.
    ///
    /// # Errors
    /// Maven or `unzip` fails.
    pub fn elasticsearch(&self, search: Search, mark: &Path) -> Result<PathBuf> {
        let version = elasticsearch::version(search);
        let name = format!("elasticsearch-{version}");
        self.complete(&name, |directory| {
            let group = match search {
                Search::Five => "org.elasticsearch.distribution.zip",
                Search::Seven => "org.elasticsearch.distribution.integ-test-zip",
            };
            let repository = self.root.join("maven");
            let local = format!("-Dmaven.repo.local={}", repository.display());
            let artifact = format!("-Dartifact={group}:elasticsearch:{version}:zip");
            let get = ["mvn", "-q", "-B", &local, "dependency:get", "-Dtransitive=false", &artifact];
            // Else Java leaves `/tmp/hsperfdata_USER`.
            tool(&get, &[("MAVEN_OPTS", "-XX:-UsePerfData")], Some(mark))?;
            let zip = format!("{}/elasticsearch/{version}/{name}.zip", group.replace('.', "/"));
            let (zip, unpacked) = (repository.join(zip), directory.with_extension("unpacked"));
            let _ = fs::remove_dir_all(&unpacked);
            let (zip, target) = (zip.to_string_lossy(), unpacked.to_string_lossy());
            tool(&["unzip", "-q", &zip, "-d", &target], &[], Some(mark))?;
            fs::rename(unpacked.join(&name), directory)?;
            fs::remove_dir(&unpacked).context("the archive holds more than one directory")
        })
    }

    /// The interpreter of a virtual environment that has the packages of this requirements file.
    ///
    /// # Errors
    /// The file cannot be read; `venv` or `pip` fails.
    pub fn python(&self, requirements: &Path, mark: &Path) -> Result<PathBuf> {
        let wanted =
            fs::read(requirements).with_context(|| format!("failed to read `{}`", requirements.display()))?;
        let interpreter = fs::canonicalize(PYTHON).with_context(|| format!("there is no `{PYTHON}`"))?;
        let key = fingerprint(&[&wanted, interpreter.as_os_str().as_encoded_bytes()]);
        let environment = self.complete(&format!("venv-{key:016x}"), |directory| {
            let target = directory.to_string_lossy();
            tool(&[PYTHON, "-m", "venv", &target], &[], Some(mark))?;
            let python = directory.join("bin/python").to_string_lossy().into_owned();
            let requirements = requirements.to_string_lossy();
            tool(&[&python, "-m", "pip", "install", "--quiet", "-r", &requirements], &[], Some(mark))
        })?;
        Ok(environment.join("bin/python"))
    }

    /// The directory `name`, made by `make` if it is not complete.
    ///
    /// # Errors
    /// What `make` or the file system says.
    pub fn complete(&self, name: &str, make: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
        let directory = self.root.join(name);
        let complete = directory.join(".complete");
        if complete.exists() {
            // For `forget_old`. Who may not write here has no use for that either.
            let _ =
                File::options().append(true).open(&complete).map(|file| file.set_modified(SystemTime::now()));
            return Ok(directory);
        }
        let _lock = self.lock("store")?;
        if complete.exists() {
            return Ok(directory);
        }
        if directory.exists() {
            fs::remove_dir_all(&directory)
                .with_context(|| format!("failed to remove `{}`", directory.display()))?;
        }
        make(&directory).with_context(|| format!("failed to make `{}`", directory.display()))?;
        File::create(&complete).with_context(|| format!("failed to make `{}`", complete.display()))?;
        Ok(directory)
    }
}

impl Store {
    /// Removes what `complete` made under names that begin like this and that nobody asked for in a while: with every
    /// change of a recipe there is one more. What `kept` says is left alone.
    ///
    /// # Errors
    /// What the file system says.
    pub fn forget_old(&self, prefix: &str, age: Duration, kept: impl Fn(&Path) -> bool) -> Result<()> {
        let first = self.root.join(prefix);
        let (Some(parent), Some(prefix)) = (first.parent(), first.file_name()) else { return Ok(()) };
        for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
            let (path, name) = (entry.path(), entry.file_name());
            let named = name.as_encoded_bytes().starts_with(prefix.as_encoded_bytes());
            let used = fs::metadata(path.join(".complete")).and_then(|data| data.modified());
            let old = used.is_ok_and(|used| used.elapsed().is_ok_and(|elapsed| elapsed > age));
            if named && old && !kept(&path) {
                fs::remove_dir_all(&path)
                    .with_context(|| format!("failed to remove `{}`", path.display()))?;
            }
        }
        Ok(())
    }
}

/// FNV-1a: the same on every machine and in every release of Rust, which `std`'s hasher does not promise.
pub fn fingerprint(parts: &[&[u8]]) -> u64 {
    let bytes = parts.iter().flat_map(|part| part.iter().chain(&[0]));
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_complete_is_not_made_again_and_what_is_half_made_is() {
        let root = tempfile::tempdir().unwrap();
        let store = Store::open_at(root.path()).unwrap();
        let fails = store.complete("thing", |directory| {
            fs::create_dir(directory)?;
            fs::write(directory.join("half"), "")?;
            anyhow::bail!("no network")
        });
        assert!(format!("{:#}", fails.unwrap_err()).ends_with("no network"));
        let made = store.complete("thing", |directory| Ok(fs::create_dir(directory)?)).unwrap();
        assert!(!made.join("half").exists());
        assert_eq!(store.complete("thing", |_| anyhow::bail!("made twice")).unwrap(), made);
    }

    #[test]
    fn what_nobody_asked_for_in_a_while_is_forgotten_unless_it_is_in_use() {
        let root = tempfile::tempdir().unwrap();
        let store = Store::open_at(root.path()).unwrap();
        let make = |name: &str| store.complete(name, |directory| Ok(fs::create_dir_all(directory)?)).unwrap();
        let (used, unused, other) = (make("s/a-1"), make("s/a-2"), make("s/b-1"));
        store.forget_old("s/a-", Duration::from_secs(60), |_| false).unwrap();
        assert!(unused.exists(), "it is new");
        store.forget_old("s/a-", Duration::ZERO, |path| path == used).unwrap();
        assert_eq!([&used, &unused, &other].map(|path| path.exists()), [true, false, true]);
    }

    #[test]
    fn other_requirements_are_another_environment() {
        assert_eq!(fingerprint(&[b"a"]), 0x089b_e207_b544_f1e4);
        assert_ne!(fingerprint(&[b"celery==5.6.3"]), fingerprint(&[b"celery==5.6.4"]));
        assert_ne!(fingerprint(&[b"ab", b"c"]), fingerprint(&[b"a", b"bc"]));
    }
}
