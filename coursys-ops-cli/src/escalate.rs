//! Root's rights for what acts: the program executes itself again under `sudo`, once.

use std::ffi::OsString;
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use coursys_ops_core::config::{self, ENV_PREFIX, FILE_VARIABLE};
use coursys_ops_core::process::{self, Command};

use crate::failure::{Failure, Level, say};
use crate::global::Global;
use crate::setup::{helper, options};
use crate::{caller, log};

/// Where `sudo` is; never looked for in the caller's own path.
const SUDO: [&str; 3] = ["/usr/bin/sudo", "/bin/sudo", "/usr/local/bin/sudo"];

/// Set for `sudo`, which does not hand it on: whoever finds it and is not root would escalate for ever.
const GUARD: &str = "COURSYS_OPS_ESCALATED";

/// How long `sudo` may think about whether it would run us.
const ASK: Duration = Duration::from_secs(10);

/// Makes sure that root acts. Returns when it does; otherwise the program becomes another one.
///
/// # Errors
///
/// Who asks is the site's user, there is no `sudo`, or it would refuse.
pub fn ensure_root(global: &Global) -> Result<(), Failure> {
    if rustix::process::geteuid().is_root() {
        return Ok(());
    }
    let environment = caller::environment();
    let me = caller::caller(&environment).user;
    if is_site_user(global, &me) {
        return Err(Failure::refused(format!("`{me}` runs the site and may not act on it"))
            .with_hint("log in as yourself, with an account that may use `sudo`, and run it again"));
    }
    if environment.contains_key(GUARD) {
        return Err(Failure::refused(format!("`sudo` ran this as `{me}`, not as root"))
            .with_hint("let an administrator look at the `sudo` on this machine"));
    }
    let lost = |name: &&String| {
        name.starts_with(ENV_PREFIX) && ![FILE_VARIABLE, GUARD, log::VARIABLE].contains(&name.as_str())
    };
    let lost: Vec<String> = environment.keys().filter(lost).cloned().collect();
    if !lost.is_empty() {
        return Err(Failure::refused(format!(
            "`sudo` does not hand on the environment: {}",
            lost.join(", ")
        ))
        .with_hint("set the keys in the configuration file or with `--set`, or run it as root"));
    }
    let sudo = SUDO.iter().map(Path::new).find(|path| path.exists()).ok_or_else(|| {
        Failure::refused("only root may do this, and there is no `sudo`").with_hint("run it as root")
    })?;
    let own = own_command(global, environment.get(FILE_VARIABLE))?;
    let interactive = std::io::stdin().is_terminal();
    if !interactive {
        would_run(sudo, &own)?;
    }
    if environment.contains_key(log::VARIABLE) {
        say(Level::Warning, &format!("{} does not pass `sudo`; use `-v`", log::VARIABLE));
    }
    let error = process::become_program(&sudo_command(sudo, &own, interactive), GUARD, "1");
    Err(Failure::refused(format!("cannot run `{}`: {error}", sudo.display())))
}

/// The program again, with the arguments that it has; the configuration file of the environment becomes one of them.
fn own_command(global: &Global, variable: Option<&String>) -> Result<Vec<OsString>, Failure> {
    let program: PathBuf = std::env::current_exe()
        .map_err(|error| Failure::refused(format!("cannot tell where this program is: {error}")))?;
    let mut own = vec![program.into_os_string()];
    let file = variable.filter(|path| !path.is_empty() && global.config.is_none());
    if let Some(path) = file {
        own.extend(["--config".into(), path.into()]);
    }
    own.extend(std::env::args_os().skip(1));
    Ok(own)
}

fn sudo_command(sudo: &Path, own: &[OsString], interactive: bool) -> Vec<OsString> {
    let mut argv: Vec<OsString> = vec![sudo.into()];
    if !interactive {
        argv.push("-n".into());
    }
    // Whatever user the machine's rules have as default.
    argv.extend(["-u", "root", "--"].map(OsString::from));
    argv.extend(own.iter().cloned());
    argv
}

/// Asks `sudo` whether it would run this without a question: nobody is there to answer one.
fn would_run(sudo: &Path, own: &[OsString]) -> Result<(), Failure> {
    let mut argv: Vec<OsString> = vec![sudo.into()];
    argv.extend(["-n", "-l", "-u", "root", "--"].map(OsString::from));
    argv.extend(own.iter().cloned());
    let refused = |why: String| {
        Failure::refused(format!("only root may do this, and `sudo` would not run it: {why}"))
            .with_hint("run it on a terminal, where `sudo` can ask, or allow it: see docs/sudoers.example")
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| refused(error.to_string()))?;
    let asked = runtime.block_on(process::run_alone(&helper()?, Command::new(argv), ASK));
    match asked.map_err(|error| refused(error.to_string()))? {
        Some(output) if output.status.success() => Ok(()),
        Some(output) if output.stderr.is_empty() => Err(refused("its rules do not allow it".to_owned())),
        Some(output) => Err(refused(output.complaint())),
        None => Err(refused(format!("it gave no answer within {} s", ASK.as_secs()))),
    }
}

/// Whether the caller is the account that the site runs as. A configuration that he may not read does not name him.
fn is_site_user(global: &Global, me: &str) -> bool {
    let sources = config::read_sources(options(global), caller::environment());
    let loaded = sources.and_then(|sources| config::load(&sources));
    loaded.is_ok_and(|loaded| loaded.config.site.user.as_deref() == Some(me))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sudo_gets_the_whole_command_as_root_and_asks_only_where_somebody_can_answer() {
        let own = ["/usr/bin/coursys-ops", "restart-all", "--set", "a=b c"].map(OsString::from);
        let words = |interactive| {
            let argv = sudo_command(Path::new("/usr/bin/sudo"), &own, interactive);
            argv.into_iter().map(|word| word.into_string().unwrap()).collect::<Vec<_>>().join("|")
        };
        let own = "/usr/bin/coursys-ops|restart-all|--set|a=b c";
        assert_eq!(words(true), format!("/usr/bin/sudo|-u|root|--|{own}"));
        assert_eq!(words(false), format!("/usr/bin/sudo|-n|-u|root|--|{own}"));
    }
}
