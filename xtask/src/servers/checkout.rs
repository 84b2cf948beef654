//! The site's directory as a git clone, as on the real server: a branch that follows one of a bare repository beside it,
//! and the files that differ there as a matter of course.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;

use super::account::give;
use super::plan::Directory;
use super::program::Program;
use super::setting::{Setting, text};

/// The branch that the site runs.
const BRANCH: &str = "master";

/// The name of the bare repository's directory.
const UPSTREAM: &str = "upstream.git";

/// Each git command is over in a fraction of a second.
const PATIENCE: Duration = Duration::from_secs(60);

/// Files that are there on the real server and differ from what is committed, or are unknown to git.
const DIFFERENT: [(&str, &str); 2] = [
    ("this_is_production.txt", "This is the production site.\n"),
    (
        "deploy/run-list.json",
        "{\n  \"run_list\": [\"recipe[coursys]\", \"recipe[coursys::production]\"]\n}\n",
    ),
];

/// Where the bare repository is that the site's clone was pushed to and fetched from.
fn upstream(setting: &Setting) -> PathBuf {
    setting.layout.server(UPSTREAM)
}

/// Commits the site's files as its account, pushes them, fetches, and then makes the differences.
///
/// # Errors
/// Git fails; the message carries the end of its log.
pub fn make(setting: &Setting) -> Result<()> {
    let nobody = &setting.accounts.nobody;
    let upstream = upstream(setting);
    Directory::open(&upstream, nobody).make()?;
    let remote = text(&upstream);
    let commands: [&[&str]; 7] = [
        &["init", "--quiet", "--bare", "--initial-branch", BRANCH, &remote],
        &["init", "--quiet", "--initial-branch", BRANCH],
        &["remote", "add", "origin", &remote],
        &["add", "--all", "--", ".", ":!moss"],
        &["commit", "--quiet", "--message", "The site"],
        &["push", "--quiet", "--set-upstream", "origin", BRANCH],
        &["fetch", "--quiet"],
    ];
    commands.iter().try_for_each(|command| git(setting, command).run(PATIENCE))?;
    let site = setting.site();
    // The real one is ignored by a file of its own directory.
    fs::write(site.join(".git/info/exclude"), "/moss/\n")?;
    for (name, content) in DIFFERENT {
        fs::write(site.join(name), content)?;
        give(&site.join(name), nobody)?;
    }
    Ok(())
}

/// A git command in the site's directory, as its account and without the machine's configuration.
fn git(setting: &Setting, arguments: &[&str]) -> Program {
    let argv = [&["git"], arguments].concat();
    let mut program = Program::new(&setting.layout, "git", &setting.accounts.nobody, &argv);
    program.cwd = setting.site();
    program.env([
        ("HOME", text(setting.layout.home())),
        ("GIT_CONFIG_NOSYSTEM", "1".to_owned()),
        ("GIT_AUTHOR_NAME", "Fixture".to_owned()),
        ("GIT_AUTHOR_EMAIL", "fixture@coursys.test".to_owned()),
        ("GIT_COMMITTER_NAME", "Fixture".to_owned()),
        ("GIT_COMMITTER_EMAIL", "fixture@coursys.test".to_owned()),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::servers::setting::sample;

    #[test]
    fn git_runs_as_the_sites_account_in_the_sites_directory_with_a_home() {
        let setting = sample(&[]);
        let program = git(&setting, &["fetch", "--quiet"]);
        assert_eq!(program.argv, ["git", "fetch", "--quiet"]);
        assert_eq!(program.account, setting.accounts.nobody);
        assert_eq!(program.cwd, setting.site());
        assert_eq!(program.env["HOME"], text(setting.layout.home()));
    }
}
