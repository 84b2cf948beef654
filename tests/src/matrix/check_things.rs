//! `manage.py check_things` of the fixture site beside the program, both as the site's user: what the site's own settings
//! lead to must say the same of a fault as the file does.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use coursys_ops_core::model::{Code, Report, Status};

use crate::kdc::account;
use crate::program::sibling;
use crate::{Program, Servers};

/// How often both are asked: a machine that is busy makes one run wait for a worker, and another not.
const ATTEMPTS: u32 = 3;

/// What each check says: its status, and the codes of its findings.
type Said = BTreeMap<String, (Status, BTreeSet<Code>)>;

/// What is different between the two, a line each; nothing when they agree.
pub(super) fn differences(servers: &Servers, python: &Path, program: &Program, tier: &[&str]) -> Vec<String> {
    let (config, ours) = (program.config(), sibling("coursys-ops"));
    let check = [ours.as_os_str(), "--config".as_ref(), config.as_os_str(), "check".as_ref()];
    let things = [python.as_os_str(), "manage.py".as_ref(), "check_things".as_ref()];
    let more: Vec<&OsStr> = ["--format", "json"].iter().chain(tier).map(OsStr::new).collect();
    let ask = |argv: &[&OsStr]| said(&as_the_site(servers, &[argv, &more].concat()));
    let mut different = Vec::new();
    for _ in 0..ATTEMPTS {
        different = match (ask(&check), ask(&things)) {
            (Ok(program), Ok(things)) => between(&program, &things),
            (Err(why), _) | (_, Err(why)) => vec![why],
        };
        if different.is_empty() {
            break;
        }
    }
    different
}

/// Runs a program as the site does: as its user, in its directory, with hardly any environment.
fn as_the_site(servers: &Servers, argv: &[&OsStr]) -> Output {
    let (uid, gid) = account();
    Command::new("setpriv")
        .args([format!("--reuid={uid}"), format!("--regid={gid}"), "--clear-groups".to_owned()])
        .args(argv)
        .current_dir(servers.configured("site", "dir"))
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("HOME", servers.configured("site", "user_home"))
        .env("LANG", "C.UTF-8")
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .stdin(Stdio::null())
        .output()
        .expect("setpriv starts")
}

/// What a report says. What only Django can check is left out, and so is ODBC, which is no part of a wheel.
fn said(output: &Output) -> Result<Said, String> {
    // The site's settings print a line first, as real ones do.
    let start = output.stdout.iter().position(|byte| *byte == b'{').unwrap_or_default();
    let document = output.stdout.get(start..).unwrap_or_default();
    let report: Report = serde_json::from_slice(document).map_err(|error| {
        format!("no report ({error}), {}: {}", output.status, String::from_utf8_lossy(&output.stderr))
    })?;
    if output.status.code() != Some(i32::from(report.run.exit_code)) {
        return Err(format!("{}, and the report says {}", output.status, report.run.exit_code));
    }
    let checks = report.checks.into_iter().filter(|check| !check.id.starts_with("django."));
    Ok(checks
        .map(|check| {
            let codes = check.findings.iter().map(|finding| finding.code);
            (check.id, (check.status, codes.filter(|code| *code != Code::NotBuiltIn).collect()))
        })
        .collect())
}

fn between(program: &Said, things: &Said) -> Vec<String> {
    let ids: BTreeSet<&String> = program.keys().chain(things.keys()).collect();
    let different = ids.into_iter().filter(|id| program.get(*id) != things.get(*id));
    different
        .map(|id| format!("{id}: the program {:?}, the site {:?}", program.get(id), things.get(id)))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt as _;
    use std::process::ExitStatus;

    use super::*;

    fn output(code: i32, stdout: &str) -> Output {
        Output { status: ExitStatus::from_raw(code << 8), stdout: stdout.into(), stderr: Vec::new() }
    }

    #[test]
    fn what_is_no_report_or_ends_otherwise_than_it_says_is_a_difference() {
        assert!(said(&output(1, "settings loaded\n")).unwrap_err().starts_with("no report"));
        assert!(said(&output(0, "")).is_err());
    }

    #[test]
    fn another_status_or_code_is_a_difference_and_so_is_a_check_that_only_one_has() {
        let one = |id: &str, code| (id.to_owned(), (Status::Failed, BTreeSet::from([code])));
        let program = Said::from([one("a.b", Code::Timeout), one("c.d", Code::Refused)]);
        assert_eq!(between(&program, &program), Vec::<String>::new());
        assert_eq!(between(&program, &Said::from([one("a.b", Code::Refused)])).len(), 2);
    }
}
