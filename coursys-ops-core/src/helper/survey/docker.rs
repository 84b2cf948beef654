//! Docker, asked through its socket.

use std::collections::{BTreeMap, HashMap};
use std::io::ErrorKind;
use std::os::unix::net::UnixStream;
use std::path::Path;

use bollard::errors::Error;
use bollard::models::{ContainerInspectResponse, ContainerSummary};
use bollard::query_parameters::{ListContainersOptions, ListImagesOptions};
use bollard::{ClientVersion, Docker};
use serde::{Deserialize, Serialize};

use super::Blind;

/// What compose writes on its containers.
const PROJECT: &str = "com.docker.compose.project";
const SERVICE: &str = "com.docker.compose.service";
const ONE_OFF: &str = "com.docker.compose.oneoff";
const VERSION: &str = "com.docker.compose.version";
const CONFIG_HASH: &str = "com.docker.compose.config-hash";

/// The interface of engine 20.10, and the oldest one that engine 29 still speaks. Nobody takes one that is too new, and
/// asking for the right one would cost a question.
const SPOKEN: [ClientVersion; 2] = [
    ClientVersion { major_version: 1, minor_version: 41 },
    ClientVersion { major_version: 1, minor_version: 44 },
];

/// For how long its client may wait, in seconds; whoever asks gives up long before.
const TIMEOUT_S: u64 = 30;

/// Docker as a whole.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Engine {
    /// The containers of the project's services.
    pub containers: Vec<Container>,
    /// The id of the image that a name means now.
    pub images: BTreeMap<String, String>,
    /// What any container publishes.
    pub published: Vec<Published>,
}

/// A port that Docker opens to those outside of a container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Published {
    /// The container's name.
    pub container: String,
    /// Where; nothing is everywhere.
    pub ip: Option<String>,
    /// On which port of this machine.
    pub port: u16,
    /// `tcp` or `udp`.
    pub protocol: String,
}

/// A container of a compose service.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Container {
    /// The whole id.
    pub id: String,
    /// Its name, without the slash.
    pub name: String,
    /// The service that it is of.
    pub service: String,
    /// `running`, `exited`, `paused`, `restarting`, `created`, `dead`, …
    pub state: String,
    /// `healthy`, `unhealthy` or `starting`; nothing when nobody looks.
    pub health: Option<String>,
    /// What the last look at its health printed.
    pub health_log: Option<String>,
    /// Its main process, as this machine numbers it; 0 when there is none.
    pub pid: u32,
    /// What its main process exited with.
    pub exit_code: i64,
    /// Whether it ended because there was no memory left.
    pub oom_killed: bool,
    /// Why it could not be started.
    pub error: Option<String>,
    /// How often Docker restarted it by itself.
    pub restarts: u32,
    /// RFC 3339.
    pub created: Option<String>,
    /// RFC 3339.
    pub started: Option<String>,
    /// RFC 3339.
    pub finished: Option<String>,
    /// The image that it was asked to be made of: `rabbitmq:3`.
    pub image: String,
    /// The id of the image that it was made of.
    pub image_id: String,
    /// `always`, `unless-stopped`, `no`, …
    pub restart_policy: String,
    /// How much memory it may have, in bytes; 0 is no limit.
    pub memory_limit: u64,
    /// How much memory it has, in bytes.
    pub memory: Option<u64>,
    /// The version of compose that made it.
    pub compose_version: Option<String>,
    /// What compose knows its description by.
    pub config_hash: Option<String>,
    /// Its addresses in the networks of Docker.
    pub addresses: Vec<String>,
    /// Where it publishes ports: `127.0.0.1:5672/tcp`.
    pub published: Vec<Published>,
    /// Directories of this machine and volumes, each with where it is mounted.
    pub mounts: Vec<(String, String)>,
}

/// What Docker tells of a project.
pub(super) async fn engine(socket: &Path, project: &str) -> Result<Engine, Blind> {
    let path = socket.display();
    // The client's own words for a missing or forbidden socket are all the same.
    match UnixStream::connect(socket) {
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Err(Blind::Absent(format!("there is no Docker here: {path} does not exist")));
        }
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            return Err(Blind::Refused(format!("this user may not talk to Docker ({path})")));
        }
        Err(error) => return Err(Blind::Down(format!("Docker does not listen on {path}: {error}"))),
    }
    let mut refused = None;
    for version in SPOKEN {
        match ask(&path.to_string(), &version, project).await {
            Err(Error::DockerResponseServerError { status_code: 400, message })
                if message.contains("version") =>
            {
                refused = Some(message);
            }
            told => return told.map_err(|error| Blind::Broken(format!("Docker does not tell: {error}"))),
        }
    }
    Err(Blind::Broken(format!("Docker speaks another version: {}", refused.unwrap_or_default())))
}

async fn ask(socket: &str, version: &ClientVersion, project: &str) -> Result<Engine, Error> {
    let docker = Docker::connect_with_unix(socket, TIMEOUT_S, version)?;
    let containers = ListContainersOptions { all: true, ..ListContainersOptions::default() };
    let (containers, images) = futures_util::future::try_join(
        docker.list_containers(Some(containers)),
        docker.list_images(None::<ListImagesOptions>),
    )
    .await?;
    let published = containers.iter().flat_map(published).collect();
    let of_project = containers.iter().filter(|one| label(one, PROJECT).as_deref() == Some(project));
    let ours = of_project.filter(|one| label(one, ONE_OFF).as_deref() != Some("True"));
    let inspected = ours.map(|summary| async {
        let id = summary.id.clone().unwrap_or_default();
        match docker.inspect_container(&id, None).await {
            Ok(inspected) => Ok(Some(container(summary, inspected))),
            // It went meanwhile.
            Err(Error::DockerResponseServerError { status_code: 404, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    });
    let containers = futures_util::future::try_join_all(inspected).await?.into_iter().flatten().collect();
    let named = images.into_iter().flat_map(|image| {
        let id = image.id;
        image.repo_tags.into_iter().map(move |tag| (tag, id.clone()))
    });
    Ok(Engine { containers, images: named.collect(), published })
}

fn label(summary: &ContainerSummary, name: &str) -> Option<String> {
    summary.labels.as_ref().and_then(|labels: &HashMap<_, _>| labels.get(name)).cloned()
}

fn name(summary: &ContainerSummary) -> String {
    let names = summary.names.as_deref().unwrap_or_default();
    names.first().map(|name| name.trim_start_matches('/').to_owned()).unwrap_or_default()
}

fn published(summary: &ContainerSummary) -> Vec<Published> {
    let container = name(summary);
    let port = |port: &bollard::models::PortSummary| {
        Some(Published {
            container: container.clone(),
            ip: port.ip.clone().filter(|ip| !ip.is_empty()),
            port: port.public_port?,
            protocol: port.typ.map(|typ| typ.to_string()).unwrap_or_default(),
        })
    };
    summary.ports.iter().flatten().filter_map(port).collect()
}

fn container(summary: &ContainerSummary, inspected: ContainerInspectResponse) -> Container {
    let state = inspected.state.unwrap_or_default();
    let host = inspected.host_config.unwrap_or_default();
    let health = state.health.as_ref();
    let judged = health.and_then(|health| health.status).map(|status| status.to_string());
    let health_log = health.and_then(|health| health.log.as_ref()?.last()?.output.clone());
    let pid = u32::try_from(state.pid.unwrap_or_default()).unwrap_or_default();
    let policy = host.restart_policy.and_then(|policy| policy.name).map(|name| name.to_string());
    let networks = inspected.network_settings.and_then(|settings| settings.networks).unwrap_or_default();
    let mut addresses: Vec<String> =
        networks.into_values().filter_map(|network| network.ip_address).filter(|ip| !ip.is_empty()).collect();
    addresses.sort();
    let mounts = inspected.mounts.unwrap_or_default().into_iter();
    // Docker writes the year 1 for what has not happened.
    let happened = |time: Option<String>| time.filter(|time| !time.starts_with("0001-"));
    Container {
        id: summary.id.clone().unwrap_or_default(),
        name: name(summary),
        service: label(summary, SERVICE).unwrap_or_default(),
        state: state.status.map(|status| status.to_string()).unwrap_or_default(),
        health: judged.filter(|word| !word.is_empty() && word != "none"),
        health_log: health_log.map(|log| log.trim().to_owned()).filter(|log| !log.is_empty()),
        pid,
        exit_code: state.exit_code.unwrap_or_default(),
        oom_killed: state.oom_killed.unwrap_or_default(),
        error: state.error.map(|error| error.trim().to_owned()).filter(|error| !error.is_empty()),
        restarts: u32::try_from(inspected.restart_count.unwrap_or_default()).unwrap_or_default(),
        created: inspected.created,
        started: happened(state.started_at),
        finished: happened(state.finished_at),
        image: inspected.config.and_then(|config| config.image).unwrap_or_default(),
        image_id: inspected.image.unwrap_or_default(),
        restart_policy: policy.unwrap_or_default(),
        memory_limit: u64::try_from(host.memory.unwrap_or_default()).unwrap_or_default(),
        memory: super::machine::memory(pid),
        compose_version: label(summary, VERSION),
        config_hash: label(summary, CONFIG_HASH),
        addresses,
        published: published(summary),
        mounts: mounts
            .map(|mount| (mount.source.unwrap_or_default(), mount.destination.unwrap_or_default()))
            .collect(),
    }
}
