//! Golden files: how each sample reads in each format. `COURSYS_OPS_BLESS=1` renews them.

use std::path::{Path, PathBuf};

use super::samples;
use crate::model::ExitPolicy;
use crate::render::text::Style;
use crate::render::{json, jsonl, junit, nagios, prometheus, text};

fn manifest() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Compares with a file that is checked in, or renews it.
fn same_as(file: &Path, actual: &str) {
    if std::env::var_os("COURSYS_OPS_BLESS").is_some() {
        std::fs::write(file, actual).expect("golden files are writable");
    }
    let expected = std::fs::read_to_string(file).unwrap_or_default();
    assert!(
        expected == actual,
        "{} differs; renew it with COURSYS_OPS_BLESS=1 if this is right:\n{actual}",
        file.display()
    );
}

fn golden(name: &str) -> PathBuf {
    manifest().join("src/render/golden").join(name)
}

#[test]
fn each_sample_reads_as_its_golden_file_in_each_format() {
    let plain = Style::default();
    for (name, report) in samples::all() {
        let policy = ExitPolicy::default();
        let code = nagios::exit_code(&report, policy);
        for (file, actual) in [
            (format!("{name}.exit{}.txt", report.run.exit_code), text::render(&report, plain)),
            (format!("{name}.nagios{code}.txt"), nagios::render(&report, policy)),
            (format!("{name}.junit.xml"), junit::render(&report).unwrap()),
            (format!("{name}.prom"), prometheus::render(&report).unwrap()),
        ] {
            same_as(&golden(&file), &actual);
        }
    }
}

#[test]
fn narrow_verbose_and_coloured_text_read_as_their_golden_files() {
    let style = Style::default();
    let reports = [
        ("warnings.verbose.txt", samples::warnings(), Style { verbose: true, ..style }),
        ("deadline.narrow.txt", samples::deadline(), Style { width: 50, ..style }),
        ("broker_down.colour.txt", samples::broker_down(), Style { colour: true, ..style }),
    ];
    for (file, events, style) in reports {
        same_as(&golden(file), &text::render(&samples::fold(&events), style));
    }
}

#[test]
fn one_report_and_its_events_read_as_their_golden_files_in_json() {
    let events = samples::broker_down();
    same_as(&golden("broker_down.json"), &json::render(&samples::fold(&events)).unwrap());
    let lines: String = events.iter().map(|event| jsonl::render(event).unwrap()).collect();
    same_as(&golden("broker_down.jsonl"), &lines);
}

#[test]
fn the_schema_that_is_checked_in_is_the_one_of_the_types() {
    same_as(&manifest().join("../docs/report.schema.json"), &json::schema().unwrap());
}

#[test]
fn the_schemas_of_plans_that_are_checked_in_are_the_ones_of_the_types() {
    use crate::render::plan::{plan_schema, report_schema};
    same_as(&manifest().join("../docs/plan.schema.json"), &plan_schema().unwrap());
    same_as(&manifest().join("../docs/plan-report.schema.json"), &report_schema().unwrap());
}
