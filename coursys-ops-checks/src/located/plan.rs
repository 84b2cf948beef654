//! Which checks are made where, as `checks.located` says, and what is wrong with what it says.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use coursys_ops_core::Check;
use coursys_ops_core::config::{Config, Problem};
use coursys_ops_core::glob::glob_matches;
use coursys_ops_core::model::{CheckSpec, DEFAULT_DEADLINE, Effects, Tier};
use coursys_ops_core::nearest::nearest;

use super::located;
use crate::workers::Roll;
use crate::{broker_alarms, broker_connection, celery_queue, own};

/// The way to the workers takes its part of a run's time: where checks need each other in a row, what is located gets so
/// much of its own timeout, the first that lets the row end in time.
const SHARES: [f64; 8] = [1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3];

/// The way there and back takes its time, however quick the check itself is.
const LEAST: Duration = Duration::from_millis(1500);

/// What must be well for anything to be sent: a broker that takes messages, or at least, where there is no time to ask for
/// its alarms before, one that can be reached.
const WAYS: [&str; 2] = [broker_alarms::ID, broker_connection::ID];

type Specs<'a> = BTreeMap<&'a str, &'a CheckSpec>;

/// Which queue makes which check.
type Places<'a> = BTreeMap<&'a str, &'a str>;

/// The checks as the configuration wants them: those that `checks.located` names are made by workers.
///
/// # Errors
///
/// What is wrong with checks of one's own beside all others, and with `checks.located`, each with its place, in order.
pub fn settled(config: &Config, checks: Vec<Arc<dyn Check>>) -> Result<Vec<Arc<dyn Check>>, Vec<Problem>> {
    let mut problems = own::problems(config, &checks);
    let settled = if config.checks.located.is_empty() || !problems.is_empty() {
        checks
    } else {
        place(config, checks, &mut problems)
    };
    problems.sort_by(|a, b| a.origin.cmp(&b.origin));
    if problems.is_empty() { Ok(settled) } else { Err(problems) }
}

fn place(config: &Config, checks: Vec<Arc<dyn Check>>, problems: &mut Vec<Problem>) -> Vec<Arc<dyn Check>> {
    let specs: Specs<'_> = checks.iter().map(|check| (check.spec().id.as_str(), check.spec())).collect();
    let mut wrong = |message: String| problems.push(config.checks.misplaced(message));
    let places = places(config, &specs, &mut wrong);
    let Some((broker, share)) = fit(&specs, &places) else {
        wrong(format!(
            "with the way to the workers, checks that need each other take longer than the {} s of a run; leave those \
             out that need most",
            DEFAULT_DEADLINE.as_secs_f64()
        ));
        return Vec::new();
    };
    let roll = Roll::default();
    let settle = |check: &Arc<dyn Check>| {
        let spec = check.spec();
        match places.get(spec.id.as_str()) {
            Some(queue) => {
                let needs = needed(&specs, &spec.id).into_iter().map(ToOwned::to_owned).collect();
                located(check, queue, way(spec, broker), needs, granted(spec, share), &roll)
            }
            None => Arc::clone(check),
        }
    };
    checks.iter().map(settle).collect()
}

/// Which check goes where; a whole id says more than a glob.
fn places<'a>(config: &'a Config, specs: &Specs<'a>, wrong: &mut impl FnMut(String)) -> Places<'a> {
    let said = &config.checks.located;
    let mut places = Places::new();
    for (pattern, queue) in said {
        let mut found = specs.keys().filter(|id| glob_matches(pattern, id)).peekable();
        if found.peek().is_none() {
            let near = nearest(pattern, specs.keys().copied());
            let near = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
            wrong(format!("no check matches `{}`{near}", pattern.escape_debug()));
        }
        for id in found {
            let exact = said.get(*id).map_or(queue, |exact| exact);
            if let Some(other) = places.insert(*id, exact.as_str()).filter(|other| other != exact) {
                wrong(format!("`{id}` cannot be looked at in `{other}` and in `{exact}`"));
            }
        }
    }
    // What is sent is for one run and cannot be asked of a worker: who wants it sends it from here.
    places.retain(|id, _| specs.get(id).is_some_and(|spec| spec.effects != Effects::Sends));
    for (id, queue) in &places {
        let probe = celery_queue::id(queue);
        if *id == probe || needed(specs, &probe).contains(id) {
            wrong(format!(
                "`{id}` is on the way to the workers of `{queue}` and can only be looked at from here"
            ));
        }
    }
    places
}

/// Which of [`WAYS`] a check needs. Nothing of a later tier may be needed.
fn way(spec: &CheckSpec, broker: &'static str) -> &'static str {
    if spec.tier < Tier::Deploy { broker_connection::ID } else { broker }
}

/// Everything that a check needs, through any depth.
fn needed<'a>(specs: &Specs<'a>, id: &str) -> BTreeSet<&'a str> {
    let needs = |id: &str| specs.get(id).map(|spec| spec.needs.iter().map(String::as_str));
    let mut found = BTreeSet::new();
    let mut open: Vec<&'a str> = needs(id).into_iter().flatten().collect();
    while let Some(need) = open.pop() {
        if found.insert(need) {
            open.extend(needs(need).into_iter().flatten());
        }
    }
    found
}

/// The first of [`WAYS`], with the largest of [`SHARES`], by which every row of checks that need each other ends within a run;
/// nothing when none does.
fn fit(specs: &Specs<'_>, places: &Places<'_>) -> Option<(&'static str, f64)> {
    let all = WAYS.into_iter().flat_map(|broker| SHARES.map(|share| (broker, share)));
    all.into_iter().find(|fit| {
        let mut known = BTreeMap::new();
        specs.keys().all(|id| time(specs, places, *fit, id, &mut known) <= DEFAULT_DEADLINE)
    })
}

/// How long a worker and the way to it may take for a check.
fn granted(spec: &CheckSpec, share: f64) -> Duration {
    spec.timeout.mul_f64(share).max(LEAST)
}

/// How long it takes at most until a check is done, with what it needs.
fn time<'a>(
    specs: &Specs<'a>,
    places: &Places<'_>,
    (broker, share): (&'static str, f64),
    id: &'a str,
    known: &mut BTreeMap<&'a str, Duration>,
) -> Duration {
    if let Some(time) = known.get(id) {
        return *time;
    }
    // Whoever needs himself is the registry's to tell.
    known.insert(id, Duration::ZERO);
    let Some(spec) = specs.get(id) else { return Duration::ZERO };
    let is_located = places.contains_key(id);
    let needs = spec.needs.iter().map(String::as_str).chain(is_located.then(|| way(spec, broker)));
    let before =
        needs.map(|need| time(specs, places, (broker, share), need, known)).max().unwrap_or_default();
    let own = if is_located { granted(spec, share) } else { spec.timeout };
    known.insert(id, before + own);
    before + own
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
