//! The checks there are: validated when the list is built, selected by id and glob.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use crate::check::Check;
use crate::glob::glob_matches;
use crate::model::{CheckSpec, DEFAULT_DEADLINE, Tier};

/// Why a list of checks is no registry. These are mistakes of whoever wrote the checks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RegistryError {
    /// Two checks have one id.
    #[error("two checks have the id `{0}`")]
    Doubled(String),
    /// A check needs one that does not exist.
    #[error("check `{check}` needs `{need}`, which does not exist")]
    UnknownNeed {
        /// The check.
        check: String,
        /// What it needs.
        need: String,
    },
    /// A check needs one of a later tier.
    #[error("check `{check}` of tier {tier} needs `{need}` of the later tier {later}")]
    LaterNeed {
        /// The check.
        check: String,
        /// Its tier.
        tier: Tier,
        /// What it needs.
        need: String,
        /// That one's tier.
        later: Tier,
    },
    /// Checks need each other.
    #[error("checks need each other in a circle: {}", .0.join(" → "))]
    Circle(Vec<String>),
    /// A path of needs cannot finish within the default deadline.
    #[error("the timeouts of {} add up to {total:?}, more than the default deadline of {:?}", path.join(" → "), DEFAULT_DEADLINE)]
    TooSlow {
        /// The path, last need first.
        path: Vec<String>,
        /// The sum of the timeouts.
        total: Duration,
    },
}

/// Which checks to run.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// Ids and globs (`*` and `?`); none means all.
    pub patterns: Vec<String>,
    /// Only this tier and below; nothing means `deploy`, and any tier for a check that is named by its whole id.
    pub tier: Option<Tier>,
}

impl Selection {
    /// The tier that the report shows.
    #[must_use]
    pub fn shown_tier(&self) -> Tier {
        self.tier.unwrap_or(Tier::Deploy)
    }
}

/// A pattern that selects nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SelectError {
    /// No check has such an id.
    #[error("no check matches `{pattern}`{}", .nearest.as_ref().map_or(String::new(), |id| format!("; did you mean `{id}`?")))]
    NoMatch {
        /// What was asked for.
        pattern: String,
        /// The nearest id.
        nearest: Option<String>,
    },
    /// Checks match, but all are of a later tier.
    #[error("every check that matches `{pattern}` is of a later tier than {tier}; add `--tier {needed}`")]
    LaterTier {
        /// What was asked for.
        pattern: String,
        /// The tier that was asked for.
        tier: Tier,
        /// The earliest tier that would match.
        needed: Tier,
    },
}

/// The checks there are.
#[derive(Clone)]
pub struct Registry {
    checks: Vec<Arc<dyn Check>>,
    /// Where each is, in the order of the ids: with thousands of them nobody should search from the beginning.
    by_id: Vec<usize>,
}

fn id_at(checks: &[Arc<dyn Check>], index: usize) -> &str {
    checks.get(index).map_or("", |check| check.spec().id.as_str())
}

impl Registry {
    /// Validates a list of checks; its order is the order of reports.
    ///
    /// # Errors
    ///
    /// See [`RegistryError`].
    pub fn new(checks: Vec<Arc<dyn Check>>) -> Result<Self, RegistryError> {
        let mut specs = BTreeMap::new();
        for check in &checks {
            let spec = check.spec();
            if specs.insert(spec.id.as_str(), spec).is_some() {
                return Err(RegistryError::Doubled(spec.id.clone()));
            }
        }
        for spec in specs.values() {
            for need in &spec.needs {
                let Some(needed) = specs.get(need.as_str()) else {
                    return Err(RegistryError::UnknownNeed { check: spec.id.clone(), need: need.clone() });
                };
                if needed.tier > spec.tier {
                    return Err(RegistryError::LaterNeed {
                        check: spec.id.clone(),
                        tier: spec.tier,
                        need: need.clone(),
                        later: needed.tier,
                    });
                }
            }
        }
        walk(&specs)?;
        drop(specs);
        let mut by_id: Vec<usize> = (0..checks.len()).collect();
        by_id.sort_by(|a, b| id_at(&checks, *a).cmp(id_at(&checks, *b)));
        Ok(Self { checks, by_id })
    }

    /// Every check, in the order of reports.
    #[must_use]
    pub fn checks(&self) -> &[Arc<dyn Check>] {
        &self.checks
    }

    /// The specification of a check.
    #[must_use]
    pub fn spec(&self, id: &str) -> Option<&CheckSpec> {
        let place = self.by_id.binary_search_by(|index| id_at(&self.checks, *index).cmp(id)).ok()?;
        self.checks.get(*self.by_id.get(place)?).map(|check| check.spec())
    }

    /// The ids that match a pattern, or why there are none.
    ///
    /// # Errors
    ///
    /// When nothing matches, with the nearest id.
    pub fn matching(&self, pattern: &str) -> Result<Vec<&CheckSpec>, SelectError> {
        if let Some(spec) = self.spec(pattern) {
            return Ok(vec![spec]);
        }
        let specs = self.checks.iter().map(|check| check.spec());
        let found: Vec<_> = specs.clone().filter(|spec| glob_matches(pattern, &spec.id)).collect();
        if found.is_empty() {
            let nearest = crate::nearest::nearest(pattern, specs.map(|spec| spec.id.as_str()));
            return Err(SelectError::NoMatch {
                pattern: pattern.to_owned(),
                nearest: nearest.map(ToOwned::to_owned),
            });
        }
        Ok(found)
    }

    /// The selected checks and what they need, in the order of reports.
    ///
    /// # Errors
    ///
    /// When a pattern selects nothing.
    pub fn select(&self, selection: &Selection) -> Result<Vec<Arc<dyn Check>>, SelectError> {
        let tier = selection.shown_tier();
        let mut wanted: BTreeSet<&str> = BTreeSet::new();
        if selection.patterns.is_empty() {
            wanted.extend(
                self.checks
                    .iter()
                    .map(|check| check.spec())
                    .filter(|spec| spec.tier <= tier)
                    .map(|spec| spec.id.as_str()),
            );
        }
        for pattern in &selection.patterns {
            let found = self.matching(pattern)?;
            let named = |spec: &CheckSpec| selection.tier.is_none() && spec.id == *pattern;
            let before = wanted.len();
            let already = found.iter().any(|spec| wanted.contains(spec.id.as_str()));
            wanted.extend(
                found.iter().filter(|spec| spec.tier <= tier || named(spec)).map(|spec| spec.id.as_str()),
            );
            if wanted.len() == before && !already {
                let needed = found.iter().map(|spec| spec.tier).min().unwrap_or(tier);
                return Err(SelectError::LaterTier { pattern: pattern.clone(), tier, needed });
            }
        }
        let mut open: Vec<&str> = wanted.iter().copied().collect();
        while let Some(id) = open.pop() {
            for need in self.spec(id).map_or(&[][..], |spec| &spec.needs) {
                if wanted.insert(need) {
                    open.push(need);
                }
            }
        }
        Ok(self.checks.iter().filter(|check| wanted.contains(check.spec().id.as_str())).cloned().collect())
    }
}

/// The slowest way to the end of a check, through its needs.
#[derive(Clone, Copy)]
struct Slowest<'a> {
    total: Duration,
    /// The need that it goes through; nothing when the check needs none.
    through: Option<&'a str>,
}

/// Walks through all needs, depth first; on a heap of its own, because thousands of checks may stand in a row.
///
/// # Errors
///
/// A circle, or the first path that takes too long.
fn walk(specs: &BTreeMap<&str, &CheckSpec>) -> Result<(), RegistryError> {
    let mut known: BTreeMap<&str, Option<Slowest<'_>>> = BTreeMap::new();
    for from in specs.values() {
        let mut way = vec![(*from, 0)];
        while let Some((spec, next)) = way.last_mut() {
            let spec = *spec;
            let id = spec.id.as_str();
            if *next == 0 {
                match known.get(id) {
                    Some(Some(_)) => {
                        way.pop();
                        continue;
                    }
                    Some(None) => return Err(circle(&way, id)),
                    None => drop(known.insert(id, None)),
                }
            }
            let need = spec.needs.get(*next).and_then(|need| specs.get(need.as_str()));
            *next += 1;
            if let Some(need) = need {
                way.push((need, 0));
                continue;
            }
            let slowest = slowest(spec, &known);
            known.insert(id, Some(slowest));
            if slowest.total > DEFAULT_DEADLINE {
                return Err(RegistryError::TooSlow { path: path(id, &known), total: slowest.total });
            }
            way.pop();
        }
    }
    Ok(())
}

fn slowest<'a>(spec: &'a CheckSpec, known: &BTreeMap<&str, Option<Slowest<'_>>>) -> Slowest<'a> {
    let total = |need: &String| known.get(need.as_str()).copied().flatten().map(|slowest| slowest.total);
    let needs = spec.needs.iter().filter_map(|need| Some((total(need)?, need.as_str())));
    match needs.max() {
        Some((before, need)) => Slowest { total: before + spec.timeout, through: Some(need) },
        None => Slowest { total: spec.timeout, through: None },
    }
}

/// The way to the end of a check, the last need first.
fn path(id: &str, known: &BTreeMap<&str, Option<Slowest<'_>>>) -> Vec<String> {
    let through = |id: &&str| known.get(*id).copied().flatten()?.through;
    let mut path: Vec<String> = std::iter::successors(Some(id), through).map(ToOwned::to_owned).collect();
    path.reverse();
    path
}

/// The part of a way that leads back to where it was before.
fn circle(way: &[(&CheckSpec, usize)], id: &str) -> RegistryError {
    let ids = way.iter().map(|(spec, _)| spec.id.as_str());
    RegistryError::Circle(ids.skip_while(|known| *known != id).map(ToOwned::to_owned).collect())
}

#[cfg(test)]
#[path = "registry_tests.rs"]
mod tests;
