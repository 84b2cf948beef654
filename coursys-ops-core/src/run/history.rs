//! What was found before in this process, for outside services that must not be asked often.

use std::collections::BTreeMap;
use std::time::Instant;

use crate::model::{CheckSpec, Finding, Report, Status};

/// The last findings of checks that have a minimum interval.
#[derive(Debug, Default)]
pub struct History(BTreeMap<String, (Instant, Vec<Finding>)>);

impl History {
    /// The findings that are too young to be asked for again, each with its age.
    #[must_use]
    pub fn known<'a>(
        &self,
        specs: impl IntoIterator<Item = &'a CheckSpec>,
        now: Instant,
    ) -> BTreeMap<String, Vec<Finding>> {
        let known = |spec: &CheckSpec| {
            let (then, findings) = self.0.get(&spec.id)?;
            let age = now.saturating_duration_since(*then);
            (age < spec.interval?).then(|| {
                let aged = |mut finding: Finding| {
                    finding.message = format!("{} (looked at {} s ago)", finding.message, age.as_secs());
                    finding
                };
                (spec.id.clone(), findings.iter().cloned().map(aged).collect())
            })
        };
        specs.into_iter().filter_map(known).collect()
    }

    /// Remembers what a run that began at `then` looked at.
    pub fn remember<'a>(
        &mut self,
        specs: impl IntoIterator<Item = &'a CheckSpec>,
        report: &Report,
        then: Instant,
    ) {
        // A duration means that it was looked at now; unknown says nothing about the service.
        let looked = report
            .checks
            .iter()
            .filter(|check| check.duration_ms.is_some() && check.status != Status::Unknown);
        let looked: BTreeMap<&str, _> = looked.map(|check| (check.id.as_str(), check)).collect();
        for spec in specs.into_iter().filter(|spec| spec.interval.is_some()) {
            if let Some(check) = looked.get(spec.id.as_str()) {
                self.0.insert(spec.id.clone(), (then, check.findings.clone()));
            }
        }
    }
}
