//! What a run could leave behind.

use std::collections::BTreeSet;
use std::path::Path;

use crate::program::sibling;

/// Processes and files that were there at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Traces {
    processes: BTreeSet<String>,
    files: BTreeSet<String>,
}

impl Traces {
    /// What is there now: processes of the program, and every file below these directories.
    #[must_use]
    pub fn now(directories: &[&Path]) -> Self {
        let mut files = BTreeSet::new();
        for directory in directories {
            collect(directory, &mut files);
        }
        Self { processes: processes(), files }
    }

    /// What is there that was not there before; apart from what Python leaves wherever it runs: compiled
    /// files, and a directory for each worker.
    #[must_use]
    pub fn new_since(&self, before: &Self) -> Vec<String> {
        let processes = self.processes.difference(&before.processes).map(|line| format!("process {line}"));
        let files = self
            .files
            .difference(&before.files)
            .filter(|file| !file.contains("__pycache__") && !file.contains("/pymp-"));
        processes.chain(files.map(|file| format!("file {file}"))).collect()
    }

    /// Fails the test when something is there that was not there before.
    #[track_caller]
    pub fn assert_nothing_new(&self, before: &Self) {
        let new = |now: &BTreeSet<String>, then: &BTreeSet<String>| {
            now.difference(then).cloned().collect::<Vec<_>>()
        };
        assert_eq!(new(&self.processes, &before.processes), Vec::<String>::new(), "processes are left");
        assert_eq!(new(&self.files, &before.files), Vec::<String>::new(), "files are left");
    }
}

fn collect(directory: &Path, into: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
        into.insert(entry.path().display().to_string());
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            collect(&entry.path(), into);
        }
    }
}

/// Every process of the program that is tested, its helpers among them; other tests' copies are not looked at.
fn processes() -> BTreeSet<String> {
    let program = sibling("coursys-ops");
    let mut found = BTreeSet::new();
    for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        if std::fs::read_link(entry.path().join("exe")).is_ok_and(|exe| exe == program) {
            let line = std::fs::read_to_string(entry.path().join("cmdline")).unwrap_or_default();
            found.insert(format!("{} {}", entry.file_name().display(), line.replace('\0', " ")));
        }
    }
    found
}
