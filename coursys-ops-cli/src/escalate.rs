//! Root's rights for what acts: the program executes itself again under `sudo`, once.

use std::ffi::OsString;
use std::io::{IsTerminal as _, PipeReader, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use coursys_ops_core::config::{self, ENV_PREFIX, FILE_VARIABLE};
use coursys_ops_core::process::{self, Command};
use coursys_ops_core::secret::Secret;

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

/// A secret that was read from a descriptor, which `sudo` closes: it goes on by standard input.
pub struct Handed {
    /// The option that names the descriptor.
    pub option: &'static str,
    /// What was read.
    pub secret: Secret,
}

/// Whether root acts already.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Makes sure that root acts. Returns when it does; otherwise the program becomes another one.
///
/// # Errors
///
/// Who asks is the site's user, there is no `sudo`, or it would refuse.
pub fn ensure_root(global: &Global) -> Result<(), Failure> {
    ensure_root_with(global, None)
}

/// The same, with a secret for the program that root runs.
///
/// # Errors
///
/// As [`ensure_root`]; or the secret cannot be handed on.
pub fn ensure_root_with(global: &Global, handed: Option<Handed>) -> Result<(), Failure> {
    if is_root() {
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
    let mut own = own_command(global, environment.get(FILE_VARIABLE))?;
    if let Some(handed) = &handed {
        by_standard_input(&mut own, handed.option);
    }
    let interactive = std::io::stdin().is_terminal();
    if !interactive {
        would_run(sudo, &own)?;
    }
    if environment.contains_key(log::VARIABLE) {
        say(Level::Warning, &format!("{} does not pass `sudo`; use `-v`", log::VARIABLE));
    }
    let input = handed.map(|handed| pipe(&handed.secret)).transpose();
    let input = input.map_err(|error| Failure::refused(format!("cannot hand on what was read: {error}")))?;
    let command = sudo_command(sudo, &own, interactive);
    let error = process::become_program(&command, GUARD, "1", input.map(Into::into));
    Err(Failure::refused(format!("cannot run `{}`: {error}", sudo.display())))
}

/// Lets an option that names a descriptor name standard input.
fn by_standard_input(argv: &mut [OsString], option: &str) {
    let joined = format!("{option}=");
    let mut is_next = false;
    for word in argv.iter_mut().take_while(|word| *word != "--") {
        if is_next {
            *word = "0".into();
        } else if word.to_str().is_some_and(|word| word.starts_with(&joined)) {
            *word = format!("{joined}0").into();
        }
        is_next = word == option;
    }
}

/// A pipe that holds a secret and then ends. It is far shorter than what a pipe takes without a reader.
fn pipe(secret: &Secret) -> std::io::Result<PipeReader> {
    let (reader, mut writer) = std::io::pipe()?;
    // The line break belongs to the reader's side of the bargain: it takes away one.
    writer.write_all(secret.expose().as_bytes())?;
    writer.write_all(b"\n")?;
    Ok(reader)
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
    let refused = |why: String| {
        Failure::refused(format!("only root may do this, and `sudo` would not run it: {why}"))
            .with_hint("run it on a terminal, where `sudo` can ask, or allow it: see docs/sudoers.example")
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| refused(error.to_string()))?;
    let helper = helper()?;
    let ask = |words: &[&str], more: &[OsString]| {
        let words = words.iter().map(|word| OsString::from(*word));
        let argv = [sudo.into(), "-n".into()].into_iter().chain(words).chain(more.iter().cloned());
        let asked = runtime.block_on(process::run_alone(&helper, Command::new(argv), ASK));
        match asked.map_err(|error| refused(error.to_string()))? {
            Some(output) => Ok(output),
            None => Err(refused(format!("it gave no answer within {} s", ASK.as_secs()))),
        }
    };
    let listed = ask(&["-l", "-u", "root", "--"], own)?;
    if !listed.status.success() {
        let silent = listed.stderr.is_empty();
        return Err(refused(if silent {
            "its rules do not allow it".to_owned()
        } else {
            listed.complaint()
        }));
    }
    // It lists what it allows with a password, too.
    let command = String::from_utf8_lossy(&listed.stdout).trim().to_owned();
    let rules = ask(&["-l"], &[])?;
    let wants_one = wants_password(&String::from_utf8_lossy(&rules.stdout), &command) == Some(true);
    // Who has just typed it need not do so again.
    if wants_one && !ask(&["-v"], &[])?.status.success() {
        return Err(refused("it wants a password for this".to_owned()));
    }
    Ok(())
}

/// Whether the rules that `sudo -l` lists want a password for a command; nothing where none names it to the letter.
fn wants_password(rules: &str, command: &str) -> Option<bool> {
    let mut wants = None;
    for line in rules.lines().filter_map(|line| line.trim().strip_prefix('(')) {
        let Some((users, commands)) = line.split_once(')') else { continue };
        let as_root = users.split([',', ':', ' ']).any(|user| matches!(user, "root" | "ALL"));
        let mut password = true;
        for entry in commands.split(", ") {
            let mut entry = entry.trim();
            while let Some((tag, rest)) = entry.split_once(':').filter(|(tag, _)| is_tag(tag)) {
                password = if tag.ends_with("PASSWD") { tag == "PASSWD" } else { password };
                entry = rest.trim_start();
            }
            // The last rule that fits is the one that counts.
            if as_root && (entry == "ALL" || entry == command) {
                wants = Some(password);
            }
        }
    }
    wants
}

/// Whether this is a word like `NOPASSWD`.
fn is_tag(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_')
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

    #[test]
    fn a_descriptor_that_sudo_would_close_becomes_standard_input() {
        for (words, expected) in [
            ("kinit csdept --password-fd 3", "kinit csdept --password-fd 0"),
            ("kinit --password-fd=7 csdept", "kinit --password-fd=0 csdept"),
            ("kinit --format json -- --password-fd 3", "kinit --format json -- --password-fd 3"),
        ] {
            let mut argv: Vec<OsString> = words.split(' ').map(OsString::from).collect();
            by_standard_input(&mut argv, "--password-fd");
            assert_eq!(argv, expected.split(' ').map(OsString::from).collect::<Vec<_>>());
        }
    }

    #[test]
    fn what_is_handed_on_is_the_secret_and_a_line_break() {
        let text = std::io::read_to_string(pipe(&Secret::new("höre 12")).unwrap()).unwrap();
        assert_eq!(text, "höre 12\n");
    }

    #[test]
    fn a_password_is_wanted_unless_the_last_rule_that_fits_says_otherwise() {
        let rules = "Matching Defaults entries for admin on coursys:\n    env_reset\n\nUser admin may run the following \
                     commands on coursys:\n    (ALL : ALL) ALL\n    (root) NOPASSWD: /usr/bin/coursys-ops restart-all, \
                     /usr/bin/coursys-ops history, PASSWD: /usr/bin/coursys-ops resume\n    (www) NOPASSWD: ALL\n";
        let wants = |command| wants_password(rules, &format!("/usr/bin/coursys-ops {command}"));
        assert_eq!(wants("restart-all"), Some(false));
        assert_eq!(wants("history"), Some(false), "a tag holds for those that follow");
        assert_eq!(wants("resume"), Some(true));
        assert_eq!(wants("restart-all --set a=b"), Some(true), "as anything does");
        assert_eq!(wants_password("", "x"), None);
        assert_eq!(wants_password("    (root) NOPASSWD: SETENV: ALL\n", "x"), Some(false));
    }
}
