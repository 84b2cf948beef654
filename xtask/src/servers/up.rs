//! `servers up`: from nothing to servers that all answer.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use rustix::fs::Mode;

use super::account::Accounts;
use super::layout::Layout;
use super::names::{Names, Secrets};
use super::options::Up;
use super::plan::{ConfigFile, Plan, Server};
use super::ports::Ports;
use super::setting::Setting;
use super::state::{self, State, UpLock};
use super::store::Store;
use super::tls::Tls;
use super::{
    chrony, config, down, elasticsearch, exim, kdc, mariadb, markup, memcached, nginx, packages, rabbitmq,
    reporting_db, site, standins, start, versions,
};

/// Migrations, rows and the index of the site.
const SETUP_PATIENCE: Duration = Duration::from_secs(120);

/// A server that was up may take this long to answer: a worker comes back to its broker after some seconds.
const GRACE: Duration = Duration::from_secs(15);

/// Starts everything and prints the path of the configuration file. A set that is up already is left as it is, apart
/// from servers that do not answer any more: they are started again.
///
/// # Errors
/// Anything that is missing or does not start. What was started is taken down again then.
pub fn run(options: &Up) -> Result<ExitCode> {
    // Servers of other accounts must be able to read what is made here, whatever the caller's habit.
    rustix::process::umask(Mode::from_raw_mode(0o022));
    options.search()?;
    let store = Store::open()?;
    // Only one `up` at a time looks for a set of its name and for free ports.
    let choosing = store.lock("sets")?;
    if let Some((directory, state)) = existing(options)? {
        drop(choosing);
        eprintln!("servers `{}` are up already in {}", options.name.as_str(), directory.display());
        state.servers.iter().try_for_each(|server| start::revive(&directory, server, GRACE))?;
        println!("{}", state.config.display());
        return Ok(ExitCode::SUCCESS);
    }
    let directory = state::create(options.name.as_str())?;
    let lock = UpLock::take(&directory)?;
    let ports = Ports::choose(&state::promised_ports()?, u16::try_from(std::process::id() % 12_000)?)?;
    let config = Layout::new(&directory).config();
    let state = State { ready: false, options: options.clone(), config, ports, servers: Vec::new() };
    state.write(&directory)?;
    drop(choosing);

    let brought = bring_up(&store, &directory, state);
    drop(lock);
    if brought.is_err() {
        eprintln!("taking down what was started");
        down::remove(&directory)?;
    }
    println!("{}", brought?.display());
    Ok(ExitCode::SUCCESS)
}

/// The set of this name, if it is up. What an interrupted `up` left is removed.
fn existing(options: &Up) -> Result<Option<(PathBuf, State)>> {
    let name = options.name.as_str();
    let mut found = None;
    for directory in state::directories(Some(name))? {
        if let Some(pid) = UpLock::holder(&directory)? {
            bail!("process {pid} is bringing servers `{name}` up right now");
        }
        match State::read(&directory) {
            Ok(Some(state)) if state.ready => found = Some((directory, state)),
            _ => {
                eprintln!("removing what an interrupted `up` left in {}", directory.display());
                down::remove(&directory)?;
            }
        }
    }
    if let Some((_, state)) = &found {
        ensure!(
            state.options == *options,
            "servers `{name}` are up with other options: take them down first, or use another `--name`"
        );
    }
    Ok(found)
}

fn bring_up(store: &Store, directory: &Path, mut state: State) -> Result<PathBuf> {
    let clock = Clock::start();
    packages::ensure()?;
    let options = &state.options;
    let search = options.search()?;
    let elasticsearch = store.elasticsearch(search, directory)?;
    let python = if options.no_site {
        None
    } else {
        Some(store.python(&site::source().join(super::store::REQUIREMENTS), directory)?)
    };
    clock.stage("installed");

    let setting = Setting {
        options: options.clone(),
        search,
        layout: Layout::new(directory),
        accounts: Accounts::look_up()?,
        names: Names::new(options.weird, Secrets::random()?),
        ports: state.ports,
        tls: options.tls.then(Tls::new).transpose()?,
        elasticsearch,
        elsewhere: None,
    };
    setting.make()?;
    let plans = plans(&setting)?;
    let nginx = nginx::plan(&setting, versions::of(nginx::PROGRAM, "-v")?)?;
    let mut site_servers =
        python.as_deref().map(|python| site::servers(&setting, python)).unwrap_or_default();
    if python.is_some() {
        site_servers.push(nginx.server.clone());
        site_servers.push(markup::server(&setting, versions::of(markup::PROGRAM, "--version")?));
    }
    state.servers = plans.iter().map(|plan| &plan.server).chain(&site_servers).cloned().collect();
    state.write(directory)?;

    all_at_once(&plans, |plan| clock.time(&plan.server.name, || plan.carry_out()))?;
    if let Some(python) = &python {
        site::make(&setting)?;
        nginx.prepare()?;
        clock.time("setup", || site::setup(&setting, python).run(SETUP_PATIENCE))?;
        all_at_once(&site_servers, |server: &Server| clock.time(&server.name, || server.start()))?;
    } else {
        elasticsearch::fill(&setting)?;
    }
    let content = config::text_of(&setting, python.as_deref())?;
    let config = ConfigFile { path: state.config.clone(), content, account: setting.operator(), mode: 0o640 };
    config.write()?;
    state.ready = true;
    state.write(directory)?;
    clock.stage("all up");
    Ok(state.config)
}

/// The servers that the site needs, slowest first.
fn plans(setting: &Setting) -> Result<Vec<Plan>> {
    Ok(vec![
        elasticsearch::plan(setting, &versions::java_home()?),
        rabbitmq::plan(setting, versions::of_rabbitmq()?),
        mariadb::plan(setting, versions::of(mariadb::PROGRAM, "--version")?),
        reporting_db::plan(setting, versions::of(mariadb::PROGRAM, "--version")?),
        kdc::plan(setting, versions::of("/usr/bin/klist", "-V")?),
        standins::plan(setting, versions::of("/usr/bin/python3", "-V")?),
        exim::plan(setting, versions::of(exim::PROGRAM, "-bV")?),
        memcached::plan(setting, versions::of(memcached::PROGRAM, "-V")?),
        chrony::plan(setting, versions::of(chrony::PROGRAM, "-v")?),
    ])
}

/// Does something for each item, all at the same time, and returns the first error.
fn all_at_once<T: Sync>(items: &[T], act: impl Fn(&T) -> Result<()> + Sync) -> Result<()> {
    let act = &act;
    thread::scope(|scope| {
        let threads: Vec<_> = items.iter().map(|item| scope.spawn(move || act(item))).collect();
        let results = threads.into_iter().map(|thread| {
            thread.join().unwrap_or_else(|_| bail!("a thread panicked: see the message above"))
        });
        results.collect::<Vec<_>>().into_iter().collect()
    })
}

/// Tells on standard error how long each stage takes.
struct Clock {
    started: Instant,
}

impl Clock {
    fn start() -> Self {
        Self { started: Instant::now() }
    }

    fn time(&self, what: &str, act: impl FnOnce() -> Result<()>) -> Result<()> {
        let started = Instant::now();
        act().with_context(|| format!("failed to start {what}"))?;
        eprintln!(
            "{:6.1} s  {what} ({:.1} s)",
            self.started.elapsed().as_secs_f64(),
            started.elapsed().as_secs_f64()
        );
        Ok(())
    }

    fn stage(&self, what: &str) {
        eprintln!("{:6.1} s  {what}", self.started.elapsed().as_secs_f64());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_that_fails_does_not_keep_the_others_from_running() {
        let done = std::sync::atomic::AtomicUsize::new(0);
        let result = all_at_once(&[1, 2, 3], |&item| {
            ensure!(item != 2, "two");
            done.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            Ok(())
        });
        assert_eq!(result.unwrap_err().to_string(), "two");
        assert_eq!(done.into_inner(), 2);
    }
}
