//! What a check of one's own is called and how it explains itself, and whose account its keys name.

use coursys_ops_core::Scope;
use coursys_ops_core::config::{OwnCheck, OwnLook, OwnProcess};
use coursys_ops_core::model::{Code, Finding};
use coursys_ops_core::process::{ProcessError, User};

/// The title of a check that has none.
pub(super) fn title(look: &OwnLook) -> String {
    match look {
        OwnLook::Tcp(tcp) => format!("Connection to {}", tcp.server.place()),
        OwnLook::Http(http) => format!("Answer of {}", http.url.shown()),
        OwnLook::Dns(dns) => format!("Addresses of {}", dns.name),
        OwnLook::File(file) => format!("File {}", file.path.display()),
        OwnLook::Process(process) => format!("Processes {}", processes(process)),
        OwnLook::Unit(unit) => format!("Unit {}", unit.unit),
        OwnLook::Command(command) => {
            let program = command.argv.first().map_or("", String::as_str);
            format!("Command {}", program.rsplit('/').next().unwrap_or(program))
        }
    }
}

/// Which processes are meant.
pub(super) fn processes(wanted: &OwnProcess) -> String {
    let name = wanted.name.as_ref().map(|name| format!("`{name}`"));
    let command = wanted.command.as_ref().map(|pattern| format!("like `{}`", pattern.as_str()));
    let user = wanted.user.as_ref().map(|user| format!("of `{user}`"));
    [name, command, user].into_iter().flatten().collect::<Vec<_>>().join(" ")
}

/// What to do when one that has no hint gives no answer in time.
pub(super) const fn timeout_hint(look: &OwnLook) -> &'static str {
    match look {
        OwnLook::Tcp(_) | OwnLook::Http(_) => {
            "nobody answers: look at the server, its load, and at firewalls between, or raise `timeout_s`"
        }
        OwnLook::Dns(_) => {
            "the name servers do not answer: look at /etc/resolv.conf and at the servers in it"
        }
        OwnLook::File(_) => "the file system hangs: look at its mount, its server and the network between",
        OwnLook::Process(_) => {
            "the kernel does not tell what runs: look for processes in state D (`ps axo pid,stat,args`)"
        }
        OwnLook::Unit(_) => "systemd does not answer: look at its journal and at the load of the machine",
        OwnLook::Command(_) => {
            "the command does not end: run it by hand to see what it waits for, or raise `timeout_s`"
        }
    }
}

/// What it looks at, why, and what to do.
pub(super) fn explanation(own: &OwnCheck) -> String {
    let place = own.place.origin(own.place.line);
    let what = match &own.look {
        OwnLook::Tcp(_) => "Connects, over TLS where that is configured, and compares what the peer says.",
        OwnLook::Http(_) => {
            "Asks the web server once, follows no redirect, and compares status, headers and body."
        }
        OwnLook::Dns(_) => "Looks the name up as the system does, with /etc/hosts and the name servers.",
        OwnLook::File(_) => {
            "Asks the kernel about the file, in a process of its own because storage can hang; its contents are not read."
        }
        OwnLook::Process(_) => "Counts the processes that fit, as /proc shows them.",
        OwnLook::Unit(_) => "Asks systemd about the unit.",
        OwnLook::Command(_) => {
            "Runs the command without a shell and with a clean environment, and compares how it ends and what it prints."
        }
    };
    let why = own
        .explanation
        .as_deref()
        .unwrap_or("Whoever configured it has left no further reason: `explanation`.");
    let hint = own
        .hint
        .as_deref()
        .unwrap_or("each finding says what to do, unless the check has a `hint` of its own.");
    format!("{what} It is a check of one's own, from {place}.\n\n{why}\n\nWhen it fails: {hint}")
}

/// As whom to ask: nothing when that is the caller.
///
/// # Errors
///
/// A finding that skips the check when this caller may not act as that user, or fails it when there is none.
pub(super) async fn whom(scope: &Scope, name: &str) -> Result<Option<User>, Finding> {
    let caller = &scope.context().caller;
    if caller.user == name {
        return Ok(None);
    }
    if caller.uid != 0 {
        let message = format!("only root and `{name}` can look as `{name}`; this is `{}`", caller.user);
        return Err(Finding::skipped(Code::NotPermitted, message).with_hint("run the check with sudo"));
    }
    account(scope, name).await.map(Some)
}

/// The id of a user.
///
/// # Errors
///
/// A finding when there is none.
pub(super) async fn uid(scope: &Scope, name: &str) -> Result<u32, Finding> {
    match name.parse() {
        Ok(uid) => Ok(uid),
        Err(_) => account(scope, name).await.map(|user| user.uid),
    }
}

async fn account(scope: &Scope, name: &str) -> Result<User, Finding> {
    let found: Result<Option<User>, ProcessError> = scope.account(name).await;
    match found {
        Ok(Some(user)) => Ok(user),
        Ok(None) => Err(Finding::failed(
            Code::NoSuchUser,
            format!("there is no user `{name}` on this machine"),
            "make the account, or correct `user` of this check",
        )),
        Err(error) => Err(Finding::unknown(Code::HelperFailed, error.to_string())),
    }
}
