use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;

use super::*;
use crate::testing::config;

fn complaint(level: u32, id: &str, message: &str) -> Complaint {
    Complaint {
        level,
        id: Some(id.to_owned()),
        message: message.to_owned(),
        hint: None,
        about: Some("coredata.Unit".to_owned()),
    }
}

fn said(complaints: Vec<Complaint>) -> Said {
    Said { settings: Answer::default(), complaints, versions: "Python 3.8.10, Django 4.2".to_owned() }
}

fn ended(stderr: &str) -> Finding {
    let output = Output {
        status: ExitStatus::from_raw(256).into(),
        stdout: Vec::new(),
        stderr: stderr.as_bytes().to_vec(),
        answer: Vec::new(),
    };
    failed(&config().site, &output)
}

#[test]
fn errors_fail_warnings_warn_and_notes_are_not_told() {
    let found = findings(&said(vec![
        complaint(20, "x.I001", "note"),
        complaint(30, "x.W001", "warning"),
        complaint(40, "x.E001", "error"),
    ]));
    let told: Vec<_> = found.iter().map(|one| (one.status.as_str(), one.subject.as_deref())).collect();
    assert_eq!(told, [("failed", Some("x.E001")), ("warning", Some("x.W001"))]);
    assert_eq!(found[0].message, "coredata.Unit: error");
    assert_eq!(findings(&said(vec![complaint(20, "x.I001", "note")]))[0].code, Code::Ok);
}

#[test]
fn many_complaints_are_counted() {
    let found = findings(&said((0..50).map(|_| complaint(40, "x.E001", "error")).collect()));
    assert_eq!(found.len(), MOST + 1);
    assert!(found[MOST].message.contains("30 more"));
}

#[test]
fn a_missing_module_is_named_with_what_to_do() {
    let finding = ended(
        "Traceback (most recent call last):\n  File \"/coursys/courses/settings.py\", line 3, in <module>\n    import \
         nonsense\nModuleNotFoundError: No module named 'nonsense'\n",
    );
    assert_eq!(finding.code, Code::SiteFailed);
    assert!(finding.message.contains("'nonsense'`") && finding.message.contains("courses/settings.py:3"));
    assert!(finding.hint.unwrap().contains("requirements.txt"));
}

#[test]
fn an_interpreter_that_is_not_there_is_not_the_sites_fault() {
    assert_eq!(
        ended("cannot start /venv/bin/python: No such file or directory (os error 2)\n").code,
        Code::NotFound
    );
    assert_eq!(ended("Killed\n").code, Code::SiteFailed);
}

#[test]
fn what_was_told_is_taken_once() {
    let told = Told::default();
    told.put(Some(Imported::default()));
    assert!(told.take().is_some() && told.take().is_none());
}
