//! A run of checks.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::sync::{Arc, PoisonError, TryLockError};
use std::time::{Duration, Instant};

use coursys_ops_core::config::{Config as CoreConfig, ConfigErrors};
use coursys_ops_core::context::Caller;
use coursys_ops_core::model::{ExitPolicy, Finding, Report, Tier};
use coursys_ops_core::process::Helper;
use coursys_ops_core::registry::Selection;
use coursys_ops_core::run::{Canceller, Options, leave_out, run_blocking};
use coursys_ops_core::{Check, Context, Registry};
use pyo3::prelude::*;

use crate::callable::{Callable, Lost};
use crate::config::Config;
use crate::error::Error;
use crate::onlooker::Onlooker;

/// A registered check: its specification as JSON, and what starts it.
type Registered = Vec<(String, Py<PyAny>)>;

/// Runs checks; returns the report as its JSON document, and the ids of registered checks whose thread goes on.
#[pyfunction]
#[pyo3(signature = (config, registered, *, helper, tier, only, skip, deadline, read_only, strict, mail_to, here, on_event))]
#[allow(clippy::too_many_arguments, reason = "they are Python's, and named there")]
pub fn check(
    py: Python<'_>,
    config: &Config,
    registered: Registered,
    helper: Vec<OsString>,
    tier: Option<&str>,
    only: Vec<String>,
    skip: Vec<String>,
    deadline: f64,
    read_only: bool,
    strict: bool,
    mail_to: Option<String>,
    here: bool,
    on_event: Option<Py<PyAny>>,
) -> PyResult<(String, Vec<String>)> {
    let deadline = seconds(deadline)?;
    let tier = tier.map(tier_of).transpose()?;
    let (canceller, cancel) = Canceller::new();
    let lost = Lost::default();
    let mut onlooker = Onlooker::new(on_event, canceller, lost.clone());
    let report = py.detach(|| -> Result<Report, Error> {
        let context = Arc::new(context(config, helper, mail_to));
        let registry = registry(&context, registered, &lost, here)?;
        for pattern in &skip {
            registry.matching(pattern).map_err(Error::usage)?;
        }
        let selection = Selection { patterns: only, tier };
        let checks = registry.select(&selection).map_err(Error::usage)?;
        let specs = || checks.iter().map(|check| check.spec());
        let started = Instant::now();
        // A Mutex that another thread held while this process was forked is never free again.
        let remembered = |history: Remembered<'_>| history.known(specs(), started);
        let mut known: BTreeMap<String, Vec<Finding>> = history(config).map(remembered).unwrap_or_default();
        known.extend(leave_out(specs(), &context, &skip, read_only));
        let options = Options { deadline, tier: selection.shown_tier(), known };
        let policy = ExitPolicy { strict };
        let report = run_blocking(&checks, &context, &options, &cancel, policy, &mut onlooker);
        if let Some(mut history) = history(config) {
            history.remember(specs(), &report, started);
        }
        Ok(report)
    });
    if let Some(error) = onlooker.raised() {
        return Err(error);
    }
    let mut report = report?;
    let lost = lost.ids();
    report.run.abandoned = report.run.abandoned.saturating_add(u32::try_from(lost.len()).unwrap_or(u32::MAX));
    Ok((serde_json::to_string(&report).map_err(Error::other)?, lost))
}

/// What checks there are: a JSON list as `check --list --format json` of the program has it.
#[pyfunction]
pub fn checks(py: Python<'_>, config: &Config, registered: Registered) -> PyResult<String> {
    let specs = py.detach(|| -> Result<_, Error> {
        let context = context(config, Vec::new(), None);
        let registry = registry(&context, registered, &Lost::default(), false)?;
        let list = registry.checks().iter().map(|check| check.spec()).map(|spec| {
            serde_json::json!({
                "id": spec.id, "title": spec.title, "tier": spec.tier, "needs": spec.needs,
                "timeout": spec.timeout.as_secs_f64(), "effects": spec.effects, "location": spec.location,
                "explanation": spec.explanation,
            })
        });
        Ok(serde_json::Value::Array(list.collect()))
    })?;
    Ok(specs.to_string())
}

/// What checks look with.
pub fn context(config: &Config, helper: Vec<OsString>, mail_to: Option<String>) -> Context {
    let caller = Caller::of_process(&config.environment);
    let helper = Helper { argv: helper };
    let mut context = Context::new(config.loaded.config.clone(), caller, helper, env!("CARGO_PKG_VERSION"));
    context.environment.clone_from(&config.environment);
    context.mail_to = mail_to;
    context
}

/// Our checks, those of the configuration, and those of Python.
fn registry(context: &Context, registered: Registered, lost: &Lost, here: bool) -> Result<Registry, Error> {
    let config = &context.config;
    let list = match context.mail_to {
        Some(_) => coursys_ops_checks::all_and_send_mail,
        None => coursys_ops_checks::all,
    };
    let mut checks = list(config);
    for (spec, start) in registered {
        let check: Arc<dyn Check> = Arc::new(Callable::new(&spec, start, lost.clone())?);
        checks.push(check);
    }
    checks.sort_by(|a, b| a.spec().id.cmp(&b.spec().id));
    Registry::new(settled(config, checks, here)?).map_err(Error::usage)
}

/// The checks where they are to be made: all of them `here`, or some of them by workers.
pub fn settled(
    config: &CoreConfig,
    checks: Vec<Arc<dyn Check>>,
    here: bool,
) -> Result<Vec<Arc<dyn Check>>, Error> {
    let mut config = config.clone();
    if here {
        config.checks.located.clear();
    }
    let settled = coursys_ops_checks::settled(&config, checks);
    Ok(settled.map_err(|problems| ConfigErrors { problems, refused: false })?)
}

type Remembered<'a> = std::sync::MutexGuard<'a, coursys_ops_core::run::History>;

/// What is remembered, unless another thread holds it right now.
fn history(config: &Config) -> Option<Remembered<'_>> {
    match config.history.try_lock() {
        Ok(history) => Some(history),
        Err(TryLockError::Poisoned(history)) => Some(PoisonError::into_inner(history)),
        Err(TryLockError::WouldBlock) => None,
    }
}

fn tier_of(word: &str) -> Result<Tier, Error> {
    let found = Tier::ALL.into_iter().find(|tier| tier.as_str() == word);
    found.ok_or_else(|| {
        let words = Tier::ALL.map(|tier| format!("`{tier}`")).join(", ");
        Error::usage(format!("there is no tier `{word}`; there are {words}"))
    })
}

/// A number of seconds, up to a day.
pub fn seconds(number: f64) -> Result<Duration, Error> {
    const DAY: f64 = 86_400.0;
    if (0.01..=DAY).contains(&number) {
        Ok(Duration::from_secs_f64(number))
    } else {
        Err(Error::usage(format!("the deadline is a number of seconds from 0.01 to {DAY}")))
    }
}
