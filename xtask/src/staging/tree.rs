//! The trees of Debian: one is the server's, one is that of all containers.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::recipe;
use crate::servers::program::{tool, tool_logged};
use crate::servers::store::Store;

const SUITE: &str = "bookworm";

/// What the server is made of.
const SERVER: Tree = Tree {
    kind: "debian",
    packages: &[
        "systemd",
        "systemd-sysv",
        "dbus",
        "libpam-systemd",
        "sudo",
        "cron",
        "logrotate",
        "locales",
        "iproute2",
        "procps",
        "psmisc",
        "nftables",
        "less",
        "make",
        "curl",
        "ca-certificates",
        "rsync",
        "git",
        "faketime",
        // The site.
        "python3",
        "libmariadb3",
        "mariadb-client",
        "nginx-light",
        "docker.io",
        "docker-compose",
        "krb5-user",
        "unixodbc",
        "tdsodbc",
        "odbc-mariadb",
        // The world outside, which is on the same Debian.
        "mariadb-server",
        "exim4-daemon-light",
        "chrony",
        "krb5-kdc",
        "krb5-admin-server",
    ],
    finish: &[
        &["localedef", "-i", "en_CA", "-f", "UTF-8", "en_CA.UTF-8"],
        // What would touch the machine's clock, has its place outside, or only costs time here.
        &[
            "systemctl",
            "mask",
            "chrony.service",
            "mariadb.service",
            "krb5-kdc.service",
            "krb5-admin-server.service",
            "exim4.service",
            "console-getty.service",
            "e2scrub_reap.service",
            "systemd-timesyncd.service",
            "apt-daily.timer",
            "apt-daily-upgrade.timer",
            "dpkg-db-backup.timer",
            "e2scrub_all.timer",
            "exim4-base.timer",
        ],
    ],
};

/// What runs in containers.
const CONTAINERS: Tree = Tree {
    kind: "containers",
    packages: &[
        "rabbitmq-server",
        "memcached",
        "openjdk-17-jre-headless",
        "ruby",
        "ruby-bunny",
        "ruby-commonmarker",
        "python3",
        "libmariadb3",
        "mariadb-client",
        "nginx-light",
        "logrotate",
        "krb5-user",
        "procps",
        "curl",
    ],
    finish: &[&["useradd", "--system", "--uid", "1000", "elasticsearch"]],
};

/// A Debian with some packages.
struct Tree {
    kind: &'static str,
    packages: &'static [&'static str],
    /// What is done in it at the end.
    finish: &'static [&'static [&'static str]],
}

/// The server's root file system, without any configuration of ours.
///
/// # Errors
/// Debian cannot be reached.
pub fn server(store: &Store) -> Result<PathBuf> {
    SERVER.make(store)
}

/// That of the containers.
///
/// # Errors
/// Debian cannot be reached.
pub fn containers(store: &Store) -> Result<PathBuf> {
    CONTAINERS.make(store)
}

impl Tree {
    fn make(&self, store: &Store) -> Result<PathBuf> {
        let mut words = vec![SUITE];
        words.extend(self.packages);
        words.extend(self.finish.iter().copied().flatten());
        let name = recipe::name(self.kind, &words, &[])?;
        let bare = bare(store)?;
        let made = store.complete(&name, |directory| {
            eprintln!("making `{}` of {} packages", directory.display(), self.packages.len());
            fs::create_dir_all(directory)?;
            let tree = directory.join("root");
            tool(&["cp", "--archive", "--reflink=auto", &text(&bare), &text(&tree)], &[], None)?;
            self.fill(&tree, &packages(store)?)
        })?;
        Ok(made.join("root"))
    }

    /// In a mount namespace of its own, so that no mount is left behind.
    fn fill(&self, tree: &Path, packages: &Path) -> Result<()> {
        let root = text(tree);
        fs::write(tree.join("usr/sbin/policy-rc.d"), "#!/bin/sh\nexit 101\n")?;
        tool(&["chmod", "755", &text(&tree.join("usr/sbin/policy-rc.d"))], &[], None)?;
        // A tree that is thrown away at a power cut needs no fsync, and nobody reads manuals there.
        fs::write(
            tree.join("etc/dpkg/dpkg.cfg.d/staging"),
            "force-unsafe-io\npath-exclude /usr/share/man/*\npath-exclude /usr/share/info/*\n\
             path-exclude /usr/share/locale/*\n",
        )?;
        let mounts = format!(
            "set -e; mount -t proc proc '{root}/proc'; mount --bind '{}' '{root}/var/cache/apt/archives'; \
             exec \"$@\"",
            text(packages)
        );
        let inside = |argv: &[&str]| {
            let mut all = vec!["unshare", "--mount", "--propagation", "private", "sh", "-c", &mounts, "sh"];
            all.extend([
                "env",
                "--ignore-environment",
                "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
                "LC_ALL=C.UTF-8",
            ]);
            all.extend(["DEBIAN_FRONTEND=noninteractive", "chroot", &root]);
            all.extend(argv);
            quiet(&all, &tree.with_extension("log"))
        };
        let mut install = vec!["apt-get", "install", "--yes", "--quiet", "--no-install-recommends"];
        install.extend(["-o", "Binary::apt-get::APT::Keep-Downloaded-Packages=1"]);
        install.extend(self.packages);
        inside(&install)?;
        self.finish.iter().try_for_each(|argv| inside(argv))
    }
}

/// What both begin as.
fn bare(store: &Store) -> Result<PathBuf> {
    let packages = packages(store)?;
    let made = store.complete(&recipe::name("bare", &[SUITE], &[])?, |directory| {
        eprintln!("making `{}`", directory.display());
        fs::create_dir_all(directory)?;
        let tree = directory.join("root");
        let cache = format!("--cache-dir={}", text(&packages));
        quiet(&["debootstrap", "--variant=minbase", &cache, SUITE, &text(&tree)], &directory.join("log"))
    })?;
    Ok(made.join("root"))
}

/// Where Debian's packages are kept: most are in several trees.
fn packages(store: &Store) -> Result<PathBuf> {
    let directory = store.directory("staging/packages");
    fs::create_dir_all(directory.join("partial")).context("failed to make the cache of packages")?;
    Ok(directory)
}

/// Runs something that prints hundreds of lines which nobody wants unless it fails.
fn quiet(argv: &[&str], log: &Path) -> Result<()> {
    tool_logged(argv, log)
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_could_set_the_machines_clock_is_started() {
        let masked: Vec<&str> = SERVER.finish.iter().copied().flatten().copied().collect();
        for unit in ["chrony.service", "systemd-timesyncd.service"] {
            assert!(masked.contains(&unit), "{unit}");
        }
    }
}
