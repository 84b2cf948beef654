//! Who runs the program, on which machine.

use std::collections::BTreeMap;
use std::path::PathBuf;

use coursys_ops_core::context::Caller;

/// The caller as the operating system knows him. Accounts that are not in the machine's own file are named by LOGNAME or
/// USER: asking a directory service could take for ever.
pub fn caller(environment: &BTreeMap<String, String>) -> Caller {
    let uid = rustix::process::geteuid().as_raw();
    let passwd = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let claimed = || ["LOGNAME", "USER"].iter().find_map(|name| environment.get(*name)).cloned();
    let user = account(uid, &passwd).or_else(claimed).unwrap_or_else(|| uid.to_string());
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    Caller { uid, user, host }
}

/// How to start this program again from here: the path that it was started by, else its name, which the shell finds.
pub fn program() -> PathBuf {
    let first = std::env::args_os().next().map(PathBuf::from);
    let by_path = first.filter(|path| path.components().nth(1).is_some());
    by_path.unwrap_or_else(|| PathBuf::from("coursys-ops"))
}

/// The environment as far as it is text.
pub fn environment() -> BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

/// That no variable that could be meant for us is passed over because it is no text.
///
/// # Errors
///
/// The name of the first one that is not UTF-8.
pub fn require_text() -> Result<(), String> {
    let ours = |name: &str| name.starts_with("COURSYS_") || name == "PYTHON";
    let odd = std::env::vars_os().find_map(|(name, value)| {
        let name = name.to_string_lossy().into_owned();
        (ours(&name) && value.to_str().is_none()).then_some(name)
    });
    odd.map_or(Ok(()), |name| Err(format!("{name}: is not UTF-8")))
}

/// The name of an account of this machine, or its number in digits when it has none here.
pub fn name_of(uid: u32) -> String {
    let passwd = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    account(uid, &passwd).unwrap_or_else(|| uid.to_string())
}

fn account(uid: u32, passwd: &str) -> Option<String> {
    let mut accounts = passwd.lines().map(|line| line.split(':'));
    accounts.find_map(|mut fields| {
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(uid)).then(|| name.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::account;

    #[test]
    fn an_account_is_found_by_its_number_and_odd_lines_are_passed_over() {
        let passwd =
            "+::::::\n\nroot:x:0:0::/root:/bin/sh\nbroken:x\ncoursys:x:1001:1001::/home/coursys:/bin/false\n";
        assert_eq!(account(1001, passwd).as_deref(), Some("coursys"));
        assert_eq!(account(0, passwd).as_deref(), Some("root"));
        assert_eq!(account(7, passwd), None);
    }
}
