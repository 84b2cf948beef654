//! systemd, asked over D-Bus.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use zbus::names::InterfaceName;
use zbus::{Connection, OwnedObjectPath, OwnedVariant};

use super::{Blind, nodes};

/// A unit of systemd.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unit {
    /// `loaded`, `not-found`, `masked`, `bad-setting`, …
    pub load_state: String,
    /// `active`, `inactive`, `failed`, `activating`, …
    pub active_state: String,
    /// In more detail: `running`, `exited`, `auto-restart`, …
    pub sub_state: String,
    /// `enabled`, `disabled`, `masked`, `static`, …; empty when there is no file.
    pub file_state: String,
    /// Whether its files have changed since systemd read them.
    pub needs_reload: bool,
    /// The process that counts; 0 when there is none.
    pub main_pid: u32,
    /// How often systemd restarted it by itself.
    pub restarts: u32,
    /// How it ended last: `success`, `exit-code`, `start-limit-hit`, …
    pub result: String,
    /// In bytes; nothing when systemd does not count.
    pub memory: Option<u64>,
    /// When it came to its state, in milliseconds since 1970.
    pub state_since_ms: Option<i64>,
    /// When it became active, in milliseconds since 1970.
    pub active_since_ms: Option<i64>,
    /// When the main process started, in milliseconds since 1970.
    pub started_ms: Option<i64>,
    /// How long a start may take, in milliseconds; nothing for ever.
    pub start_timeout_ms: Option<u64>,
    /// The files that describe it, and its environment.
    pub files: Vec<PathBuf>,
    /// When the youngest of these was changed, in milliseconds since 1970.
    pub files_changed_ms: Option<i64>,
    /// The nodes of Celery that it starts, by the names before the `@`; none of a unit that starts none.
    pub nodes: Vec<String>,
}

impl Unit {
    /// Whether this machine has such a unit.
    #[must_use]
    pub fn is_there(&self) -> bool {
        self.load_state != "not-found"
    }

    /// Whether it is active, also while it reloads.
    #[must_use]
    pub fn serves(&self) -> bool {
        matches!(self.active_state.as_str(), "active" | "reloading" | "refreshing")
    }
}

#[zbus::proxy(
    interface = "org.freedesktop.systemd1.Manager",
    default_service = "org.freedesktop.systemd1",
    default_path = "/org/freedesktop/systemd1"
)]
trait Manager {
    /// The object of a unit; its file is read if need be.
    fn load_unit(&self, name: &str) -> zbus::Result<OwnedObjectPath>;
}

#[zbus::proxy(
    interface = "org.freedesktop.DBus.Properties",
    default_service = "org.freedesktop.systemd1",
    assume_defaults = false
)]
trait Properties {
    /// Every property of an interface.
    fn get_all(&self, interface: InterfaceName<'_>) -> zbus::Result<HashMap<String, OwnedVariant>>;
}

const UNIT: &str = "org.freedesktop.systemd1.Unit";
const SERVICE: &str = "org.freedesktop.systemd1.Service";

/// The units of these names.
pub(super) async fn units(bus: &str, names: &[String]) -> Result<BTreeMap<String, Unit>, Blind> {
    if let Some(path) = bus.strip_prefix("unix:path=")
        && !Path::new(path).exists()
    {
        return Err(Blind::Absent(format!("there is no system bus at {path}")));
    }
    let connection = zbus::connection::Builder::address(bus).build().await.map_err(|error| blind(&error))?;
    let asked = names.iter().map(|name| one(&connection, name));
    let units = futures_util::future::try_join_all(asked).await.map_err(|error| blind(&error))?;
    Ok(names.iter().cloned().zip(units).collect())
}

async fn one(connection: &Connection, name: &str) -> zbus::Result<Unit> {
    let manager =
        ManagerProxy::builder(connection).cache_properties(zbus::proxy::CacheProperties::No).build().await?;
    let path = manager.load_unit(name).await?;
    let object = PropertiesProxy::builder(connection)
        .path(path)
        .cache_properties(zbus::proxy::CacheProperties::No)
        .build()
        .await?;
    let unit = object.get_all(InterfaceName::from_static_str_unchecked(UNIT)).await?;
    let service = object.get_all(InterfaceName::from_static_str_unchecked(SERVICE)).await;
    Ok(read(&unit, &service.unwrap_or_default()))
}

type Bag = HashMap<String, OwnedVariant>;

fn text(bag: &Bag, name: &str) -> String {
    bag.get(name).and_then(|value| value.downcast_ref::<&str>().ok()).unwrap_or_default().to_owned()
}

fn number<'a, T: TryFrom<&'a zbus::Variant<'a>>>(bag: &'a Bag, name: &str) -> Option<T> {
    bag.get(name).and_then(|value| T::try_from(value).ok())
}

/// Microseconds since 1970, of which 0 means never.
fn moment(bag: &Bag, name: &str) -> Option<i64> {
    let micros = number::<u64>(bag, name).filter(|micros| *micros > 0)?;
    i64::try_from(micros / 1000).ok()
}

fn paths(bag: &Bag, name: &str) -> Vec<PathBuf> {
    let texts = bag.get(name).cloned().and_then(|value| Vec::<String>::try_from(value).ok());
    texts.unwrap_or_default().into_iter().map(PathBuf::from).collect()
}

/// One command of a unit, as D-Bus tells it: the program, its arguments, whether it may fail, and six numbers of its last run.
type Exec = (String, Vec<String>, bool, u64, u64, u64, u64, u32, i32, i32);

/// The nodes of Celery that a service starts.
fn nodes(service: &Bag, environment: &[PathBuf]) -> Vec<String> {
    let commands = service.get("ExecStart").cloned();
    let commands = commands.and_then(|value| Vec::<Exec>::try_from(value).ok()).unwrap_or_default();
    let is_multi = |command: &Vec<String>| command.iter().any(|word| word.contains("multi"));
    let commands: Vec<Vec<String>> =
        commands.into_iter().map(|(_, argv, ..)| argv).filter(is_multi).collect();
    // Nobody's environment is read without need.
    if commands.is_empty() {
        return Vec::new();
    }
    let assigned = service.get("Environment").cloned();
    let assigned = assigned.and_then(|value| Vec::<String>::try_from(value).ok()).unwrap_or_default();
    let environment =
        nodes::environment(assigned.iter().map(String::as_str), environment.iter().map(PathBuf::as_path));
    commands.iter().flat_map(|command| nodes::nodes(command, &environment)).collect()
}

fn read(unit: &Bag, service: &Bag) -> Unit {
    // Both mean that nobody counts or waits.
    let bounded = |value: Option<u64>| value.filter(|value| *value < u64::MAX);
    let described = Some(text(unit, "FragmentPath")).filter(|path| !path.is_empty()).map(PathBuf::from);
    let files: Vec<PathBuf> = described.into_iter().chain(paths(unit, "DropInPaths")).collect();
    let environment = service.get("EnvironmentFiles").cloned();
    let environment = environment.and_then(|value| Vec::<(String, bool)>::try_from(value).ok());
    let environment = environment.unwrap_or_default().into_iter().map(|(path, _)| PathBuf::from(path));
    let environment: Vec<PathBuf> = environment.collect();
    let nodes = nodes(service, &environment);
    let files: Vec<PathBuf> = files.into_iter().chain(environment).collect();
    Unit {
        load_state: text(unit, "LoadState"),
        active_state: text(unit, "ActiveState"),
        sub_state: text(unit, "SubState"),
        file_state: text(unit, "UnitFileState"),
        needs_reload: number(unit, "NeedDaemonReload").unwrap_or_default(),
        main_pid: number(service, "MainPID").unwrap_or_default(),
        restarts: number(service, "NRestarts").unwrap_or_default(),
        result: text(service, "Result"),
        memory: bounded(number(service, "MemoryCurrent")),
        state_since_ms: moment(unit, "StateChangeTimestamp"),
        active_since_ms: moment(unit, "ActiveEnterTimestamp"),
        started_ms: moment(service, "ExecMainStartTimestamp"),
        start_timeout_ms: bounded(number(service, "TimeoutStartUSec")).map(|micros| micros / 1000),
        files_changed_ms: files.iter().filter_map(|path| super::machine::changed_ms(path)).max(),
        files,
        nodes,
    }
}

fn blind(error: &zbus::Error) -> Blind {
    let text = error.to_string();
    match error {
        zbus::Error::InputOutput(io) if io.kind() == std::io::ErrorKind::PermissionDenied => {
            Blind::Refused(format!("this user may not talk to systemd: {text}"))
        }
        zbus::Error::InputOutput(io) if io.kind() == std::io::ErrorKind::ConnectionRefused => {
            Blind::Absent(format!("nobody listens on the system bus: {text}"))
        }
        zbus::Error::MethodError(name, ..) if name.as_str().ends_with(".ServiceUnknown") => {
            Blind::Absent("systemd is not on the system bus".to_owned())
        }
        zbus::Error::FDO(known) => match known.as_ref() {
            zbus::fdo::Error::ServiceUnknown(_) | zbus::fdo::Error::NameHasNoOwner(_) => {
                Blind::Absent("systemd is not on the system bus".to_owned())
            }
            zbus::fdo::Error::AccessDenied(_) => {
                Blind::Refused(format!("this user may not ask systemd: {text}"))
            }
            _ => Blind::Broken(format!("systemd does not tell: {text}")),
        },
        _ => Blind::Broken(format!("systemd does not tell: {text}")),
    }
}
