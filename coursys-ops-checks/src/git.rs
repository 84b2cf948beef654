//! Asking git about the site's directory: as the site's user, without leaving a trace, without the network, and without
//! running what the repository's own configuration names.

use coursys_ops_core::Scope;
use coursys_ops_core::config::harmless;
use coursys_ops_core::model::{Code, Finding};
use coursys_ops_core::process::{Command, Output, User};

use crate::site_account::site_account;

/// What the repository's configuration could make git run or write, switched off. An empty `core.fsmonitor` is off for
/// git before and after 2.36; `false` would be the name of a program for the older.
const OFF: [&str; 6] = [
    "core.fsmonitor=",
    "core.hooksPath=/dev/null",
    "core.pager=cat",
    "core.untrackedCache=keep",
    "log.showSignature=false",
    "submodule.recurse=false",
];

/// Variables: no lock and no refresh of the index, no configuration of the machine, no question, no network.
const ENVIRONMENT: [(&str, &str); 5] = [
    ("GIT_OPTIONAL_LOCKS", "0"),
    ("GIT_CONFIG_NOSYSTEM", "1"),
    ("GIT_TERMINAL_PROMPT", "0"),
    ("GIT_ALLOW_PROTOCOL", "none"),
    ("GIT_NO_LAZY_FETCH", "1"),
];

/// Git in the site's directory.
pub(crate) struct Git<'a> {
    scope: &'a Scope,
    user: Option<User>,
}

impl<'a> Git<'a> {
    /// Git as the site's user.
    ///
    /// # Errors
    ///
    /// A finding: this caller may not ask as the site's user.
    pub(crate) async fn new(scope: &'a Scope) -> Result<Self, Finding> {
        Ok(Self { scope, user: site_account(scope, ".git/config").await? })
    }

    /// What git prints; `input` is its standard input.
    ///
    /// # Errors
    ///
    /// A finding: there is no repository, git refuses it or cannot read it.
    pub(crate) async fn ask(&self, args: &[&str], input: Option<String>) -> Result<Vec<u8>, Finding> {
        let site = &self.scope.config().site;
        let settings = OFF.iter().flat_map(|setting| ["-c", setting]);
        let argv = ["git", "--no-pager"].into_iter().chain(settings).chain(args.iter().copied());
        let mut command = Command::new(argv).dir(&site.dir).user(self.user.clone());
        for (name, value) in ENVIRONMENT {
            command = command.env(name, value);
        }
        // A repository further up is somebody else's.
        if let Some(parent) = site.dir.parent() {
            command = command.env("GIT_CEILING_DIRECTORIES", parent);
        }
        // Where that user says which directories he trusts and which files he ignores.
        if let Some(home) = &site.user_home {
            command = command.env("HOME", home);
        }
        if let Some(input) = input {
            command = command.input(input);
        }
        let output = self.scope.run(command).await;
        let output = output.map_err(|error| Finding::unknown(Code::HelperFailed, error.to_string()))?;
        if output.status.success() { Ok(output.stdout) } else { Err(self.complaint(&output)) }
    }

    /// When files of git's own directory were changed: their names and seconds since 1970, those only that are there.
    ///
    /// # Errors
    ///
    /// As [`Self::ask`].
    pub(crate) async fn files(&self, names: &[&str]) -> Result<Vec<(String, i64)>, Finding> {
        let dir = self.ask(&["rev-parse", "--absolute-git-dir"], None).await?;
        let dir = String::from_utf8_lossy(&dir);
        let argv = ["stat", "--printf=%Y %n\\0", "--"].into_iter().chain(names.iter().copied());
        let command = Command::new(argv).dir(dir.trim_end_matches('\n')).user(self.user.clone());
        let output = self.scope.run(command).await;
        let output = output.map_err(|error| Finding::unknown(Code::HelperFailed, error.to_string()))?;
        // It complains about those that are not there.
        Ok(times(&output.stdout))
    }

    /// Why git gave no answer.
    fn complaint(&self, output: &Output) -> Finding {
        let dir = self.scope.config().site.dir.display().to_string();
        let text = String::from_utf8_lossy(&output.stderr);
        let line = text.lines().find(|line| line.starts_with("fatal: ") || line.starts_with("error: "));
        let line = line.map_or_else(|| output.complaint(), ToOwned::to_owned);
        judge(&dir, line.trim())
    }
}

/// What a complaint of git, or of whoever should have started it, means.
fn judge(dir: &str, line: &str) -> Finding {
    let says = |word: &str| line.contains(word);
    if says("not a git repository") {
        let hint = "the site's code is a git clone in `site.dir`: correct that key, or clone it again beside and move \
                    `.git` here";
        Finding::failed(Code::NotFound, format!("{dir} is no git repository"), hint)
    } else if says("dubious ownership") || says("unsafe repository") {
        let hint =
            format!("run `chown -R` on {dir} for the site's user: somebody worked there as another user");
        let message = format!("{dir} belongs to another user than the site's, so git refuses it");
        Finding::failed(Code::WrongOwner, message, hint)
    } else if line.starts_with("cannot start git") {
        Finding::unknown(Code::HelperFailed, "git cannot be started").with_hint("install git")
    } else if line.starts_with("cannot change to") {
        Finding::failed(Code::NotFound, harmless(line), "correct `site.dir`")
    } else {
        let hint = format!("run `git status` and `git fsck` in {dir} as the site's user");
        Finding::failed(
            Code::BrokenRepository,
            format!("git cannot read the repository: {}", harmless(line)),
            hint,
        )
    }
}

/// Lines `SECONDS NAME`, each ended by a NUL byte.
fn times(bytes: &[u8]) -> Vec<(String, i64)> {
    let text = String::from_utf8_lossy(bytes);
    let entries = text.split('\0').filter_map(|entry| entry.split_once(' '));
    entries.filter_map(|(time, name)| Some((name.to_owned(), time.parse().ok()?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_refusal_of_git_has_a_code_of_its_own() {
        for (line, code) in [
            ("fatal: not a git repository (or any of the parent directories): .git", Code::NotFound),
            ("fatal: detected dubious ownership in repository at '/coursys'", Code::WrongOwner),
            ("fatal: unsafe repository ('/coursys' is owned by someone else)", Code::WrongOwner),
            ("cannot start git: No such file or directory (os error 2)", Code::HelperFailed),
            ("cannot change to /coursys: No such file or directory (os error 2)", Code::NotFound),
            ("fatal: index file corrupt", Code::BrokenRepository),
        ] {
            assert_eq!(judge("/coursys", line).code, code, "{line}");
        }
    }

    #[test]
    fn times_of_files_are_read_and_garbage_is_not() {
        assert_eq!(
            times(b"1795377638 index.lock\x005 a b\0"),
            [("index.lock".to_owned(), 1_795_377_638), ("a b".to_owned(), 5)]
        );
        assert!(times(b"x y\0\0 \xff").is_empty());
    }
}
