//! Tests of what is believed of a worker's answer; the bodies are those of the task `coursys_ops.run_checks`.

use coursys_ops_core::model::Tier;
use proptest::prelude::*;
use serde_json::json;

use super::*;

const ID: &str = "database.dumps";

fn read(value: &Value) -> Result<Vec<Finding>, Finding> {
    let spec = CheckSpec::new(ID, "Dumps").timeout_hint("look at the mount");
    let needs = BTreeSet::from(["files.writable.dumps".to_owned()]);
    Asked { spec: &spec, queue: "batch", needs: &needs, version: "0.1.0" }.read(value)
}

fn code(value: &Value) -> Code {
    read(value).unwrap_err().code
}

fn finding(status: &str, code: &str) -> Value {
    json!({"status": status, "code": code, "subject": null, "message": "as it is", "hint": null, "measurements": []})
}

fn check(id: &str, because: &[&str], findings: &[Value]) -> Value {
    json!({"id": id, "title": "Dumps", "tier": Tier::Deploy, "location": "local", "status": "passed",
           "duration_ms": 1.0, "because": because, "findings": findings})
}

fn answer(checks: &[Value]) -> Value {
    json!({"schema": 1, "worker": "batch@host", "error": null,
           "report": {"schema": 1, "run": {"version": "0.1.0"}, "checks": checks}})
}

#[test]
fn what_was_found_comes_back_with_the_workers_name() {
    let found = read(&answer(&[check(ID, &[], &[finding("passed", "ok")])])).unwrap();
    let [found] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!((found.status, found.code), (Status::Passed, Code::Ok));
    assert_eq!(found.message, "as it is (seen by batch@host)");
}

#[test]
fn findings_of_other_checks_are_not_taken() {
    let other = check("database.connection", &[], &[finding("failed", "refused")]);
    assert_eq!(code(&answer(std::slice::from_ref(&other))), Code::WrongAnswer);
    let own = check(ID, &[], &[finding("passed", "ok")]);
    assert_eq!(read(&answer(&[other, own.clone()])).unwrap().len(), 1);
    assert_eq!(code(&answer(&[own.clone(), own])), Code::WrongAnswer);
}

#[test]
fn what_the_check_needs_there_is_told_when_it_fails_there() {
    let own = check(ID, &["files.writable.dumps"], &[finding("skipped", "need_failed")]);
    let root = check("files.writable.dumps", &[], &[finding("failed", "not_writable")]);
    let found = read(&answer(&[own.clone(), root])).unwrap();
    assert_eq!((found[0].status, found[0].code), (Status::Failed, Code::NotWritable));
    assert!(found[0].message.contains("because of `files.writable.dumps` there"), "{found:?}");
    assert!(found[0].hint.is_some());
    // It says nothing of what it blames, or blames what the check does not need.
    assert_eq!(code(&answer(std::slice::from_ref(&own))), Code::WrongAnswer);
    let own = check(ID, &["cas.login"], &[finding("skipped", "need_failed")]);
    let root = check("cas.login", &[], &[finding("failed", "refused")]);
    assert_eq!(code(&answer(&[own, root])), Code::WrongAnswer);
}

#[test]
fn a_check_that_the_workers_deadline_cut_off_has_given_no_answer_in_time() {
    let found = read(&answer(&[check(ID, &[], &[finding("unknown", "deadline")])])).unwrap();
    assert_eq!((found[0].status, found[0].code), (Status::Failed, Code::Timeout));
    assert_eq!(found[0].hint.as_deref(), Some("look at the mount"));
}

#[test]
fn another_version_is_told_from_garbage() {
    let mut other = answer(&[check(ID, &[], &[finding("failed", "a_code_of_tomorrow")])]);
    assert_eq!(code(&other), Code::WrongAnswer);
    other["report"]["run"]["version"] = json!("0.2.0");
    assert_eq!(code(&other), Code::WrongVersion);
    other["report"]["schema"] = json!(2);
    assert_eq!(code(&other), Code::WrongVersion);
    other["schema"] = json!(2);
    assert_eq!(code(&other), Code::WrongVersion);
    for garbage in [json!(null), json!([1]), json!("x"), json!({"schema": "1"})] {
        assert_eq!(code(&garbage), Code::WrongAnswer);
    }
    assert_eq!(code(&json!({"schema": 1, "worker": [1]})), Code::WrongAnswer);
}

#[test]
fn a_worker_that_could_not_look_says_why() {
    let refused = json!({"schema": 1, "worker": "w", "report": null, "error": "no check matches\n`x`"});
    let finding = read(&refused).unwrap_err();
    assert_eq!(finding.code, Code::TaskFailed);
    assert_eq!(finding.message, "w could not look: no check matches `x`");
}

#[test]
fn texts_and_figures_of_a_worker_are_fit_for_a_report() {
    let mut wild = finding("warning", "busy");
    wild["message"] = json!(format!("\x1b[31m{}\n", "x".repeat(5000)));
    wild["measurements"] = json!([
        {"name": "free_bytes", "value": 1.0, "unit": "B", "warn": null, "crit": 2.0},
        {"name": "x} 1\nup", "value": 1.0, "unit": "", "warn": null, "crit": null},
        {"name": "free", "value": 1.0, "unit": "furlong", "warn": null, "crit": null},
    ]);
    let mut told = answer(&[check(ID, &[], &[wild])]);
    told["worker"] = json!(format!("batch\x1b@{}", "h".repeat(500)));
    let found = read(&told).unwrap();
    assert!(!found[0].message.contains(char::is_control), "{found:?}");
    assert!(found[0].message.chars().count() < 1200 && found[0].hint.is_some());
    assert_eq!(found[0].measurements.len(), 1);
    let many = vec![finding("passed", "ok"); FINDINGS + 1];
    assert_eq!(code(&answer(&[check(ID, &[], &many)])), Code::WrongAnswer);
    assert_eq!(code(&answer(&[check(ID, &[], &[])])), Code::WrongAnswer);
}

proptest! {
    #[test]
    fn any_document_is_judged(text in "\\PC{0,60}", number in any::<f64>(), schema in 0..3_u64) {
        let shapes = [
            json!({"schema": schema, "worker": text, "report": number, "error": text}),
            json!({"schema": 1, "worker": null, "error": null, "report": {"schema": schema, "run": text, "checks": []}}),
            answer(&[json!({"id": ID, "findings": text})]),
            answer(&[check(ID, &[&text], &[finding(&text, "ok")])]),
        ];
        for shape in shapes {
            prop_assert!(read(&shape).is_err());
        }
    }
}
