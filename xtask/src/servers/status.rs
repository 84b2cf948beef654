//! `servers status`: what runs, where, and as which processes.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;
use serde::Serialize;

use super::plan::Server;
use super::process;
use super::state::{self, State};

/// The JSON document.
#[derive(Debug, Serialize)]
struct Status<'a> {
    schema: u32,
    name: &'a str,
    /// Whether `up` has come to its end.
    ready: bool,
    directory: &'a Path,
    config: &'a Path,
    servers: Vec<Row<'a>>,
}

/// One server.
#[derive(Debug, Serialize)]
struct Row<'a> {
    name: &'a str,
    version: &'a str,
    /// Every process of it, children too. Empty when it has ended.
    pids: Vec<u32>,
    port: Option<u16>,
    socket: Option<&'a Path>,
    data_dir: &'a Path,
    log: &'a Path,
}

/// Prints the set `name`; exit code 1 when there is none.
///
/// # Errors
/// The state cannot be read.
pub fn run(name: &str, json: bool) -> Result<ExitCode> {
    let Some((directory, state)) = find(name)? else {
        eprintln!("servers `{name}` are not up");
        return Ok(ExitCode::FAILURE);
    };
    let rows = rows(&state.servers, &process::marked(&directory)?);
    if json {
        let config = &state.config;
        let status =
            Status { schema: 1, name, ready: state.ready, directory: &directory, config, servers: rows };
        writeln!(std::io::stdout(), "{}", serde_json::to_string_pretty(&status)?)?;
    } else {
        writeln!(std::io::stdout(), "{}", table(&rows))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The directory and the state of a set; one that is ready rather than the rest of an interrupted one.
///
/// # Errors
/// The state cannot be read.
pub fn find(name: &str) -> Result<Option<(PathBuf, State)>> {
    let mut found = None;
    for directory in state::directories(Some(name))? {
        if let Some(state) = State::read(&directory)? {
            let ready = state.ready;
            found = Some((directory, state));
            if ready {
                break;
            }
        }
    }
    Ok(found)
}

fn rows<'a>(servers: &'a [Server], processes: &BTreeMap<u32, String>) -> Vec<Row<'a>> {
    let row = |server: &'a Server| Row {
        name: &server.name,
        version: &server.version,
        pids: processes.iter().filter(|(_, name)| **name == server.name).map(|(&pid, _)| pid).collect(),
        port: server.port,
        socket: server.socket.as_deref(),
        data_dir: &server.data_dir,
        log: &server.log,
    };
    servers.iter().map(row).collect()
}

fn table(rows: &[Row<'_>]) -> String {
    let line = |row: &Row<'_>| {
        let port = row.port.map_or_else(|| "-".into(), |port| port.to_string());
        let pids: Vec<String> = row.pids.iter().map(u32::to_string).collect();
        let pids = if pids.is_empty() { "not running".into() } else { pids.join(" ") };
        format!("{:14} {:10} {port:>6}  {pids}", row.name, row.version)
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::servers::{chrony, memcached, setting};

    #[test]
    fn each_server_has_its_own_processes_and_one_that_ended_has_none() {
        let setting = setting::sample(&[]);
        let servers =
            [memcached::plan(&setting, "1.6.18".into()).server, chrony::plan(&setting, "4.3".into()).server];
        let processes =
            BTreeMap::from([(7, "memcached".to_owned()), (9, "memcached".to_owned()), (8, String::new())]);
        let rows = rows(&servers, &processes);
        assert_eq!(rows[0].pids, [7, 9]);
        assert!(rows[1].pids.is_empty());
        let text = table(&rows);
        assert!(text.contains("7 9") && text.contains("not running"), "{text}");
    }
}
