//! `database.dumps.content`: the newest dump is sound from its first byte to its last.

use std::time::Duration;

use async_trait::async_trait;
use coursys_ops_core::helper::{Ask, Contents, ContentsEnd};
use coursys_ops_core::model::{CheckSpec, Code, Finding, Measurement, Tier};
use coursys_ops_core::{Check, Scope};

use crate::dumps::{self, State};
use crate::helper_answer::ask;
use crate::{database_dumps, maintenance, units};

/// How long the check may take: what its needs leave of a run's deadline.
const TIMEOUT: Duration = Duration::from_secs(6);

/// How long the reading may take: the rest is for starting it and for file systems that think for a while.
const READING: Duration = Duration::from_secs(4);

/// How far from the end of the text its last line may begin: an empty line or two may follow.
const LAST_LINES: usize = 160;

const EXPLANATION: &str = "\
Decompresses the newest complete dump that does not change any more, in a process of its own that lets others go first, and throws the text away: \
every checksum must be right, and the last line must begin with `dumps.ending`, which `mysqldump` writes only when it came \
to the end of the last table. A large dump is read as far as 4 s reach; the message says how far that was.

A dump can have the right size and a proper end and still be worthless: a disk or a network share that loses blocks damages \
the middle, and a `mysqldump` that lost its connection leaves a perfect gzip file of half a database. Nobody finds out \
before the day on which it is needed.

When it fails: `corrupt` means damage after it was written; keep the file for a look, make another dump (`manage.py \
backup_db` as the site's user), test the older ones with `gzip --test`, and have the storage looked at. `incomplete` means \
that `mysqldump` did not finish: the log of the worker of `batch` says why. For a dump that is too large to be read in \
time, run `gzip --test` by hand now and then.";

/// The check.
pub(crate) struct DatabaseDumpsContent(CheckSpec);

impl DatabaseDumpsContent {
    pub(crate) fn new() -> Self {
        Self(
            CheckSpec::new("database.dumps.content", "Contents of the newest dump")
                .tier(Tier::Slow)
                .component("celery")
                .needs(database_dumps::ID)
                .timeout(TIMEOUT)
                .timeout_hint(dumps::HANGS)
                .explanation(EXPLANATION),
        )
    }
}

#[async_trait]
impl Check for DatabaseDumpsContent {
    fn spec(&self) -> &CheckSpec {
        &self.0
    }

    async fn look(&self, scope: &Scope) -> Vec<Finding> {
        vec![look(scope).await.unwrap_or_else(|finding| finding)]
    }
}

async fn look(scope: &Scope) -> Result<Finding, Finding> {
    if maintenance::is_on(scope).await? {
        return Err(maintenance::skipped(scope, "no dumps are made now"));
    }
    let shelf = dumps::shelf(scope).await?;
    let now_s = scope.context().clock.now().as_second();
    let growing_s = scope.config().dumps.growing_s;
    let complete = shelf.dumps.iter().find(|dump| {
        dumps::state(dump, now_s, 0) == State::Complete && !dumps::is_settling(dump, now_s, growing_s)
    });
    let Some(dump) = complete else {
        return Err(Finding::passed(format!(
            "the only dump in {} was written just now and is not read yet",
            shelf.dir.display()
        )));
    };
    let path = shelf.dir.join(&dump.name);
    let user = scope.site_user().await?;
    let contents = ask::<Contents>(scope, Ask::Contents(path.clone(), READING), user).await?;
    let contents = contents.map_err(|refusal| dumps::refused(&refusal, &path.display().to_string()))?;
    Ok(judge(&dump.name, &contents, scope.config().dumps.ending.as_deref()))
}

/// What the contents of a dump say about it.
fn judge(name: &str, contents: &Contents, ending: Option<&str>) -> Finding {
    let text = units::size(contents.text_bytes);
    let found = match &contents.end {
        ContentsEnd::Sound => match ending.filter(|ending| !ends_with_line(&contents.ending, ending)) {
            Some(ending) => Finding::failed(
                Code::Incomplete,
                format!("{name} is sound gzip, but its text ({text}) does not end with `{ending}`"),
                "`mysqldump` did not finish: see the log of the worker of `batch`, and make another dump with \
                 `manage.py backup_db` as the site's user",
            ),
            None => Finding::passed(format!("{name} is sound: {text} of text, to the last line")),
        },
        ContentsEnd::TimeUp => Finding::passed(format!(
            "the first {} of {} of {name} are sound; for the rest there was no time",
            units::size(contents.read_bytes),
            units::size(contents.bytes)
        ))
        .with_hint(format!("`gzip --test {name}` reads it to the end")),
        ContentsEnd::BrokenOff => Finding::failed(
            Code::Incomplete,
            format!("{name} breaks off after {text} of text"),
            "make another dump with `manage.py backup_db` as the site's user, and see in the log of the worker of \
             `batch` why this one broke off",
        ),
        ContentsEnd::Damaged(why) => Finding::failed(
            Code::Corrupt,
            format!("{name} is damaged after {text} of text: {why}"),
            "make another dump with `manage.py backup_db` as the site's user, test the older ones with `gzip --test`, \
             and have the storage looked at",
        ),
    };
    found
        .about(name)
        .measured(Measurement::new("read_bytes", units::float(contents.read_bytes), "B"))
        .measured(Measurement::new("size_bytes", units::float(contents.bytes), "B"))
}

/// Whether one of the last lines of a text begins like this.
fn ends_with_line(text: &str, beginning: &str) -> bool {
    let from = text.len().saturating_sub(LAST_LINES.max(beginning.len()));
    let from = (from..=text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or_default();
    text.get(from..)
        .unwrap_or_default()
        .lines()
        .rfind(|line| !line.trim().is_empty())
        .is_some_and(|line| line.starts_with(beginning))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contents(end: ContentsEnd, ending: &str) -> Contents {
        Contents { bytes: 4096, read_bytes: 4096, text_bytes: 65_536, end, ending: ending.to_owned() }
    }

    const ENDING: &str = "-- Dump completed";

    fn code(end: ContentsEnd, ending: &str) -> Code {
        judge("x.dump.gz", &contents(end, ending), Some(ENDING)).code
    }

    #[test]
    fn a_dump_is_good_when_gzip_and_mysqldump_both_came_to_the_end() {
        let good =
            "/*!40111 SET SQL_NOTES=@OLD_SQL_NOTES */;\n\n-- Dump completed on 2026-11-22 12:00:00\n\n";
        assert_eq!(code(ContentsEnd::Sound, good), Code::Ok);
        assert_eq!(code(ContentsEnd::Sound, "INSERT INTO t VALUES (1,'-- Dump completed"), Code::Incomplete);
        assert_eq!(code(ContentsEnd::Sound, ""), Code::Incomplete);
        assert_eq!(code(ContentsEnd::BrokenOff, good), Code::Incomplete);
        assert_eq!(code(ContentsEnd::Damaged("invalid deflate stream".to_owned()), good), Code::Corrupt);
        assert_eq!(judge("x", &contents(ContentsEnd::Sound, ""), None).code, Code::Ok);
    }

    #[test]
    fn what_there_was_no_time_for_is_said_and_not_held_against_it() {
        let finding = judge("x.dump.gz", &contents(ContentsEnd::TimeUp, "INSERT"), Some(ENDING));
        assert_eq!(finding.code, Code::Ok);
        assert!(finding.hint.unwrap().contains("gzip --test"));
    }

    #[test]
    fn nothing_of_the_text_is_repeated() {
        let finding =
            judge("x.dump.gz", &contents(ContentsEnd::Sound, "('200000001','Kääriäinen')"), Some(ENDING));
        assert!(!finding.message.contains("iäinen"), "{}", finding.message);
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text: String, beginning: String) {
            let _ = ends_with_line(&text, &beginning);
        }
    }
}
