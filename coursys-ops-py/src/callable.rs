//! A Python callable as a check among the others. Python starts it in a daemon thread and answers through a [`Reply`]; a
//! call that does not end is left to itself, and counted.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use coursys_ops_core::model::{CheckSpec, Code, Effects, Finding, Tier};
use coursys_ops_core::{Check, Scope};
use pyo3::prelude::*;
use serde::Deserialize;
use tokio::sync::oneshot;

use crate::error::Error;

/// A check that Python has registered, as it says it.
#[derive(Deserialize)]
struct Registered {
    id: String,
    title: String,
    tier: Tier,
    needs: Vec<String>,
    timeout: f64,
    effects: Effects,
    hint: String,
    explanation: String,
}

/// What is read of one that says something else wrong.
#[derive(Deserialize)]
struct Named {
    id: String,
}

/// The ids of the checks whose thread goes on though nobody waits for it any more.
#[derive(Clone, Default)]
pub struct Lost(Arc<Mutex<Vec<String>>>);

impl Lost {
    fn add(&self, id: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(id.to_owned());
    }

    /// The ids so far.
    pub fn ids(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The check.
pub struct Callable {
    spec: CheckSpec,
    /// Takes a [`Reply`], starts the thread and returns at once.
    start: Py<PyAny>,
    lost: Lost,
}

impl Callable {
    /// The check of a JSON specification and what starts it.
    pub fn new(spec: &str, start: Py<PyAny>, lost: Lost) -> Result<Self, Error> {
        let said: Registered = serde_json::from_str(spec).map_err(|error| {
            let named: Option<Named> = serde_json::from_str(spec).ok();
            let id = named.map_or_else(String::new, |named| format!("`{}`: ", named.id));
            Error::usage(format!("{id}{error}"))
        })?;
        let timeout = Duration::try_from_secs_f64(said.timeout);
        let timeout = timeout.ok().filter(|timeout| !timeout.is_zero());
        let timeout =
            timeout.ok_or_else(|| Error::usage(format!("`{}`: the timeout is no time", said.id)))?;
        let mut spec = CheckSpec::new(said.id, said.title)
            .tier(said.tier)
            .timeout(timeout)
            .effects(said.effects)
            .timeout_hint(said.hint)
            .explanation(said.explanation);
        spec.needs = said.needs;
        Ok(Self { spec, start, lost })
    }
}

#[async_trait]
impl Check for Callable {
    fn spec(&self) -> &CheckSpec {
        &self.spec
    }

    async fn look(&self, _scope: &Scope) -> Vec<Finding> {
        let (sender, receiver) = oneshot::channel();
        let started = Python::try_attach(|py| {
            let reply = Py::new(py, Reply(Mutex::new(Some(sender))))?;
            self.start.call1(py, (reply,)).map(drop)
        });
        let mishap = match started {
            None => Some("the interpreter is coming to its end".to_owned()),
            Some(started) => started.err().map(|error| format!("no thread could be started: {error}")),
        };
        if let Some(mishap) = mishap {
            return vec![Finding::unknown(Code::HelperFailed, mishap).with_hint("try again")];
        }
        let mut waiting = Waiting { check: self, goes_on: true };
        let told = receiver.await;
        waiting.goes_on = false;
        // One that ends without a word has no finding, and the runner says so.
        let Ok(told) = told else { return Vec::new() };
        serde_json::from_str(&told).unwrap_or_else(|error| {
            let message = format!("the check returned what is no finding: {error}");
            vec![Finding::unknown(Code::Panicked, message).with_hint(self.spec.timeout_hint.clone())]
        })
    }
}

/// Notes that a thread goes on when its check is not waited for any more.
struct Waiting<'a> {
    check: &'a Callable,
    goes_on: bool,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if self.goes_on {
            self.check.lost.add(&self.check.spec.id);
        }
    }
}

/// Where the thread of a registered check sends what it found.
#[pyclass(frozen, module = "coursys_ops._native")]
pub struct Reply(Mutex<Option<oneshot::Sender<String>>>);

#[pymethods]
impl Reply {
    /// Sends the findings, a JSON list. Says whether somebody still waited for them.
    fn send(&self, findings: String) -> bool {
        let sender = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        sender.is_some_and(|sender| sender.send(findings).is_ok())
    }
}
