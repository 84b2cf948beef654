//! Questions that only the broker's own tool answers: AMQP cannot list queues, connections or nodes.

use std::ffi::OsString;

use coursys_ops_core::Scope;
use coursys_ops_core::model::{Code, Finding};
use coursys_ops_core::process::{Command, Output};
use serde::de::DeserializeOwned;

use crate::garbage::excerpt;

/// The component that runs the broker.
pub const COMPONENT: &str = "rabbitmq";

/// Words of those who refuse because of who asks: Docker's socket, `setpriv`, `sudo`, a cookie of another account.
const REFUSALS: [&str; 5] =
    ["permission denied", "operation not permitted", "not allowed", "a password is required", "eacces"];

/// How to call the tool.
#[derive(Debug, Clone)]
pub struct Control(Vec<OsString>);

impl Control {
    /// As `broker.control` says, else in the container of the broker's compose service.
    ///
    /// # Errors
    ///
    /// The finding that says why it cannot be called: not permitted, mostly.
    pub async fn find(scope: &Scope) -> Result<Self, Finding> {
        let config = scope.config();
        if !config.broker.control.is_empty() {
            return Ok(Self(config.broker.control.iter().map(Into::into).collect()));
        }
        let component = config.components.get(COMPONENT);
        let service = component.and_then(|component| component.unit.as_deref()).unwrap_or(COMPONENT);
        let filter = format!("label=com.docker.compose.service={service}");
        let output = run(scope, ["docker", "ps", "--quiet", "--no-trunc", "--filter", &filter]).await?;
        let text = String::from_utf8_lossy(&output.stdout);
        let mut containers = text.split_whitespace();
        match (containers.next(), containers.next()) {
            (Some(container), None) => {
                Ok(Self(["docker", "exec", container, "rabbitmqctl"].map(Into::into).into()))
            }
            (None, _) => Err(Finding::skipped(
                Code::NotRunning,
                format!(
                    "no container of the compose service `{service}` runs here, in which to ask the broker"
                ),
            )
            .with_hint("set `broker.control` to the way to call `rabbitmqctl`")),
            (Some(_), Some(_)) => Err(Finding::skipped(
                Code::Contradictory,
                format!("more than one container of a compose service `{service}` runs here"),
            )
            .with_hint("set `broker.control` to the way to call `rabbitmqctl`")),
        }
    }

    /// What the tool answers to these arguments, in JSON.
    ///
    /// # Errors
    ///
    /// The finding that says what came instead.
    pub async fn ask<T: DeserializeOwned>(&self, scope: &Scope, arguments: &[&str]) -> Result<T, Finding> {
        let all = self.0.iter().cloned().chain(arguments.iter().map(Into::into));
        let json = ["--quiet", "--formatter", "json"].map(OsString::from);
        // In a container the tool does not end with whoever called it, so it must know by itself when to.
        let limit = format!("--timeout={}", scope.remaining().as_secs().saturating_add(1));
        let output = run(scope, all.chain(json).chain([limit.into()])).await?;
        serde_json::from_slice(&output.stdout).map_err(|error| {
            Finding::failed(
                Code::Garbage,
                format!(
                    "`rabbitmqctl` answered something else than was asked ({error}): `{}`",
                    excerpt(&output.stdout)
                ),
                "correct `broker.control`: it must call RabbitMQ's own tool with the arguments that follow",
            )
        })
    }
}

/// Runs a command of which only a good end counts.
async fn run(scope: &Scope, argv: impl IntoIterator<Item = impl Into<OsString>>) -> Result<Output, Finding> {
    let argv: Vec<OsString> = argv.into_iter().map(Into::into).collect();
    let program = argv.first().map(|program| program.to_string_lossy().into_owned()).unwrap_or_default();
    // The caller's directory may be one that the broker's account cannot read, of which Erlang complains.
    let output = scope.run(Command::new(argv).dir("/")).await;
    let output = output.map_err(|error| Finding::unknown(Code::HelperFailed, error.to_string()))?;
    if output.status.success() { Ok(output) } else { Err(refused(&program, &output)) }
}

fn refused(program: &str, output: &Output) -> Finding {
    // It prints what it complains of over many lines, on either descriptor.
    let all = [output.stderr.as_slice(), output.stdout.as_slice()].concat();
    let text = String::from_utf8_lossy(&all).to_lowercase();
    let complaint = excerpt(output.complaint().as_bytes());
    if REFUSALS.iter().any(|words| text.contains(words)) {
        return Finding::skipped(Code::NotPermitted, format!("`{program}` refuses this user: {complaint}"))
            .with_hint("run the check with sudo");
    }
    if text.contains("cannot start ") || text.contains("no such file") || text.contains("not found") {
        let message = format!("the broker's tool cannot be started: {complaint}");
        return if program == "docker" {
            Finding::skipped(Code::NotFound, message)
                .with_hint("set `broker.control` to the way to call `rabbitmqctl`")
        } else {
            Finding::failed(
                Code::NotFound,
                message,
                "correct `broker.control`, the way to call `rabbitmqctl`",
            )
        };
    }
    if program == "docker" && text.contains("cannot connect to the docker daemon") {
        return Finding::skipped(Code::NotRunning, format!("the broker cannot be asked: {complaint}"))
            .with_hint("start Docker, or set `broker.control` to the way to call `rabbitmqctl`");
    }
    Finding::failed(
        Code::ServerError,
        format!("`rabbitmqctl`, called by `{program}`, failed: {complaint}"),
        "call it by hand, as `broker.control` says; the broker's node may be of another name or have another cookie",
    )
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt as _;
    use std::process::ExitStatus;

    use coursys_ops_core::model::Status;

    use super::*;

    #[test]
    fn a_lack_of_rights_is_no_failure_and_a_wrong_command_is_one() {
        let finding = |program: &str, stderr: &str| {
            let status = ExitStatus::from_raw(1 << 8).into();
            let output = Output { status, stdout: vec![], stderr: stderr.into(), answer: vec![] };
            let finding = refused(program, &output);
            (finding.status, finding.code)
        };
        let not_permitted = (Status::Skipped, Code::NotPermitted);
        let docker =
            "permission denied while trying to connect to the Docker daemon socket at unix:///var/run";
        assert_eq!(finding("docker", docker), not_permitted);
        assert_eq!(finding("setpriv", "setpriv: setresuid failed: Operation not permitted"), not_permitted);
        assert_eq!(finding("sudo", "sudo: a password is required"), not_permitted);
        let gone = "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is it running?";
        assert_eq!(finding("docker", gone), (Status::Skipped, Code::NotRunning));
        let missing = "cannot start rabbitmqctl: No such file or directory (os error 2)";
        assert_eq!(finding("rabbitmqctl", missing), (Status::Failed, Code::NotFound));
        assert_eq!(finding("docker", missing), (Status::Skipped, Code::NotFound));
        let down = "Error: unable to perform an operation on node 'rabbit@x'. Please see diagnostics below";
        assert_eq!(finding("rabbitmqctl", down), (Status::Failed, Code::ServerError));
    }
}
