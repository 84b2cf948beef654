//! Kind `command`: a command exits and prints as it should.

use std::path::Path;
use std::time::Instant;

use coursys_ops_core::Scope;
use coursys_ops_core::config::OwnCommand;
use coursys_ops_core::model::{Code, Finding, Status};
use coursys_ops_core::process::{Command, Output, ProcessError, User};

use super::judge::{Looked, no_helper, timed};
use super::{perfdata, text};
use crate::garbage;

/// How much of what it prints is read, in bytes; more is a flood.
const MOST: usize = 256 << 10;

/// Programs that run another: what they are given must be as trustworthy as they are.
const INTERPRETERS: [&str; 10] =
    ["sh", "bash", "dash", "zsh", "python", "perl", "ruby", "php", "node", "env"];

pub(super) async fn look(scope: &Scope, command: &OwnCommand) -> Looked {
    let user = asker(scope, command).await?;
    let as_root = user.as_ref().map_or(scope.context().caller.uid, |user| user.uid) == 0;
    if as_root {
        trusted(scope, command).await?;
    }
    let started = Instant::now();
    let dir = command.dir.as_deref().unwrap_or(Path::new("/"));
    let run = Command::new(command.argv.iter().cloned()).dir(dir).user(user).at_most(MOST);
    let output = match scope.run(run).await {
        Ok(output) => output,
        Err(ProcessError::TooMuch(limit)) => return Err(flood(command, limit)),
        Err(error) => return Err(Finding::unknown(Code::HelperFailed, error.to_string())),
    };
    if let Some(finding) = not_started(command, &output) {
        return Err(finding);
    }
    if command.nagios {
        Ok(vec![plugin(command, &output, started)])
    } else {
        judge(command, &output, started)
    }
}

/// As whom to run it; nothing means as the caller.
async fn asker(scope: &Scope, command: &OwnCommand) -> Result<Option<User>, Finding> {
    match &command.user {
        Some(name) => text::whom(scope, name).await,
        None if scope.context().caller.uid == 0 => scope.site_user().await,
        None => Ok(None),
    }
}

/// Root runs nothing that somebody else can have written.
async fn trusted(scope: &Scope, command: &OwnCommand) -> Result<(), Finding> {
    let program = command.argv.first().map_or("", String::as_str);
    let name = program.rsplit('/').next().unwrap_or(program);
    let interpreted = INTERPRETERS.iter().any(|interpreter| name.starts_with(interpreter));
    let given = command.argv.iter().skip(1).filter(|word| interpreted && word.starts_with('/'));
    for path in command.argv.first().into_iter().chain(given) {
        // One that is not there cannot do harm, and whoever starts it will say so.
        if let Ok(Some(why)) = scope.distrust(Path::new(path)).await.map_err(|error| no_helper(&error))? {
            let message = format!("root does not run `{path}`: {why}");
            let hint = "let only root write it, or set `user` of this check to whom it belongs";
            return Err(Finding::skipped(Code::NotPermitted, message).with_hint(hint));
        }
    }
    Ok(())
}

fn flood(command: &OwnCommand, limit: usize) -> Finding {
    let message = format!("`{}` prints more than {} KiB and was ended", name(command), limit >> 10);
    Finding::failed(Code::TooMuchOutput, message, "let it print less: a check needs a line")
}

fn name(command: &OwnCommand) -> &str {
    command.argv.first().map_or("", String::as_str)
}

/// What it means that there is nothing to run: the helper, which would have become the command, says so.
fn not_started(command: &OwnCommand, output: &Output) -> Option<Finding> {
    let complaint = output.complaint();
    let place =
        ["cannot start ", "cannot change to "].into_iter().find(|start| complaint.starts_with(start))?;
    if output.status.success() || !output.stdout.is_empty() {
        return None;
    }
    let what = if place == "cannot start " { "argv" } else { "dir" };
    Some(Finding::failed(
        if complaint.contains("os error 13") { Code::AccessDenied } else { Code::NotFound },
        format!("`{}` was not run: {}", name(command), garbage::excerpt(complaint.as_bytes())),
        format!("install it, let the user of this check run it, or correct `{what}`"),
    ))
}

/// How it ended, in words; nothing when it exited by itself.
fn killed(command: &OwnCommand, output: &Output) -> Option<Finding> {
    let signal = output.status.signal()?;
    let message = format!("`{}` was killed by signal {signal}", name(command));
    Some(Finding::failed(
        Code::CommandFailed,
        message,
        "run it by hand, and look at the kernel's log for what ended it",
    ))
}

/// A plugin decides by itself.
fn plugin(command: &OwnCommand, output: &Output, started: Instant) -> Finding {
    if let Some(killed) = killed(command, output) {
        return killed;
    }
    let (line, figures) = perfdata::read(&String::from_utf8_lossy(&output.stdout));
    let line = if line.is_empty() { complaint(output) } else { excerpt(line.as_bytes()) };
    let hint = "do what the plugin says, or look at what it looks at";
    let finding = match output.status.code() {
        Some(0) => timed(line, started, &command.latency),
        Some(1) => Finding::warning(Code::CommandFailed, line, hint),
        Some(2) => Finding::failed(Code::CommandFailed, line, hint),
        Some(3) => Finding::unknown(Code::CommandFailed, line)
            .with_hint("run the plugin by hand to see what it lacks"),
        other => {
            let code = other.unwrap_or(-1);
            let message = format!("`{}` exits with {code}, which no plugin may: {line}", name(command));
            Finding::unknown(Code::CommandFailed, message)
                .with_hint("run it by hand: it is not a plugin, or it crashed")
        }
    };
    figures.into_iter().fold(finding, Finding::measured)
}

fn judge(command: &OwnCommand, output: &Output, started: Instant) -> Looked {
    if let Some(killed) = killed(command, output) {
        return Err(killed);
    }
    let (name, code) = (name(command), output.status.code().unwrap_or(-1));
    if !command.exit.contains(&code) {
        let wanted = command.exit.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or ");
        let message = format!("`{name}` exits with {code}, expected {wanted}: {}", complaint(output));
        return Err(Finding::failed(
            Code::CommandFailed,
            message,
            "run it by hand and mend what it says, or correct `exit`",
        ));
    }
    if let Some(wanted) = command.output.as_ref().filter(|wanted| !wanted.is_match(&output.stdout)) {
        let said = excerpt(&output.stdout);
        let message = format!("`{name}` prints `{said}`, which does not match `{}`", wanted.as_str());
        return Err(Finding::failed(
            Code::WrongAnswer,
            message,
            "run it by hand and mend what it says, or correct `output`",
        ));
    }
    let finding = timed(format!("`{name}` exits with {code}"), started, &command.latency);
    debug_assert_ne!(finding.status, Status::Unknown);
    Ok(vec![finding])
}

/// The last line that it complained with, or printed.
fn complaint(output: &Output) -> String {
    let last = |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes).into_owned();
        text.lines().rev().map(str::trim).find(|line| !line.is_empty()).map(ToOwned::to_owned)
    };
    let line = last(&output.stderr).or_else(|| last(&output.stdout));
    line.map_or_else(|| "it says nothing".to_owned(), |line| excerpt(line.as_bytes()))
}

/// No more than helps of what a command says; plugins say more in a line than other strangers.
fn excerpt(said: &[u8]) -> String {
    /// In characters.
    const LONGEST: usize = 200;
    let text = String::from_utf8_lossy(said);
    let text = text.trim();
    let short: String = text.chars().take(LONGEST).collect();
    let more = if text.chars().nth(LONGEST).is_some() { "…" } else { "" };
    format!("{}{more}", short.escape_debug())
}
