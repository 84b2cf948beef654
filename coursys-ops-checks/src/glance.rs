//! A glance at everything: the components, and what is worth knowing of the site beside them, for `status`. What takes
//! longer than a glance is not waited for.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use coursys_ops_core::maintenance::{Flag, LeasePhase, LeaseView};
use coursys_ops_core::model::{CheckSpec, Code, ExitPolicy, Finding, Report, Tier};
use coursys_ops_core::run::{Cancel, Observer, Options, leave_out, run_blocking};
use coursys_ops_core::service::{Look, Service, Surveyor};
use coursys_ops_core::{Check, Context, Scope};
use futures_util::future::join_all;
use jiff::tz::TimeZone;

use crate::amqp::Connection;
use crate::broker_queues::nothing_to_lose;
use crate::git::Git;
use crate::git_reflog::moves;
use crate::maintenance_state::lease_words;
use crate::{broker_connection, units};

/// The looks at the components take this long at most, unless they are thorough: systemd and Docker may both be silent.
const LONGEST: Duration = Duration::from_secs(3);

/// What is waited for beside the components: the whole look should seem to answer at once.
const GLANCE: Duration = Duration::from_millis(110);

/// How long everything may take when systemd and Docker are silent, and who looks thoroughly.
const THOROUGH: Duration = Duration::from_secs(15);

/// What was seen.
pub struct Seen {
    /// The components, in the order of their needs; none when looking at them took too long.
    pub looks: Vec<Look>,
    /// What the checks found that ran beside.
    pub report: Report,
}

impl Seen {
    /// The components, for who acts on what was seen: nothing seen is not nothing to do.
    ///
    /// # Errors
    ///
    /// Why none was seen.
    pub fn components(self) -> Result<Vec<Look>, String> {
        if !self.looks.is_empty() {
            return Ok(self.looks);
        }
        let check = self.report.checks.into_iter().find(|check| check.id == COMPONENTS);
        let finding = check.and_then(|check| check.findings.into_iter().next());
        Err(finding.map_or_else(|| "nobody looked".to_owned(), |finding| finding.message))
    }
}

/// Looks at components, and runs these checks beside; unless `thorough`, nobody waits for checks that take longer than a
/// glance, nor for components that systemd and Docker tell nothing about.
pub fn look(
    context: &Arc<Context>,
    services: &[Arc<dyn Service>],
    beside: Vec<Arc<dyn Check>>,
    thorough: bool,
    cancel: &Cancel,
    observer: &mut dyn Observer,
) -> Seen {
    let longest = if thorough { THOROUGH } else { LONGEST };
    let around = Arc::new(Around::new(services.to_vec(), longest));
    let specs = beside.iter().map(|check| check.spec());
    let known = leave_out(specs, context, &[], false);
    let beside = if thorough { beside } else { briefly(beside, Instant::now() + GLANCE) };
    let mut checks: Vec<Arc<dyn Check>> = vec![around.clone()];
    checks.extend(beside);
    let options = Options { deadline: THOROUGH, tier: Tier::Slow, known };
    let report = run_blocking(&checks, context, &options, cancel, ExitPolicy::default(), observer);
    Seen { looks: around.take(), report }
}

/// The id of [`Around`].
const COMPONENTS: &str = "glance.components";

/// Looks at every component, as a check, so that it runs beside others; what it saw is taken out afterwards.
pub struct Around {
    spec: CheckSpec,
    services: Vec<Arc<dyn Service>>,
    looks: Mutex<Vec<Look>>,
}

impl Around {
    /// A look at these, which takes this long at most.
    #[must_use]
    pub fn new(services: Vec<Arc<dyn Service>>, longest: Duration) -> Self {
        let spec = CheckSpec::new(COMPONENTS, "Components").timeout(longest);
        Self { spec, services, looks: Mutex::default() }
    }

    /// What was seen, in the order of the components' needs; empty before the look.
    #[must_use]
    pub fn take(&self) -> Vec<Look> {
        std::mem::take(&mut *self.looks.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[async_trait]
impl Check for Around {
    fn spec(&self) -> &CheckSpec {
        &self.spec
    }

    async fn look(&self, scope: &Scope) -> Vec<Finding> {
        let looks = join_all(self.services.iter().map(|service| service.look(scope))).await;
        *self.looks.lock().unwrap_or_else(PoisonError::into_inner) = looks;
        vec![Finding::passed("looked at")]
    }
}

/// A check that is not waited for when it takes longer than a glance.
struct Brief {
    check: Arc<dyn Check>,
    until: Instant,
}

#[async_trait]
impl Check for Brief {
    fn spec(&self) -> &CheckSpec {
        self.check.spec()
    }

    async fn look(&self, scope: &Scope) -> Vec<Finding> {
        let looked = tokio::time::timeout_at(self.until.into(), self.check.look(scope)).await;
        looked.unwrap_or_else(|_| vec![Finding::unknown(Code::Deadline, "it takes longer than a glance")])
    }
}

/// The same checks, none of which is waited for after this moment.
#[must_use]
pub fn briefly(checks: Vec<Arc<dyn Check>>, until: Instant) -> Vec<Arc<dyn Check>> {
    checks.into_iter().map(|check| -> Arc<dyn Check> { Arc::new(Brief { check, until }) }).collect()
}

/// What is worth knowing of the site.
#[derive(Clone, Copy)]
enum Fact {
    Maintenance,
    Revision,
    Queues,
}

struct SiteFact {
    spec: CheckSpec,
    fact: Fact,
}

/// What is worth knowing of the site and looked at by no check: maintenance, revision, queues.
#[must_use]
pub fn site() -> Vec<Arc<dyn Check>> {
    let one = |id: &str, title: &str, fact| -> Arc<dyn Check> {
        let mut spec = CheckSpec::new(id, title).timeout_hint("look at the load of the machine");
        if matches!(fact, Fact::Queues) {
            spec = spec.component("rabbitmq").needs(broker_connection::ID);
        }
        Arc::new(SiteFact { spec, fact })
    };
    vec![
        one("glance.maintenance", "maintenance", Fact::Maintenance),
        one("glance.revision", "revision", Fact::Revision),
        one("glance.queues", "queues", Fact::Queues),
    ]
}

#[async_trait]
impl Check for SiteFact {
    fn spec(&self) -> &CheckSpec {
        &self.spec
    }

    async fn look(&self, scope: &Scope) -> Vec<Finding> {
        let found = match self.fact {
            Fact::Maintenance => in_maintenance(scope).await,
            Fact::Revision => revision(scope).await,
            Fact::Queues => queues(scope).await,
        };
        vec![found.unwrap_or_else(|finding| finding)]
    }
}

async fn in_maintenance(scope: &Scope) -> Result<Finding, Finding> {
    let Some(path) = &scope.config().maintenance.flag else {
        return Ok(Finding::skipped(Code::NotInLayout, "this layout has no maintenance page"));
    };
    let path = path.display();
    let on = |message: String, hint: &str| Finding::warning(Code::InMaintenance, message, hint);
    Ok(match Flag::look(scope).await {
        Flag::Absent => Finding::passed(format!("off: there is no {path}")),
        Flag::Bare(why) => on(
            format!("the maintenance page is on: {path} is there, and not ours: {why}"),
            "ask who made it; when nobody works on the site, `coursys-ops rm503 --take-over`",
        ),
        Flag::Unseen(why) => return Err(Finding::skipped(Code::NotPermitted, format!("not seen: {why}"))),
        Flag::Ours(lease) => {
            let words = lease_words(&LeaseView::from(&lease));
            let phase = match lease.phase {
                LeasePhase::Entering => "being closed",
                LeasePhase::Draining => "being drained",
                LeasePhase::On => "on",
                LeasePhase::Leaving => "being opened",
            };
            let over = if lease.is_expired(scope.context().clock.now()) { "; that time is over" } else { "" };
            let hint = "`coursys-ops maintenance status` tells more, `coursys-ops rm503` ends it";
            on(format!("{phase} {words}{over}"), hint)
        }
    })
}

async fn revision(scope: &Scope) -> Result<Finding, Finding> {
    let git = Git::new(scope).await?;
    let moves = moves(&git).await?;
    let Some(last) = moves.first() else {
        return Ok(Finding::skipped(Code::NotFound, "git has kept no record of what was deployed"));
    };
    let now = scope.context().clock.now().as_second();
    let when = jiff::Timestamp::from_second(last.unix).map(|at| at.to_zoned(TimeZone::system()));
    let when = when.map(|at| at.strftime("%Y-%m-%d %H:%M").to_string()).unwrap_or_default();
    let age = units::age(now.saturating_sub(last.unix).max(0));
    let who = if last.who.is_empty() { "somebody" } else { last.who.as_str() };
    Ok(Finding::passed(format!("{} since {when} ({age}), by {who}: {}", last.short(), last.what)))
}

async fn queues(scope: &Scope) -> Result<Finding, Finding> {
    let config = scope.config();
    let server = &config.broker.server;
    let mut connection = Connection::open(scope, &config.broker).await?;
    let (mut words, mut idle) = (Vec::new(), Vec::new());
    for queue in &config.celery.queues {
        match connection.depth(queue).await {
            Ok(depth) => {
                words.push(format!("{queue} {}", depth.messages));
                if depth.consumers == 0 {
                    idle.push(queue.clone());
                }
            }
            Err(error) if error.is_not_found() => words.push(format!("{queue} is not there")),
            Err(error) => {
                connection.close().await;
                return Err(error.finding(server));
            }
        }
    }
    connection.close().await;
    let waiting = format!("messages waiting: {}", words.join(", "));
    Ok(if idle.is_empty() {
        Finding::passed(waiting)
    } else {
        let message = format!("{waiting}; nobody takes any from {}", idle.join(", "));
        Finding::warning(Code::NoConsumer, message, "start Celery")
    })
}

/// The id of [`Empty`].
pub const EMPTY: &str = "glance.empty";

/// The tool that lists queues takes seconds on a busy machine.
const COUNT: Duration = Duration::from_secs(13);

/// Whether every queue of the broker is empty, for who would lose what is in them.
pub struct Empty {
    spec: CheckSpec,
}

impl Empty {
    /// The question.
    #[must_use]
    pub fn new() -> Self {
        let hint = "`rabbitmqctl` does not come back: look at the load of the broker's machine";
        Self { spec: CheckSpec::new(EMPTY, "Queues are empty").timeout(COUNT).timeout_hint(hint) }
    }
}

impl Default for Empty {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Check for Empty {
    fn spec(&self) -> &CheckSpec {
        &self.spec
    }

    async fn look(&self, scope: &Scope) -> Vec<Finding> {
        let empty = nothing_to_lose(scope).await.map(|()| Finding::passed("every queue is empty"));
        vec![empty.unwrap_or_else(|finding| finding)]
    }
}

/// A survey for all who look in one run.
#[must_use]
pub fn surveyor() -> Surveyor {
    Surveyor::default()
}

#[cfg(test)]
#[path = "glance_tests.rs"]
mod tests;
