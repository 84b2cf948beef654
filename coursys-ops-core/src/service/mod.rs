//! Services: the components brought to life. Each looks, asynchronously and without a trace, and plans, which is pure.
//!
//! What manages them is looked at once for all of them, in the helper process ([`Surveyor`]). A [`Look`] is a value; from it
//! come the findings of the checks `service.NAME` ([`findings`]), the table of `status`, and the plans, which never act.

mod chain;
mod compose;
pub(crate) mod compose_call;
mod compose_file;
mod compose_hash;
mod cron;
mod findings;
mod look;
mod nodes;
mod order;
mod plan;
mod survey;
mod systemctl;
mod unit;

use std::sync::Arc;

use async_trait::async_trait;

use crate::check::Scope;
use crate::config::{Component, Config, Manager};
use crate::plan::{Plan, Step};

pub use chain::{Wanted, chain, restart_all, start_all};
pub use compose::ComposeService;
pub use compose_file::ComposeFile;
pub use findings::{check_id, findings};
pub use look::{Drift, DriftKind, Look, Part, State};
pub use order::in_order;
pub use plan::{Deed, Refusal};
pub use survey::Surveyor;
pub use unit::UnitService;

/// A component that can be looked at and acted on.
#[async_trait]
pub trait Service: Send + Sync {
    /// The component's name.
    fn name(&self) -> &str;

    /// What the configuration says about it.
    fn component(&self) -> &Component;

    /// Looks. What could not be seen is part of the answer.
    async fn look(&self, scope: &Scope) -> Look;

    /// The steps that do this to it, given what was seen; pure.
    ///
    /// # Errors
    ///
    /// Why it cannot be done.
    fn steps(&self, deed: Deed, seen: &Look) -> Result<Vec<Step>, Refusal>;

    /// The same as a plan of its own.
    ///
    /// # Errors
    ///
    /// Why it cannot be done.
    fn plan(&self, deed: Deed, seen: &Look) -> Result<Plan, Refusal> {
        let title = format!("{} {}", deed.as_str(), self.name());
        Ok(Plan { title, steps: self.steps(deed, seen)? })
    }
}

/// A component that nobody here starts or stops.
struct Elsewhere {
    name: String,
    component: Component,
}

#[async_trait]
impl Service for Elsewhere {
    fn name(&self) -> &str {
        &self.name
    }

    fn component(&self) -> &Component {
        &self.component
    }

    async fn look(&self, _: &Scope) -> Look {
        let mut part = Part::new(&self.name, State::Elsewhere);
        part.detail = match self.component.manager {
            Manager::Builtin => "part of this machine or of another component".to_owned(),
            _ => "managed by others".to_owned(),
        };
        Look::of(&self.name, self.component.manager, vec![part])
    }

    fn steps(&self, _: Deed, _: &Look) -> Result<Vec<Step>, Refusal> {
        Err(Refusal::new(
            format!("`{}` is not managed from here", self.name),
            "ask those who run it; `components.NAME.manager` says who does",
        ))
    }
}

/// Every component of the configuration, in the order of their needs; all share one survey.
#[must_use]
pub fn services(config: &Config, surveyor: &Surveyor) -> Vec<Arc<dyn Service>> {
    let compose = config.compose.of_site(&config.site.dir);
    let one = |name: &String| -> Option<Arc<dyn Service>> {
        let component = config.components.get(name)?.clone();
        let name = name.clone();
        Some(match component.manager {
            Manager::Systemd => Arc::new(UnitService::new(name, component, surveyor.clone())),
            Manager::Compose => Arc::new(ComposeService::new(name, component, &compose, surveyor.clone())),
            Manager::Builtin | Manager::External => Arc::new(Elsewhere { name, component }),
        })
    };
    in_order(&config.components).iter().filter_map(one).collect()
}
