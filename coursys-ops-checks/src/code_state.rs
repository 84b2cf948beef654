//! `code.state`: the code on the server is the code in git, on the right branch.

use std::time::Duration;

use async_trait::async_trait;
use coursys_ops_core::config::SiteCode;
use coursys_ops_core::glob::glob_matches;
use coursys_ops_core::model::{CheckSpec, Code, Finding, Measurement};
use coursys_ops_core::{Check, Scope};

use crate::git::Git;
use crate::git_reflog::{Move, moves, short};
use crate::git_status::{self, Status};
use crate::units::{age, float};
use crate::words::{count, list};

/// The lock of the index, and the diary of the last fetch.
const LOCK: &str = "index.lock";
const FETCHED: &str = "FETCH_HEAD";

/// What lies in git's directory while something is under way, and the command that is to be finished or given up.
const UNDER_WAY: [(&str, &str); 6] = [
    ("MERGE_HEAD", "merge"),
    ("rebase-merge", "rebase"),
    ("rebase-apply", "rebase"),
    ("CHERRY_PICK_HEAD", "cherry-pick"),
    ("REVERT_HEAD", "revert"),
    ("BISECT_LOG", "bisect"),
];

const EXPLANATION: &str = "\
Asks git, as the site's user and without touching anything, about the clone in `site.dir`: whether files differ from what \
is committed or are not known to git at all (`code.expected_changes` lists those that may), whether HEAD is on \
`code.branch`, how far it is from the branch that it follows as last fetched, whether a merge or rebase was left half \
done, and whether a lock of the index was left behind. Nothing is fetched: the age of the last fetch is in the message. \
The report's facts tell who moved HEAD last.

What is edited on the server is in no history: the next pull stops at it or loses it, and nobody else can see what the \
site really runs. Root's git is never used, because the repository's configuration could name programs to run; other \
users' git refuses the directory.

When it fails: `uncommitted` names the files: `git diff` shows the change; commit it elsewhere and pull, or take it back \
with `git checkout -- FILE`. `untracked` files are moved away, or added to `code.expected_changes` if they belong there. \
`wrong_branch` and `detached_head`: `git checkout` of the right branch, then new code. `unfinished`: finish it or use its \
`--abort`. `behind` is a reminder that new code waits. `ahead` says that the server has commits that nobody else has: push \
them. `left_over`: make sure that no git runs, then remove the lock. `wrong_owner`: somebody used root or his own account \
there; give the files back to the site's user.";

/// The check.
pub(crate) struct CodeState(CheckSpec);

impl CodeState {
    /// The check.
    pub(crate) fn new() -> Self {
        Self(
            CheckSpec::new("code.state", "State of the site's code")
                .component("gunicorn")
                .timeout(Duration::from_secs(10))
                .timeout_hint(
                    "git takes too long to compare the work tree: look at the disk below `site.dir`, run `git status` \
                     there as the site's user, and `git gc` if it is slow",
                )
                .explanation(EXPLANATION),
        )
    }
}

#[async_trait]
impl Check for CodeState {
    fn spec(&self) -> &CheckSpec {
        &self.0
    }

    async fn look(&self, scope: &Scope) -> Vec<Finding> {
        state(scope).await.unwrap_or_else(|failed| vec![failed])
    }
}

/// All that git says.
struct Seen {
    status: Status,
    last_move: Option<Move>,
    /// Files of git's own directory, with their times.
    files: Vec<(String, i64)>,
    /// In seconds since 1970.
    now: i64,
}

async fn state(scope: &Scope) -> Result<Vec<Finding>, Finding> {
    let git = Git::new(scope).await?;
    let names: Vec<&str> = UNDER_WAY.iter().map(|(name, _)| *name).chain([LOCK, FETCHED]).collect();
    let (status, moves, files) =
        tokio::join!(git.ask(&git_status::ARGS, None), moves(&git), git.files(&names));
    let seen = Seen {
        status: Status::parse(&status?),
        // Before the first commit there is no diary.
        last_move: moves.ok().and_then(|moves| moves.into_iter().next()),
        files: files?,
        now: scope.context().clock.now().as_second(),
    };
    if let Some(last) = &seen.last_move {
        let ago = age(seen.now.saturating_sub(last.unix).max(0));
        scope.fact("code", format!("{} by {} {ago} ago ({})", last.short(), last.who, last.what));
    }
    Ok(findings(&scope.config().code, &seen))
}

/// What it means: one finding for each thing that is wrong, or one that says how it is.
fn findings(code: &SiteCode, seen: &Seen) -> Vec<Finding> {
    let Seen { status, .. } = seen;
    let unexpected = |paths: &[String]| -> Vec<String> {
        let expected = |path: &String| {
            code.expected_changes.iter().any(|pattern| glob_matches(pattern, path.trim_end_matches('/')))
        };
        paths.iter().filter(|path| !expected(path)).cloned().collect()
    };
    let (changed, untracked) = (unexpected(&status.changed), unexpected(&status.untracked));
    let found = [
        under_way(seen).or_else(|| place(code, status)),
        (!changed.is_empty()).then(|| uncommitted(&changed)),
        (!untracked.is_empty()).then(|| unknown_to_git(&untracked)),
        distance(seen),
        lock(code, seen),
    ];
    let found: Vec<Finding> = found.into_iter().flatten().collect();
    if found.is_empty() { vec![well(seen)] } else { found }
}

fn well(seen: &Seen) -> Finding {
    let Status { commit, branch, upstream, .. } = &seen.status;
    let finding = Finding::passed(format!(
        "the work tree is as committed in {}, on `{}` and level with `{}`{}",
        short(commit.as_deref().unwrap_or_default()),
        branch.as_deref().unwrap_or_default(),
        upstream.as_deref().unwrap_or_default(),
        as_fetched(seen),
    ));
    measured(finding, seen)
}

/// A merge or the like that was begun; HEAD is where that left it.
fn under_way(seen: &Seen) -> Option<Finding> {
    let is_there = |name: &str| seen.files.iter().any(|(file, _)| file == name);
    let (_, what) = UNDER_WAY.iter().find(|(name, _)| is_there(name))?;
    let give_up =
        if *what == "bisect" { "git bisect reset".to_owned() } else { format!("git {what} --abort") };
    Some(
        Finding::failed(
            Code::Unfinished,
            format!("a {what} was begun and not finished"),
            format!("finish it, or give it up with `{give_up}`, as the site's user"),
        )
        .about(*what),
    )
}

/// Where HEAD is.
fn place(code: &SiteCode, status: &Status) -> Option<Finding> {
    let right = &code.branch;
    let hint = format!("run `git checkout {right}` as the site's user, or correct `code.branch`");
    match &status.branch {
        Some(branch) if branch == right => None,
        Some(branch) => {
            let message = format!("the branch is `{branch}`, not `{right}`");
            Some(Finding::failed(Code::WrongBranch, message, hint).about(branch))
        }
        None => {
            let commit = short(status.commit.as_deref().unwrap_or_default());
            let message = format!("HEAD is at {commit} and on no branch; it should be on `{right}`");
            Some(Finding::failed(Code::DetachedHead, message, hint))
        }
    }
}

fn uncommitted(changed: &[String]) -> Finding {
    Finding::failed(
        Code::Uncommitted,
        format!("{} changed from what is committed: {}", count(changed.len(), "file"), list(changed)),
        "see `git diff`; commit it elsewhere and pull, take it back with `git checkout -- FILE`, or add it to \
         `code.expected_changes`",
    )
    .measured(Measurement::new("changed", float(changed.len()), "").critical_at(1.0))
}

fn unknown_to_git(untracked: &[String]) -> Finding {
    Finding::warning(
        Code::Untracked,
        format!("git does not know {}: {}", count(untracked.len(), "file"), list(untracked)),
        "move away what does not belong to the site, or add it to `code.expected_changes`",
    )
    .measured(Measurement::new("untracked", float(untracked.len()), "").warning_at(1.0))
}

/// How far HEAD is from the branch that it follows. Without a branch it follows none, which is told already.
fn distance(seen: &Seen) -> Option<Finding> {
    let status = &seen.status;
    let branch = status.branch.as_deref()?;
    let Some((ahead, behind)) = status.ahead_behind else {
        return Some(Finding::warning(
            Code::NoUpstream,
            format!(
                "`{branch}` follows no branch of a remote, so nobody can tell whether the code is current"
            ),
            format!("run `git branch --set-upstream-to=origin/{branch}` as the site's user"),
        ));
    };
    let upstream = status.upstream.as_deref().unwrap_or("its upstream");
    let (code, message, hint) = match (ahead, behind) {
        (0, 0) => return None,
        (0, behind) => (
            Code::Behind,
            format!("`{branch}` lacks {} of `{upstream}`", commits(behind)),
            "new code waits: pull it and reload the site",
        ),
        (ahead, 0) => (
            Code::Ahead,
            format!("`{branch}` has {} that `{upstream}` lacks", commits(ahead)),
            "push them, or nobody else will ever see what the site runs",
        ),
        (ahead, behind) => (
            Code::Ahead,
            format!("`{branch}` has {} that `{upstream}` lacks, and lacks {}", commits(ahead), behind),
            "push the server's own commits to a branch and merge them, then `git reset --hard @{upstream}`",
        ),
    };
    let finding = Finding::warning(code, format!("{message}{}", as_fetched(seen)), hint).about(upstream);
    Some(measured(finding, seen))
}

fn commits(number: u32) -> String {
    format!("{number} commit{}", if number == 1 { "" } else { "s" })
}

/// When the remote was last asked, in words that read on.
fn as_fetched(seen: &Seen) -> String {
    fetched(seen).map_or_else(String::new, |seconds| format!(", as fetched {} ago", age(seconds)))
}

/// How many seconds ago the remote was last asked.
fn fetched(seen: &Seen) -> Option<i64> {
    let (_, time) = seen.files.iter().find(|(name, _)| name == FETCHED)?;
    Some(seen.now.saturating_sub(*time).max(0))
}

fn measured(finding: Finding, seen: &Seen) -> Finding {
    let (ahead, behind) = seen.status.ahead_behind.unwrap_or_default();
    let finding = finding
        .measured(Measurement::new("ahead", ahead.into(), "").warning_at(1.0))
        .measured(Measurement::new("behind", behind.into(), "").warning_at(1.0));
    match fetched(seen) {
        Some(age) => finding.measured(Measurement::new("fetched_age", float(age), "s")),
        None => finding,
    }
}

/// A lock that is older than any git that works.
fn lock(code: &SiteCode, seen: &Seen) -> Option<Finding> {
    let (_, time) = seen.files.iter().find(|(name, _)| name == LOCK)?;
    let old = seen.now.saturating_sub(*time);
    let most = code.lock_max_age_s;
    (old > i64::from(most)).then(|| {
        Finding::warning(
            Code::LeftOver,
            format!("git's index has been locked for {}, so nothing can be pulled", age(old)),
            "make sure that no git runs there (`ps -ef`), then remove `.git/index.lock`",
        )
        .about(LOCK)
        .measured(Measurement::new("lock_age", float(old), "s").warning_at(f64::from(most)))
    })
}

#[cfg(test)]
#[path = "code_state_tests.rs"]
mod tests;
