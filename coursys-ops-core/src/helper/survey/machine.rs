//! What /proc, crontabs and files tell about the components.

use std::collections::BTreeMap;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::super::FileLook;

/// The unit of the times in `/proc/PID/stat`, in milliseconds.
const MS_PER_TICK: u64 = 10;

/// A longer crontab nobody reads, in bytes.
const MOST_CRONTAB: u64 = 256 << 10;

/// Where Docker looks for its plugins; never in somebody's home.
const PLUGINS: [&str; 4] = [
    "/usr/libexec/docker/cli-plugins",
    "/usr/lib/docker/cli-plugins",
    "/usr/local/libexec/docker/cli-plugins",
    "/usr/local/lib/docker/cli-plugins",
];

/// A process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Running {
    /// Its id.
    pub pid: u32,
    /// Who started it.
    pub parent: u32,
    /// As the kernel says it: `R`, `S`, `D`, `T`, …
    pub state: char,
    /// When it started, in milliseconds since 1970.
    pub started_ms: Option<i64>,
    /// Its command line.
    pub command: Vec<String>,
    /// Whether it works in the site's directory; nothing when that cannot be seen.
    pub in_dir: Option<bool>,
}

/// A line of a crontab that starts or restarts something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CronLine {
    /// Where it stands.
    pub file: PathBuf,
    /// The five fields of the time, or one word like `@daily`.
    pub when: String,
    /// What is done.
    pub command: String,
}

/// The time, in milliseconds since 1970.
pub(super) fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// When a file, or anything in a directory, was changed last.
pub(super) fn changed_ms(path: &Path) -> Option<i64> {
    let of = |path: &Path| {
        let metadata = std::fs::metadata(path).ok()?;
        Some((metadata.is_dir(), metadata.mtime().saturating_mul(1000) + metadata.mtime_nsec() / 1_000_000))
    };
    let (is_dir, own) = of(path)?;
    if !is_dir {
        return Some(own);
    }
    let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
    entries.filter_map(|entry| of(&entry.path())).map(|(_, changed)| changed).chain([own]).max()
}

/// What a file holds, also when it is a symbolic link to one beside it, by its bare name. Whoever may write there chooses
/// among his own files in this way, and nothing else.
pub(super) fn linked(path: &Path, most: u64) -> io::Result<FileLook> {
    match std::fs::read_link(path) {
        Ok(target) if target.components().count() == 1 && target.file_name().is_some() => {
            super::super::file::look(&path.with_file_name(target), most)
        }
        _ => super::super::file::look(path, most),
    }
}

pub(super) fn all_changed_ms(paths: &[PathBuf]) -> BTreeMap<PathBuf, i64> {
    paths.iter().filter_map(|path| Some((path.clone(), changed_ms(path)?))).collect()
}

pub(super) fn has_compose_v2() -> bool {
    PLUGINS.iter().any(|dir| Path::new(dir).join("docker-compose").exists())
}

pub(super) fn has_compose_v1() -> bool {
    super::super::SYSTEM_PATH.split(':').any(|dir| Path::new(dir).join("docker-compose").exists())
}

/// The processes whose command line holds one of the words, and those of these ids.
pub(super) fn running(words: &[String], pids: &[u32], dir: &Path) -> Vec<Running> {
    let dir = std::fs::canonicalize(dir).unwrap_or_else(|_| dir.to_owned());
    let booted = booted_ms();
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let ids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let one = |pid: u32| {
        let place = PathBuf::from(format!("/proc/{pid}"));
        let command = super::super::processes::words(&std::fs::read(place.join("cmdline")).ok()?);
        let meant = || command.iter().any(|arg| words.iter().any(|word| arg.contains(word.as_str())));
        if !pids.contains(&pid) && !meant() {
            return None;
        }
        let (state, parent, ticks) = stat(&std::fs::read(place.join("stat")).ok()?)?;
        let started = booted.map(|booted| booted.saturating_add_unsigned(ticks.saturating_mul(MS_PER_TICK)));
        let in_dir = std::fs::read_link(place.join("cwd")).ok().map(|cwd| cwd == dir);
        (state != 'Z').then_some(Running { pid, parent, state, started_ms: started, command, in_dir })
    };
    ids.filter_map(one).collect()
}

/// When the machine started, in milliseconds since 1970.
fn booted_ms() -> Option<i64> {
    let boot = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    let since = boot.tv_sec.checked_mul(1000)?.checked_add(boot.tv_nsec / 1_000_000)?;
    now_ms().checked_sub(since)
}

/// State, parent and start of a line of `/proc/PID/stat`, whose name may hold anything, also brackets.
fn stat(line: &[u8]) -> Option<(char, u32, u64)> {
    let end = line.iter().rposition(|byte| *byte == b')')?;
    let rest = std::str::from_utf8(line.get(end + 1..)?).ok()?;
    let mut fields = rest.split_ascii_whitespace();
    let state = fields.next()?.chars().next()?;
    let parent = fields.next()?.parse().ok()?;
    // The start is the 22nd field, and the parent was the 4th.
    let started = fields.nth(22 - 4 - 1)?.parse().ok()?;
    Some((state, parent, started))
}

/// How much memory the control group of a process has, in bytes.
pub(super) fn memory(pid: u32) -> Option<u64> {
    if pid == 0 {
        return None;
    }
    let groups = std::fs::read_to_string(format!("/proc/{pid}/cgroup")).ok()?;
    let path = |controller: &str| {
        groups.lines().find_map(|line| {
            let mut fields = line.splitn(3, ':').skip(1);
            let controllers = fields.next()?;
            let own = controllers.split(',').any(|one| one == controller);
            own.then(|| fields.next()).flatten()
        })
    };
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").ok()?;
    let classic = || Some(group_dir(&mounts, Some("memory"), path("memory")?)?.join("memory.usage_in_bytes"));
    let unified = || Some(group_dir(&mounts, None, path("")?)?.join("memory.current"));
    let read = |file: PathBuf| std::fs::read_to_string(file).ok()?.trim().parse().ok();
    [classic(), unified()].into_iter().flatten().find_map(read)
}

/// Where a control group is mounted: of this controller (version 1), or of them all (version 2). In a container only a part
/// of the hierarchy is.
fn group_dir(mounts: &str, controller: Option<&str>, group: &str) -> Option<PathBuf> {
    mounts.lines().find_map(|line| {
        let (place, kind) = line.split_once(" - ")?;
        let mut kind = kind.split(' ');
        let (name, mut options) = (kind.next()?, kind.next_back()?.split(','));
        let meant =
            controller.map_or(name == "cgroup2", |own| name == "cgroup" && options.any(|one| one == own));
        let mut place = place.split(' ').skip(3);
        let (root, point) = (place.next()?, place.next()?);
        let rest = Path::new(group).strip_prefix(root).ok().filter(|_| meant)?;
        Some(Path::new(point).join(rest))
    })
}

/// The lines of crontabs that start or restart something.
///
/// # Errors
///
/// A crontab that is there cannot be read.
pub(super) fn cron(places: &[PathBuf]) -> io::Result<Vec<CronLine>> {
    let mut lines = Vec::new();
    for place in places {
        let files = match std::fs::read_dir(place) {
            Ok(entries) => entries.flatten().map(|entry| entry.path()).collect(),
            Err(error) if error.kind() == io::ErrorKind::NotADirectory => vec![place.clone()],
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        for file in files {
            let look = match super::super::file::look(&file, MOST_CRONTAB) {
                Ok(look) => look,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            let text = look.content.bytes().unwrap_or_default();
            // Crontabs of users have no field for the user, those of the system have one.
            let of_system = !file.starts_with("/var/spool");
            lines.extend(
                String::from_utf8_lossy(&text).lines().filter_map(|line| cron_line(&file, line, of_system)),
            );
        }
    }
    Ok(lines)
}

fn cron_line(file: &Path, line: &str, of_system: bool) -> Option<CronLine> {
    let line = line.trim();
    let begins = |c: char| c.is_ascii_digit() || matches!(c, '*' | '@');
    if !line.starts_with(begins) || !line.contains("start") {
        return None;
    }
    let fields = if line.starts_with('@') { 1 } else { 5 };
    let mut words = line.split_ascii_whitespace();
    let when: Vec<&str> = words.by_ref().take(fields).collect();
    let command: Vec<&str> = words.skip(usize::from(of_system)).collect();
    Some(CronLine { file: file.to_owned(), when: when.join(" "), command: command.join(" ") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crontab_tells_what_it_restarts_and_when() {
        let line = |text: &str, of_system| {
            let found = cron_line(Path::new("/x"), text, of_system)?;
            Some(format!("{} | {}", found.when, found.command))
        };
        assert_eq!(
            line("0 5,11,17,23 * * *  systemctl restart celery", false).as_deref(),
            Some("0 5,11,17,23 * * * | systemctl restart celery")
        );
        assert_eq!(
            line("@daily root service nginx restart", true).as_deref(),
            Some("@daily | service nginx restart")
        );
        for other in ["# 0 5 * * * systemctl restart celery", "MAILTO=root", "10 * * * * ping", ""] {
            assert_eq!(line(other, false), None, "{other}");
        }
    }

    #[test]
    fn the_state_of_a_process_is_behind_its_name_whatever_that_holds() {
        let line = b"7 (a) R) b) T 3 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 4711 0";
        assert_eq!(stat(line), Some(('T', 3, 4711)));
        assert_eq!(stat(b"7 (a"), None);
    }

    #[test]
    fn a_control_group_is_found_where_its_part_of_the_hierarchy_is_mounted() {
        let mounts = "30 25 0:26 / /sys/fs/cgroup ro - tmpfs tmpfs ro,mode=755\n\
                      31 30 0:27 /machine /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n\
                      36 30 0:31 /machine /sys/fs/cgroup/memory rw,relatime shared:9 - cgroup cgroup rw,memory\n\
                      37 30 0:32 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";
        let at = |controller, group| group_dir(mounts, controller, group);
        assert_eq!(at(Some("memory"), "/machine/docker/7"), Some("/sys/fs/cgroup/memory/docker/7".into()));
        assert_eq!(at(Some("memory"), "/other/docker/7"), None);
        assert_eq!(at(None, "/docker/7"), Some("/sys/fs/cgroup/unified/docker/7".into()));
    }

    #[test]
    fn a_link_is_followed_to_its_neighbour_and_nowhere_else() {
        let dir = tempfile::tempdir().unwrap();
        let place = |name: &str| dir.path().join(name);
        std::fs::write(place("compose-production.yml"), "services:").unwrap();
        std::os::unix::fs::symlink("compose-production.yml", place("compose.yml")).unwrap();
        std::os::unix::fs::symlink("compose.yml", place("twice.yml")).unwrap();
        std::os::unix::fs::symlink(place("compose-production.yml"), place("elsewhere.yml")).unwrap();
        let read = |name: &str| linked(&place(name), 99).unwrap().content.bytes();
        assert_eq!(read("compose.yml").as_deref(), Some(&b"services:"[..]));
        assert_eq!(read("compose-production.yml").as_deref(), Some(&b"services:"[..]));
        assert_eq!((read("twice.yml"), read("elsewhere.yml")), (None, None));
    }

    #[test]
    fn the_age_of_a_directory_is_that_of_the_youngest_in_it() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("site");
        std::fs::write(&file, "x").unwrap();
        let later = SystemTime::now() + std::time::Duration::from_secs(3600);
        std::fs::File::options().write(true).open(&file).unwrap().set_modified(later).unwrap();
        assert_eq!(changed_ms(dir.path()), changed_ms(&file));
        assert_eq!(changed_ms(&dir.path().join("none")), None);
    }
}
