//! `staging up`: a server that is switched on, and whose site answers.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};

use super::enter::{As, output};
use super::instance::{Instance, State};
use super::{Layout, boot, down, images, possible, program, template};
use crate::servers::state::UpLock;
use crate::servers::store::Store;

/// Twenty workers of gunicorn and five nodes of Celery start on busy cores.
const PATIENCE: Duration = Duration::from_secs(240);

/// Switches a server on. One that is up already is left as it is.
///
/// # Errors
/// Anything that is missing or does not start. What was started is taken down again then.
pub fn run(name: &str, layout: Layout) -> Result<ExitCode> {
    let started = Instant::now();
    let took = || format!("{:6.1} s", started.elapsed().as_secs_f64());
    possible::install()?;
    let instance = Instance::new(name);
    if is_up(&instance, layout)? {
        eprintln!("server `{name}` is up already");
        return Ok(ExitCode::SUCCESS);
    }
    program::ensure_built()?;
    let store = Store::open()?;
    // The directory is there first, so that `down` finds who is at work.
    instance.make()?;
    let _lock = UpLock::take(instance.directory())?;
    let brought = (|| {
        let template = template::make(&store, layout, &instance)?;
        eprintln!("{}  made what it begins as", took());
        let mut state = State { layout, layers: template.layers, ready: false };
        instance.write_state(&state)?;
        images::copy(&template.docker, &instance.docker())?;
        boot::boot(&instance, &state.layers)?;
        eprintln!("{}  switched on", took());
        program::refresh(&instance)?;
        wait_until_ready(&instance, layout)?;
        state.ready = true;
        instance.write_state(&state)?;
        eprintln!("{}  server `{name}` is up", took());
        Ok(ExitCode::SUCCESS)
    })();
    if brought.is_err() {
        eprintln!("taking down what was started");
        down::clean(&instance)?;
    }
    brought
}

/// Restarts a server that is up; its root directory and its containers stay as they are.
///
/// # Errors
/// It is not up, does not end, or does not start again.
pub fn reboot(name: &str) -> Result<ExitCode> {
    let instance = Instance::new(name);
    let state = instance.state().filter(|state| state.ready && instance.leader().is_some());
    let Some(state) = state else { bail!("server `{name}` is not up") };
    let _lock = UpLock::take(instance.directory())?;
    instance.end_for_reboot(PATIENCE)?;
    boot::boot(&instance, &state.layers)?;
    program::refresh(&instance)?;
    eprintln!("server `{name}` was restarted");
    Ok(ExitCode::SUCCESS)
}

/// Whether it is up. What an interrupted `up` left is removed.
fn is_up(instance: &Instance, layout: Layout) -> Result<bool> {
    if !instance.directory().exists() && instance.leader().is_none() {
        return Ok(false);
    }
    if let Some(pid) =
        instance.directory().exists().then(|| UpLock::holder(instance.directory())).transpose()?.flatten()
    {
        bail!("process {pid} is switching server `{}` on right now", instance.name());
    }
    match instance.state() {
        Some(state) if state.ready && instance.leader().is_some() => {
            ensure!(
                state.layout == layout,
                "server `{}` has another layout: take it down first, or use another `--name`",
                instance.name()
            );
            Ok(true)
        }
        _ => {
            eprintln!("removing what an interrupted `up` left");
            down::clean(instance)?;
            Ok(false)
        }
    }
}

/// What must succeed on a server whose site is up, asked from inside. Every queue has its worker then.
const PROBES: [&[&str]; 3] = [
    &["systemctl", "is-active", "--quiet", "docker", "staging-freshen"],
    &["curl", "--fail", "--silent", "--output", "/dev/null", "--header", "Host: coursys.test", PAGE],
    &["/usr/local/lib/staging/workers-answer"],
];

const PAGE: &str = "http://127.0.0.1/docs/";

/// The same of one layout.
fn probe_of(layout: Layout) -> &'static [&'static str] {
    match layout {
        Layout::Vm => &["systemctl", "is-active", "--quiet", "nginx", "gunicorn", "celery", "celerybeat"],
        Layout::Compose => &["docker", "inspect", "coursys-beat-1", "coursys-logrotate-1"],
    }
}

/// Waits until the site answers and its workers take tasks.
///
/// # Errors
/// They do not, at the deadline; with what was asked last.
pub fn wait_until_ready(instance: &Instance, layout: Layout) -> Result<()> {
    let started = Instant::now();
    for probe in PROBES.into_iter().chain([probe_of(layout)]) {
        while let Err(error) = output(instance, As::Root, probe) {
            if started.elapsed() > PATIENCE {
                bail!("the site is not ready after {PATIENCE:?}: {error}");
            }
            std::thread::sleep(Duration::from_millis(200));
        }
    }
    Ok(())
}
