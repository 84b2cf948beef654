//! Several components at once, in the order of their needs: who is needed answers before who needs it starts.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::look::Look;
use super::order::{dependents, in_order};
use super::plan::{Deed, Refusal};
use super::{Service, check_id};
use crate::config::{Component, Config};
use crate::plan::{Action, Plan, Step};

/// How long a component that runs already may take to answer.
const ANSWERS: Duration = Duration::from_secs(30);

/// What is wanted of one component.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted<'a> {
    /// The component.
    pub name: &'a str,
    /// What is done to it.
    pub deed: Deed,
}

/// A plan in the making.
struct Chain<'a> {
    components: &'a BTreeMap<String, Component>,
    services: &'a [Arc<dyn Service>],
    looks: &'a [Look],
    steps: Vec<Step>,
    /// Whose health is known to be looked at in the plan already.
    gated: BTreeSet<String>,
    stopped: BTreeSet<String>,
    /// Whether anything that runs is stopped on the way.
    stops: bool,
}

impl<'a> Chain<'a> {
    fn new(config: &'a Config, services: &'a [Arc<dyn Service>], looks: &'a [Look]) -> Self {
        let components = &config.components;
        Self {
            components,
            services,
            looks,
            steps: Vec::new(),
            gated: BTreeSet::new(),
            stopped: BTreeSet::new(),
            stops: false,
        }
    }

    fn look(&self, name: &str) -> Option<&'a Look> {
        self.looks.iter().find(|look| look.component == name)
    }

    fn is_up(&self, name: &str) -> bool {
        !self.stopped.contains(name) && self.look(name).is_some_and(Look::is_up)
    }

    fn is_ours(&self, name: &str) -> bool {
        self.components.get(name).is_some_and(|component| component.manager.is_ours())
            && self.look(name).is_some_and(Look::is_here)
    }

    fn does(&mut self, name: &str, deed: Deed) -> Result<(), Refusal> {
        let service = self.services.iter().find(|service| service.name() == name);
        let (Some(service), Some(look)) = (service, self.look(name)) else {
            return Err(Refusal::new(
                format!("there is no component `{name}`"),
                "`coursys-ops status` shows them",
            ));
        };
        let mut steps = service.steps(deed, look)?;
        // What was stopped can be started again, as long as nothing keeps it from that.
        if deed == Deed::Stop
            && let Some(stop) = steps.pop()
        {
            let start = service.steps(Deed::Start, look).ok().and_then(|mut steps| steps.pop());
            steps.push(start.into_iter().fold(stop, |stop, start| stop.undo(start.action)));
        }
        self.steps.extend(steps);
        if deed == Deed::Stop {
            self.stops = true;
            self.stopped.insert(name.to_owned());
            self.gated.remove(name);
        } else {
            self.stopped.remove(name);
            self.gated.insert(name.to_owned());
        }
        Ok(())
    }

    /// Waits until all that a component needs answers.
    fn wait_for_needs(&mut self, name: &str) {
        let Some(component) = self.components.get(name) else { return };
        for need in &component.needs {
            let Some(needed) = self.components.get(need).filter(|_| !self.gated.contains(need)) else {
                continue;
            };
            let here = if needed.manager.is_ours() { self.is_ours(need) } else { true };
            let own = self.is_ours(need).then(|| check_id(need));
            let ids: Vec<String> = own.into_iter().chain(needed.health.iter().cloned()).collect();
            if here && !ids.is_empty() {
                let step = Step::new(format!("{need}.answers"), format!("wait for {need}"), Action::Gate);
                self.steps.push(step.gate(ids).deadline(ANSWERS).component(need.clone()).repeatable());
            }
            self.gated.insert(need.clone());
        }
    }

    /// Stops those that run and must be stopped before `name` is: whoever needs it most goes first.
    fn stop_dependents(&mut self, name: &str) -> Result<Vec<String>, Refusal> {
        let ordered = in_order(self.components);
        let first = |name: &&str| self.components.get(*name).is_some_and(|component| component.stops_first);
        let list = dependents(self.components, &ordered, name).into_iter();
        let list: Vec<String> = list
            .filter(first)
            .filter(|name| self.is_ours(name) && self.is_up(name))
            .map(ToOwned::to_owned)
            .collect();
        for name in list.iter().rev() {
            self.does(name, Deed::Stop)?;
        }
        Ok(list)
    }

    fn start(&mut self, name: &str) -> Result<(), Refusal> {
        self.wait_for_needs(name);
        self.does(name, Deed::Start)
    }

    /// What others manage answers or not whatever is done here: nothing is stopped only to find out then that it does not.
    fn plan(self, title: impl Into<String>) -> Plan {
        let (components, mut steps) = (self.components, self.steps);
        if self.stops {
            // Stable: all else stays in its order.
            steps.sort_by_key(|step| {
                let component = step.component.as_ref().and_then(|name| components.get(name));
                let of_others = component.is_some_and(|component| !component.manager.is_ours());
                !(of_others && step.action == Action::Gate)
            });
        }
        Plan { title: title.into(), steps }
    }
}

/// What is wanted of one component, with what must happen to others for its sake: those that must not run while it does not
/// are stopped before and started after.
///
/// # Errors
///
/// Why it cannot be done.
pub fn chain(
    config: &Config,
    services: &[Arc<dyn Service>],
    looks: &[Look],
    wanted: Wanted<'_>,
) -> Result<Plan, Refusal> {
    let Wanted { name, deed } = wanted;
    let mut chain = Chain::new(config, services, looks);
    match deed {
        Deed::Start => chain.start(name)?,
        Deed::Reload => chain.does(name, deed)?,
        Deed::Stop => {
            chain.stop_dependents(name)?;
            chain.does(name, deed)?;
        }
        Deed::Restart | Deed::Recreate => {
            let stopped = chain.stop_dependents(name)?;
            chain.wait_for_needs(name);
            chain.does(name, deed)?;
            for dependent in &stopped {
                chain.start(dependent)?;
            }
        }
    }
    Ok(chain.plan(format!("{} {name}", deed.as_str())))
}

/// Starts everything that does not run, or not well: a start lets go on what is paused, and its gate tells what is unwell.
///
/// # Errors
///
/// Why something cannot be started.
pub fn start_all(config: &Config, services: &[Arc<dyn Service>], looks: &[Look]) -> Result<Plan, Refusal> {
    let mut chain = Chain::new(config, services, looks);
    for name in in_order(&config.components) {
        if chain.is_ours(&name) && !chain.look(&name).is_some_and(Look::runs) {
            chain.start(&name)?;
        }
    }
    Ok(chain.plan("start everything"))
}

/// Restarts everything, and starts what does not run. Who must not run while what it needs restarts is stopped first; the
/// others go on as long as they can.
///
/// # Errors
///
/// Why something cannot be restarted.
pub fn restart_all(config: &Config, services: &[Arc<dyn Service>], looks: &[Look]) -> Result<Plan, Refusal> {
    let mut chain = Chain::new(config, services, looks);
    let ordered: Vec<String> =
        in_order(&config.components).into_iter().filter(|name| chain.is_ours(name)).collect();
    let component = |name: &str| config.components.get(name);
    for name in ordered.iter().rev() {
        if chain.is_up(name) && component(name).is_some_and(|component| component.stops_first) {
            chain.does(name, Deed::Stop)?;
        }
    }
    for name in &ordered {
        if !chain.is_up(name) {
            chain.start(name)?;
        } else if !component(name).is_some_and(|component| component.stays_up) {
            chain.wait_for_needs(name);
            chain.does(name, Deed::Restart)?;
        }
    }
    Ok(chain.plan("restart everything"))
}

#[cfg(test)]
#[path = "chain_tests.rs"]
mod tests;
