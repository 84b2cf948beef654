//! What plans of a maintenance are made of.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use super::facts::{Facts, Held, Worker};
use super::{BuiltInStep, Lease, hold, hold_compose};
use crate::config::{Config, Manager};
use crate::plan::{Action, FileChange, RunAs, Step};
use crate::service::{Deed, Look, Refusal, Service, Wanted, chain};

/// A plan in the making; a step that is in it already is not added again.
pub(super) struct Making<'a> {
    config: &'a Config,
    services: &'a [Arc<dyn Service>],
    facts: &'a Facts,
    pub(super) steps: Vec<Step>,
}

pub(super) fn built_in<const N: usize>(
    name: &str,
    id: &str,
    title: &str,
    arguments: [(&str, &str); N],
) -> Step {
    let arguments: BTreeMap<String, String> =
        arguments.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    Step::new(id, title, Action::BuiltIn { name: name.to_owned(), arguments }).repeatable()
}

/// A step that writes the flag; the program becomes the site's user for it.
pub(super) fn flag(id: &str, title: &str, lease: &Lease, over: &str) -> Step {
    let text = lease.to_text();
    built_in(BuiltInStep::FLAG, id, title, [("lease", text.as_str()), ("over", over)]).run_as(RunAs::Site)
}

impl<'a> Making<'a> {
    /// One without steps.
    pub(super) const fn new(config: &'a Config, services: &'a [Arc<dyn Service>], facts: &'a Facts) -> Self {
        Self { config, services, facts, steps: Vec::new() }
    }

    pub(super) fn add(&mut self, step: Step) {
        if !self.steps.iter().any(|other| other.id == step.id) {
            self.steps.push(step);
        }
    }

    fn looks(&self) -> Vec<Look> {
        self.facts.workers.iter().map(|one| one.look.clone()).collect()
    }

    /// Whether a component takes tasks, as those do that its queues' health tells of.
    pub(super) fn takes_tasks(&self, name: &str) -> bool {
        self.config
            .components
            .get(name)
            .is_some_and(|one| one.health.iter().any(|id| id.starts_with("celery.")))
    }

    pub(super) fn does(&mut self, name: &str, deed: Deed) -> Result<(), Refusal> {
        let service = self.services.iter().find(|service| service.name() == name);
        let look = self.facts.workers.iter().find(|one| one.name == name).map(|one| &one.look);
        if let (Some(service), Some(look)) = (service, look) {
            service.steps(deed, look)?.into_iter().for_each(|step| self.add(step));
        }
        Ok(())
    }

    /// Starts a component when what it needs answers.
    pub(super) fn starts(&mut self, name: &str) -> Result<(), Refusal> {
        if !self.facts.workers.iter().any(|one| one.name == name) {
            return Ok(());
        }
        let wanted = Wanted { name, deed: Deed::Start };
        let plan = chain(self.config, self.services, &self.looks(), wanted)?;
        plan.steps.into_iter().for_each(|step| self.add(step));
        Ok(())
    }

    /// The units of components that systemd manages, of those that are chosen.
    fn units(&self, choose: impl Fn(&Self, &str) -> bool) -> BTreeSet<String> {
        let ours =
            |name: &str| self.config.components.get(name).is_some_and(|one| one.manager == Manager::Systemd);
        let workers = self.facts.workers.iter().filter(|one| ours(&one.name) && choose(self, &one.name));
        workers.flat_map(|one| &one.look.parts).map(|part| part.unit.clone()).collect()
    }

    /// The same of compose, of those workers that are chosen, and where their hold is written.
    fn services_of_compose(&self, choose: impl Fn(&Worker) -> bool) -> Option<(PathBuf, BTreeSet<&str>)> {
        let path = hold_compose::path(&self.config.compose.of_site(&self.config.site.dir))?;
        let chosen = |one: &&Worker| {
            let component = self.config.components.get(&one.name);
            component.is_some_and(|component| component.manager == Manager::Compose) && choose(one)
        };
        let parts = self.facts.workers.iter().filter(chosen).flat_map(|one| &one.look.parts);
        let services: BTreeSet<&str> = parts.map(|part| part.unit.as_str()).collect();
        (!services.is_empty()).then_some((path, services))
    }

    /// Keeps others from starting what rests in maintenance.
    pub(super) fn hold(&mut self) {
        self.hold_services(|_| true);
        self.hold_but(&BTreeSet::new());
    }

    fn hold_services(&mut self, choose: impl Fn(&Worker) -> bool) {
        // What somebody else has written is left alone.
        let can = |one: &Worker| !matches!(one.held, Held::Never(_)) && choose(one);
        let Some((path, services)) = self.services_of_compose(can) else { return };
        let change = FileChange { path, content: Some(hold_compose::content(services)), mode: 0o644 };
        let title = "keep others from starting the workers' containers";
        self.add(Step::new("hold.services", title, Action::File { change }).run_as(RunAs::Site).repeatable());
    }

    fn lift_services(&mut self) {
        // What nobody has written need not go, and what somebody else has written must not.
        let written = |one: &Worker| !matches!(one.held, Held::Never(_) | Held::No);
        let Some((path, _)) = self.services_of_compose(written) else { return };
        let change = FileChange { path, content: None, mode: 0o644 };
        let title = "let others start the workers' containers again";
        self.add(Step::new("lift.services", title, Action::File { change }).run_as(RunAs::Site).repeatable());
    }

    /// The same, but for workers that are to run on: others are kept from stopping those.
    pub(super) fn hold_and_steady(&mut self) {
        // Nobody can be kept from stopping a container.
        let names = self.facts.workers.iter().map(|one| one.name.clone());
        let resting: BTreeSet<String> = names.filter(|name| !self.takes_tasks(name)).collect();
        self.hold_services(|one| resting.contains(&one.name));
        let steady = self.units(Self::takes_tasks);
        self.hold_but(&steady);
    }

    fn hold_but(&mut self, steady: &BTreeSet<String>) {
        let units = self.units(|_, _| true);
        if units.is_empty() {
            return;
        }
        let directories = units.iter().map(|unit| hold::directory(unit).display().to_string());
        let argv = ["mkdir", "-p", "--"].map(ToOwned::to_owned).into_iter().chain(directories);
        self.add(Step::run("hold.directories", "make room for drop-ins", argv).repeatable());
        for unit in &units {
            let (content, verb) = if steady.contains(unit) {
                (hold::steady_content(), "stopping")
            } else {
                (hold::content(unit), "starting")
            };
            let change = FileChange { path: hold::path(unit), content: Some(content), mode: 0o644 };
            let title = format!("keep others from {verb} {unit}");
            self.add(Step::new(format!("hold.{unit}"), title, Action::File { change }).repeatable());
        }
        self.add(Self::reload("hold.reload"));
    }

    /// Lets others start again what rests in maintenance.
    pub(super) fn lift(&mut self) {
        self.lift_services();
        let units = self.units(|_, _| true);
        self.lift_from(&units, "start");
    }

    /// Lets others stop again what ran on.
    pub(super) fn lift_steady(&mut self) {
        let units = self.units(Self::takes_tasks);
        self.lift_from(&units, "stop");
    }

    fn lift_from(&mut self, units: &BTreeSet<String>, verb: &str) {
        for unit in units {
            let change = FileChange { path: hold::path(unit), content: None, mode: 0o644 };
            let title = format!("let others {verb} {unit} again");
            self.add(Step::new(format!("lift.{unit}"), title, Action::File { change }).repeatable());
        }
        if !units.is_empty() {
            self.add(Self::reload("lift.reload"));
        }
    }

    fn reload(id: &str) -> Step {
        Step::run(id, "read the unit files anew", ["systemctl", "daemon-reload"]).repeatable()
    }
}
