//! The site's own tasks, which workers without our package are asked instead.

use coursys_ops_core::model::{Code, Finding};
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::celery_call::{Call, wrong_answer};
use crate::celery_talk::{Mute, Talk};
use crate::garbage::start_of;

/// What is left of the check's own timeout when it stops waiting.
const MARGIN: std::time::Duration = std::time::Duration::from_millis(300);

/// So much of what the site says is shown, in bytes.
const LONGEST: usize = 200;

/// A task of the site that finds out much the same as a check of ours. It takes the directory of the dumps.
struct SiteTask {
    check: &'static str,
    task: &'static str,
    judge: fn(&Value, &str) -> Option<Finding>,
}

const TASKS: [SiteTask; 2] = [
    SiteTask { check: "files.writable.dumps", task: "coredata.tasks.check_db_backup_create", judge: created },
    SiteTask { check: "disk.space.dumps", task: "coredata.tasks.check_db_backup_free", judge: free },
];

/// Whether the site has a task of its own for this check.
pub(super) fn is_known(id: &str) -> bool {
    TASKS.iter().any(|task| task.check == id)
}

/// Asks the site's own task, after the workers did not know ours.
pub(super) async fn ask(talk: &Talk<'_>, id: &str) -> Result<Finding, Finding> {
    let own = TASKS.iter().find(|task| task.check == id).ok_or_else(|| lacking(talk.queue, None))?;
    let config = talk.scope.config();
    let dir = config.files.dumps.as_ref().ok_or_else(|| Finding::not_configured("files.dumps"))?;
    let dir = config.site.dir.join(dir).to_string_lossy().into_owned();
    let patience = talk.scope.remaining().saturating_sub(MARGIN);
    let lifetime = SignedDuration::try_from(patience + super::GRACE).unwrap_or(SignedDuration::MAX);
    match talk.call(&Call::new(own.task, vec![json!(dir)], lifetime), patience).await {
        Ok(returned) => (own.judge)(&returned.value, &dir)
            .map(|finding| Finding {
                message: format!(
                    "{} (so `{}` says: the workers of `{}` lack `coursys_ops`)",
                    finding.message, own.task, talk.queue
                ),
                ..finding
            })
            .ok_or_else(|| wrong_answer(&format!("`{}` returned what it never returns", own.task))),
        Err(Mute::Told(finding)) if finding.code == Code::NotRegistered => {
            Err(lacking(talk.queue, Some(own.task)))
        }
        Err(Mute::Told(finding)) => Err(finding),
        Err(Mute::Silent(silence)) => Err(silence.finding(talk.queue, &config.celery)),
    }
}

/// Nobody there can look.
fn lacking(queue: &str, own: Option<&str>) -> Finding {
    let beside = own.map(|task| format!(", and not the site's own `{task}`")).unwrap_or_default();
    Finding::failed(
        Code::NotRegistered,
        format!("the workers of `{queue}` do not know the task `{}`{beside}", super::TASK),
        format!(
            "install the Python package `coursys_ops` where the workers of `{queue}` run, add `coursys_ops.django` to \
             `INSTALLED_APPS`, and restart them"
        ),
    )
}

/// Nothing when a file could be made, else why not.
fn created(value: &Value, dir: &str) -> Option<Finding> {
    match value {
        Value::Null => Some(Finding::passed(format!("a file could be made in {dir}"))),
        Value::String(why) => {
            let code = if why.contains("not exist") { Code::NotFound } else { Code::NotWritable };
            Some(Finding::failed(
                code,
                format!("no file could be made in {dir}: {}", start_of(why.as_bytes(), LONGEST)),
                "is it mounted where the worker runs, and does it belong to the site's user?",
            ))
        }
        _ => None,
    }
}

/// What passed and what failed, each a label and a text.
fn free(value: &Value, dir: &str) -> Option<Finding> {
    let (passed, failed) = serde_json::from_value::<(Texts, Texts)>(value.clone()).ok()?;
    let said = |(_, text): &(String, String)| start_of(text.as_bytes(), LONGEST);
    match (failed.first(), passed.first()) {
        (Some(why), _) => {
            let code = if why.1.contains("not exist") { Code::NotFound } else { Code::LowSpace };
            Some(Finding::failed(
                code,
                format!("too little is free in {dir}: {}", said(why)),
                "free some space: delete old dumps, or move them elsewhere",
            ))
        }
        (None, Some(well)) => Some(Finding::passed(format!("enough is free in {dir}: {}", said(well)))),
        (None, None) => None,
    }
}

type Texts = Vec<(String, String)>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_sites_tasks_return_is_understood() {
        let code = |finding: Option<Finding>| finding.map(|finding| finding.code);
        assert_eq!(code(created(&Value::Null, "/d")), Some(Code::Ok));
        assert_eq!(code(created(&json!("could not write to a file"), "/d")), Some(Code::NotWritable));
        assert_eq!(code(created(&json!("directory does not exist"), "/d")), Some(Code::NotFound));
        assert_eq!(code(created(&json!(true), "/d")), None);
        assert_eq!(code(free(&json!([[["Space", "okay (70.1 GB)"]], []]), "/d")), Some(Code::Ok));
        assert_eq!(code(free(&json!([[], [["Space", "Low: 1.0 GB"]]]), "/d")), Some(Code::LowSpace));
        assert_eq!(
            code(free(&json!([[], [["Space", "directory does not exist"]]]), "/d")),
            Some(Code::NotFound)
        );
        for odd in [json!([[], []]), json!([]), json!("x"), json!([[["a"]], []])] {
            assert_eq!(code(free(&odd, "/d")), None);
        }
    }

    #[test]
    fn the_checks_exist_that_the_sites_tasks_stand_for() {
        let checks = crate::all(&crate::testing::config());
        for task in &TASKS {
            assert!(checks.iter().any(|check| check.spec().id == task.check), "{}", task.check);
        }
    }
}
