//! Looks at all components, and at what is asked for beside them, in one run.

use std::sync::Arc;
use std::time::{Duration, Instant};

use coursys_ops_checks::glance::{Around, briefly};
use coursys_ops_core::model::{Event, ExitPolicy, Report, Tier};
use coursys_ops_core::run::{Cancel, Options, leave_out, run_blocking};
use coursys_ops_core::service::{Look, Service, Surveyor, services};
use coursys_ops_core::{Check, Context, Registry};

use crate::failure::Failure;
use crate::setup::{self, Setup};

/// What is waited for beside the components: the whole command should seem to answer at once.
const GLANCE: Duration = Duration::from_millis(110);

/// How long the components themselves may take when systemd and Docker are silent, and who looks thoroughly.
const LONGEST: Duration = Duration::from_secs(15);

/// The components, and who looks at them.
pub struct Deployment {
    /// What is looked with.
    pub context: Arc<Context>,
    /// The checks, which share one survey with the services.
    pub registry: Registry,
    /// The components in the order of their needs.
    pub services: Vec<Arc<dyn Service>>,
}

/// What was seen.
pub struct Seen {
    /// The components, in the order of their needs.
    pub looks: Vec<Look>,
    /// What the checks found that ran beside.
    pub report: Report,
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
        let around = Arc::new(Around::new(self.services.clone()));
        let specs = beside.iter().map(|check| check.spec());
        let known = leave_out(specs, &self.context, &[], false);
        let beside = if thorough { beside } else { briefly(beside, Instant::now() + GLANCE) };
        let mut checks: Vec<Arc<dyn Check>> = vec![around.clone()];
        checks.extend(beside);
        let options = Options { deadline: LONGEST, tier: Tier::Slow, known };
        let policy = ExitPolicy::default();
        let report = run_blocking(&checks, &self.context, &options, cancel, policy, &mut |_: &Event| ());
        Seen { looks: around.take(), report }
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
