//! Who acts: the person, also behind `sudo`.

use std::collections::BTreeMap;

use coursys_ops_core::model::Who;

use crate::caller;

/// What the kernel says when nobody logged in.
const NOBODY: u32 = u32::MAX;

/// Who acts, as the kernel's audit and `sudo` tell it. `sudo` is believed by root alone: others can set its variable.
pub fn who(environment: &BTreeMap<String, String>) -> Who {
    let account = caller::caller(environment).user;
    let as_root = rustix::process::geteuid().is_root();
    let sudo = environment.get("SUDO_USER").filter(|user| as_root && !user.is_empty()).cloned();
    let login = std::fs::read_to_string("/proc/self/loginuid").ok();
    let login = login.and_then(|text| text.trim().parse().ok()).filter(|uid| *uid != NOBODY);
    let login = login.map(caller::name_of);
    let person = login.clone().or_else(|| sudo.clone()).unwrap_or_else(|| account.clone());
    Who { person, account, login, sudo }
}

/// The command line that is noted, without secrets.
pub fn command() -> Vec<String> {
    std::env::args_os().map(|word| crate::log::redacted(word.to_string_lossy().into_owned())).collect()
}
