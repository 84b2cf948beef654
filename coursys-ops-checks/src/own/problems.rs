//! What is wrong with checks of one's own that only shows beside all the others: ids, needs, tiers, circles.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use coursys_ops_core::Check;
use coursys_ops_core::config::{Config, OwnCheck, Problem};
use coursys_ops_core::glob::glob_matches;
use coursys_ops_core::model::{CheckSpec, DEFAULT_DEADLINE};
use coursys_ops_core::nearest::nearest;

/// Every id there is, and what globs match.
pub(super) struct Ids<'a> {
    ids: BTreeSet<&'a str>,
    globs: BTreeMap<&'a str, Vec<&'a str>>,
}

impl<'a> Ids<'a> {
    pub(super) fn new(config: &'a Config, others: &'a [Arc<dyn Check>]) -> Self {
        let others = others.iter().map(|check| check.spec().id.as_str());
        let ids: BTreeSet<&str> = others.chain(config.own.iter().map(|own| own.id.as_str())).collect();
        let mut globs: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for need in config.own.iter().flat_map(|own| &own.needs).filter(|need| is_glob(need)) {
            let matching = || ids.iter().filter(|id| glob_matches(need, id)).copied().collect();
            globs.entry(need).or_insert_with(matching);
        }
        Self { ids, globs }
    }

    /// What a check needs, each once; a glob does not mean the check itself, and what does not exist is left out.
    pub(super) fn needs(&self, own: &OwnCheck) -> Vec<String> {
        let mut needs: Vec<String> = Vec::with_capacity(own.needs.len());
        for need in &own.needs {
            match self.globs.get(need.as_str()) {
                Some(matching) => {
                    for id in matching.iter().filter(|id| **id != own.id) {
                        if !needs.iter().any(|known| known == id) {
                            needs.push((*id).to_owned());
                        }
                    }
                }
                None if self.ids.contains(need.as_str()) && !needs.contains(need) => needs.push(need.clone()),
                None => {}
            }
        }
        needs
    }
}

fn is_glob(need: &str) -> bool {
    need.contains(['*', '?'])
}

/// What is wrong with the checks of one's own beside all `checks`, each with its line. What is wrong with checks of the
/// program itself is a bug of it, and the registry's to say.
#[must_use]
pub fn problems(config: &Config, checks: &[Arc<dyn Check>]) -> Vec<Problem> {
    if config.own.is_empty() {
        return Vec::new();
    }
    let own: BTreeMap<&str, &OwnCheck> = config.own.iter().map(|own| (own.id.as_str(), &**own)).collect();
    let mut specs: BTreeMap<&str, &CheckSpec> = BTreeMap::new();
    let mut problems = Vec::new();
    for spec in checks.iter().map(|check| check.spec()) {
        if specs.insert(&spec.id, spec).is_some()
            && let Some(own) = own.get(spec.id.as_str())
        {
            let message = format!("`{}` is a check of the program itself; expected another id", spec.id);
            problems.push(own.place.problem(own.place.id_line, "id", message));
        }
    }
    let ids = Ids::new(config, checks);
    for own in own.values() {
        needs(own, &ids, &specs, &mut problems);
    }
    if problems.is_empty() {
        let mut search = Search { own: &own, specs: &specs, known: BTreeMap::new(), problems: &mut problems };
        own.keys().for_each(|id| search.visit(id));
    }
    problems
}

/// Needs that do not exist or come later.
fn needs(own: &OwnCheck, ids: &Ids<'_>, specs: &BTreeMap<&str, &CheckSpec>, problems: &mut Vec<Problem>) {
    let mut wrong =
        |message: String| problems.push(own.place.problem(own.place.needs_line, "needs", message));
    for need in &own.needs {
        let matches =
            ids.globs.get(need.as_str()).map_or(ids.ids.contains(need.as_str()), |found| !found.is_empty());
        if !matches {
            let near = nearest(need, ids.ids.iter().copied().filter(|id| *id != own.id));
            let near = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
            wrong(format!("expected ids or globs of checks, and none is `{need}`{near}"));
        }
    }
    for need in ids.needs(own) {
        if let Some(later) = specs.get(need.as_str()).map(|spec| spec.tier).filter(|tier| *tier > own.tier) {
            wrong(format!("`{need}` is of tier {later}, later than {}, the tier of this check", own.tier));
        }
    }
}

/// A way through the needs, depth first, without recursion: there may be ten thousand in a row.
struct Search<'a, 'p> {
    own: &'a BTreeMap<&'a str, &'a OwnCheck>,
    specs: &'a BTreeMap<&'a str, &'a CheckSpec>,
    /// How long it takes at most until a check is done; nothing while it is on the way.
    known: BTreeMap<&'a str, Option<std::time::Duration>>,
    problems: &'p mut Vec<Problem>,
}

impl<'a> Search<'a, '_> {
    fn visit(&mut self, from: &'a str) {
        if self.known.contains_key(from) {
            return;
        }
        self.known.insert(from, None);
        let mut way: Vec<(&'a str, usize)> = vec![(from, 0)];
        while let Some((id, next)) = way.last_mut() {
            let id = *id;
            let spec = self.specs.get(id).copied();
            let need = spec.and_then(|spec| spec.needs.get(*next)).map(String::as_str);
            *next += 1;
            match need.map(|need| (need, self.known.get(need).copied())) {
                Some((_, Some(Some(_)))) => {}
                Some((need, Some(None))) => self.circle(&way, need),
                Some((need, None)) => {
                    self.known.insert(need, None);
                    way.push((need, 0));
                }
                None => {
                    self.done(id, spec);
                    way.pop();
                }
            }
        }
    }

    /// Takes note of how long a check and its needs take, and complains when that is too long.
    fn done(&mut self, id: &'a str, spec: Option<&CheckSpec>) {
        let Some(spec) = spec else { return };
        let needs = spec.needs.iter().filter_map(|need| self.known.get(need.as_str()).copied().flatten());
        let before = needs.max().unwrap_or_default();
        let total = before.saturating_add(spec.timeout);
        // Told once, where it becomes too long.
        if total > DEFAULT_DEADLINE
            && before <= DEFAULT_DEADLINE
            && let Some(own) = self.own.get(id)
        {
            let message = format!(
                "the timeouts of this check and of what it needs add up to {} s, more than the {} s of a run",
                total.as_secs_f64(),
                DEFAULT_DEADLINE.as_secs_f64()
            );
            let problem = own.place.problem(own.place.needs_line, "needs", message);
            self.problems.push(problem);
        }
        self.known.insert(id, Some(total));
    }

    fn circle(&mut self, way: &[(&'a str, usize)], need: &str) {
        /// More names than this nobody follows.
        const MOST: usize = 12;
        let circle: Vec<&str> = way.iter().map(|(id, _)| *id).skip_while(|id| *id != need).collect();
        let Some(own) = circle.iter().find_map(|id| self.own.get(id)) else { return };
        let mut shown: Vec<&str> = circle.iter().copied().take(MOST).collect();
        if circle.len() > MOST {
            shown.push("…");
        }
        shown.push(need);
        let message = format!("checks need each other in a circle: {}", shown.join(" → "));
        self.problems.push(own.place.problem(own.place.needs_line, "needs", message));
    }
}
