//! docs/test-report.md: each stage's last result, and the commit it was of.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use anyhow::Result;

use super::Outcome;
use crate::faults::Verdict;
use crate::run::{output, root};

const HEAD: &str = "# The last full test\n\n\
    Written by `cargo xtask test full`: each stage's last result, and the commit it was of.\n\n\
    | stage | result | time | commit |\n|---|---|---|---|\n";

/// Where the table of faults begins.
const FAULTS: &str = "## The fault matrix";

/// Puts the results into the report; stages that were not run keep theirs, and so does the table of faults.
///
/// # Errors
/// git does not answer, or the report cannot be written.
pub fn keep(results: &[Outcome]) -> Result<()> {
    let commit = commit()?;
    let (mut rows, faults) = read();
    for (name, took, result) in results {
        let outcome = if result.is_ok() { "passed" } else { "FAILED" };
        let row = format!("| {name} | {outcome} | {:.1} s | {commit} |", took.as_secs_f64());
        rows.insert((*name).to_owned(), row);
    }
    write(rows, &faults)
}

/// Puts what came of every fault, pass by pass, into the report.
///
/// # Errors
/// As [`keep`].
pub fn keep_faults(passes: &[Vec<Verdict>]) -> Result<()> {
    let commit = commit()?;
    write(read().0, &faults_table(passes, &commit))
}

fn commit() -> Result<String> {
    Ok(output(&["git", "log", "-1", "--format=%h of %cs"], root())?.trim().to_owned())
}

fn path() -> PathBuf {
    root().join("docs/test-report.md")
}

/// The rows by their stage, and the table of faults as it is.
fn read() -> (BTreeMap<String, String>, String) {
    let report = fs::read_to_string(path()).unwrap_or_default();
    let (stages, faults) = report.split_at(report.find(FAULTS).unwrap_or(report.len()));
    (rows(stages), faults.to_owned())
}

fn write(rows: BTreeMap<String, String>, faults: &str) -> Result<()> {
    let rows: Vec<String> = rows.into_values().collect();
    let space = if faults.is_empty() { "" } else { "\n" };
    Ok(fs::write(path(), format!("{HEAD}{}\n{space}{faults}", rows.join("\n")))?)
}

/// The rows of a report, by their stage.
fn rows(report: &str) -> BTreeMap<String, String> {
    let row = |line: &str| {
        let stage = line.strip_prefix("| ")?.split(' ').next()?;
        (stage != "stage").then(|| (stage.to_owned(), line.to_owned()))
    };
    report.lines().filter_map(row).collect()
}

/// One line for each fault, with the times of all passes.
fn faults_table(passes: &[Vec<Verdict>], commit: &str) -> String {
    let first = passes.first().map(Vec::as_slice).unwrap_or_default();
    let mechanisms: BTreeSet<&str> = first.iter().map(|verdict| verdict.mechanism.as_str()).collect();
    let mut text = format!(
        "{FAULTS}\n\n{} faults by {} mechanisms, {} times, at commit {commit}.\n\n\
         | area | fault | mechanism | expected | ms | verdict |\n|---|---|---|---|---|---|\n",
        first.len(),
        mechanisms.len(),
        passes.len(),
    );
    for verdict in first {
        let all: Vec<&Verdict> = passes.iter().flatten().filter(|other| other.name == verdict.name).collect();
        let times: Vec<String> = all.iter().map(|verdict| verdict.ms.to_string()).collect();
        let right = all.len() == passes.len() && all.iter().all(|verdict| verdict.right);
        let expected =
            if verdict.culprits.is_empty() { "nothing".to_owned() } else { verdict.culprits.join(", ") };
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} | {} |",
            verdict.area,
            verdict.name.replace('|', "\\|"),
            verdict.mechanism,
            expected.replace('|', "\\|"),
            times.join(", "),
            if right { "right" } else { "WRONG" },
        );
    }
    text
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

    #[test]
    fn a_fault_that_went_wrong_once_is_wrong() {
        let pass = |right, ms| {
            vec![Verdict {
                name: "it is gone".into(),
                area: "system".into(),
                mechanism: "stopped".into(),
                culprits: vec!["a.b failed refused|failed timeout".into()],
                ms,
                right,
            }]
        };
        let table = faults_table(&[pass(true, 1), pass(false, 2)], "abc");
        assert!(table.contains("1 faults by 1 mechanisms, 2 times, at commit abc"), "{table}");
        let row = r"| system | it is gone | stopped | a.b failed refused\|failed timeout | 1, 2 | WRONG |";
        assert!(table.ends_with(&format!("{row}\n")), "{table}");
    }
}
