//! What runs, and how the site is, as one value: what `status` prints as JSON and shows to people as a table.

use std::collections::BTreeSet;
use std::sync::Arc;

use coursys_ops_core::config::Component;
use coursys_ops_core::model::{CheckReport, Code, Effects, Finding, Status};
use coursys_ops_core::registry::{SelectError, Selection};
use coursys_ops_core::run::{Cancel, Observer};
use coursys_ops_core::service::{DriftKind, Look, Part, Service, State};
use coursys_ops_core::{Check, Context, Registry};
use jiff::Timestamp;
use serde::Serialize;

use crate::glance::{self, Seen};

/// What is told of the site, beside what [`glance::site`] tells: the checks that find it out, each with its word.
const SITE: [(&str, &str); 5] = [
    ("database.dumps", "newest dump"),
    ("kerberos.ticket", "ticket"),
    ("disk.space.root", "disk /"),
    ("disk.space.submitted", "disk, submitted"),
    ("disk.space.dumps", "disk, dumps"),
];

/// The version of the document.
const SCHEMA: u32 = 1;

/// Looks at all components and at what is told of the site; `full` waits for the checks that take longer than a glance, and
/// runs those that write a log row. The registry must share the survey of the services ([`crate::all_beside`]).
///
/// # Errors
///
/// A health check of a component does not exist.
pub fn look(
    context: &Arc<Context>,
    registry: &Registry,
    services: &[Arc<dyn Service>],
    full: bool,
    cancel: &Cancel,
    observer: &mut dyn Observer,
) -> Result<Document, SelectError> {
    let health = services.iter().flat_map(|service| service.component().health.iter().map(String::as_str));
    let wanted: BTreeSet<&str> = health.chain(SITE.iter().map(|(id, _)| *id)).collect();
    let is_light = |id: &&str| registry.spec(id).is_some_and(|spec| full || spec.effects != Effects::SiteLog);
    let patterns: Vec<String> = wanted.into_iter().filter(is_light).map(ToOwned::to_owned).collect();
    let mut beside: Vec<Arc<dyn Check>> = glance::site();
    if !patterns.is_empty() {
        beside.extend(registry.select(&Selection { patterns, tier: None })?);
    }
    let seen = glance::look(context, services, beside, full, cancel, observer);
    Ok(Document::new(context, services, seen))
}

/// The document.
#[derive(Debug, Serialize)]
pub struct Document {
    /// The version of the document.
    pub schema: u32,
    /// When it was seen.
    pub at: String,
    /// The machine.
    pub host: String,
    /// Who looked.
    pub user: String,
    /// The layout of the deployment.
    pub layout: String,
    /// The components, in the order of their needs.
    pub components: Vec<Entry>,
    /// The site, in a few lines.
    pub site: Vec<Line>,
    /// What the program exits with.
    pub exit_code: u8,
}

/// A component.
#[derive(Debug, Serialize)]
pub struct Entry {
    /// Its name.
    pub component: String,
    /// Who manages it.
    pub manager: String,
    /// The worst state of its parts.
    pub state: State,
    /// How its health checks went; nothing when it has none.
    pub health: Option<Health>,
    /// Its units or compose services.
    pub parts: Vec<Part>,
}

/// How the health checks of a component went.
#[derive(Debug, Serialize)]
pub struct Health {
    /// The worst of them; nothing when none of them was looked at.
    pub status: Option<Status>,
    /// A few words.
    pub message: String,
    /// Each check with its status; those that were not looked at have none.
    pub checks: Vec<(String, Option<Status>)>,
}

/// One line about the site.
#[derive(Debug, Serialize)]
pub struct Line {
    /// What it is about.
    pub label: String,
    /// How it is; nothing when it was not looked at.
    pub status: Option<Status>,
    /// What was seen, or why nothing was.
    pub message: String,
}

impl Document {
    /// The document of what was seen.
    fn new(context: &Context, services: &[Arc<dyn Service>], seen: Seen) -> Self {
        let Seen { looks, report } = seen;
        let find = |id: &str| report.checks.iter().find(|check| check.id == id);
        let entry = |look: Look| {
            let component = services.iter().find(|service| service.name() == look.component);
            let health = component.and_then(|service| health(service.component(), &find));
            let worst = look.parts.iter().map(|part| part.state).max_by_key(|state| badness(*state));
            Entry {
                component: look.component,
                manager: look.manager,
                state: worst.unwrap_or(State::Absent),
                health,
                parts: look.parts,
            }
        };
        let components: Vec<Entry> = looks.into_iter().map(entry).collect();
        let facts = ["glance.maintenance", "glance.revision", "glance.queues"].into_iter();
        let facts = facts.map(|id| (id, id.trim_start_matches("glance.")));
        let site: Vec<Line> = facts.chain(SITE).map(|(id, label)| line(label, find(id))).collect();
        let bad = components.iter().any(Entry::is_bad) || components.is_empty();
        Self {
            schema: SCHEMA,
            at: context.clock.now().to_string(),
            host: context.caller.host.clone(),
            user: context.caller.user.clone(),
            layout: context.config.site.layout.clone(),
            components,
            site,
            exit_code: u8::from(bad),
        }
    }

    /// Leaves out all but one component, and the site.
    pub fn only(&mut self, name: &str) {
        self.components.retain(|entry| entry.component == name);
        self.site.clear();
        self.exit_code = u8::from(self.components.iter().any(Entry::is_bad) || self.components.is_empty());
    }

    /// When it was seen, in milliseconds since 1970.
    #[must_use]
    pub fn at_ms(&self) -> i64 {
        self.at.parse::<Timestamp>().map(Timestamp::as_millisecond).unwrap_or_default()
    }
}

impl Entry {
    fn is_bad(&self) -> bool {
        let stuck = |part: &Part| part.has(DriftKind::StuckStarting) || part.has(DriftKind::RestartLoop);
        // Who may not look cannot say that it is bad; whose question stays unanswered cannot say that it is good.
        let blind = |part: &Part| part.state == State::Unseen && !part.is_not_permitted();
        badness(self.state) >= BAD
            || self.parts.iter().any(|part| stuck(part) || blind(part))
            || self.health.as_ref().is_some_and(|health| health.status == Some(Status::Failed))
    }
}

/// From here on a state is bad.
const BAD: u8 = 4;

const fn badness(state: State) -> u8 {
    match state {
        State::Elsewhere | State::Absent => 0,
        State::Running => 1,
        State::Unseen => 2,
        State::Starting | State::Stopping => 3,
        State::Unhealthy => BAD,
        State::Restarting => 5,
        State::Paused => 6,
        State::Stopped | State::Missing => 7,
        State::Failed => 8,
    }
}

/// What a check found; nothing when it was not looked at, with why.
fn verdict(check: Option<&CheckReport>) -> Result<(Status, &Finding), String> {
    let Some(check) = check else {
        return Err("not looked at: it takes more than a glance (`--full`)".to_owned());
    };
    let Some(finding) = check.findings.iter().find(|finding| finding.status == check.status) else {
        return Err("not looked at".to_owned());
    };
    match (check.status, finding.code) {
        (Status::Unknown, Code::Deadline) => {
            Err("not looked at: it takes longer than a glance (`--full`)".to_owned())
        }
        (Status::Skipped, _) if !check.because.is_empty() => {
            Err(format!("not looked at, because of {}", check.because.join(", ")))
        }
        (Status::Skipped, Code::NotPermitted) => Err(format!("not permitted: {}", finding.message)),
        (Status::Skipped, _) => Err(finding.message.clone()),
        (status, _) => Ok((status, finding)),
    }
}

fn health<'a>(component: &Component, find: &impl Fn(&str) -> Option<&'a CheckReport>) -> Option<Health> {
    let verdicts: Vec<_> = component.health.iter().map(|id| (id, verdict(find(id)))).collect();
    let worst = verdicts.iter().filter_map(|(_, verdict)| verdict.as_ref().ok());
    let worst = worst.max_by_key(|(status, _)| *status);
    let message = match worst {
        Some((Status::Passed, _)) => "ok".to_owned(),
        Some((_, finding)) => finding.message.clone(),
        None => verdicts.first().and_then(|(_, verdict)| verdict.as_ref().err()).cloned().unwrap_or_default(),
    };
    let checks = verdicts
        .iter()
        .map(|(id, verdict)| ((*id).clone(), verdict.as_ref().ok().map(|(status, _)| *status)));
    (!component.health.is_empty()).then(|| Health {
        status: worst.map(|(status, _)| *status),
        message,
        checks: checks.collect(),
    })
}

fn line(label: &str, check: Option<&CheckReport>) -> Line {
    let (status, message) = match verdict(check) {
        Ok((status, finding)) => (Some(status), finding.message.clone()),
        Err(why) => (None, why),
    };
    Line { label: label.to_owned(), status, message }
}

#[cfg(test)]
#[path = "status_tests.rs"]
mod tests;
