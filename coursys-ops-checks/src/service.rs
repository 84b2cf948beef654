//! `service.NAME`: what manages a component finds it running, enabled and up to date.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use coursys_ops_core::config::{Config, Manager};
use coursys_ops_core::helper::Blind;
use coursys_ops_core::model::{CheckSpec, Code, Finding, Tier};
use coursys_ops_core::service::{Look, Service, State, Surveyor, check_id, findings, services};
use coursys_ops_core::{Check, Scope};
use tokio::time::timeout;

use crate::maintenance;

/// The components that other checks need by name; in a layout without one, its check is skipped.
const KNOWN: [&str; 9] = [
    "celery",
    "celerybeat",
    DOCKER,
    "elasticsearch",
    "gunicorn",
    "memcached",
    "nginx",
    "rabbitmq",
    "ruby-markup",
];

const DOCKER: &str = "docker";

/// Other checks wait for this one, and what it asks answers within milliseconds.
const TIMEOUT: Duration = Duration::from_secs(1);

/// How long it takes to read what another one has asked for.
const SHARED: Duration = Duration::from_millis(300);

/// When so little is left, the machine is too busy to look.
const LAST_MOMENT: Duration = Duration::from_millis(50);

const EXPLANATION: &str = "\
Asks who manages the component: systemd, over D-Bus, for units; Docker, through its socket, for compose services. Running is \
not enough: a unit that was masked or never enabled is gone after the next restart of the machine, one whose files have \
changed since systemd read them is started another way than they say, and a container of an older image is not what the next \
`up` will start. So the check tells what the component does, whether it comes back by itself, and what has drifted.

What talks to the component needs this check: when it does not run, that is the one failure, and everything that would fail \
for its sake is skipped. What runs and hangs is told by the checks that talk to it. Units and services that are not on this \
machine are `skipped, not_in_layout`; Docker can be asked by root and by those of its group only.

When it fails: `unit_failed` and `restart_loop`: read its journal (`coursys-ops service NAME logs`), mend what it says, start \
it. `not_running`: start it (`coursys-ops service NAME start`); if somebody stopped it, ask why. `masked`: somebody wanted it \
so. `paused`: it was halted by `docker pause` or a signal. `stuck_starting`: it waits for something that does not come. \
`missing_node`: of a node of Celery that the unit starts, by the command line of its `celery multi`, no process is left, and \
systemd is content with the others; nobody does what is in its queue: read the end of its log, then restart the unit. \
Warnings: `not_enabled`: enable it; `reload_needed`: `systemctl daemon-reload`, then restart it; `outdated`: restart or make \
it anew when the site can do without it for a moment; `too_many`: two main processes do everything twice.";

/// Looks at one component.
pub(crate) struct ServiceCheck {
    spec: CheckSpec,
    service: Option<Arc<dyn Service>>,
    surveyor: Surveyor,
}

/// The checks of all components that systemd or compose manage; they share one survey.
pub(crate) fn all(config: &Config, surveyor: &Surveyor) -> Vec<Arc<dyn Check>> {
    let services = services(config, surveyor);
    let configured = services.iter().filter(|service| service.component().manager.is_ours());
    let names: BTreeSet<&str> = configured.map(|service| service.name()).chain(KNOWN).collect();
    let one = |name: &str| -> Arc<dyn Check> {
        let service = services.iter().find(|service| service.name() == name).cloned();
        Arc::new(ServiceCheck::new(name, service, config, surveyor.clone()))
    };
    names.into_iter().map(one).collect()
}

impl ServiceCheck {
    fn new(name: &str, service: Option<Arc<dyn Service>>, config: &Config, surveyor: Surveyor) -> Self {
        let mut spec = CheckSpec::new(check_id(name), format!("Service {name}"))
            .tier(Tier::Sanity)
            .component(name)
            .timeout(TIMEOUT)
            .timeout_hint("the machine is too busy to start a process, or stuck: look at its load")
            .explanation(EXPLANATION);
        let manager = service.as_ref().map(|service| service.component().manager);
        if manager == Some(Manager::Compose) && config.components.contains_key(DOCKER) {
            // Whoever asked about Docker has seen its containers, too.
            spec = spec.needs(check_id(DOCKER)).timeout(SHARED);
        }
        Self { spec, service, surveyor }
    }

    /// What stops on purpose while the site is in maintenance.
    async fn rests(&self, scope: &Scope, look: &Look) -> Result<bool, Finding> {
        let stops = self.service.as_ref().is_some_and(|service| service.component().stops_first);
        let rests = look.parts.iter().all(|part| matches!(part.state, State::Stopped | State::Missing));
        Ok(stops && rests && maintenance::is_on(scope).await?)
    }
}

#[async_trait]
impl Check for ServiceCheck {
    fn spec(&self) -> &CheckSpec {
        &self.spec
    }

    async fn look(&self, scope: &Scope) -> Vec<Finding> {
        let Some(service) = self.service.as_ref().filter(|service| service.component().manager.is_ours())
        else {
            return vec![Finding::skipped(Code::NotInLayout, "not in this layout: others manage it")];
        };
        let patience = scope.remaining().saturating_sub(LAST_MOMENT);
        let Ok(look) = timeout(patience, service.look(scope)).await else {
            // Whoever needs it will see for himself; silence of systemd and Docker is told otherwise.
            return vec![Finding::skipped(Code::HelperFailed, "this machine was too busy to look in time")];
        };
        match self.rests(scope, &look).await {
            Ok(true) => return vec![maintenance::skipped(scope, "it is stopped on purpose")],
            Ok(false) => {}
            Err(finding) => return vec![finding],
        }
        let mut found = findings(&look);
        if service.name() == DOCKER
            && look.is_up()
            && let Some(trouble) = self.surveyor.engine_trouble(scope).await
        {
            let hint = "read `journalctl -u docker`; a restart of Docker restarts the containers, too";
            let code = if matches!(trouble, Blind::Silent(_)) { Code::Timeout } else { Code::Garbage };
            found.push(Finding::failed(code, trouble.to_string(), hint));
        }
        found
    }
}
