//! `moss.executable`: the program that compares submissions can be run.

use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use coursys_ops_core::config::harmless;
use coursys_ops_core::helper::{Ask, Program, Refusal};
use coursys_ops_core::model::{CheckSpec, Code, Finding};
use coursys_ops_core::process::{Command, Output, User};
use coursys_ops_core::{Check, Scope};
use rustix::io::Errno;

use crate::helper_answer::ask;
use crate::site_account::site_account;

const EXPLANATION: &str = "\
Looks, as the site's user, whether `code.moss` is a file that may be executed, whether the interpreter that its first line \
names is there, and lets that interpreter check the script's syntax and load its modules (`perl -c`). It is not run: even \
without submissions it would make its temporary files, and one that sends submissions elsewhere must not be tried.

MOSS finds similar code in what students hand in. Its licence keeps it out of git, so it is copied to each server by hand \
and is forgotten when a server is new; an instructor then sees an error of the task hours later.

When it fails: `not_found` means that it was not copied, or elsewhere: correct `code.moss`, or empty it where there is no \
MOSS. `not_executable` is a lost mode: `chmod +x`. `not_runnable` says which interpreter or module is missing, or where \
the script is broken: copy it again from the server before.";

/// The check.
pub(crate) struct MossExecutable(CheckSpec);

impl MossExecutable {
    /// The check.
    pub(crate) fn new() -> Self {
        Self(
            CheckSpec::new("moss.executable", "MOSS")
                .component("gunicorn")
                .timeout(Duration::from_secs(5))
                .timeout_hint(
                    "the file system of `code.moss` hangs, or loading the script does: run `perl -c` on it",
                )
                .explanation(EXPLANATION),
        )
    }
}

#[async_trait]
impl Check for MossExecutable {
    fn spec(&self) -> &CheckSpec {
        &self.0
    }

    async fn look(&self, scope: &Scope) -> Vec<Finding> {
        vec![look(scope).await.unwrap_or_else(|failed| failed)]
    }
}

async fn look(scope: &Scope) -> Result<Finding, Finding> {
    let config = scope.config();
    let Some(path) = config.code.moss.as_deref() else {
        return Err(Finding::skipped(Code::NotInLayout, "`code.moss` is empty: this site has no MOSS"));
    };
    let path = config.site.dir.join(path);
    let Some(name) = path.to_str() else {
        let hint = "give the program a name of UTF-8 and correct `code.moss`";
        return Err(Finding::failed(Code::NotFound, "the path in `code.moss` is no text", hint));
    };
    let user = site_account(scope, name).await?;
    let program = ask::<Program>(scope, Ask::Program(path.clone()), user.clone()).await?;
    let program = program.map_err(|refusal| refused(&refusal, name))?;
    judge(&program, name)?;
    if !is_perl(&program) {
        return Ok(Finding::passed(format!("{name} is executable, and so is its interpreter")));
    }
    let output = scope.run(syntax(&program, &path, user)).await;
    let output = output.map_err(|error| Finding::unknown(Code::HelperFailed, error.to_string()))?;
    checked(&output, name)
}

/// What it means that the operating system refused.
fn refused(refusal: &Refusal, name: &str) -> Finding {
    if refusal.is(Errno::NOENT) || refusal.is(Errno::NOTDIR) {
        let hint = "copy MOSS there, correct `code.moss`, or empty it where there is no MOSS";
        Finding::failed(Code::NotFound, format!("{name} does not exist"), hint)
    } else if refusal.is(Errno::ACCESS) {
        let hint = format!("run `chmod a+rx` on {name} and on the directories above it");
        Finding::failed(Code::NotExecutable, format!("the site's user may not read {name}"), hint)
    } else {
        let message = format!("cannot look at {name}: {}", refusal.message);
        Finding::failed(Code::ServerError, message, "look at the kernel's log and the mount")
    }
}

/// Whether it can be started at all.
fn judge(program: &Program, name: &str) -> Result<(), Finding> {
    if !program.is_file {
        let hint = "copy MOSS there, or correct `code.moss`";
        return Err(Finding::failed(Code::NotFound, format!("{name} is not a file"), hint));
    }
    if !program.executable {
        let message = format!("the site's user may not execute {name}");
        let hint = format!("run `chmod +x {name}`; if it has the mode, look for `noexec` at its mount");
        return Err(Finding::failed(Code::NotExecutable, message, hint));
    }
    if let Some(interpreter) = program.interpreter.first()
        && !program.interpreter_executable
    {
        return Err(Finding::failed(
            Code::NotRunnable,
            format!("the interpreter of {name} cannot be executed: `{}`", harmless(interpreter)),
            "install it, or correct the first line of the script; one with a carriage return at its end counts, too",
        ));
    }
    Ok(())
}

fn is_perl(program: &Program) -> bool {
    let name =
        |word: &String| Path::new(word).file_name().and_then(|name| name.to_str()).map(ToOwned::to_owned);
    program.interpreter.iter().filter_map(name).any(|name| name.starts_with("perl"))
}

/// Perl's own look at the script: reads it and the modules that it uses, and runs nothing of it.
fn syntax(program: &Program, path: &Path, user: Option<User>) -> Command {
    let words = program.interpreter.iter().map(Into::into);
    let command = Command::new(words.chain(["-c".into(), path.as_os_str().to_owned()])).user(user);
    match path.parent() {
        Some(dir) => command.dir(dir),
        None => command,
    }
}

/// What Perl said.
fn checked(output: &Output, name: &str) -> Result<Finding, Finding> {
    if output.status.success() {
        return Ok(Finding::passed(format!("{name} is executable, and Perl finds nothing wrong with it")));
    }
    // The first line says what; the last one only that.
    let text = String::from_utf8_lossy(&output.stderr);
    let first = text.lines().map(str::trim).find(|line| !line.is_empty());
    let why = first.map_or_else(|| output.complaint(), ToOwned::to_owned);
    Err(Finding::failed(
        Code::NotRunnable,
        format!("Perl cannot run {name}: {}", harmless(&why)),
        format!(
            "run `perl -c {name}` as the site's user; install the module that is missing, or copy MOSS again"
        ),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn program() -> Program {
        Program {
            is_file: true,
            executable: true,
            interpreter: vec!["/usr/bin/perl".to_owned(), "-w".to_owned()],
            interpreter_executable: true,
        }
    }

    fn code(program: &Program) -> Code {
        judge(program, "/coursys/moss/moss.pl").map_or_else(|finding| finding.code, |()| Code::Ok)
    }

    #[test]
    fn each_way_not_to_run_has_its_code() {
        assert_eq!(code(&program()), Code::Ok);
        assert_eq!(code(&Program { is_file: false, ..program() }), Code::NotFound);
        assert_eq!(code(&Program { executable: false, ..program() }), Code::NotExecutable);
        assert_eq!(code(&Program { interpreter_executable: false, ..program() }), Code::NotRunnable);
        for (errno, code) in [
            (Errno::NOENT, Code::NotFound),
            (Errno::NOTDIR, Code::NotFound),
            (Errno::ACCESS, Code::NotExecutable),
            (Errno::IO, Code::ServerError),
        ] {
            assert_eq!(refused(&errno.into(), "moss.pl").code, code);
        }
    }

    #[test]
    fn a_binary_needs_no_interpreter_and_only_perl_is_asked_about_perl() {
        let binary = Program { interpreter: Vec::new(), interpreter_executable: false, ..program() };
        assert_eq!(code(&binary), Code::Ok);
        assert!(!is_perl(&binary) && is_perl(&program()));
        let env = ["/usr/bin/env", "perl5.36"].map(Into::into).to_vec();
        assert!(is_perl(&Program { interpreter: env, ..program() }));
    }
}
