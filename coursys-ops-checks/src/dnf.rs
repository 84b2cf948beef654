//! What dnf would install, of what it says about the advisories that it knows already.

use coursys_ops_core::process::Command;

/// Where dnf is.
pub(crate) const PROGRAM: &str = "/usr/bin/dnf";

/// What is touched when dnf fetches what it knows.
pub(crate) const STAMPS: [&str; 3] =
    ["/var/cache/dnf/last_makecache", "/var/cache/dnf", "/var/cache/libdnf5"];

/// Neither the network nor the log: what dnf knows is asked, and nothing is written about it.
const QUIETLY: [&str; 4] = [PROGRAM, "--quiet", "--cacheonly", "--setopt=logfilelevel=0"];

/// Asks for the advisories about security.
pub(crate) fn advisories() -> Command {
    Command::new(QUIETLY.into_iter().chain(["updateinfo", "list", "security"]))
}

/// Asks whether the machine should be restarted; it should when the exit code is 1.
pub(crate) fn needs_restarting() -> Command {
    Command::new(QUIETLY.into_iter().chain(["needs-restarting", "--reboothint"]))
}

/// What `needs-restarting` exits with when the machine should be restarted. It is that of any failure too, which says
/// something on standard error.
pub(crate) const SHOULD_RESTART: i32 = 1;

/// The packages in a list of advisories, each line of which is `ADVISORY SEVERITY/Sec. PACKAGE`, with the day after it in
/// newer versions.
pub(crate) fn security_updates(printed: &str) -> Vec<String> {
    let package = |line: &str| {
        let mut words = line.split_whitespace().skip(1).skip_while(|word| !word.ends_with("/Sec."));
        words.next()?;
        words.next().map(ToOwned::to_owned)
    };
    let mut packages: Vec<String> = printed.lines().filter_map(package).collect();
    packages.sort();
    packages.dedup();
    packages
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_package_counts_once_and_headings_do_not() {
        let printed = "\
Last metadata expiration check: 0:10:00 ago.
RHSA-2026:0001 Important/Sec. kernel-5.14.0-362.el9.x86_64
RHSA-2026:0002 Critical/Sec.  openssl-libs-3.0.7-24.el9.x86_64
RHSA-2026:0003 Moderate/Sec.  openssl-libs-3.0.7-24.el9.x86_64
RHBA-2026:0004 bugfix         bash-5.1.8-6.el9.x86_64
";
        assert_eq!(
            security_updates(printed),
            ["kernel-5.14.0-362.el9.x86_64", "openssl-libs-3.0.7-24.el9.x86_64"]
        );
    }

    proptest! {
        #[test]
        fn any_text_has_updates_or_none(text in "(\\PC{0,12}|/Sec\\.| |\n){0,20}") {
            let _ = security_updates(&text);
        }
    }
}
