//! One survey for all who want to know.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Mutex;

use super::compose::{changed_since, is_first};
use super::{compose_file, compose_hash, systemctl};
use crate::check::Scope;
use crate::config::{Component, Config, Manager};
use crate::containers;
pub(super) use crate::containers::full;
use crate::helper::{Ask, Blind, Survey, SurveyRequest};
use crate::process::Command;

/// What was seen so short a time ago, in the same run, is true still.
const FRESH: Duration = Duration::from_millis(500);

/// Shares what is seen. Clones share, so that one look serves all services of a run.
#[derive(Clone, Default)]
pub struct Surveyor(Arc<Mutex<Option<Last>>>);

/// What was seen last.
struct Last {
    asked: Instant,
    answered: Instant,
    seen: Seen,
}

/// What was seen, with what was read of it already.
#[derive(Debug)]
pub(super) struct Surveyed {
    /// As the helper saw it.
    pub survey: Survey,
    /// The services of the compose file; why they are not known.
    pub file: Result<compose_file::ComposeFile, Blind>,
    /// What compose says of today's descriptions; nothing when nobody had to ask.
    pub hashes: Option<compose_hash::Told>,
}

pub(super) type Seen = Result<Arc<Surveyed>, String>;

impl Surveyor {
    /// What the managers tell, asked just now; who asks while another one does waits for that one's answers.
    ///
    /// # Errors
    ///
    /// Why the helper process failed.
    pub(super) async fn survey(&self, scope: &Scope) -> Seen {
        let mut last = self.0.lock().await;
        // What was asked before this run began may be from before a step that the run is to judge.
        if let Some(Last { asked, answered, seen }) = last.as_ref()
            && *asked >= scope.begun()
            && answered.elapsed() < FRESH
        {
            return seen.clone();
        }
        let asked = Instant::now();
        let seen = look(scope).await.map(Arc::new);
        // Fresh from the answer on: who gives none takes longer than that, and must not be waited for by each service.
        *last = Some(Last { asked, answered: Instant::now(), seen: seen.clone() });
        seen
    }

    /// What is wrong with Docker itself although its unit runs: it does not answer, or nonsense.
    pub async fn engine_trouble(&self, scope: &Scope) -> Option<Blind> {
        let seen = self.survey(scope).await.ok()?;
        let blind = seen.survey.engine.as_ref().err()?;
        matches!(blind, Blind::Silent(_) | Blind::Broken(_)).then(|| blind.clone())
    }

    /// Where Docker opens ports, with the containers that they belong to; nothing when Docker cannot be asked.
    pub async fn published(&self, scope: &Scope) -> Vec<crate::helper::Published> {
        let seen = self.survey(scope).await;
        let engine = seen
            .ok()
            .and_then(|seen| seen.survey.engine.as_ref().ok().map(|engine| engine.published.clone()));
        engine.unwrap_or_default()
    }

    /// The containers of a component of the configuration.
    ///
    /// # Errors
    ///
    /// Why Docker cannot be asked: there may be any number of them.
    pub async fn containers(
        &self,
        scope: &Scope,
        name: &str,
    ) -> Result<Vec<crate::helper::Container>, Blind> {
        let Some(component) = scope.config().components.get(name) else { return Ok(Vec::new()) };
        let units = component.unit_names(name);
        let seen = self.survey(scope).await.map_err(Blind::Broken)?;
        let engine = seen.survey.engine.as_ref().map_err(Clone::clone)?;
        let own = engine.containers.iter().filter(|one| units.contains(&one.service.as_str()));
        Ok(own.cloned().collect())
    }
}

impl std::fmt::Debug for Surveyor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Surveyor")
    }
}

/// What to look at in this configuration.
pub(super) fn request(config: &Config) -> SurveyRequest {
    let of = |manager| config.components.iter().filter(move |(_, component)| component.manager == manager);
    let units = of(Manager::Systemd).flat_map(|(name, component)| component.unit_names(name));
    let mut units: Vec<String> = units.map(full).collect();
    let of_docker = containers::request(config);
    units.extend(of_docker.units.iter().filter(|unit| !units.contains(unit)).cloned().collect::<Vec<_>>());
    let ours = || config.components.values().filter(|component| component.manager.is_ours());
    let mut words: Vec<String> = ours().filter_map(|one| one.process.clone()).collect();
    words.sort();
    words.dedup();
    let compose = config.compose.of_site(&config.site.dir);
    let asks_systemd = !units.is_empty();
    SurveyRequest {
        bus: asks_systemd.then(|| containers::bus(config)),
        units,
        compose_file: compose.file.filter(|_| of(Manager::Compose).next().is_some()),
        files: ours().flat_map(|component| component.configs.iter().cloned()).collect::<Vec<PathBuf>>(),
        crontabs: config.systemd.crontabs.iter().filter(|_| asks_systemd).cloned().collect(),
        words,
        ports: ours().flat_map(|component| component.ports().collect::<Vec<_>>()).collect(),
        ..of_docker
    }
}

async fn look(scope: &Scope) -> Result<Surveyed, String> {
    let config = scope.config();
    let request =
        SurveyRequest { patience_ms: containers::patience_ms(scope.remaining()), ..request(config) };
    let units = request.units.clone();
    let output =
        scope.run(Command::ask(Ask::Survey(Box::new(request)))).await.map_err(|error| error.to_string())?;
    let mut survey: Survey = serde_json::from_slice(&output.stdout).map_err(|_| output.complaint())?;
    // A bus of one's own is another system's, which `systemctl` knows nothing of.
    if !units.is_empty() && config.systemd.bus.is_none() && survey.units.is_err() {
        match systemctl::units(scope, &units).await {
            Ok(units) => survey.units = Ok(units),
            // What the bus said tells more than what the command complains about.
            Err(Blind::Absent(_)) => {}
            Err(blind) => survey.units = Err(blind),
        }
    }
    let file = match &survey.compose_file {
        None => Err(Blind::Absent("no compose file is configured (`compose.file`)".to_owned())),
        Some(Err(refusal)) if refusal.is(rustix::io::Errno::NOENT) => {
            Err(Blind::Absent("there is no compose file".to_owned()))
        }
        Some(Err(refusal)) => {
            Err(Blind::Refused(format!("the compose file cannot be read: {}", refusal.message)))
        }
        Some(Ok(look)) => match look.content.bytes() {
            Some(bytes) => compose_file::ComposeFile::read(&bytes).map_err(Blind::Broken),
            None => Err(Blind::Broken("the compose file is no file, or far too long".to_owned())),
        },
    };
    let containers = survey.engine.iter().flat_map(|engine| &engine.containers);
    let older: Vec<_> = containers.filter(|one| changed_since(one, &survey)).collect();
    let hashes = if older.is_empty() {
        None
    } else {
        let compose = config.compose.of_site(&config.site.dir);
        let has_first = survey.has_compose_v1 || !compose.command.is_empty();
        let by_first = has_first && older.iter().all(|one| is_first(one));
        Some(compose_hash::Told::ask(scope, &compose, by_first).await)
    };
    Ok(Surveyed { survey, file, hashes })
}

impl Surveyed {
    /// The components that one needs and that were seen not to run.
    pub(super) fn waits_for(&self, config: &Config, component: &Component) -> Vec<String> {
        let down = |name: &&String| {
            let needed = config.components.get(*name);
            needed.is_some_and(|needed| self.is_up(name, needed) == Some(false))
        };
        component.needs.iter().filter(down).cloned().collect()
    }

    /// Whether a component runs, at first sight; nothing when that cannot be seen, or is nobody's matter here.
    fn is_up(&self, name: &str, component: &Component) -> Option<bool> {
        let names = component.unit_names(name);
        match component.manager {
            Manager::Systemd => {
                let units = self.survey.units.as_ref().ok()?;
                let found: Vec<_> = names
                    .iter()
                    .filter_map(|unit| units.get(&full(unit)))
                    .filter(|unit| unit.is_there())
                    .collect();
                (!found.is_empty()).then(|| found.iter().all(|unit| unit.serves()))
            }
            Manager::Compose => match &self.survey.engine {
                Ok(engine) => {
                    let mut own = engine
                        .containers
                        .iter()
                        .filter(|one| names.contains(&one.service.as_str()))
                        .peekable();
                    own.peek()?;
                    Some(own.all(|one| one.state == "running"))
                }
                Err(Blind::Down(_)) => Some(false),
                Err(_) => None,
            },
            Manager::Builtin | Manager::External => None,
        }
    }
}
