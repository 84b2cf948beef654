//! Which versions of the servers are installed.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::program::tool_output;

/// Asks a program for its version: the first word of its answer that looks like one.
///
/// # Errors
/// The program cannot be started or says nothing of the kind.
pub fn of(program: &str, option: &str) -> Result<String> {
    find(&tool_output(program, option)?)
        .map(str::to_owned)
        .with_context(|| format!("`{program} {option}` tells no version"))
}

/// RabbitMQ's version, from the name of its directory: asking it takes seconds.
///
/// # Errors
/// There is no such directory.
pub fn of_rabbitmq() -> Result<String> {
    let parent = "/usr/lib/rabbitmq/lib";
    let entries = fs::read_dir(parent).with_context(|| format!("failed to list `{parent}`"))?;
    let names = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
    let mut versions = names.filter_map(|name| name.strip_prefix("rabbitmq_server-").map(str::to_owned));
    versions.next().with_context(|| format!("`{parent}` holds no RabbitMQ"))
}

/// The home of a Java 17, whatever the machine's default is: Elasticsearch knows no newer one.
///
/// # Errors
/// There is none.
pub fn java_home() -> Result<PathBuf> {
    let parent = Path::new("/usr/lib/jvm");
    let entries = fs::read_dir(parent).with_context(|| format!("failed to list `{}`", parent.display()))?;
    let homes =
        entries.flatten().filter(|entry| entry.file_name().to_string_lossy().starts_with("java-17-openjdk"));
    let mut homes = homes.map(|entry| entry.path()).filter(|home| home.join("bin/java").exists());
    homes.next().context("there is no Java 17 in `/usr/lib/jvm`")
}

fn find(text: &str) -> Option<&str> {
    let is_version = |word: &&str| word.starts_with(|c: char| c.is_ascii_digit()) && word.contains('.');
    let word = text.split(|c: char| c.is_whitespace() || c == '/').find(is_version)?;
    Some(word.split(|c: char| !c.is_ascii_digit() && c != '.').next().unwrap_or(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_found_in_what_each_server_says() {
        let said = "mariadbd  Ver 10.11.19-MariaDB-0+deb12u1 for debian-linux-gnu on x86_64 (Debian 12)";
        assert_eq!(find(said), Some("10.11.19"));
        assert_eq!(find("memcached 1.6.18"), Some("1.6.18"));
        assert_eq!(find("chronyd (chrony) version 4.3 (+CMDMON)"), Some("4.3"));
        assert_eq!(find("Exim version 4.96 #2 built 27-May-2026"), Some("4.96"));
        assert_eq!(find("ruby 3.1.2p20 (2022-04-12 revision 4491bb740a) [x86_64-linux-gnu]"), Some("3.1.2"));
        assert_eq!(find("command not found"), None);
    }
}
