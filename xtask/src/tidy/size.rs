//! Files short enough to read in one sitting, one page of architecture, and the documents that must be there.

use std::fs;
use std::path::Path;

use anyhow::Result;

use super::circles::rust_files;

/// Lines of a file, tests apart.
const LONGEST: usize = 400;

/// Lines of ARCHITECTURE.md.
const PAGE: usize = 100;

const DOCUMENTS: [&str; 6] = [
    "README.md",
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "docs/configuration.md",
    "docs/report.schema.json",
    "docs/test-report.md",
];

pub fn offences(root: &Path) -> Result<Vec<String>> {
    let mut offences = Vec::new();
    for member in
        ["coursys-ops-core", "coursys-ops-checks", "coursys-ops-cli", "coursys-ops-py", "xtask", "tests"]
    {
        for file in rust_files(&root.join(member).join("src"))? {
            let lines = lines_without_tests(&fs::read_to_string(&file)?);
            if lines > LONGEST {
                let file = file.strip_prefix(root)?.display();
                offences.push(format!("{file}: {lines} lines, more than {LONGEST}: it does two things"));
            }
        }
    }
    for document in DOCUMENTS {
        if !root.join(document).is_file() {
            offences.push(format!("{document} is missing"));
        }
    }
    let lines = fs::read_to_string(root.join("ARCHITECTURE.md")).unwrap_or_default().lines().count();
    if lines > PAGE {
        offences.push(format!("ARCHITECTURE.md: {lines} lines, more than a page of {PAGE}"));
    }
    Ok(offences)
}

fn lines_without_tests(text: &str) -> usize {
    text.split("#[cfg(test)]\nmod ").next().unwrap_or_default().lines().count()
}
