//! Name and password: asked for on the terminal, without an echo, or read from a descriptor. Never an argument, which every
//! user of the machine could read.

use std::fs::File;
use std::io::{IsTerminal as _, Read};

use coursys_ops_core::secret::Secret;
use dialoguer::{Input, Password};

use crate::failure::Failure;

/// More than this, in bytes, is no password.
const LONGEST: u64 = 4096;

/// Asks for the name.
///
/// # Errors
///
/// There is no terminal to ask on.
pub fn name() -> Result<String, Failure> {
    terminal("the name of the account is missing", "name it as the argument")?;
    Input::new().with_prompt("Account that reads the reporting database").interact_text().map_err(stopped)
}

/// Reads the password from a descriptor, or asks for it.
///
/// # Errors
///
/// The descriptor cannot be read, or there is no terminal to ask on.
pub fn password(fd: Option<u32>, principal: &str) -> Result<Secret, Failure> {
    match fd {
        Some(0) => read(std::io::stdin().lock(), 0),
        // A descriptor has no other safe way to become a file. `sudo` closes those beyond the first three.
        Some(fd) => match File::open(format!("/proc/self/fd/{fd}")) {
            Ok(file) => read(file, fd),
            Err(error) => Err(Failure::usage(format!("cannot read descriptor {fd}: {error}"))
                .with_hint("`--password-fd 0` reads standard input, which `sudo` hands on")),
        },
        None => {
            terminal("the password is missing", "hand it over by `--password-fd N`")?;
            let typed = Password::new().with_prompt(format!("Password of {principal}"));
            typed.allow_empty_password(true).interact().map(Secret::new).map_err(stopped)
        }
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

fn stopped(error: dialoguer::Error) -> Failure {
    let dialoguer::Error::IO(error) = error;
    if error.kind() == std::io::ErrorKind::Interrupted {
        return Failure::of(130, ["stopped".to_owned()]);
    }
    Failure::refused(format!("cannot ask on the terminal: {error}"))
}
