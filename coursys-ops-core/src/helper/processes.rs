//! The processes of one user, as the kernel knows them. In the helper, because reading a command line waits for the
//! process's memory, and a process that is stuck in the kernel may never give that free.

use std::path::Path;

use serde::{Deserialize, Serialize};

/// Variables that are told; of all others, which may be secrets, nothing leaves the helper.
const TOLD: [&str; 3] = ["LANG", "LC_ALL", "LC_CTYPE"];

/// One process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// Its id.
    pub pid: u32,
    /// Its command line; what is not UTF-8 is replaced.
    pub command: Vec<String>,
    /// Whether it works in the directory that was asked for; nothing when that cannot be seen.
    pub in_dir: Option<bool>,
    /// `LANG`, `LC_ALL` and `LC_CTYPE` as it was started with them; nothing when that cannot be seen.
    pub locale: Option<Vec<(String, String)>>,
}

/// The processes of a user. One that ends meanwhile is left out.
pub(super) fn processes(uid: u32, dir: &Path) -> std::io::Result<Vec<Process>> {
    let dir = std::fs::canonicalize(dir).unwrap_or_else(|_| dir.to_owned());
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc")? {
        let entry = entry?;
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        found.extend(process(pid, &entry.path(), uid, &dir));
    }
    Ok(found)
}

fn process(pid: u32, place: &Path, uid: u32, dir: &Path) -> Option<Process> {
    // Whose it is first: nobody else's memory is waited for.
    let status = std::fs::read_to_string(place.join("status")).ok()?;
    if effective_uid(&status)? != uid {
        return None;
    }
    let command = words(&std::fs::read(place.join("cmdline")).ok()?);
    let in_dir = std::fs::read_link(place.join("cwd")).ok().map(|cwd| cwd == dir);
    let environment = std::fs::read(place.join("environ")).ok();
    // Kernel threads and zombies have no command line.
    (!command.is_empty()).then(|| Process { pid, command, in_dir, locale: environment.as_deref().map(told) })
}

/// The second number of `Uid:`.
fn effective_uid(status: &str) -> Option<u32> {
    status.lines().find_map(|line| line.strip_prefix("Uid:"))?.split_whitespace().nth(1)?.parse().ok()
}

/// What stands between NUL bytes. A process that renamed itself has one word and many NUL bytes.
fn words(bytes: &[u8]) -> Vec<String> {
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
        assert!(processes(uid.wrapping_add(4242), &dir).unwrap().is_empty());
    }

    #[test]
    fn of_an_environment_nothing_but_the_locale_is_told() {
        let environment = b"PATH=/bin\0LANG=en_CA.UTF-8\0RABBITMQ_PASSWORD=secret\0LC_ALL=\0garbage\0";
        let expected = [("LANG", "en_CA.UTF-8"), ("LC_ALL", "")];
        assert_eq!(told(environment), expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }

    #[test]
    fn the_effective_user_is_the_second_of_four() {
        assert_eq!(effective_uid("Name:\tx\nUid:\t1\t998\t3\t4\n"), Some(998));
        assert_eq!(effective_uid("Name:\tx\n"), None);
        assert_eq!(effective_uid("Uid:\t1\n"), None);
    }
}
