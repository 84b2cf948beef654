//! What runs, whether the site is closed, and what waits: each as the JSON document that the program prints.

use std::ffi::OsString;
use std::sync::Arc;
use std::time::Duration;

use coursys_ops_checks::{MaintenanceLook, glance, queues as site_queues, status as site_status};
use coursys_ops_core::maintenance::judge;
use coursys_ops_core::model::Code;
use coursys_ops_core::run::errand::{Mishap, run_watched};
use coursys_ops_core::run::{Cancel, Canceller};
use coursys_ops_core::service::{Service, Surveyor, services};
use coursys_ops_core::{Check, Context, Registry};
use pyo3::prelude::*;

use crate::callable::Lost;
use crate::check::{context, settled};
use crate::config::Config;
use crate::error::Error;
use crate::onlooker::Onlooker;

/// The broker's own tool takes seconds on a busy machine.
const QUEUES: Duration = Duration::from_secs(15);

/// Every component and what runs of it. `full` waits for checks that take longer than a glance.
#[pyfunction]
#[pyo3(signature = (config, *, helper, full))]
pub fn status(py: Python<'_>, config: &Config, helper: Vec<OsString>, full: bool) -> PyResult<String> {
    ask(py, config, helper, |context, cancel, onlooker| {
        let surveyor = Surveyor::default();
        let (registry, services) = deployment(context, &surveyor)?;
        let document = site_status::look(context, &registry, &services, full, cancel, onlooker);
        json(&document.map_err(Error::usage)?)
    })
}

/// Whether the site is closed, why, and whether it is true.
#[pyfunction]
#[pyo3(signature = (config, *, helper))]
pub fn maintenance(py: Python<'_>, config: &Config, helper: Vec<OsString>) -> PyResult<String> {
    ask(py, config, helper, |context, cancel, onlooker| {
        if context.config.maintenance.flag.is_none() {
            return Err(Error::usage(
                "this layout has no maintenance page: `maintenance.flag` says where its flag is",
            ));
        }
        let services = services(&context.config, &Surveyor::default());
        let looker = Arc::new(MaintenanceLook::new(services.clone()));
        let beside: Vec<Arc<dyn Check>> = vec![looker.clone()];
        glance::look(context, &services, beside, true, cancel, onlooker);
        let facts = looker.take();
        json(&judge(&facts.ok_or_else(|| Error::other("the site could not be looked at in time"))?))
    })
}

/// What waits in the queues, what is done, and what is for later.
#[pyfunction]
#[pyo3(signature = (config, *, helper))]
pub fn queues(py: Python<'_>, config: &Config, helper: Vec<OsString>) -> PyResult<String> {
    ask(py, config, helper, |context, cancel, onlooker| {
        let seen = run_watched(context, "queues", QUEUES, cancel, onlooker, |scope| {
            Box::pin(site_queues::look(scope))
        });
        json(&seen.map_err(mishap)?)
    })
}

/// Asks without the interpreter's lock; what a signal handler raises comes first.
fn ask(
    py: Python<'_>,
    config: &Config,
    helper: Vec<OsString>,
    question: impl FnOnce(&Arc<Context>, &Cancel, &mut Onlooker) -> Result<String, Error> + Send,
) -> PyResult<String> {
    let (canceller, cancel) = Canceller::new();
    let mut onlooker = Onlooker::new(None, canceller, Lost::default());
    let answer = py.detach(|| {
        let context = Arc::new(context(config, helper, None));
        question(&context, &cancel, &mut onlooker)
    });
    match onlooker.raised() {
        Some(error) => Err(error),
        None => Ok(answer?),
    }
}

/// The checks and the components, which share one survey.
fn deployment(context: &Context, surveyor: &Surveyor) -> Result<(Registry, Vec<Arc<dyn Service>>), Error> {
    let config = &context.config;
    let checks = settled(config, coursys_ops_checks::all_beside(config, surveyor), false)?;
    let registry = Registry::new(checks).map_err(Error::usage)?;
    Ok((registry, services(config, surveyor)))
}

fn json(document: &impl serde::Serialize) -> Result<String, Error> {
    serde_json::to_string(document).map_err(Error::other)
}

/// Why there is no answer, in words.
fn mishap(mishap: Mishap) -> Error {
    match mishap {
        Mishap::Found(finding) => {
            let hint = finding.hint.map(|hint| format!(" ({hint})")).unwrap_or_default();
            let text = format!("{}{hint}", finding.message);
            if finding.code == Code::NotConfigured { Error::Usage(text) } else { Error::Other(text) }
        }
        Mishap::Stopped(_) => Error::other("stopped"),
    }
}
