//! What must be installed on the machine, and how it gets there.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

use super::account::is_root;
use super::boot::Boot;
use super::policy::Policy;
use super::program::tool;
use super::{chrony, exim, kdc, mariadb, markup, memcached, nginx, rabbitmq, reporting_db};

/// A file and the Debian package that brings it. One component of the path may hold a `*`.
const NEEDED: &[(&str, &str)] = &[
    (mariadb::PROGRAM, "mariadb-server"),
    ("/usr/bin/mariadb", "mariadb-client"),
    (rabbitmq::PROGRAM, "rabbitmq-server"),
    (memcached::PROGRAM, "memcached"),
    (chrony::PROGRAM, "chrony"),
    (exim::PROGRAM, "exim4-daemon-light"),
    (nginx::PROGRAM, "nginx-light"),
    (markup::PROGRAM, "ruby"),
    markup::LIBRARIES[0],
    markup::LIBRARIES[1],
    (kdc::PROGRAM, "krb5-kdc"),
    ("/usr/sbin/kadmin.local", "krb5-admin-server"),
    (kdc::KINIT, "krb5-user"),
    (reporting_db::DRIVER, "odbc-mariadb"),
    // The tested program asks the reporting database through ODBC.
    ("/usr/include/sql.h", "unixodbc-dev"),
    ("/usr/lib/jvm/java-17-openjdk-*/bin/java", "openjdk-17-jre-headless"),
    // To fetch Elasticsearch.
    ("/usr/bin/mvn", "maven"),
    ("/usr/bin/unzip", "unzip"),
    // To start servers in sessions of their own.
    ("/usr/bin/setsid", "util-linux"),
    // For the site's Python packages, one of which is compiled.
    ("/usr/bin/python3", "python3"),
    ("/usr/lib/python3*/ensurepip/__init__.py", "python3-venv"),
    ("/usr/include/python3*/Python.h", "python3-dev"),
    ("/usr/include/mariadb/mysql.h", "libmariadb-dev"),
    ("/usr/bin/pkg-config", "pkg-config"),
    ("/usr/bin/gcc", "gcc"),
    // The site's code is a git clone.
    ("/usr/bin/git", "git"),
    // What the tests call beside the servers.
    ("/usr/bin/promtool", "prometheus"),
    ("/usr/bin/xmllint", "libxml2-utils"),
    ("/usr/bin/faketime", "faketime"),
    ("/bin/ip", "iproute2"),
    // To make a journal in which the kernel says what it never should.
    ("/lib/systemd/systemd-journal-remote", "systemd-journal-remote"),
];

/// What the tests without servers need: they run the program that asks a site for its settings. `promtool` and `xmllint`
/// give them a second opinion only where they are.
const NEEDED_WITHOUT_SERVERS: [&str; 1] = ["python3"];

/// Installs what is missing of everything, when root runs this. No service is started or enabled, no package removed.
///
/// # Errors
/// Something is missing and cannot be installed; the message names the packages.
pub fn ensure() -> Result<()> {
    ensure_those(|_| true)
}

/// The same for what is needed without servers.
///
/// # Errors
/// As [`ensure`].
pub fn ensure_without_servers() -> Result<()> {
    ensure_those(|package| NEEDED_WITHOUT_SERVERS.contains(&package))
}

fn ensure_those(wanted: fn(&str) -> bool) -> Result<()> {
    let needed: Vec<_> = NEEDED.iter().copied().filter(|(_, package)| wanted(package)).collect();
    ensure_files(&needed)
}

/// Installs the packages of those files that are missing, as [`ensure`] does.
///
/// # Errors
/// As [`ensure`].
pub fn ensure_files(needed: &[(&str, &'static str)]) -> Result<()> {
    let missing_now = missing(Path::new("/"), needed);
    if missing_now.is_empty() {
        return Ok(());
    }
    let list = missing_now.join(" ");
    if !is_root() {
        bail!("these packages are missing: run `apt-get install {list}` as root");
    }
    eprintln!("installing {list}");
    let policy = Policy::forbid()?;
    let boot = Boot::look();
    if install(&missing_now).is_err() {
        // A machine whose lists are old or empty.
        tool(&["apt-get", "update", "--quiet"], &[], None)?;
        install(&missing_now).with_context(|| format!("failed to install {list}"))?;
    }
    boot.forbid_new()?;
    policy.restore()?;
    let still = missing(Path::new("/"), needed);
    if !still.is_empty() {
        bail!("installed, and yet these are missing: {}", still.join(" "));
    }
    Ok(())
}

fn install(packages: &[&str]) -> Result<()> {
    let mut argv = vec!["apt-get", "install", "--yes", "--quiet", "--no-install-recommends", "--no-remove"];
    // Another process may be installing something.
    argv.extend(["-o", "DPkg::Lock::Timeout=300"]);
    argv.extend(packages);
    tool(&argv, &[("DEBIAN_FRONTEND", "noninteractive")], None)
}

/// The packages whose files are missing below `root`.
fn missing(root: &Path, needed: &[(&str, &'static str)]) -> Vec<&'static str> {
    let absent = |(file, _): &&(&str, &str)| !exists(root, file);
    needed.iter().filter(absent).map(|&(_, package)| package).collect()
}

/// Whether a file exists; one `*` in it stands for anything within a component.
fn exists(root: &Path, pattern: &str) -> bool {
    let pattern = pattern.trim_start_matches('/');
    let Some((before, after)) = pattern.split_once('*') else { return root.join(pattern).exists() };
    let (parent, prefix) = before.rsplit_once('/').unwrap_or(("", before));
    let (suffix, rest) = after.split_once('/').unwrap_or((after, ""));
    let Ok(entries) = fs::read_dir(root.join(parent)) else { return false };
    entries.flatten().any(|entry| {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        name.starts_with(prefix) && name.ends_with(suffix) && entry.path().join(rest).exists()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn a_star_stands_for_one_component_only() {
        let root = tempfile::tempdir().unwrap();
        let jvm = root.path().join("usr/lib/jvm/java-17-openjdk-amd64/bin");
        fs::create_dir_all(&jvm).unwrap();
        let pattern = "/usr/lib/jvm/java-17-openjdk-*/bin/java";
        assert!(!exists(root.path(), pattern));
        fs::write(jvm.join("java"), "").unwrap();
        assert!(exists(root.path(), pattern));
        assert!(!exists(root.path(), "/usr/lib/jvm/java-21-*/bin/java"));
        assert!(!exists(root.path(), "/usr/*/java"));
    }

    #[test]
    fn what_is_needed_without_servers_is_among_what_is_needed() {
        let known = |name: &&str| NEEDED.iter().any(|(_, package)| package == name);
        assert!(NEEDED_WITHOUT_SERVERS.iter().all(known));
    }

    #[test]
    fn an_empty_machine_misses_every_package_once() {
        let root = tempfile::tempdir().unwrap();
        let missing = missing(root.path(), NEEDED);
        assert_eq!(missing.len(), NEEDED.len());
        assert_eq!(missing.iter().collect::<BTreeSet<_>>().len(), NEEDED.len());
    }
}
