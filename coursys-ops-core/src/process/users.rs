//! Accounts of the machine, for asking as the site's user.

use std::ffi::OsString;
use std::path::PathBuf;

/// An account to act as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Its name.
    pub name: String,
    /// Its id.
    pub uid: u32,
    /// Its primary group.
    pub gid: u32,
    /// Its home.
    pub home: Option<PathBuf>,
}

impl User {
    /// Finds an account in lines of the format of passwd(5).
    pub(super) fn find(name: &str, passwd: &str) -> Option<Self> {
        passwd.lines().find_map(|line| {
            let mut fields = line.split(':');
            if fields.next() != Some(name) {
                return None;
            }
            let uid = fields.nth(1)?.parse().ok()?;
            let gid = fields.next()?.parse().ok()?;
            let home = fields.nth(1).filter(|home| !home.is_empty()).map(PathBuf::from);
            Some(Self { name: name.to_owned(), uid, gid, home })
        })
    }

    /// Finds an account in the machine's own file.
    #[must_use]
    pub fn local(name: &str) -> Option<Self> {
        Self::find(name, &std::fs::read_to_string("/etc/passwd").ok()?)
    }

    /// The arguments that give up root for this account and its groups, before the program itself.
    pub(super) fn setpriv(&self) -> Vec<OsString> {
        [
            "setpriv".to_owned(),
            format!("--reuid={}", self.uid),
            format!("--regid={}", self.gid),
            "--init-groups".to_owned(),
            "--".to_owned(),
        ]
        .map(OsString::from)
        .to_vec()
    }
}

/// Finds the name of an account by its id, in the machine's own file.
#[must_use]
pub fn local_name(uid: u32) -> Option<String> {
    name_of(uid, &std::fs::read_to_string("/etc/passwd").ok()?)
}

/// Finds it in lines of the format of passwd(5).
fn name_of(uid: u32, passwd: &str) -> Option<String> {
    let mut accounts = passwd.lines().map(|line| line.split(':'));
    accounts.find_map(|mut fields| {
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(uid)).then(|| name.to_owned())
    })
}

/// Finds the id of a group in lines of the format of group(5).
pub(super) fn find_group(name: &str, groups: &str) -> Option<u32> {
    groups.lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next() == Some(name)).then(|| fields.nth(1)?.parse().ok()).flatten()
    })
}

/// Finds the id of a group in the machine's own file.
#[must_use]
pub fn local_group(name: &str) -> Option<u32> {
    find_group(name, &std::fs::read_to_string("/etc/group").ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_found_by_its_whole_name() {
        let passwd = "root:x:0:0:root:/root:/bin/bash\ncoursys2:x:9:9::/x:\ncoursys:x:998:997:,,,:/home/coursys:/bin/false\n";
        let user = User::find("coursys", passwd).unwrap();
        assert_eq!((user.uid, user.gid, user.home), (998, 997, Some("/home/coursys".into())));
        assert_eq!(User::find("cour", passwd), None);
    }

    #[test]
    fn an_account_is_found_by_its_number_and_odd_lines_are_passed_over() {
        let passwd =
            "+::::::\n\nroot:x:0:0::/root:/bin/sh\nbroken:x\ncoursys:x:1001:1001::/home/coursys:/bin/false\n";
        assert_eq!(name_of(1001, passwd).as_deref(), Some("coursys"));
        assert_eq!(name_of(0, passwd).as_deref(), Some("root"));
        assert_eq!(name_of(7, passwd), None);
    }

    #[test]
    fn garbage_in_the_account_file_is_no_account() {
        for line in ["coursys", "coursys:x", "coursys:x:y:1::/:", "coursys:x:1:z::/:", "::::"] {
            assert_eq!(User::find("coursys", line), None, "{line}");
        }
    }
}
