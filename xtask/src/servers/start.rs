//! `servers start`: brings back one server that a test has ended.

use std::process::ExitCode;

use anyhow::{Context, Result, bail};

use super::{process, status};

/// Starts the server on its old port with its old data and waits until it answers. One that runs is left alone.
///
/// # Errors
/// There is no such set or server, or it does not start.
pub fn run(name: &str, server: &str) -> Result<ExitCode> {
    let Some((directory, state)) = status::find(name)? else { bail!("servers `{name}` are not up") };
    let known = || state.servers.iter().map(|server| server.name.as_str()).collect::<Vec<_>>().join(", ");
    let found = state.servers.iter().find(|candidate| candidate.name == server);
    let found = found.with_context(|| format!("there is no server `{server}`, only {}", known()))?;
    if process::marked(&directory)?.values().any(|name| name == server) {
        eprintln!("{server} runs already");
    } else {
        found.start()?;
    }
    Ok(ExitCode::SUCCESS)
}
