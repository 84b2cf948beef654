//! Kind `unit`: a unit of systemd is as it should be.

use std::collections::BTreeMap;

use coursys_ops_core::Scope;
use coursys_ops_core::config::OwnUnit;
use coursys_ops_core::model::{Code, Finding, Measurement};
use coursys_ops_core::process::{Command, Output};

use super::judge::{Looked, growing};

/// What systemd is asked for.
const PROPERTIES: &str = "--property=LoadState,ActiveState,SubState,UnitFileState,NRestarts,Result";

/// More than this nobody says about one unit, in bytes.
const MOST: usize = 64 << 10;

pub(super) async fn look(scope: &Scope, wanted: &OwnUnit) -> Looked {
    let command = Command::new(["systemctl", "--no-pager", "show", PROPERTIES, "--", &wanted.unit]);
    let output = scope.run(command.at_most(MOST)).await;
    let output = output.map_err(|error| Finding::unknown(Code::HelperFailed, error.to_string()))?;
    if !output.status.success() {
        return Err(no_systemd(&output));
    }
    Ok(judge(wanted, &properties(&String::from_utf8_lossy(&output.stdout))))
}

/// What it means that `systemctl` cannot tell.
fn no_systemd(output: &Output) -> Finding {
    let complaint = output.complaint();
    let absent = [
        "cannot start systemctl",
        "not been booted with systemd",
        "Host is down",
        "No such file or directory",
    ];
    if absent.iter().any(|part| complaint.contains(part)) {
        Finding::skipped(Code::NotInLayout, "systemd does not run on this machine")
    } else {
        let message = format!("systemd does not tell: {complaint}");
        Finding::failed(Code::ServerError, message, "look at `systemctl status` and at the journal")
    }
}

/// Lines of `Name=value`.
fn properties(text: &str) -> BTreeMap<&str, &str> {
    text.lines().filter_map(|line| line.split_once('=')).collect()
}

fn judge(wanted: &OwnUnit, properties: &BTreeMap<&str, &str>) -> Vec<Finding> {
    let unit = &wanted.unit;
    let get = |name: &str| properties.get(name).copied().unwrap_or_default();
    if get("LoadState") == "not-found" && wanted.active != "inactive" {
        let hint = "install it, or correct `unit`: `systemctl list-units --all` shows them";
        return vec![Finding::failed(Code::NotFound, format!("there is no unit `{unit}`"), hint)];
    }
    let mut findings = vec![active(wanted, get("ActiveState"), get("SubState"), get("Result"))];
    if let Some(enabled) = &wanted.enabled {
        let is = if get("UnitFileState").is_empty() { "unknown to systemd" } else { get("UnitFileState") };
        findings.push(if is == enabled {
            Finding::passed(format!("`{unit}` is {is}"))
        } else {
            let verb = match enabled.as_str() {
                "enabled" => "enable",
                "disabled" => "disable",
                "masked" => "mask",
                _ => "cat",
            };
            let message = format!("`{unit}` is {is}, not {enabled}");
            Finding::failed(Code::NotEnabled, message, format!("run `systemctl {verb} {unit}`"))
        });
    }
    if let Ok(restarts) = get("NRestarts").parse::<u32>()
        && wanted.restarts.warn.or(wanted.restarts.crit).is_some()
    {
        let message = || format!("systemd has restarted `{unit}` {restarts} times");
        let figure = Measurement::new("restarts", f64::from(restarts), "");
        let hint = format!(
            "read `journalctl -u {unit}` to see why it ends; `systemctl reset-failed {unit}` sets it back"
        );
        findings.push(growing(figure, &wanted.restarts, Code::TooMany, message, &hint));
    }
    findings
}

fn active(wanted: &OwnUnit, state: &str, detail: &str, result: &str) -> Finding {
    let unit = &wanted.unit;
    // What is being reloaded serves on.
    let is = if state == "reloading" || state == "refreshing" { "active" } else { state };
    let message = format!("`{unit}` is {state} ({detail})");
    if is == wanted.active {
        return Finding::passed(message);
    }
    let message = format!("{message}, not {}", wanted.active);
    match is {
        "failed" => Finding::failed(
            Code::UnitFailed,
            format!("{message}: {result}"),
            format!("read `journalctl -u {unit}`, mend what it says, then `systemctl restart {unit}`"),
        ),
        "activating" | "deactivating" => Finding::warning(
            Code::Busy,
            message,
            format!("wait and look again; if it stays so, read `journalctl -u {unit}`"),
        ),
        "active" => Finding::failed(Code::Unwanted, message, format!("run `systemctl stop {unit}`")),
        _ => Finding::failed(Code::NotRunning, message, format!("run `systemctl start {unit}`")),
    }
}

#[cfg(test)]
mod tests {
    use coursys_ops_core::config::Limits;

    use super::*;

    fn wanted(active: &str) -> OwnUnit {
        OwnUnit {
            unit: "nginx".to_owned(),
            active: active.to_owned(),
            enabled: Some("enabled".to_owned()),
            restarts: Limits { warn: Some(2.0), crit: Some(5.0) },
        }
    }

    fn codes(active: &str, text: &str) -> Vec<Code> {
        judge(&wanted(active), &properties(text)).iter().map(|finding| finding.code).collect()
    }

    const GOOD: &str = "LoadState=loaded\nActiveState=active\nSubState=running\nUnitFileState=enabled\nNRestarts=0\nResult=success\n";

    #[test]
    fn each_state_has_its_verdict() {
        let with = |from: &str, to: &str| codes("active", &GOOD.replace(from, to));
        assert_eq!(codes("active", GOOD), [Code::Ok; 3]);
        assert_eq!(codes("inactive", GOOD)[0], Code::Unwanted);
        assert_eq!(with("ActiveState=active", "ActiveState=failed")[0], Code::UnitFailed);
        assert_eq!(with("ActiveState=active", "ActiveState=inactive")[0], Code::NotRunning);
        assert_eq!(with("ActiveState=active", "ActiveState=activating")[0], Code::Busy);
        assert_eq!(with("ActiveState=active", "ActiveState=reloading")[0], Code::Ok);
        assert_eq!(with("UnitFileState=enabled", "UnitFileState=disabled")[1], Code::NotEnabled);
        assert_eq!(with("NRestarts=0", "NRestarts=7")[2], Code::TooMany);
        assert_eq!(codes("active", "LoadState=not-found\nActiveState=inactive\n"), [Code::NotFound]);
    }

    proptest::proptest! {
        #[test]
        fn nothing_that_systemctl_prints_makes_the_reader_fail(text in "(\\PC|\n|=){0,200}") {
            let _ = judge(&wanted("active"), &properties(&text));
        }
    }
}
