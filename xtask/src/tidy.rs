//! `cargo xtask tidy`: the rules of the house that no compiler knows.

mod circles;
mod culprits;
mod layers;
mod size;

use anyhow::{Result, bail};

use crate::run::root;

/// Checks every rule and names every offender.
///
/// # Errors
/// Some rule is broken.
pub fn check() -> Result<()> {
    let mut offences = layers::offences()?;
    offences.extend(circles::offences(root())?);
    offences.extend(size::offences(root())?);
    offences.extend(culprits::offences()?);
    for offence in &offences {
        eprintln!("{offence}");
    }
    if offences.is_empty() {
        eprintln!("tidy: layers, circles, sizes, pages and faults are as they should be");
        Ok(())
    } else {
        bail!("offences against the rules in ARCHITECTURE.md: {}", offences.len())
    }
}
