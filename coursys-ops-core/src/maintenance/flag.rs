//! The flag: read without following links, whatever lies in its place, and written as the site's user.

use std::path::Path;

use super::lease::{self, Lease};
use crate::check::Scope;
use crate::helper::{Answer, Ask, Content, FileLook, Placing};
use crate::plan::FileChange;
use crate::process::{Command, User};

/// Everybody may read who wants the maintenance; nginx must.
const MODE: u32 = 0o644;

/// What is in the flag's place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Flag {
    /// Nothing.
    Absent,
    /// Something that is not ours.
    Bare(Bare),
    /// Ours.
    Ours(Lease),
    /// It could not be looked at, for this reason.
    Unseen(String),
}

/// Why what lies in the flag's place is not ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Bare {
    /// It is there, and nobody may read it, for this reason.
    #[error("it cannot be read: {0}")]
    Unreadable(String),
    /// It belongs to this user, who is neither root nor the site's.
    #[error("it belongs to user {0}")]
    OfAnother(u32),
    /// It is longer than any lease: so many bytes.
    #[error("it holds {0} bytes")]
    TooLong(u64),
    /// A link, a directory, a pipe or the like: nobody's word.
    #[error("it is no regular file")]
    NotAFile,
    /// It is no lease, for this reason.
    #[error("{0}")]
    NoLease(String),
}

/// Looks what is in the flag's place.
pub async fn read(scope: &Scope, path: &Path) -> Flag {
    let looked: Answer<FileLook> = match ask(scope, Ask::File(path.to_owned(), lease::LONGEST)).await {
        Ok(answer) => answer,
        Err(why) => return Flag::Unseen(why),
    };
    let look = match looked {
        Ok(look) => look,
        Err(refusal) if gone(&refusal) => return Flag::Absent,
        Err(refusal) => {
            // It may be there all the same.
            let present: Result<Answer<bool>, String> = ask(scope, Ask::Present(path.to_owned())).await;
            return match present {
                Ok(Ok(true)) => Flag::Bare(Bare::Unreadable(refusal.message)),
                Ok(Ok(false)) => Flag::Absent,
                _ => Flag::Unseen(refusal.message),
            };
        }
    };
    let config = scope.config();
    let owner = match &config.site.user {
        Some(name) => scope.account(name).await.ok().flatten().map(|user| user.uid),
        None => Some(look.uid),
    };
    if look.uid != 0 && Some(look.uid) != owner {
        return Flag::Bare(Bare::OfAnother(look.uid));
    }
    let bytes = match look.content {
        Content::TooLong(length) => return Flag::Bare(Bare::TooLong(length)),
        Content::NotAFile => return Flag::Bare(Bare::NotAFile),
        Content::Whole(_) => look.content.bytes().unwrap_or_default(),
    };
    let known = |name: &str| config.components.get(name).is_some_and(|one| one.stops_first);
    Lease::read(&bytes, known).map_or_else(|why| Flag::Bare(Bare::NoLease(why)), Flag::Ours)
}

fn gone(refusal: &crate::helper::Refusal) -> bool {
    refusal.is(rustix::io::Errno::NOENT) || refusal.is(rustix::io::Errno::NOTDIR)
}

/// Writes the flag, complete or not at all, or removes it, as this user or as the caller.
///
/// # Errors
///
/// Why it could not be done; the flag is as it was then.
pub async fn write(
    scope: &Scope,
    path: &Path,
    lease: Option<&Lease>,
    user: Option<User>,
) -> Result<(), String> {
    change(scope, path, lease, user, false).await
}

/// Writes the flag in the place of whatever is there, which stays until the flag is complete.
///
/// # Errors
///
/// Why it could not be done; what was there is there still.
pub(super) async fn take_over(
    scope: &Scope,
    path: &Path,
    lease: &Lease,
    user: Option<User>,
) -> Result<(), String> {
    change(scope, path, Some(lease), user, true).await
}

async fn change(
    scope: &Scope,
    path: &Path,
    lease: Option<&Lease>,
    user: Option<User>,
    over_anything: bool,
) -> Result<(), String> {
    let change = FileChange { path: path.to_owned(), content: lease.map(Lease::to_text), mode: MODE };
    let verb = if lease.is_some() { "write" } else { "remove" };
    let failed = |why: String| format!("cannot {verb} the flag `{}`: {why}", path.display());
    let input = serde_json::to_vec(&Placing { change, over_anything });
    let input = input.map_err(|error| failed(error.to_string()))?;
    let command = Command::ask(Ask::Change).user(user).input(input);
    let output = scope.run(command).await.map_err(|error| failed(error.to_string()))?;
    let answer: Answer<()> =
        serde_json::from_slice(&output.stdout).map_err(|_| failed(output.complaint()))?;
    answer.map_err(|refusal| failed(refusal.message))
}

async fn ask<T: serde::de::DeserializeOwned>(scope: &Scope, ask: Ask) -> Result<T, String> {
    let output = scope.run(Command::ask(ask)).await.map_err(|error| error.to_string())?;
    serde_json::from_slice(&output.stdout).map_err(|_| output.complaint())
}
