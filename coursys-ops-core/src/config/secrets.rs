//! The secrets of servers and outside services: from the key itself, a file or a variable.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;

use rustix::fs::{Mode, OFlags};

use super::error::Problem;
use super::merge::Settings;
use super::model::SecretValue;
use super::sources::reason;
use crate::secret::Secret;
use crate::trust;

/// The longest password, in bytes.
const LONGEST: u64 = 64 << 10;

/// The secret of a section, whose key is called `name`, and what is doubtful about how it is kept.
pub(super) fn secret(
    settings: &Settings,
    section: &str,
    name: &str,
    environment: &BTreeMap<String, String>,
    as_root: bool,
    warnings: &mut Vec<Problem>,
) -> SecretValue {
    let get = |suffix: &str| {
        let key = format!("{section}.{name}{suffix}");
        settings.get(&key).and_then(|setting| Some((setting.value.text()?, setting, key)))
    };
    if let Some((password, ..)) = get("") {
        return SecretValue::Known(Secret::new(password));
    }
    if let Some((variable, ..)) = get("_env") {
        return environment.get(variable).map_or_else(
            || SecretValue::Unreadable(format!("the environment has no variable `{variable}`")),
            |value| SecretValue::Known(Secret::new(value.as_str())),
        );
    }
    let Some((path, setting, key)) = get("_file") else { return SecretValue::Missing };
    match read(Path::new(path), as_root) {
        Ok((secret, everybody_reads)) => {
            if everybody_reads {
                let message = format!("everybody on this machine may read the password in `{path}`");
                let hint = format!("run `chmod o-rwx {path}`");
                warnings.push(Problem::new(setting.origin.clone(), &key, message).hint(hint));
            }
            SecretValue::Known(secret)
        }
        Err(why) => SecretValue::Unreadable(format!("`{path}` {why}")),
    }
}

/// Reads a password file: its text without one newline at the end, and whether everybody may read it.
fn read(path: &Path, as_root: bool) -> Result<(Secret, bool), String> {
    let cannot = |error: std::io::Error| format!("cannot be read: {}", reason(&error));
    // A pipe must not hold us, and where the site's user may write, a symbolic link could lead root anywhere.
    let mut flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
    if as_root {
        flags |= OFlags::NOFOLLOW;
    }
    let file = match rustix::fs::open(path, flags, Mode::empty()) {
        Ok(file) => std::fs::File::from(file),
        Err(rustix::io::Errno::LOOP) if as_root => {
            return Err("is a symbolic link, which root does not follow".to_owned());
        }
        Err(errno) => return Err(cannot(errno.into())),
    };
    let metadata = file.metadata().map_err(cannot)?;
    if !metadata.is_file() {
        return Err("is not a file".to_owned());
    }
    let mut bytes = Vec::new();
    file.take(LONGEST + 1).read_to_end(&mut bytes).map_err(cannot)?;
    if bytes.len() as u64 > LONGEST {
        return Err(format!("is longer than {LONGEST} bytes"));
    }
    let text = String::from_utf8(bytes).map_err(|_| "is not UTF-8".to_owned())?;
    let text = text.strip_suffix('\n').unwrap_or(&text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    Ok((Secret::new(text), trust::everybody_reads(&metadata)))
}
