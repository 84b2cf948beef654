//! Checks that are made by the workers of a queue, where those are: a site on several machines or in several containers is
//! looked at as a whole, with no daemon of our own.
//!
//! A check whose id `checks.located` names is sent as the task `coursys_ops.run_checks`, its id and a deadline alone; the
//! worker makes it by its own configuration, and what it found comes back into the report. Workers make every check
//! themselves that they are asked for, so that none is ever sent on.

mod answer;
mod plan;
mod site_tasks;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use coursys_ops_core::model::{CheckSpec, Code, Effects, Finding, Location};
use coursys_ops_core::{Check, Scope};
use jiff::SignedDuration;
use serde_json::json;

use crate::celery_call::Call;
use crate::celery_talk::{Mute, Talk};
use crate::maintenance;
use crate::workers::Roll;

pub use plan::settled;

/// The task, which the Python package has.
const TASK: &str = "coursys_ops.run_checks";

/// What is left of the check's own timeout when it stops waiting for the worker.
const MARGIN: Duration = Duration::from_millis(500);

/// What is left of the waiting when the worker must have ended: its answer takes its time.
const WAY_BACK: Duration = Duration::from_millis(300);

/// The message outlives the waiting by so much: a worker that throws it away a moment too early seems to have another clock.
const GRACE: Duration = Duration::from_millis(500);

/// The least that a worker is given, whatever is left: less makes no check.
const LEAST: Duration = Duration::from_millis(500);

/// A check that is made by a worker of a queue.
struct Located {
    spec: CheckSpec,
    queue: String,
    /// What the check needs where it is made, through any depth: the worker tells of these, too, when they fail.
    needs: BTreeSet<String>,
    roll: Roll,
}

impl Located {
    fn new(
        check: &CheckSpec,
        queue: &str,
        way: &str,
        needs: BTreeSet<String>,
        timeout: Duration,
        roll: Roll,
    ) -> Self {
        let mut spec = check.clone();
        spec.location = Location::Queue(queue.to_owned());
        spec.timeout = timeout;
        if !spec.needs.iter().any(|need| need == way) {
            spec.needs.push(way.to_owned());
        }
        spec.effects = match spec.effects {
            // The site's own task, where the worker has no other, saves its row.
            _ if site_tasks::is_known(&check.id) => Effects::SiteLog,
            Effects::None => Effects::SelfCleaning,
            effects => effects,
        };
        spec.explanation = format!(
            "{}\n\nIt is looked at by a worker of the queue `{queue}`, where that one is (`checks.located`): its id and a \
             deadline are sent through the broker, and what was found comes back. The worker needs the Python package \
             `coursys_ops`; `not_registered` means that it lacks it.",
            check.explanation.trim_end()
        );
        Self { spec, queue: queue.to_owned(), needs, roll }
    }

    async fn ask(&self, scope: &Scope) -> Result<Vec<Finding>, Finding> {
        let patience = scope.remaining().saturating_sub(MARGIN);
        let lifetime = SignedDuration::try_from(patience + GRACE).unwrap_or(SignedDuration::MAX);
        let deadline = patience.saturating_sub(WAY_BACK).max(LEAST);
        let arguments = vec![json!([self.spec.id]), json!(deadline.as_secs_f64())];
        let call = Call::new(TASK, arguments, lifetime);
        let talk = Talk { scope, queue: &self.queue, roll: &self.roll };
        match talk.call(&call, patience).await {
            Ok(returned) => {
                let asked = answer::Asked {
                    spec: &self.spec,
                    queue: &self.queue,
                    needs: &self.needs,
                    version: &scope.context().version,
                };
                asked.read(&returned.value)
            }
            Err(Mute::Told(finding)) if finding.code == Code::NotRegistered => {
                site_tasks::ask(&talk, &self.spec.id).await.map(|finding| vec![finding])
            }
            Err(Mute::Told(finding)) => Err(at_rest(scope, finding).await?),
            Err(Mute::Silent(silence)) => Err(match silence.holder(&call) {
                Some(node) => self.hangs(node, patience),
                None => self.not_begun(silence.finding(&self.queue, &scope.config().celery)),
            }),
        }
    }

    /// A worker took it, and gives no answer.
    fn hangs(&self, node: &str, patience: Duration) -> Finding {
        let message = format!(
            "no answer within {:.1} s, though `{}` has begun to look",
            patience.as_secs_f64(),
            answer::name(node)
        );
        Finding::failed(Code::Timeout, message, self.spec.timeout_hint.clone())
    }

    /// No worker is known to have taken it.
    fn not_begun(&self, finding: Finding) -> Finding {
        match finding.code {
            Code::Busy => {
                Finding { message: format!("not begun before the deadline: {}", finding.message), ..finding }
            }
            _ => finding,
        }
    }
}

/// A queue without workers is as it should be while the site is in maintenance.
async fn at_rest(scope: &Scope, finding: Finding) -> Result<Finding, Finding> {
    let is_empty = matches!(finding.code, Code::NoConsumer | Code::NoQueue);
    if is_empty && maintenance::is_on(scope).await? {
        return Ok(maintenance::skipped(scope, &format!("nobody can look, because {}", finding.message)));
    }
    Ok(finding)
}

#[async_trait]
impl Check for Located {
    fn spec(&self) -> &CheckSpec {
        &self.spec
    }

    async fn look(&self, scope: &Scope) -> Vec<Finding> {
        self.ask(scope).await.unwrap_or_else(|finding| vec![finding])
    }
}

/// The same check, to be made by a worker.
fn located(
    check: &Arc<dyn Check>,
    queue: &str,
    way: &str,
    needs: BTreeSet<String>,
    timeout: Duration,
    roll: &Roll,
) -> Arc<dyn Check> {
    Arc::new(Located::new(check.spec(), queue, way, needs, timeout, roll.clone()))
}
