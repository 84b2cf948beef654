//! `staging status`: which servers are up.

use std::process::ExitCode;

use anyhow::Result;
use serde::Serialize;

use super::instance::Instance;
use super::{Layout, cgroup};

/// One server, as `--json` tells it.
#[derive(Serialize)]
struct Server {
    name: String,
    layout: Option<Layout>,
    /// `up`; `starting` before the site has answered; `dead` when only leavings are there.
    state: &'static str,
    /// Its systemd, as this machine numbers it.
    leader: Option<u32>,
    processes: usize,
    directory: String,
}

/// Prints one line for each server, or JSON. Exit code 1 when there is none.
///
/// # Errors
/// Never in practice: what cannot be read is not there.
pub fn run(json: bool) -> Result<ExitCode> {
    let servers: Vec<Server> = Instance::all().iter().map(look).collect();
    if json {
        println!("{}", serde_json::to_string_pretty(&serde_json::json!({ "servers": servers }))?);
    } else {
        for server in &servers {
            let layout = server.layout.map_or("?", Layout::as_str);
            println!("{:16} {layout:8} {:9} {:4} processes", server.name, server.state, server.processes);
        }
    }
    Ok(if servers.is_empty() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn look(instance: &Instance) -> Server {
    let (leader, state) = (instance.leader(), instance.state());
    Server {
        name: instance.name().to_owned(),
        layout: state.as_ref().map(|state| state.layout),
        state: match (leader, &state) {
            (Some(_), Some(state)) if state.ready => "up",
            (Some(_), _) => "starting",
            (None, _) => "dead",
        },
        leader,
        processes: cgroup::processes(instance.name()).len(),
        directory: instance.directory().display().to_string(),
    }
}
