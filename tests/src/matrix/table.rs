//! The verdicts as a table for people, and as the document for scripts.

use std::fmt::Write as _;

use serde::Serialize;

use super::run::Verdict;

/// The JSON document.
#[derive(Debug, Serialize)]
pub struct Document<'a> {
    schema: u32,
    faults: &'a [Verdict],
}

impl<'a> Document<'a> {
    /// The document of these verdicts.
    #[must_use]
    pub const fn new(faults: &'a [Verdict]) -> Self {
        Self { schema: 1, faults }
    }
}

/// One line of the table: fault, expected culprits, what was found, time and verdict; below it what is wrong.
#[must_use]
pub fn line(verdict: &Verdict) -> String {
    let list = |says: &[String]| if says.is_empty() { "nothing".to_owned() } else { says.join(", ") };
    let sign = if verdict.right { "right" } else { "WRONG" };
    let name = format!("{}/{}", verdict.area, verdict.name);
    let mut line = format!(
        "{sign}  {:>6} ms  {name}\n                  expected {}",
        verdict.ms,
        list(&verdict.culprits)
    );
    if verdict.found != verdict.culprits {
        let _ = write!(line, "\n                  found    {}", list(&verdict.found));
    }
    for wrong in &verdict.wrong {
        let _ = write!(line, "\n    ! {wrong}");
    }
    line
}

/// The last line: how many rows are right.
#[must_use]
pub fn summary(verdicts: &[Verdict]) -> String {
    let wrong: Vec<&str> =
        verdicts.iter().filter(|verdict| !verdict.right).map(|verdict| verdict.name.as_str()).collect();
    let right = verdicts.len() - wrong.len();
    let mut text = format!("{right} of {} faults are found as they should be", verdicts.len());
    if !wrong.is_empty() {
        let _ = write!(text, "; wrong: {}", wrong.join("; "));
    }
    text
}
