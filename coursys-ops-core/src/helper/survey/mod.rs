//! What manages the components, looked at in one go: systemd over D-Bus, Docker through its socket, and what /proc, the
//! crontabs and files tell beside them. In the helper, because clients of buses and sockets have tasks of their own, which
//! end here with the process, and because each of these can hang: a silent one costs its own patience and nothing else.

mod docker;
mod machine;
mod nodes;
mod systemd;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde::{Deserialize, Serialize};

use super::{Answer, FileLook, Refusal};

pub use docker::{Container, Engine, Published};
pub use machine::{CronLine, Running};
pub use systemd::Unit;

/// More memory than this the answers of a bus and a socket never need, in bytes: who floods us ends this process.
const MOST_MEMORY: u64 = 256 << 20;

/// More than this nobody writes into a compose file, in bytes.
const MOST_COMPOSE: u64 = 1 << 20;

/// What to look at.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SurveyRequest {
    /// The address of systemd's bus; nothing asks nobody.
    pub bus: Option<String>,
    /// The units, by their full names.
    pub units: Vec<String>,
    /// The unit that must run before Docker's socket is touched: systemd would start it by the touch.
    pub docker_unit: Option<String>,
    /// Docker's socket; nothing asks nobody.
    pub docker: Option<PathBuf>,
    /// The project whose containers count.
    pub project: String,
    /// The compose file.
    pub compose_file: Option<PathBuf>,
    /// Files and directories whose age counts.
    pub files: Vec<PathBuf>,
    /// Crontabs, and directories of them.
    pub crontabs: Vec<PathBuf>,
    /// Words in the command lines of processes that count.
    pub words: Vec<String>,
    /// The site's directory, to know its processes by.
    pub dir: PathBuf,
    /// Ports whose listeners count.
    pub ports: Vec<u16>,
    /// How long a bus or a socket may be silent, in milliseconds.
    pub patience_ms: u64,
}

/// Why somebody could not be asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum Blind {
    /// There is no such thing on this machine.
    #[error("{0}")]
    Absent(String),
    /// It is there and does not run; nobody touched it.
    #[error("{0}")]
    Down(String),
    /// This user may not ask.
    #[error("{0}")]
    Refused(String),
    /// No answer in time.
    #[error("{0}")]
    Silent(String),
    /// It answered with nonsense or an error of its own.
    #[error("{0}")]
    Broken(String),
}

/// What was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Survey {
    /// The time, in milliseconds since 1970.
    pub now_ms: i64,
    /// The units by the name that was asked for.
    pub units: Result<BTreeMap<String, Unit>, Blind>,
    /// Docker.
    pub engine: Result<Engine, Blind>,
    /// The compose file; nothing when none was asked for.
    pub compose_file: Option<Answer<FileLook>>,
    /// When it, or the file of its variables beside it, was changed last, in milliseconds since 1970.
    pub compose_changed_ms: Option<i64>,
    /// Whether `docker compose`, version 2, is installed.
    pub has_compose_v2: bool,
    /// Whether `docker-compose`, version 1 or a later one under its name, is installed.
    pub has_compose_v1: bool,
    /// Processes whose command line holds a word, and the main ones of units and containers.
    pub running: Vec<Running>,
    /// When files were changed last, in milliseconds since 1970; those that cannot be seen are missing.
    pub changed_ms: BTreeMap<PathBuf, i64>,
    /// Lines of the crontabs that start or restart something, with whose they are; nothing when they cannot be read.
    pub cron: Answer<Vec<CronLine>>,
    /// Where something listens on the ports.
    pub listening: Answer<Vec<std::net::SocketAddr>>,
}

/// Looks.
///
/// # Errors
///
/// A line for standard error when the process is short of what it needs.
pub(super) fn survey(request: &SurveyRequest) -> Result<Survey, String> {
    let limit = Rlimit { current: Some(MOST_MEMORY), ..getrlimit(Resource::Data) };
    setrlimit(Resource::Data, limit).map_err(|errno| errno.to_string())?;
    // The helper is a process of its own: no runtime of the caller is anywhere near.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    let (units, engine) = runtime.block_on(managers(request));
    // Who is silent still holds a task.
    runtime.shutdown_background();
    let main = |pid: u32| (pid != 0).then_some(pid);
    let of_units = units.iter().flat_map(BTreeMap::values).filter_map(|unit| main(unit.main_pid));
    let of_containers = engine.iter().flat_map(|engine| &engine.containers).filter_map(|one| main(one.pid));
    let pids: Vec<u32> = of_units.chain(of_containers).collect();
    let compose = request.compose_file.as_ref();
    Ok(Survey {
        now_ms: machine::now_ms(),
        units,
        engine,
        compose_file: compose.map(|path| machine::linked(path, MOST_COMPOSE).map_err(Refusal::from)),
        compose_changed_ms: compose.and_then(|path| {
            let variables = path.with_file_name(".env");
            [path, &variables].into_iter().filter_map(|file| machine::changed_ms(file)).max()
        }),
        has_compose_v2: machine::has_compose_v2(),
        has_compose_v1: machine::has_compose_v1(),
        running: machine::running(&request.words, &pids, &request.dir),
        changed_ms: machine::all_changed_ms(&request.files),
        cron: machine::cron(&request.crontabs).map_err(Refusal::from),
        listening: super::listeners::addresses(&request.ports).map_err(Refusal::from),
    })
}

type Units = Result<BTreeMap<String, Unit>, Blind>;

/// systemd first: it tells whether Docker's socket may be touched.
async fn managers(request: &SurveyRequest) -> (Units, Result<Engine, Blind>) {
    let patience = Duration::from_millis(request.patience_ms);
    let units = match &request.bus {
        Some(bus) => within(patience, "systemd", systemd::units(bus, &request.units)).await,
        None => Err(Blind::Absent("systemd is not asked here".to_owned())),
    };
    let unit = request.docker_unit.as_ref().and_then(|name| units.as_ref().ok()?.get(name));
    if let Some(unit) = unit.filter(|unit| unit.is_there() && !unit.serves()) {
        let why = format!("Docker does not run: its unit is {}", unit.active_state);
        return (units, Err(Blind::Down(why)));
    }
    let engine = match &request.docker {
        Some(socket) => within(patience, "Docker", docker::engine(socket, &request.project)).await,
        None => Err(Blind::Absent("Docker is not asked here".to_owned())),
    };
    (units, engine)
}

async fn within<T>(
    patience: Duration,
    who: &str,
    asked: impl Future<Output = Result<T, Blind>>,
) -> Result<T, Blind> {
    let silent = || Blind::Silent(format!("{who} gave no answer within {} ms", patience.as_millis()));
    tokio::time::timeout(patience, asked).await.unwrap_or_else(|_| Err(silent()))
}
