//! Switching a server on: a process in namespaces of its own mounts the layers and becomes `systemd-nspawn`.

#![expect(
    clippy::disallowed_methods,
    reason = "a developer's tool starts servers that outlive it; core's module must not"
)]

use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;

use super::cgroup;
use super::enter::{self, As};
use super::instance::Instance;
use crate::run::own_program;
use crate::servers::process::MARK;
use crate::servers::program::tail;

/// A machine that is busy with other things takes a while. Usually it is six seconds.
const PATIENCE: Duration = Duration::from_secs(180);

/// The arguments of the hidden command that becomes the server.
#[derive(Args, Clone)]
pub struct Boot {
    /// The server's name; helpers have names that nobody can choose.
    #[arg(long)]
    name: String,
    /// What lies below the server's own layer, the uppermost first.
    #[arg(long = "layer", required = true)]
    layers: Vec<PathBuf>,
    /// The mount namespace of the machine: nothing is mounted there.
    #[arg(long)]
    outside: String,
}

/// Starts the server and waits until its systemd has started everything that it should.
///
/// # Errors
/// It does not start; with what it said.
pub fn boot(instance: &Instance, layers: &[PathBuf]) -> Result<()> {
    let log = File::create(instance.console())?;
    let mut command = Command::new("setsid");
    command.args(["unshare", "--mount", "--propagation", "private"]).arg(own_program()?);
    command.args(["staging", "boot", "--name", instance.name(), "--outside", &mounts()?]);
    for layer in layers {
        command.arg("--layer").arg(layer);
    }
    // Until it has entered its control groups this tells `down` whose it is.
    command.env_clear().env("PATH", enter::PATH).env(MARK, instance.directory()).current_dir("/");
    command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
    let mut child = command.spawn().context("failed to start the server")?;
    let started = Instant::now();
    let mut state = String::new();
    while started.elapsed() < PATIENCE {
        if let Some(status) = child.try_wait()? {
            bail!("the server ended with {status}; {}", tail(&instance.console()));
        }
        if instance.leader().is_some() {
            // While it starts, there is no answer, or `initializing` and `starting`.
            state = enter::output(instance, As::Root, &["systemctl", "is-system-running"])
                .unwrap_or_else(|e| e.said());
            if ["running", "degraded"].contains(&state.trim()) {
                return Ok(());
            }
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    bail!("the server is still `{}` after {PATIENCE:?}; {}", state.trim(), tail(&instance.console()))
}

impl Boot {
    /// Becomes the server. In a mount namespace of its own, which the caller made.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn become_server(&self) -> Result<ExitCode> {
        let instance = Instance::new(&self.name);
        ensure!(mounts()? != self.outside, "this is started by `up`, in a mount namespace of its own");
        cgroup::join(instance.name())?;
        self.mount(&instance)?;
        let error = nspawn(&instance).exec();
        Err(error).context("failed to start `systemd-nspawn`")
    }

    fn mount(&self, instance: &Instance) -> Result<()> {
        let mut command = Command::new("mount");
        command
            .args(["-t", "overlay", "overlay", "-o"])
            .arg(self.options(instance))
            .arg(instance.mount_point());
        let status = command.status().context("failed to start `mount`")?;
        ensure!(status.success(), "failed to mount the layers: {status}");
        Ok(())
    }

    fn options(&self, instance: &Instance) -> String {
        let layers: Vec<String> = self.layers.iter().map(|layer| layer.display().to_string()).collect();
        format!(
            "lowerdir={},upperdir={},workdir={}",
            layers.join(":"),
            instance.upper().display(),
            instance.work().display()
        )
    }
}

fn nspawn(instance: &Instance) -> Command {
    let mut command = Command::new("systemd-nspawn");
    command.args(["--register=no", "--keep-unit", "--settings=no", "--private-network", "--boot"]);
    command.args(["--link-journal=no", "--resolv-conf=off", "--timezone=off", "--hostname=coursys"]);
    // The machine's clock is not for a server to set. All else is needed: mounts, networks, namespaces.
    command.args(["--capability=all", "--drop-capability=CAP_SYS_TIME"]);
    command.arg("--system-call-filter=add_key keyctl bpf");
    command.arg(format!("--machine=coursys-{}", instance.name()));
    command.arg(format!("--bind={}:/var/lib/docker", instance.docker().display()));
    command.arg("--directory").arg(instance.mount_point());
    command.env("SYSTEMD_NSPAWN_API_VFS_WRITABLE", "yes");
    command
}

/// The mount namespace of this process, by the kernel's name for it.
fn mounts() -> Result<String> {
    let link = fs::read_link("/proc/self/ns/mnt").context("failed to look at the mount namespace")?;
    Ok(link.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_server_may_set_the_clock_of_the_machine() {
        let command = nspawn(&Instance::new("x"));
        let args: Vec<_> = command.get_args().map(|arg| arg.to_string_lossy().into_owned()).collect();
        assert!(args.contains(&"--drop-capability=CAP_SYS_TIME".to_owned()));
        assert!(args.contains(&"--private-network".to_owned()));
    }

    #[test]
    fn the_uppermost_layer_comes_first() {
        let boot = Boot { name: "x".into(), layers: vec!["/b".into(), "/a".into()], outside: String::new() };
        let options = boot.options(&Instance::new("x"));
        assert!(
            options.starts_with("lowerdir=/b:/a,upperdir=/var/lib/coursys-ops-staging/x/upper,"),
            "{options}"
        );
    }
}
