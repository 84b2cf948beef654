//! `files.writable.*`: the site can write where it must.

use std::path::{Path, PathBuf};

use async_trait::async_trait;
use coursys_ops_core::config::Files;
use coursys_ops_core::helper::{Ask, Refusal, Space};
use coursys_ops_core::model::{CheckSpec, Code, Effects, Finding};
use coursys_ops_core::process::User;
use coursys_ops_core::{Check, Scope};
use rustix::io::Errno;

use crate::helper_answer::ask;
use crate::site_container::as_the_site_sees;

/// A directory that the site writes to.
struct Directory {
    /// The last word of the check's id.
    word: &'static str,
    /// For people.
    name: &'static str,
    /// Where the configuration has it.
    key: &'static str,
    configured: fn(&Files) -> Option<&PathBuf>,
    /// What does not work without it.
    matters: &'static str,
}

const DIRECTORIES: [Directory; 3] = [
    Directory {
        word: "submitted",
        name: "Submitted files",
        key: "files.submitted",
        configured: |files| files.submitted.as_ref(),
        matters: "Students hand their work in there; with the database it is the only data that must never be lost. \
                  It is network storage: a server that was rebooted may have it unmounted or read-only.",
    },
    Directory {
        word: "media",
        name: "Compressed media",
        key: "files.compressed_media",
        configured: |files| files.compressed_media.as_ref(),
        matters: "Style sheets and scripts are compressed into it when a page first needs them; pages without them \
                  are bare.",
    },
    Directory {
        word: "dumps",
        name: "Database dumps",
        key: "files.dumps",
        configured: |files| files.dumps.as_ref(),
        matters: "The task `backup_database` writes a dump there every three hours.",
    },
];

/// One check for each directory.
pub(crate) fn all() -> impl Iterator<Item = std::sync::Arc<dyn Check>> {
    DIRECTORIES.into_iter().map(|directory| FilesWritable::new(directory).shared())
}

/// The check.
struct FilesWritable {
    spec: CheckSpec,
    directory: Directory,
}

impl FilesWritable {
    fn new(directory: Directory) -> Self {
        let spec = CheckSpec::new(
            format!("files.writable.{}", directory.word),
            format!("{} can be written", directory.name),
        )
        .effects(Effects::SelfCleaning)
        .timeout_hint("the file system hangs: look at its mount, its server and the network between")
        .explanation(format!(
            "Writes a few bytes to a file without a name in `{}`, as the site's user, in a process of its own, \
             because network storage can hang for ever. As root everything could be written and nothing would be \
             proved. What this user cannot reach on a site in containers, such as a volume of Docker, is looked at through the \
             container of `site.service`.\n\n{}\n\nWhen it fails: is it mounted (`findmnt`), does it belong to the site's user, is it \
             full or read-only?",
            directory.key, directory.matters,
        ));
        Self { spec, directory }
    }

    fn shared(self) -> std::sync::Arc<dyn Check> {
        std::sync::Arc::new(self)
    }
}

#[async_trait]
impl Check for FilesWritable {
    fn spec(&self) -> &CheckSpec {
        &self.spec
    }

    async fn look(&self, scope: &Scope) -> Vec<Finding> {
        vec![writable(scope, &self.directory).await.unwrap_or_else(|failed| failed)]
    }
}

async fn writable(scope: &Scope, directory: &Directory) -> Result<Finding, Finding> {
    let config = scope.config();
    let Some(path) = (directory.configured)(&config.files) else {
        return Err(Finding::not_configured(directory.key));
    };
    let path = config.site.dir.join(path);
    let user = scope.site_user().await?;
    let who = user.as_ref().map_or_else(|| scope.context().caller.user.clone(), |user| user.name.clone());
    let (mut place, mut user) = (path.clone(), user);
    let mut answer = ask::<()>(scope, Ask::Writable(place.clone()), user.clone()).await?;
    if answer.as_ref().is_err_and(|refusal| refusal.is(Errno::ACCESS))
        && let Some(seen) = as_the_site_sees(scope, &path, user.as_ref()).await?
    {
        (place, user) = seen;
        answer = ask::<()>(scope, Ask::Writable(place.clone()), user.clone()).await?;
    }
    match answer {
        Ok(()) => Ok(Finding::passed(format!("`{who}` can write to {}", path.display()))),
        // The kernel says the same of both.
        Err(refusal) if refusal.is(Errno::NOSPC) && no_inode_is_free(scope, &place, user).await => {
            Err(no_inodes(&path))
        }
        Err(refusal) => Err(refused(&refusal, &path.display().to_string(), &who, directory.key)),
    }
}

/// Whether a file system that refuses to write lacks inodes, as far as it counts them.
async fn no_inode_is_free(scope: &Scope, path: &Path, user: Option<User>) -> bool {
    let space = ask::<Space>(scope, Ask::Space(path.to_owned()), user).await;
    matches!(space, Ok(Ok(space)) if space.total_inodes > 0 && space.free_inodes == 0)
}

fn no_inodes(path: &Path) -> Finding {
    Finding::failed(
        Code::LowInodes,
        format!("the file system of {} has no inode left", path.display()),
        "look for many small files, such as old sessions or caches: `du --inodes -x`",
    )
}

/// What it means that the operating system refused.
fn refused(refusal: &Refusal, path: &str, who: &str, key: &str) -> Finding {
    let any = |numbers: &[Errno]| numbers.iter().any(|number| refusal.is(*number));
    let why = &refusal.message;
    if any(&[Errno::NOENT]) {
        let hint = format!("mount or make it, or correct `{key}`");
        Finding::failed(Code::NotFound, format!("{path} does not exist"), hint)
    } else if any(&[Errno::NOTDIR]) {
        let hint = format!("correct `{key}`");
        Finding::failed(Code::NotADirectory, format!("{path} is not a directory"), hint)
    } else if any(&[Errno::NOSPC, Errno::DQUOT]) {
        let hint = "free some space or inodes, or raise the quota";
        Finding::failed(Code::LowSpace, format!("{path} is full: {why}"), hint)
    } else if any(&[Errno::ROFS]) {
        let hint = "look at the kernel's log for errors of the file system, then mount it read-write again";
        Finding::failed(
            Code::NotWritable,
            format!("{path} is on a file system that is mounted read-only"),
            hint,
        )
    } else if any(&[Errno::ACCESS, Errno::PERM]) {
        let hint = format!("give it to `{who}`: look at `ls -ld` of it and of the directories above");
        Finding::failed(Code::NotWritable, format!("`{who}` may not write to {path}: {why}"), hint)
    } else {
        let hint = "look at the kernel's log, the mount and its server";
        Finding::failed(Code::NotWritable, format!("`{who}` cannot write to {path}: {why}"), hint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{config, look};

    fn code(errno: Errno) -> Code {
        refused(&Refusal::from(errno), "/filestore", "coursys", "files.submitted").code
    }

    #[test]
    fn each_refusal_of_the_kernel_has_its_code() {
        assert_eq!(code(Errno::NOENT), Code::NotFound);
        assert_eq!(code(Errno::NOTDIR), Code::NotADirectory);
        assert_eq!(code(Errno::NOSPC), Code::LowSpace);
        assert_eq!(code(Errno::DQUOT), Code::LowSpace);
        for errno in [Errno::ROFS, Errno::ACCESS, Errno::PERM, Errno::STALE, Errno::IO] {
            assert_eq!(code(errno), Code::NotWritable);
        }
    }

    #[tokio::test]
    async fn a_directory_that_is_not_configured_names_its_key() {
        for directory in DIRECTORIES {
            let key = directory.key;
            let mut config = config();
            config.files = Files { submitted: None, compressed_media: None, statics: None, dumps: None };
            let finding = look(FilesWritable::new(directory), config).await.remove(0);
            assert_eq!(finding.code, Code::NotConfigured);
            assert!(finding.hint.unwrap().contains(key));
        }
    }

    #[tokio::test]
    async fn a_helper_that_fails_says_nothing_about_the_directory() {
        let [submitted, ..] = DIRECTORIES;
        let finding = look(FilesWritable::new(submitted), config()).await.remove(0);
        assert_eq!(finding.code, Code::HelperFailed);
    }
}
