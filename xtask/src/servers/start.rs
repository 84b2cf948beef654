//! `servers start`: brings back one server that a test has ended or hung.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::plan::Server;
use super::{process, status};

/// Brings the server back on its old port with its old data and waits until it answers. One that answers is left alone.
///
/// # Errors
/// There is no such set or server, or it does not start.
pub fn run(name: &str, server: &str) -> Result<ExitCode> {
    let Some((directory, state)) = status::find(name)? else { bail!("servers `{name}` are not up") };
    let known = || state.servers.iter().map(|server| server.name.as_str()).collect::<Vec<_>>().join(", ");
    let found = state.servers.iter().find(|candidate| candidate.name == server);
    let found = found.with_context(|| format!("there is no server `{server}`, only {}", known()))?;
    revive(&directory, found, Duration::ZERO)?;
    Ok(ExitCode::SUCCESS)
}

/// Leaves a server alone that answers within `grace`; what is left of any other is killed, and it is started again.
///
/// # Errors
/// It does not start.
pub fn revive(directory: &Path, server: &Server, grace: Duration) -> Result<()> {
    let alive = process::of(directory, &server.name)?;
    if !alive.is_empty() && server.answers(grace).is_ok() {
        return Ok(());
    }
    eprintln!("starting {} again", server.name);
    process::kill_server(directory, &server.name)?;
    server.start()
}
