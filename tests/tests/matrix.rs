//! What the fault matrix is said to be.

use std::collections::BTreeSet;

use coursys_ops_tests::matrix;

#[test]
fn the_matrix_has_at_least_100_faults_by_at_least_40_mechanisms() {
    let faults = matrix::all();
    let mechanisms: BTreeSet<_> = faults.iter().map(|fault| fault.mechanism).collect();
    assert!(faults.len() >= 100, "{} faults", faults.len());
    assert!(mechanisms.len() >= 40, "{} mechanisms: {mechanisms:?}", mechanisms.len());
}

#[test]
fn every_fault_has_a_name_of_its_own() {
    let mut seen = BTreeSet::new();
    let twice: Vec<_> = matrix::all().into_iter().filter(|fault| !seen.insert(fault.name.clone())).collect();
    assert!(twice.is_empty(), "{:?}", twice.iter().map(|fault| &fault.name).collect::<Vec<_>>());
}

#[test]
fn a_culprit_is_bad_or_skipped_for_a_reason_of_its_own() {
    for fault in matrix::all() {
        for culprit in fault.culprits() {
            for says in culprit.says.split('|') {
                let status = says.split(' ').next().unwrap_or_default();
                assert!(
                    ["failed", "warning", "unknown", "skipped"].contains(&status),
                    "{}: {}",
                    fault.name,
                    culprit.says
                );
                assert!(!says.contains("need_failed"), "{}: {}", fault.name, culprit.says);
            }
        }
    }
}
