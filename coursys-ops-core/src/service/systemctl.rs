//! systemd, asked by its own command, where there is no bus: in a rescue shell, or while the bus is down.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::check::Scope;
use crate::helper::{Blind, UnitSeen};
use crate::process::Command;

/// What is asked for. Times are asked for as the kernel counts them, because others depend on a locale.
const PROPERTIES: &str = "--property=Id,LoadState,ActiveState,SubState,UnitFileState,NeedDaemonReload,MainPID,NRestarts,\
                          Result,MemoryCurrent,FragmentPath";

/// More than this nobody says about a handful of units, in bytes.
const MOST: usize = 256 << 10;

pub(super) async fn units(scope: &Scope, names: &[String]) -> Result<BTreeMap<String, UnitSeen>, Blind> {
    let argv = ["systemctl", "--no-pager", "show", PROPERTIES, "--"].into_iter();
    let command = Command::new(argv.chain(names.iter().map(String::as_str))).at_most(MOST);
    let output = scope.run(command).await.map_err(|error| Blind::Broken(error.to_string()))?;
    if !output.status.success() {
        let complaint = output.complaint();
        let absent = ["cannot start", "not been booted with systemd", "Host is down", "No such file"];
        return Err(if absent.iter().any(|part| complaint.contains(part)) {
            Blind::Absent(format!("systemd does not run on this machine: {complaint}"))
        } else {
            Blind::Broken(format!("systemd does not tell: {complaint}"))
        });
    }
    Ok(read(names, &String::from_utf8_lossy(&output.stdout)))
}

/// One block of `Name=value` for each unit, in the order in which they were asked for.
fn read(names: &[String], text: &str) -> BTreeMap<String, UnitSeen> {
    let blocks = text
        .split("\n\n")
        .map(|block| block.lines().filter_map(|line| line.split_once('=')).collect::<BTreeMap<_, _>>());
    names.iter().cloned().zip(blocks.map(|block| unit(&block))).collect()
}

fn unit(block: &BTreeMap<&str, &str>) -> UnitSeen {
    let text = |name: &str| block.get(name).copied().unwrap_or_default().to_owned();
    let number = |name: &str| text(name).parse().ok();
    UnitSeen {
        load_state: text("LoadState"),
        active_state: text("ActiveState"),
        sub_state: text("SubState"),
        file_state: text("UnitFileState"),
        needs_reload: text("NeedDaemonReload") == "yes",
        main_pid: number("MainPID").unwrap_or_default(),
        restarts: number("NRestarts").unwrap_or_default(),
        result: text("Result"),
        memory: text("MemoryCurrent").parse().ok().filter(|memory| *memory < u64::MAX),
        files: Some(text("FragmentPath"))
            .filter(|path| !path.is_empty())
            .map(PathBuf::from)
            .into_iter()
            .collect(),
        ..UnitSeen::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_blocks_of_systemctl_belong_to_the_units_in_the_order_asked_for() {
        let names = ["nginx.service".to_owned(), "no.service".to_owned()];
        let text = "Id=nginx.service\nLoadState=loaded\nActiveState=active\nSubState=running\nUnitFileState=enabled\n\
                    NeedDaemonReload=yes\nMainPID=42\nNRestarts=3\nMemoryCurrent=18446744073709551615\n\n\
                    Id=no.service\nLoadState=not-found\nActiveState=inactive\n";
        let units = read(&names, text);
        let nginx = &units["nginx.service"];
        assert_eq!((nginx.main_pid, nginx.restarts, nginx.needs_reload), (42, 3, true));
        assert_eq!((nginx.memory, nginx.serves()), (None, true));
        assert!(!units["no.service"].is_there());
    }

    proptest::proptest! {
        #[test]
        fn nothing_that_systemctl_prints_makes_the_reader_fail(text in "(\\PC|\n|=){0,200}") {
            let _ = read(&["a".to_owned()], &text);
        }
    }
}
