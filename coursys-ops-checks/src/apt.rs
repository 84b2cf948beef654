//! What apt would install, of what it prints when it only pretends to.

use coursys_ops_core::process::Command;

/// Where apt is.
pub(crate) const PROGRAM: &str = "/usr/bin/apt-get";

/// What is touched when the lists of packages are fetched; the files themselves have the time of their server.
pub(crate) const STAMPS: [&str; 4] = [
    "/var/lib/apt/periodic/update-success-stamp",
    "/var/lib/apt/periodic/update-stamp",
    "/var/lib/apt/lists/partial",
    "/var/lib/apt/lists",
];

/// Pretends to install everything newer. Nothing is fetched, locked or written: apt's own cache is written only by who
/// may, so root goes without it.
pub(crate) fn pretend(may_write_cache: bool) -> Command {
    let mut argv = vec![PROGRAM, "--simulate", "--quiet"];
    argv.extend(["--option=Debug::NoLocking=1", "--option=APT::Get::Show-User-Simulation-Note=0"]);
    if may_write_cache {
        argv.extend(["--option=Dir::Cache::pkgcache=", "--option=Dir::Cache::srcpkgcache="]);
    }
    argv.push("dist-upgrade");
    Command::new(argv)
}

/// The packages with security updates in what it printed: from an archive whose name says security, as
/// `Debian-Security:12/stable-security` and `Ubuntu:20.04/focal-security` do.
pub(crate) fn security_updates(printed: &str) -> Vec<String> {
    printed.lines().filter_map(security_update).collect()
}

/// `Inst NAME [OLD] (NEW ARCHIVE, ARCHIVE [ARCHITECTURE])`.
fn security_update(line: &str) -> Option<String> {
    let (name, rest) = line.strip_prefix("Inst ")?.split_once(' ')?;
    let (_, from) = rest.split_once('(')?;
    let (from, _) = from.split_once(')')?;
    let (_, archives) = from.split_once(' ')?;
    let (archives, _) = archives.rsplit_once(" [").unwrap_or((archives, ""));
    let is_security = archives.split(", ").any(|archive| archive.to_lowercase().contains("security"));
    (is_security && !name.is_empty()).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PRINTED: &str = "\
Reading package lists...
The following packages will be upgraded:
  base-files libgcrypt20 liblzma-dev security-tools
Inst base-files [12.4+deb12u11] (12.4+deb12u15 Debian:12.15/oldstable [amd64])
Inst libgcrypt20 [1.10.1-3] (1.10.1-3+deb12u1 Debian:12.15/oldstable, Debian-Security:12/oldstable-security [amd64]) []
Inst liblzma-dev [5.4.1-1] (5.4.1-1+deb12u2 Debian-Security:12/oldstable-security [amd64]) [lib:amd64 ]
Inst linux-image-6 (6.1.1 Ubuntu:20.04/focal-updates, Ubuntu:20.04/focal-security [amd64])
Inst security-tools [1] (2 Local:1/stable [all])
Conf liblzma-dev (5.4.1-1+deb12u2 Debian-Security:12/oldstable-security [amd64])
Remv old-security [1]
";

    #[test]
    fn what_comes_from_an_archive_for_security_is_one_and_a_package_of_that_name_is_not() {
        assert_eq!(security_updates(PRINTED), ["libgcrypt20", "liblzma-dev", "linux-image-6"]);
        assert_eq!(security_updates(""), Vec::<String>::new());
    }

    #[test]
    fn only_who_could_write_the_cache_goes_without_it() {
        let argv = |root| format!("{:?}", pretend(root));
        assert!(argv(true).contains("Dir::Cache::pkgcache=") && !argv(false).contains("pkgcache"));
    }

    proptest! {
        #[test]
        fn any_text_has_updates_or_none(text in "(Inst |Conf |\\PC{0,12}|[(\\[\\])]| |\n){0,20}") {
            let _ = security_updates(&text);
        }

        #[test]
        fn the_name_is_read_back(name in "[a-z][a-z0-9.+-]{1,20}", old in "[0-9][0-9a-z.+~-]{0,9}") {
            let line = format!("Inst {name} [{old}] ({old}1 Debian-Security:12/stable-security [amd64])");
            prop_assert_eq!(security_updates(&line), [name]);
        }
    }
}
