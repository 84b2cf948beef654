//! The processes of one user, as the kernel knows them. In the helper, because reading a command line waits for the
//! process's memory, and a process that is stuck in the kernel may never give that free.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

/// Variables that are told; of all others, which may be secrets, nothing leaves the helper.
const TOLD: [&str; 3] = ["LANG", "LC_ALL", "LC_CTYPE"];

/// The unit of the times in `/proc/PID/stat`: Linux shows every program hundredths of a second, whatever it counts in.
const MS_PER_TICK: u64 = 10;

/// One process.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// Its id.
    pub pid: u32,
    /// Its command line; what is not UTF-8 is replaced.
    pub command: Vec<String>,
    /// The process that started it; 1 when that one has ended.
    pub parent: u32,
    /// When it started; nothing when that cannot be seen.
    pub started: Option<Started>,
    /// Whether it works in the directory that was asked for; nothing when that cannot be seen.
    pub in_dir: Option<bool>,
    /// `LANG`, `LC_ALL` and `LC_CTYPE` as it was started with them; nothing when that cannot be seen.
    pub locale: Option<Vec<(String, String)>>,
}

/// When a process started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Started {
    /// On the clock as it goes now, in milliseconds since 1970.
    pub unix_ms: i64,
    /// How long ago that is, in milliseconds. Changes of the clock do not touch it.
    pub age_ms: u64,
}

/// The machine's clocks at one moment, in milliseconds.
#[derive(Debug, Clone, Copy)]
struct Clocks {
    since_boot: u64,
    unix: i64,
}

impl Clocks {
    fn now() -> Self {
        let boot = clock_gettime(ClockId::Boottime);
        let ms = |seconds: i64, nanos: i64| seconds.saturating_mul(1000).saturating_add(nanos / 1_000_000);
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        Self {
            since_boot: u64::try_from(ms(boot.tv_sec, boot.tv_nsec)).unwrap_or_default(),
            unix: i64::try_from(unix).unwrap_or(i64::MAX),
        }
    }

    /// What it means that a process started so many ticks after the machine did.
    fn of(self, ticks: u64) -> Started {
        let age_ms = self.since_boot.saturating_sub(ticks.saturating_mul(MS_PER_TICK));
        Started { unix_ms: self.unix.saturating_sub_unsigned(age_ms), age_ms }
    }
}

/// The processes of a user. One that ends meanwhile is left out.
pub(super) fn processes(uid: u32, dir: &Path) -> std::io::Result<Vec<Process>> {
    let dir = std::fs::canonicalize(dir).unwrap_or_else(|_| dir.to_owned());
    let mut found = Vec::new();
    let clocks = Clocks::now();
    for entry in std::fs::read_dir("/proc")? {
        let entry = entry?;
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        found.extend(process(pid, &entry.path(), uid, &dir, clocks));
    }
    Ok(found)
}

fn process(pid: u32, place: &Path, uid: u32, dir: &Path, clocks: Clocks) -> Option<Process> {
    // Whose it is first: nobody else's memory is waited for.
    let status = std::fs::read_to_string(place.join("status")).ok()?;
    if effective_uid(&status)? != uid {
        return None;
    }
    let command = words(&std::fs::read(place.join("cmdline")).ok()?);
    let in_dir = std::fs::read_link(place.join("cwd")).ok().map(|cwd| cwd == dir);
    let environment = std::fs::read(place.join("environ")).ok();
    let (parent, ticks) = parentage(&std::fs::read(place.join("stat")).ok()?)?;
    let started = Some(clocks.of(ticks));
    let locale = environment.as_deref().map(told);
    // Kernel threads and zombies have no command line.
    (!command.is_empty()).then_some(Process { pid, command, parent, started, in_dir, locale })
}

/// The parent and the start, in ticks after that of the machine, of a line of `/proc/PID/stat`. The name in it is the
/// process's own choice and may hold anything, also brackets.
fn parentage(stat: &[u8]) -> Option<(u32, u64)> {
    let end = stat.iter().rposition(|byte| *byte == b')')?;
    let rest = std::str::from_utf8(stat.get(end + 1..)?).ok()?;
    let mut fields = rest.split_ascii_whitespace();
    // The fields are numbered from 1; the state, which follows the name, is the third.
    let parent = fields.nth(4 - 3)?.parse().ok()?;
    let started = fields.nth(22 - 4 - 1)?.parse().ok()?;
    Some((parent, started))
}

/// The second number of `Uid:`.
pub(super) fn effective_uid(status: &str) -> Option<u32> {
    status.lines().find_map(|line| line.strip_prefix("Uid:"))?.split_whitespace().nth(1)?.parse().ok()
}

/// What stands between NUL bytes. A process that renamed itself has one word and many NUL bytes.
pub(super) fn words(bytes: &[u8]) -> Vec<String> {
    let words = bytes.split(|byte| *byte == 0).filter(|word| !word.is_empty());
    words.map(|word| String::from_utf8_lossy(word).into_owned()).collect()
}

fn told(environment: &[u8]) -> Vec<(String, String)> {
    let variables = words(environment);
    let variables = variables.iter().filter_map(|variable| variable.split_once('='));
    let told = variables.filter(|(name, _)| TOLD.contains(name));
    told.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_found_with_its_directory() {
        let uid = rustix::process::geteuid().as_raw();
        let dir = std::env::current_dir().unwrap();
        let found = processes(uid, &dir).unwrap();
        let own = found.iter().find(|process| process.pid == std::process::id()).unwrap();
        assert_eq!(own.in_dir, Some(true));
        assert!(own.command[0].contains("coursys_ops_core"), "{own:?}");
        assert!(own.locale.is_some());
        assert_eq!(own.parent, rustix::process::getppid().unwrap().as_raw_nonzero().get().cast_unsigned());
        let started = own.started.unwrap();
        assert!(started.age_ms < 3_600_000, "{started:?}");
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
        let expected = i64::try_from(now).unwrap().saturating_sub_unsigned(started.age_ms);
        assert!((started.unix_ms - expected).abs() < 10_000, "{started:?}");
        assert!(processes(uid.wrapping_add(4242), &dir).unwrap().is_empty());
    }

    #[test]
    fn of_an_environment_nothing_but_the_locale_is_told() {
        let environment = b"PATH=/bin\0LANG=en_CA.UTF-8\0RABBITMQ_PASSWORD=secret\0LC_ALL=\0garbage\0";
        let expected = [("LANG", "en_CA.UTF-8"), ("LC_ALL", "")];
        assert_eq!(told(environment), expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }

    #[test]
    fn a_name_with_brackets_hides_neither_parent_nor_start() {
        let stat = b"77 (a) S 9 (b) S 5 77 77 0 -1 1 2 3 4 5 6 7 8 9 20 0 1 0 4711 123 4 5\n";
        assert_eq!(parentage(stat), Some((5, 4711)));
        assert_eq!(parentage(b"77 (a) S 5 77"), None);
        assert_eq!(parentage(b"77 a S 5"), None);
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_a_start_or_none(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
            let _ = (parentage(&bytes), effective_uid(&String::from_utf8_lossy(&bytes)), told(&bytes));
        }

        #[test]
        fn a_start_comes_back_whatever_the_name_is(name in "[^\\x00]{0,20}", parent: u32, ticks: u64) {
            let between = "0 ".repeat(17);
            let stat = format!("1 ({name}) R {parent} {between}{ticks} 0 0\n");
            proptest::prop_assert_eq!(parentage(stat.as_bytes()), Some((parent, ticks)));
        }
    }

    #[test]
    fn the_effective_user_is_the_second_of_four() {
        assert_eq!(effective_uid("Name:\tx\nUid:\t1\t998\t3\t4\n"), Some(998));
        assert_eq!(effective_uid("Name:\tx\n"), None);
        assert_eq!(effective_uid("Uid:\t1\n"), None);
    }
}
