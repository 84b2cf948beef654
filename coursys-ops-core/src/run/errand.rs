//! One question or deed that is no check, done with what checks have: connections, processes, the site's user, a deadline.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;

use super::{Cancel, Observer, Options, run_blocking};
use crate::check::{Check, Scope};
use crate::context::Context;
use crate::model::{CheckSpec, Code, Event, ExitPolicy, Finding, Interruption, Tier};

/// What is left to the runner for ending what did not end by itself.
const MARGIN: Duration = Duration::from_secs(1);

/// A result that comes later.
pub type Later<'a, T> = Pin<Box<dyn Future<Output = Result<T, Finding>> + Send + 'a>>;

/// Why there is no result.
#[derive(Debug)]
pub enum Mishap {
    /// It says why itself.
    Found(Box<Finding>),
    /// Somebody stopped it.
    Stopped(Interruption),
}

/// Does something within this time; `title` says what, a few words.
///
/// # Errors
///
/// Its own finding, that it took too long or crashed, or that somebody stopped it.
pub fn run<T: Send + 'static>(
    context: &Arc<Context>,
    title: &str,
    timeout: Duration,
    cancel: &Cancel,
    errand: impl for<'a> FnOnce(&'a Scope) -> Later<'a, T> + Send + 'static,
) -> Result<T, Mishap> {
    run_watched(context, title, timeout, cancel, &mut |_: &Event| (), errand)
}

/// The same under the eyes of somebody, whose ticks come while nothing happens.
///
/// # Errors
///
/// Those of [`run`].
pub fn run_watched<T: Send + 'static>(
    context: &Arc<Context>,
    title: &str,
    timeout: Duration,
    cancel: &Cancel,
    observer: &mut dyn Observer,
    errand: impl for<'a> FnOnce(&'a Scope) -> Later<'a, T> + Send + 'static,
) -> Result<T, Mishap> {
    let spec = CheckSpec::new("errand", title)
        .timeout(timeout)
        .timeout_hint("look at the load of the machine, and at what answers there");
    let errand = Arc::new(Errand { spec, ask: Mutex::new(Some(Box::new(errand))), got: Mutex::default() });
    let checks: [Arc<dyn Check>; 1] = [errand.clone()];
    let options = Options { deadline: timeout + MARGIN, tier: Tier::Slow, known: Default::default() };
    let policy = ExitPolicy::default();
    let report = run_blocking(&checks, context, &options, cancel, policy, observer);
    let got = errand.got.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(got) = got {
        return got.map_err(|finding| Mishap::Found(Box::new(redacted(context, finding))));
    }
    if let Some(reason) = cancel.reason() {
        return Err(Mishap::Stopped(reason));
    }
    let found = report.checks.into_iter().flat_map(|check| check.findings).next();
    let found = found.unwrap_or_else(|| Finding::unknown(Code::NoFinding, "it ended without a result"));
    Err(Mishap::Found(Box::new(found)))
}

/// A finding that went past the runner.
fn redacted(context: &Context, mut finding: Finding) -> Finding {
    finding.message = context.redactor.redact(finding.message);
    finding.hint = finding.hint.map(|hint| context.redactor.redact(hint));
    finding
}

type Ask<T> = Box<dyn for<'a> FnOnce(&'a Scope) -> Later<'a, T> + Send>;

struct Errand<T> {
    spec: CheckSpec,
    ask: Mutex<Option<Ask<T>>>,
    got: Mutex<Option<Result<T, Finding>>>,
}

#[async_trait]
impl<T: Send + 'static> Check for Errand<T> {
    fn spec(&self) -> &CheckSpec {
        &self.spec
    }

    async fn look(&self, scope: &Scope) -> Vec<Finding> {
        let ask = self.ask.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(ask) = ask {
            let got = ask(scope).await;
            *self.got.lock().unwrap_or_else(PoisonError::into_inner) = Some(got);
        }
        vec![Finding::passed("done")]
    }
}
