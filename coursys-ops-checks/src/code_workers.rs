//! `code.workers`: what runs was started after the last change of the code.

use std::time::Duration;

use async_trait::async_trait;
use coursys_ops_core::config::{Component, Config, Manager};
use coursys_ops_core::helper::Process;
use coursys_ops_core::model::{CheckSpec, Code, Finding, Measurement};
use coursys_ops_core::service::check_id;
use coursys_ops_core::{Check, Scope};

use crate::git::Git;
use crate::git_reflog::{Move, changes, moves};
use crate::site_processes::{is_of, site_processes};
use crate::units::{age, float};
use crate::words::{count, list};

const EXPLANATION: &str = "\
Compares when the site's processes were started with when HEAD last moved to other code, which git's reflog tells: a \
commit, pull, checkout or reset after which files that match `code.patterns` differ. Of gunicorn the workers count, not \
the main process: a reload leaves that one as old as it was. Of Celery the main process of each node counts, not its \
children, which are forked from it with the code that it has.

Python reads code once. After a pull the old code goes on running, but gunicorn's workers are renewed after some hundred \
requests and Celery's every few hours, each with the code of that moment: old and new then run side by side, the pages \
and the tasks of one request among them.

When it fails: `old_code` means that everything runs the code from before the change, `mixed_code` that some of it does. \
Either way make the new code run everywhere: reload gunicorn, restart celery and celerybeat, as the Makefile's \
`new-code-lite` does. If it fails again after that, compare the clock with that of whoever moved HEAD: \
`git reflog --date=iso`. It is skipped where nothing of the site runs, and where git cannot tell, which `code.state` \
reports.";

/// Components that run the site's code, and which of their processes have read it themselves.
const COMPONENTS: [(&str, Reader); 3] = [
    ("gunicorn", Reader::Children),
    ("celery", Reader::Main),
    // As the Makefile restarts it with the others.
    ("celerybeat", Reader::Main),
];

/// Who of a component's processes reads the code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reader {
    /// The main process; its children have what it has.
    Main,
    /// Each child of the main process.
    Children,
}

/// The check.
pub(crate) struct CodeWorkers(CheckSpec);

impl CodeWorkers {
    /// The check.
    pub(crate) fn new() -> Self {
        Self(
            CheckSpec::new("code.workers", "Workers run the current code")
                .component("gunicorn")
                .needs(check_id("gunicorn"))
                .timeout(Duration::from_secs(8))
                .timeout_hint(
                    "git or a process of the site is stuck: look at the disk below `site.dir`, and for processes in \
                     state D (`ps -o pid,stat,wchan`)",
                )
                .explanation(EXPLANATION),
        )
    }
}

#[async_trait]
impl Check for CodeWorkers {
    fn spec(&self) -> &CheckSpec {
        &self.0
    }

    async fn look(&self, scope: &Scope) -> Vec<Finding> {
        workers(scope).await.unwrap_or_else(|skipped| vec![skipped])
    }
}

/// One that has read the code: its start in milliseconds since 1970, and its age.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Worker {
    unix_ms: i64,
    age_ms: u64,
}

/// The last move of HEAD that changed code, and the files.
struct Change {
    moved: Move,
    files: Vec<String>,
}

impl Change {
    /// How long ago it was, at a time in seconds since 1970.
    fn age(&self, now: i64) -> String {
        age(now.saturating_sub(self.moved.unix).max(0))
    }

    /// Whether a process has the code from before it. The diary counts whole seconds, cut off.
    const fn is_after(&self, worker: &Worker) -> bool {
        worker.unix_ms < self.moved.unix.saturating_mul(1000)
    }
}

async fn workers(scope: &Scope) -> Result<Vec<Finding>, Finding> {
    let config = scope.config();
    let processes = site_processes(scope).await?;
    let groups: Vec<(&str, &Component, Vec<Worker>)> = COMPONENTS
        .into_iter()
        .filter_map(|(name, reader)| {
            let component = config.components.get(name)?;
            Some((name, component, readers(&processes, name, component, reader)))
        })
        .filter(|(_, _, workers)| !workers.is_empty())
        .collect();
    let Some(oldest) = groups.iter().flat_map(|(_, _, workers)| workers).map(|worker| worker.unix_ms).min()
    else {
        return Err(Finding::skipped(
            Code::NotRunning,
            "no process of the site runs that this user could judge",
        ));
    };
    let change = last_change(scope, config, oldest).await.map_err(elsewhere)?;
    let now = groups.iter().flat_map(|(_, _, workers)| workers).map(Worker::now).max().unwrap_or_default();
    Ok(findings(&groups, change.as_ref(), now))
}

impl Worker {
    /// The time when its age was taken, in seconds since 1970.
    fn now(&self) -> i64 {
        self.unix_ms.saturating_add_unsigned(self.age_ms) / 1000
    }
}

/// What git cannot tell is told by `code.state`.
fn elsewhere(finding: Finding) -> Finding {
    let message = format!("see `code.state`: {}", finding.message);
    Finding { hint: finding.hint, ..Finding::skipped(finding.code, message) }
}

/// Those of a component that have read the code themselves.
fn readers(processes: &[Process], name: &str, component: &Component, reader: Reader) -> Vec<Worker> {
    let own: Vec<&Process> = processes.iter().filter(|process| is_of(process, name, component)).collect();
    let is_child = |process: &Process| own.iter().any(|other| other.pid == process.parent);
    let reads = |process: &&&Process| is_child(process) == (reader == Reader::Children);
    let started = own.iter().filter(reads).filter_map(|process| process.started);
    started.map(|started| Worker { unix_ms: started.unix_ms, age_ms: started.age_ms }).collect()
}

/// The last move of HEAD that changed code, looked for as far back as the oldest process.
async fn last_change(scope: &Scope, config: &Config, oldest_ms: i64) -> Result<Option<Change>, Finding> {
    let git = Git::new(scope).await?;
    let moves = moves(&git).await?;
    let steps = steps_since(&moves, oldest_ms);
    let trees = |(old, new): &(&Move, &Move)| (old.tree.clone(), new.tree.clone());
    let pairs: Vec<(String, String)> = steps.iter().map(trees).collect();
    let mut changed = changes(&git, &pairs, &config.code.patterns).await?;
    Ok(steps.into_iter().find_map(|(old, new)| {
        let files = changed.remove(&trees(&(old, new)))?;
        Some(Change { moved: new.clone(), files })
    }))
}

/// From where to where HEAD moved since some process started, the newest first. Of the first entry of the diary nobody
/// knows from where.
fn steps_since(moves: &[Move], oldest_ms: i64) -> Vec<(&Move, &Move)> {
    let steps = moves.iter().zip(moves.iter().skip(1)).map(|(new, old)| (old, new));
    // Also behind an earlier one: clocks are set, and then the diary is not in order.
    let since = steps.filter(|(_, new)| new.unix.saturating_mul(1000) > oldest_ms);
    since.filter(|(old, new)| old.tree != new.tree).collect()
}

/// One finding for each component that runs.
fn findings(groups: &[(&str, &Component, Vec<Worker>)], change: Option<&Change>, now: i64) -> Vec<Finding> {
    let is_old = |worker: &Worker| change.is_some_and(|change| change.is_after(worker));
    let any_new = groups.iter().flat_map(|(_, _, workers)| workers).any(|worker| !is_old(worker));
    let each = groups.iter().map(|(name, component, workers)| {
        let old = workers.iter().filter(|worker| is_old(worker)).count();
        let oldest = workers.iter().map(|worker| worker.age_ms).max().unwrap_or_default();
        let finding = match change {
            Some(change) if old > 0 => stale(name, component, (old, workers.len()), any_new, change, now),
            Some(change) => Finding::passed(format!(
                "{} of {name} started after {} came {} ago",
                count(workers.len(), "process").replace("processs", "processes"),
                change.moved.short(),
                change.age(now)
            )),
            None => Finding::passed(format!(
                "no code changed since the oldest process of {name} started {} ago",
                age(i64::try_from(oldest / 1000).unwrap_or(i64::MAX))
            )),
        };
        measured(finding, old, oldest).about(*name)
    });
    each.collect()
}

/// Some processes of a component, or all, have the code from before.
fn stale(
    name: &str,
    component: &Component,
    (old, all): (usize, usize),
    any_new: bool,
    change: &Change,
    now: i64,
) -> Finding {
    let Change { moved, files } = change;
    let (code, beside) =
        if any_new { (Code::MixedCode, ", beside processes with the new code") } else { (Code::OldCode, "") };
    let message = format!(
        "{old} of {all} processes of {name} run the code from before {} came {} ago by {} ({}){beside}: {}",
        moved.short(),
        change.age(now),
        moved.who,
        moved.what,
        list(files)
    );
    Finding::failed(code, message, remedy(name, component))
}

/// How to make a component read its code again.
fn remedy(name: &str, component: &Component) -> String {
    let unit = component.unit.as_deref().unwrap_or(name);
    match component.manager {
        Manager::Systemd if name == "gunicorn" => format!("run `sudo systemctl reload {unit}`"),
        Manager::Systemd => format!("run `sudo systemctl restart {unit}`"),
        Manager::Compose => format!("build the image and replace the service `{unit}`"),
        Manager::Builtin | Manager::External => format!("restart {name}"),
    }
}

fn measured(finding: Finding, old: usize, oldest_ms: u64) -> Finding {
    finding
        .measured(Measurement::new("with_old_code", float(old), "").critical_at(1.0))
        .measured(Measurement::new("oldest_age", float(oldest_ms / 1000), "s"))
}

#[cfg(test)]
#[path = "code_workers_tests.rs"]
mod tests;
