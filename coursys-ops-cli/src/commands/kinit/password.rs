//! Name and password: asked for on the terminal, without an echo, or read from a descriptor. Never an argument, which every
//! user of the machine could read.

use std::fs::File;
use std::io::{IsTerminal as _, Read};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use coursys_ops_core::run::Cancel;
use coursys_ops_core::secret::Secret;
use dialoguer::{Input, Password};
use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};

use crate::failure::Failure;

/// More than this, in bytes, is no password.
const LONGEST: u64 = 4096;

/// How soon a signal is noticed while somebody types.
const PAUSE: Duration = Duration::from_millis(50);

/// Asks for the name.
///
/// # Errors
///
/// There is no terminal to ask on.
pub fn name(cancel: &Cancel) -> Result<String, Failure> {
    terminal("the name of the account is missing", "name it as the argument")?;
    const PROMPT: &str = "Account that reads the reporting database";
    asked(cancel, || Input::new().with_prompt(PROMPT).interact_text())
}

/// Reads the password from a descriptor, or asks for it.
///
/// # Errors
///
/// The descriptor cannot be read, or there is no terminal to ask on.
pub fn password(fd: Option<u32>, principal: &str, cancel: &Cancel) -> Result<Secret, Failure> {
    match fd {
        Some(fd) => read_from(fd),
        None => {
            terminal("the password is missing", "hand it over by `--password-fd N`")?;
            let prompt = format!("Password of {principal}");
            let ask = move || Password::new().with_prompt(prompt).allow_empty_password(true).interact();
            asked(cancel, ask).map(Secret::new)
        }
    }
}

/// Reads the password from a descriptor.
///
/// # Errors
///
/// The descriptor cannot be read.
pub fn read_from(fd: u32) -> Result<Secret, Failure> {
    if fd == 0 {
        return read(std::io::stdin().lock(), 0);
    }
    // A descriptor has no other safe way to become a file.
    match File::open(format!("/proc/self/fd/{fd}")) {
        Ok(file) => read(file, fd),
        Err(error) => Err(Failure::usage(format!("cannot read descriptor {fd}: {error}"))
            .with_hint("`--password-fd 0` reads standard input")),
    }
}

/// Up to the end, without the line break that an editor or `echo` leaves.
fn read(from: impl Read, fd: u32) -> Result<Secret, Failure> {
    let mut text = String::new();
    let read = from.take(LONGEST).read_to_string(&mut text);
    read.map_err(|error| Failure::usage(format!("cannot read a password from descriptor {fd}: {error}")))?;
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    Ok(Secret::new(text))
}

fn terminal(missing: &str, hint: &str) -> Result<(), Failure> {
    if std::io::stdin().is_terminal() && std::io::stderr().is_terminal() {
        return Ok(());
    }
    Err(Failure::usage(format!("{missing}, and there is no terminal to ask on")).with_hint(hint))
}

/// What somebody types. A signal ends the wait, as it must: who reads a line from a terminal is not woken by one that has a
/// handler. The terminal then shows again what is typed.
fn asked<T: Send + 'static>(
    cancel: &Cancel,
    ask: impl FnOnce() -> dialoguer::Result<T> + Send + 'static,
) -> Result<T, Failure> {
    let terminal = std::io::stdin();
    let kept = tcgetattr(&terminal);
    let (tell, told) = channel();
    // It is left behind, reading, when a signal comes: the program ends then.
    let asking = std::thread::Builder::new().name("prompt".to_owned()).spawn(move || tell.send(ask()));
    asking.map_err(|error| Failure::refused(format!("cannot ask on the terminal: {error}")))?;
    loop {
        match told.recv_timeout(PAUSE) {
            Ok(answer) => return answer.map_err(stopped),
            Err(RecvTimeoutError::Disconnected) => {
                return Err(Failure::refused("cannot ask on the terminal"));
            }
            Err(RecvTimeoutError::Timeout) => {}
        }
        if let Some(reason) = cancel.reason() {
            if let Ok(kept) = &kept {
                let _ = tcsetattr(&terminal, OptionalActions::Now, kept);
            }
            return Err(Failure::of(reason.exit_code(), ["stopped".to_owned()]));
        }
    }
}

fn stopped(error: dialoguer::Error) -> Failure {
    let dialoguer::Error::IO(error) = error;
    if error.kind() == std::io::ErrorKind::Interrupted {
        return Failure::of(130, ["stopped".to_owned()]);
    }
    Failure::refused(format!("cannot ask on the terminal: {error}"))
}
