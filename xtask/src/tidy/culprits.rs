//! Every check is the culprit of a fault: one that nothing was ever seen to trip may as well not be there.

use std::collections::BTreeSet;
use std::io::Write as _;

use anyhow::{Context as _, Result};
use serde::Deserialize;

use crate::faults;
use crate::run::{output, root, target};

/// The layouts that have checks of their own.
const LAYOUTS: [&str; 2] = ["vm", "compose"];

#[derive(Deserialize)]
struct Listing {
    checks: Vec<Listed>,
}

#[derive(Deserialize)]
struct Listed {
    id: String,
}

/// The ids of all checks that are the culprit of no row of the matrix.
///
/// # Errors
/// Program or matrix cannot be built or started.
pub fn offences() -> Result<Vec<String>> {
    faults::build()?;
    let culprits: BTreeSet<String> = faults::culprits()?.into_iter().collect();
    let mut missing = BTreeSet::new();
    for layout in LAYOUTS {
        let mut config = tempfile::NamedTempFile::new()?;
        writeln!(config, "[site]\nlayout = \"{layout}\"")?;
        let program = target().join("debug/coursys-ops");
        let (program, config) = (program.to_string_lossy(), config.path().to_string_lossy());
        let text = output(&[&program, "--config", &config, "check", "--list", "--format", "json"], root())?;
        let listing: Listing = serde_json::from_str(&text).context("the list of checks")?;
        missing.extend(listing.checks.into_iter().map(|check| check.id).filter(|id| !culprits.contains(id)));
    }
    Ok(missing
        .into_iter()
        .map(|id| format!("{id} is the culprit of no fault: add a row in tests/src/matrix/rows"))
        .collect())
}
