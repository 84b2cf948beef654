//! Waiting for the checks of a gate: again and again, until all of them pass.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::Sender;

use super::Means;
use crate::model::{
    CheckReport, Code, DEFAULT_DEADLINE, ExitPolicy, Finding, OutputStream, Report, Status, Tier,
};
use crate::plan::Step;
use crate::process::Line;
use crate::registry::Selection;
use crate::run::{Cancel, Options, leave_out, run};

/// From the end of one look to the start of the next.
const PAUSE: Duration = Duration::from_millis(500);

/// Looks until every check of the gate passes, and has gone on passing for as long as the step says. Who waits keeps the
/// deadline; `open` is what the gate waits for still.
pub(super) async fn wait(
    step: &Step,
    means: &Means,
    remaining: impl Fn() -> Duration,
    lines: &Sender<Line>,
    open: impl Fn(String),
) {
    let ids = &step.gate;
    let steady = Duration::from_millis(step.steady_ms);
    let mut passes_since: Option<Instant> = None;
    let selection = Selection { patterns: ids.clone(), tier: Some(Tier::Slow) };
    // Whoever judged the plan knows that there are such checks.
    let Ok(checks) = means.checks.select(&selection) else { return std::future::pending().await };
    let known: BTreeMap<String, Vec<Finding>> =
        leave_out(checks.iter().map(|check| check.spec()), &means.context, &[], false);
    let mut told = String::new();
    loop {
        let begun = Instant::now();
        let options =
            Options { deadline: remaining().min(DEFAULT_DEADLINE), tier: Tier::Slow, known: known.clone() };
        let policy = ExitPolicy::default();
        let report = run(&checks, &means.context, &options, &Cancel::never(), policy, &mut |_event| {}).await;
        let waits_for = holds(ids, &report);
        if waits_for.is_empty() {
            let since = *passes_since.get_or_insert(begun);
            if begun.duration_since(since) >= steady {
                return;
            }
            open("its checks pass, but not for long enough yet".to_owned());
            tokio::time::sleep(PAUSE).await;
            continue;
        }
        passes_since = None;
        if waits_for != told {
            let line = format!("waiting for {waits_for}");
            // What a gate waits for is known at its end too.
            drop(lines.try_send((OutputStream::Note, line)));
            told.clone_from(&waits_for);
        }
        open(waits_for);
        tokio::time::sleep(PAUSE).await;
    }
}

/// What holds the gate: the checks that do not pass, and why; nothing when all do.
fn holds(ids: &[String], report: &Report) -> String {
    let wanted = report.checks.iter().filter(|check| ids.contains(&check.id) && !passes(check));
    let why = |check: &CheckReport| {
        let finding = check.findings.iter().find(|finding| finding.status == check.status);
        let message = finding.map_or("no finding", |finding| finding.message.as_str());
        format!("{}: {message}", check.id)
    };
    wanted.map(why).collect::<Vec<_>>().join("; ")
}

/// A warning is no reason to wait, and what is not part of this layout, switched off or at rest because the site is in
/// maintenance cannot be waited for.
fn passes(check: &CheckReport) -> bool {
    let absent = |finding: &Finding| {
        matches!(finding.code, Code::NotInLayout | Code::SwitchedOff | Code::InMaintenance)
    };
    match check.status {
        Status::Passed | Status::Warning => true,
        Status::Skipped => !check.findings.is_empty() && check.findings.iter().all(absent),
        Status::Failed | Status::Unknown => false,
    }
}
