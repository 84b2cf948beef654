//! docs/test-report.md: each stage's last result, and the commit it was of.

use std::collections::BTreeMap;
use std::fs;

use anyhow::Result;

use super::Outcome;
use crate::run::{output, root};

const HEAD: &str = "# The last full test\n\n\
    Written by `cargo xtask test full`: each stage's last result, and the commit it was of.\n\n\
    | stage | result | time | commit |\n|---|---|---|---|\n";

/// Puts the results into the report; stages that were not run keep theirs.
///
/// # Errors
/// git does not answer, or the report cannot be written.
pub fn keep(results: &[Outcome]) -> Result<()> {
    let commit = output(&["git", "log", "-1", "--format=%h of %cs"], root())?;
    let path = root().join("docs/test-report.md");
    let mut rows = rows(&fs::read_to_string(&path).unwrap_or_default());
    for (name, took, result) in results {
        let outcome = if result.is_ok() { "passed" } else { "FAILED" };
        let row = format!("| {name} | {outcome} | {:.1} s | {} |", took.as_secs_f64(), commit.trim());
        rows.insert((*name).to_owned(), row);
    }
    let rows: Vec<String> = rows.into_values().collect();
    Ok(fs::write(path, format!("{HEAD}{}\n", rows.join("\n")))?)
}

/// The rows of a report, by their stage.
fn rows(report: &str) -> BTreeMap<String, String> {
    let row = |line: &str| {
        let stage = line.strip_prefix("| ")?.split(' ').next()?;
        (stage != "stage").then(|| (stage.to_owned(), line.to_owned()))
    };
    report.lines().filter_map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_read_back_row_by_row() {
        let report = format!(
            "{HEAD}| quick | passed | 1.0 s | abc of 2026-01-01 |\n| servers | FAILED | 2.0 s | x |\n"
        );
        let rows = rows(&report);
        assert_eq!(rows.keys().collect::<Vec<_>>(), ["quick", "servers"]);
        assert!(rows["quick"].contains("abc of 2026-01-01"));
    }
}
