//! Looks at all components, and at what is asked for beside them, in one run.

use std::sync::Arc;

use coursys_ops_checks::glance::{self, Seen};
use coursys_ops_core::model::Event;
use coursys_ops_core::run::Cancel;
use coursys_ops_core::service::{Look, Service, Surveyor, services};
use coursys_ops_core::{Check, Context, Registry};

use crate::failure::Failure;
use crate::setup::{self, Setup};

/// The components, and who looks at them.
pub struct Deployment {
    /// What is looked with.
    pub context: Arc<Context>,
    /// The checks, which share one survey with the services.
    pub registry: Registry,
    /// The components in the order of their needs.
    pub services: Vec<Arc<dyn Service>>,
}

impl Deployment {
    /// The deployment of a configuration.
    ///
    /// # Errors
    ///
    /// What the checks of the configuration need makes no sense.
    pub fn of(setup: &Setup) -> Result<Self, Failure> {
        let config = &setup.context.config;
        let surveyor = Surveyor::default();
        let registry = setup::registry(config, coursys_ops_checks::all_beside(config, &surveyor))?;
        let services = services(config, &surveyor);
        Ok(Self { context: Arc::clone(&setup.context), registry, services })
    }

    /// Looks at all components, and runs these checks beside; unless `thorough`, nobody waits for checks that take longer
    /// than a glance, and none of them writes a log row.
    pub fn look(&self, beside: Vec<Arc<dyn Check>>, thorough: bool, cancel: &Cancel) -> Seen {
        glance::look(&self.context, &self.services, beside, thorough, cancel, &mut |_: &Event| ())
    }

    /// All components, looked at with the patience of who acts on them.
    ///
    /// # Errors
    ///
    /// None could be seen in time.
    pub fn components(&self) -> Result<Vec<Look>, Failure> {
        self.look(Vec::new(), true, &Cancel::never()).components().map_err(|why| {
            Failure::refused(format!("the components could not be looked at, so nothing was done: {why}"))
                .with_hint("see whether systemd and Docker answer: `systemctl status`, `docker ps`")
        })
    }

    /// The component of a name.
    ///
    /// # Errors
    ///
    /// There is none; the nearest name is told.
    pub fn service(&self, name: &str) -> Result<&Arc<dyn Service>, Failure> {
        let found = self.services.iter().find(|service| service.name() == name);
        found.ok_or_else(|| {
            let names = self.services.iter().map(|service| service.name());
            let near = coursys_ops_core::nearest::nearest(name, names.clone());
            let near = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
            let all: Vec<&str> = names.collect();
            Failure::usage(format!("there is no component `{name}`{near}"))
                .with_hint(format!("the components are {}", all.join(", ")))
        })
    }
}
