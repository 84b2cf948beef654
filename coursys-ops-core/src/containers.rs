//! The containers of compose services, for those who connect to a service or look at what it sees. The names that services
//! have for each other mean nothing outside of their networks, so Docker is asked where they are: through the survey in the
//! helper process, at most once a second, and only when the name of a service comes up.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Mutex;

use crate::config::{Config, Manager};
use crate::helper::{Ask, Blind, Container, Survey, SurveyRequest};
use crate::process::{Children, Command, Helper};

/// Where the system's bus is.
const SYSTEM_BUS: &str = "unix:path=/run/dbus/system_bus_socket";

/// How long a bus or a socket may be silent, at least. A busy one answers within some milliseconds.
const PATIENCE: Duration = Duration::from_millis(600);

/// The same for who has time, or cannot go on without an answer: on a machine at its limits Docker takes seconds.
const LONG_PATIENCE: Duration = Duration::from_secs(4);

/// What was seen so short a time ago is true still.
const FRESH: Duration = Duration::from_secs(1);

/// The unit that Docker's engine runs as, unless the component says otherwise.
const DOCKER: &str = "docker";

type Told = Result<Arc<Vec<Container>>, Blind>;

/// What Docker tells about the services of the project. Clones share it.
#[derive(Debug, Clone)]
pub struct Containers {
    helper: Helper,
    children: Children,
    asked: Arc<Asked>,
}

#[derive(Debug)]
struct Asked {
    request: SurveyRequest,
    services: BTreeSet<String>,
    last: Mutex<Option<(Instant, Told)>>,
}

/// Where a service can be reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Whereabouts {
    /// It is no service of this project, or one without networks of its own: the system's look-up knows more.
    NotOurs,
    /// The addresses of its containers that run.
    At(Vec<IpAddr>),
    /// None of its containers runs: what one does instead.
    Down(String),
    /// Docker did not tell.
    Untold(Blind),
}

impl Containers {
    /// Those of this configuration. Nobody is asked yet.
    pub(crate) fn new(config: &Config, helper: Helper, children: Children) -> Self {
        let of_compose =
            config.components.iter().filter(|(_, component)| component.manager == Manager::Compose);
        let services = of_compose.flat_map(|(name, component)| component.unit_names(name));
        let services = services.chain(config.site.service.as_deref()).map(ToOwned::to_owned).collect();
        let request = SurveyRequest { patience_ms: millis(LONG_PATIENCE), ..request(config) };
        let asked = Asked { request, services, last: Mutex::default() };
        Self { helper, children, asked: Arc::new(asked) }
    }

    /// The containers of a service, those that serve first; none of what is no service of this project.
    ///
    /// # Errors
    ///
    /// Why Docker did not tell.
    pub async fn of(&self, service: &str) -> Result<Vec<Container>, Blind> {
        if !self.asked.services.contains(service) {
            return Ok(Vec::new());
        }
        let all = self.all().await?;
        let mut own: Vec<Container> = all.iter().filter(|one| one.service == service).cloned().collect();
        own.sort_by_key(|one| {
            (one.state != "running", one.health.as_deref() == Some("unhealthy"), one.name.clone())
        });
        Ok(own)
    }

    /// What the containers of the project have mounted, those of this service first: from where, and at which path.
    ///
    /// # Errors
    ///
    /// Why Docker did not tell.
    pub async fn mounts(&self, service: &str) -> Result<Vec<(String, String)>, Blind> {
        let mut all: Vec<Container> = self.all().await?.to_vec();
        all.sort_by_key(|one| one.service != service);
        Ok(all.into_iter().flat_map(|one| one.mounts).collect())
    }

    /// Where a name leads, when it is that of a service.
    pub(crate) async fn find(&self, name: &str) -> Whereabouts {
        match self.of(name).await {
            Ok(own) => whereabouts(&own),
            Err(Blind::Absent(_)) => Whereabouts::NotOurs,
            Err(blind) => Whereabouts::Untold(blind),
        }
    }

    async fn all(&self) -> Told {
        let mut last = self.asked.last.lock().await;
        if let Some((at, told)) = last.as_ref()
            && at.elapsed() < FRESH
        {
            return told.clone();
        }
        let told = self.ask().await;
        *last = Some((Instant::now(), told.clone()));
        told
    }

    async fn ask(&self) -> Told {
        let ask = Ask::Survey(Box::new(self.asked.request.clone()));
        let output = self.children.run(&self.helper, Command::ask(ask)).await;
        let output = output.map_err(|error| Blind::Broken(error.to_string()))?;
        let survey: Survey =
            serde_json::from_slice(&output.stdout).map_err(|_| Blind::Broken(output.complaint()))?;
        Ok(Arc::new(survey.engine?.containers))
    }
}

fn whereabouts(own: &[Container]) -> Whereabouts {
    let Some(first) = own.first() else { return Whereabouts::NotOurs };
    let mut running = own.iter().filter(|one| one.state == "running").peekable();
    if running.peek().is_none() {
        return Whereabouts::Down(format!("its container {} is {}", first.name, first.state));
    }
    let addresses: Vec<IpAddr> =
        running.flat_map(|one| &one.addresses).filter_map(|address| address.parse().ok()).collect();
    // One that uses the machine's own network is where its port is.
    if addresses.is_empty() { Whereabouts::NotOurs } else { Whereabouts::At(addresses) }
}

/// The path by which this machine sees, through a container that runs, what the container's main process sees at one of
/// the machine's own paths: with its mounts, and whether those can be written. Nothing when it does not have that path.
#[must_use]
pub fn seen_through(container: &Container, path: &Path) -> Option<PathBuf> {
    let mounts = container.mounts.iter().filter(|_| container.pid != 0);
    let mount = mounts
        .filter_map(|(source, target)| Some((source.len(), path.strip_prefix(source).ok()?, target)))
        .filter(|(length, ..)| *length > 0)
        .max_by_key(|(length, ..)| *length);
    let (_, rest, target) = mount?;
    let place = Path::new(target).strip_prefix("/").ok()?;
    let root = Path::new("/proc").join(container.pid.to_string()).join("root");
    // Component by component: an empty rest joined would end in a slash.
    Some(root.components().chain(place.components()).chain(rest.components()).collect())
}

/// What to ask about Docker alone in this configuration: its containers, once its unit is known to run.
pub(crate) fn request(config: &Config) -> SurveyRequest {
    let uses_docker = config.components.contains_key(DOCKER)
        || config.components.values().any(|component| component.manager == Manager::Compose);
    let unit = uses_docker.then(|| {
        let component = config.components.get(DOCKER).filter(|one| one.manager == Manager::Systemd);
        full(component.and_then(|one| one.unit.as_deref()).unwrap_or(DOCKER))
    });
    SurveyRequest {
        bus: unit.is_some().then(|| bus(config)),
        units: unit.iter().cloned().collect(),
        docker_unit: unit,
        docker: config.docker.socket.clone().filter(|_| uses_docker),
        project: config.compose.of_site(&config.site.dir).project(),
        dir: config.site.dir.clone(),
        patience_ms: millis(PATIENCE),
        ..SurveyRequest::default()
    }
}

/// How long a bus or a socket may be silent for who has this much time left: who acts on a busy machine waits longer than
/// who looks.
pub(crate) fn patience_ms(left: Duration) -> u64 {
    millis((left / 4).clamp(PATIENCE, LONG_PATIENCE))
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Where systemd is asked.
pub(crate) fn bus(config: &Config) -> String {
    config.systemd.bus.clone().unwrap_or_else(|| SYSTEM_BUS.to_owned())
}

/// The whole name of a unit.
pub(crate) fn full(unit: &str) -> String {
    if unit.contains('.') { unit.to_owned() } else { format!("{unit}.service") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_more_time_waits_longer_for_docker_within_bounds() {
        assert_eq!(patience_ms(Duration::ZERO), 600);
        assert_eq!(patience_ms(Duration::from_secs(8)), 2000);
        assert_eq!(patience_ms(Duration::from_secs(100)), 4000);
    }

    fn container(name: &str, state: &str, addresses: &[&str]) -> Container {
        Container {
            name: name.to_owned(),
            state: state.to_owned(),
            addresses: addresses.iter().map(|address| (*address).to_owned()).collect(),
            ..Container::default()
        }
    }

    #[test]
    fn a_service_is_where_its_running_containers_are() {
        let old = container("app-1", "exited", &[]);
        let new = container("app-2", "running", &["172.18.0.3", "172.19.0.3"]);
        let at = |addresses: &[&str]| {
            Whereabouts::At(addresses.iter().map(|address| address.parse().unwrap()).collect())
        };
        assert_eq!(whereabouts(&[new, old.clone()]), at(&["172.18.0.3", "172.19.0.3"]));
        assert_eq!(whereabouts(&[old]), Whereabouts::Down("its container app-1 is exited".to_owned()));
    }

    #[test]
    fn who_has_no_container_or_no_network_is_looked_up_by_the_system() {
        assert_eq!(whereabouts(&[]), Whereabouts::NotOurs);
        assert_eq!(whereabouts(&[container("logs", "running", &[])]), Whereabouts::NotOurs);
    }

    #[test]
    fn a_path_is_seen_through_the_innermost_mount_of_the_container() {
        let mounts =
            [("/data", "/everything"), ("/data/submitted_files", "/submitted_files"), ("", "/nothing")];
        let mounts = mounts.map(|(source, target)| (source.to_owned(), target.to_owned())).to_vec();
        let container = Container { pid: 7, mounts, ..container("app", "running", &[]) };
        let seen = |path: &str| seen_through(&container, Path::new(path));
        assert_eq!(seen("/data/submitted_files").unwrap().to_str(), Some("/proc/7/root/submitted_files"));
        assert_eq!(seen("/data/submitted_files/2026"), Some("/proc/7/root/submitted_files/2026".into()));
        assert_eq!(seen("/data/submitted"), Some("/proc/7/root/everything/submitted".into()));
        assert_eq!(seen("/var/lib"), None);
        assert_eq!(seen_through(&Container { pid: 0, ..container.clone() }, Path::new("/data")), None);
    }
}
