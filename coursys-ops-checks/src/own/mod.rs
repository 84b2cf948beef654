//! Checks of one's own: the sections `[[check]]` of the configuration, one file for each kind.

mod command;
mod dns;
mod file;
mod http;
mod judge;
mod perfdata;
mod problems;
mod process;
mod tcp;
mod text;
mod unit;

use std::sync::Arc;

use async_trait::async_trait;
use coursys_ops_core::config::{Config, OwnCheck, OwnLook};
use coursys_ops_core::model::{CheckSpec, Finding, Status};
use coursys_ops_core::{Check, Scope};

pub use problems::problems;

/// The checks that the configuration describes. `others` are those that it does not: needs may name them too.
pub(crate) fn all(config: &Config, others: &[Arc<dyn Check>]) -> Vec<Arc<dyn Check>> {
    let ids = problems::Ids::new(config, others);
    config.own.iter().map(|own| Arc::new(Own::new(own, ids.needs(own))) as Arc<dyn Check>).collect()
}

/// A check that the configuration describes.
struct Own {
    spec: CheckSpec,
    own: Arc<OwnCheck>,
    look: Look,
}

/// What is ready before the first look.
enum Look {
    Http(Box<http::Prepared>),
    Plain,
}

impl Own {
    fn new(own: &Arc<OwnCheck>, needs: Vec<String>) -> Self {
        let title = own.title.clone().unwrap_or_else(|| text::title(&own.look));
        let mut spec = CheckSpec::new(own.id.as_str(), title)
            .tier(own.tier)
            .timeout(own.timeout)
            .effects(own.effects)
            .timeout_hint(own.hint.clone().unwrap_or_else(|| text::timeout_hint(&own.look).to_owned()))
            .explanation(text::explanation(own));
        spec.needs = needs;
        spec.interval = own.interval;
        let look = match &own.look {
            OwnLook::Http(http) => Look::Http(Box::new(http::Prepared::new(http))),
            _ => Look::Plain,
        };
        Self { spec, own: Arc::clone(own), look }
    }
}

#[async_trait]
impl Check for Own {
    fn spec(&self) -> &CheckSpec {
        &self.spec
    }

    async fn look(&self, scope: &Scope) -> Vec<Finding> {
        let looked = match (&self.own.look, &self.look) {
            (OwnLook::Http(http), Look::Http(ready)) => Box::pin(http::look(scope, http, ready)).await,
            (OwnLook::Tcp(tcp), _) => Box::pin(tcp::look(scope, tcp)).await,
            (OwnLook::File(file), _) => file::look(scope, file).await,
            (OwnLook::Dns(dns), _) => Box::pin(dns::look(scope, dns)).await,
            (OwnLook::Process(process), _) => Box::pin(process::look(scope, process)).await,
            (OwnLook::Unit(unit), _) => Box::pin(unit::look(scope, unit)).await,
            (OwnLook::Command(command), _) => Box::pin(command::look(scope, command)).await,
            (OwnLook::Http(http), Look::Plain) => {
                Box::pin(http::look(scope, http, &http::Prepared::new(http))).await
            }
        };
        let findings = looked.unwrap_or_else(|finding| vec![finding]);
        let Some(hint) = &self.own.hint else { return findings };
        let hinted = |finding: Finding| match finding.status {
            Status::Failed | Status::Warning => finding.with_hint(hint.as_str()),
            Status::Skipped | Status::Passed | Status::Unknown => finding,
        };
        findings.into_iter().map(hinted).collect()
    }
}

#[cfg(test)]
#[path = "../own_tests.rs"]
mod tests;
