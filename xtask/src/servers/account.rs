//! As whom a server runs: accounts of the system when started by root, else the caller.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

/// An account with its primary group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Name in `/etc/passwd`.
    pub user: String,
    /// Numeric user id.
    pub uid: u32,
    /// Numeric id of the primary group.
    pub gid: u32,
}

/// The accounts of one set of servers. They are all the same one unless root started them.
#[derive(Clone, Debug)]
pub struct Accounts {
    /// Whoever runs this program.
    pub caller: Account,
    /// MariaDB.
    pub mysql: Account,
    /// RabbitMQ, which refuses root.
    pub rabbitmq: Account,
    /// The site and every server without a need of its own.
    pub nobody: Account,
}

impl Accounts {
    /// Looks the accounts up in `/etc/passwd`.
    ///
    /// # Errors
    /// An account that is missing: its package is not installed.
    pub fn look_up() -> Result<Self> {
        let passwd = fs::read_to_string("/etc/passwd").context("failed to read `/etc/passwd`")?;
        let uid = rustix::process::geteuid().as_raw();
        let find = |wanted: &dyn Fn(&Account) -> bool| passwd.lines().filter_map(parse).find(wanted);
        let caller = find(&|account| account.uid == uid)
            .with_context(|| format!("user {uid} is not in `/etc/passwd`"))?;
        if !is_root() {
            let [mysql, rabbitmq, nobody] = std::array::from_fn(|_| caller.clone());
            return Ok(Self { caller, mysql, rabbitmq, nobody });
        }
        let [mysql, rabbitmq, nobody] = ["mysql", "rabbitmq", "nobody"].map(|name| named(&passwd, name));
        Ok(Self { mysql: mysql?, rabbitmq: rabbitmq?, nobody: nobody?, caller })
    }
}

/// An account in the text of some `/etc/passwd`.
///
/// # Errors
/// It is not there.
pub fn named(passwd: &str, name: &str) -> Result<Account> {
    let mut accounts = passwd.lines().filter_map(parse);
    accounts.find(|account| account.user == name).with_context(|| format!("there is no account `{name}`"))
}

/// Whether this program may act as other accounts.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Gives a file or directory to an account; only root can, and only root needs to.
///
/// # Errors
/// What `chown` says.
pub fn give(path: &Path, account: &Account) -> Result<()> {
    if is_root() {
        std::os::unix::fs::chown(path, Some(account.uid), Some(account.gid))
            .with_context(|| format!("failed to give `{}` to `{}`", path.display(), account.user))?;
    }
    Ok(())
}

/// One line of `/etc/passwd`.
fn parse(line: &str) -> Option<Account> {
    let mut fields = line.split(':');
    let user = fields.next()?.to_owned();
    let (uid, gid) = (fields.nth(1)?.parse().ok()?, fields.next()?.parse().ok()?);
    Some(Account { user, uid, gid })
}

#[cfg(test)]
pub fn sample() -> Accounts {
    let account = |user: &str, uid| Account { user: user.into(), uid, gid: uid + 1 };
    Accounts {
        caller: account("root", 0),
        mysql: account("mysql", 102),
        rabbitmq: account("rabbitmq", 108),
        nobody: account("nobody", 65534),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_passwd_gives_user_and_primary_group() {
        let account = parse("mysql:x:102:105:MySQL Server,,,:/nonexistent:/bin/false").unwrap();
        assert_eq!(account, Account { user: "mysql".into(), uid: 102, gid: 105 });
        assert_eq!(parse("# no account"), None);
    }
}
