//! Who runs the program, on which machine.

use std::collections::BTreeMap;
use std::path::PathBuf;

use coursys_ops_core::context::Caller;
use coursys_ops_core::process::local_name;

/// The caller as the operating system knows him.
pub fn caller(environment: &BTreeMap<String, String>) -> Caller {
    Caller::of_process(environment)
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
    local_name(uid).unwrap_or_else(|| uid.to_string())
}
