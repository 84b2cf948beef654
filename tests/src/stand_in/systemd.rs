//! A systemd that says what it is told to, on a bus of its own.

use std::collections::HashMap;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use zbus::{ObjectPath, OwnedObjectPath};

/// A unit that this systemd tells of.
#[derive(Debug, Clone)]
pub struct FakeUnit {
    /// Its whole name.
    pub name: String,
    /// `loaded`, `masked`, …
    pub load: &'static str,
    /// `active`, `failed`, …
    pub active: &'static str,
    /// `running`, `dead`, …
    pub sub: &'static str,
    /// `enabled`, `disabled`, …
    pub file: &'static str,
    /// Whether its files have changed.
    pub needs_reload: bool,
    /// How often it was restarted.
    pub restarts: u32,
    /// How it ended.
    pub result: &'static str,
    /// For how long it has been in its state.
    pub since: Duration,
    /// Its main process; 0 is none.
    pub main_pid: u32,
}

impl FakeUnit {
    /// One that is well.
    #[must_use]
    pub fn well(name: &str) -> Self {
        Self {
            name: format!("{name}.service"),
            load: "loaded",
            active: "active",
            sub: "running",
            file: "enabled",
            needs_reload: false,
            restarts: 0,
            result: "success",
            since: Duration::from_secs(3600),
            main_pid: 0,
        }
    }

    fn since_us(&self) -> u64 {
        let now = std::time::UNIX_EPOCH.elapsed().unwrap_or_default();
        u64::try_from(now.saturating_sub(self.since).as_micros()).unwrap_or_default()
    }
}

/// systemd's own object.
struct Manager(HashMap<String, OwnedObjectPath>);

#[zbus::interface(name = "org.freedesktop.systemd1.Manager")]
impl Manager {
    fn load_unit(&self, name: &str) -> zbus::fdo::Result<OwnedObjectPath> {
        let path = self.0.get(name).or_else(|| self.0.get(""));
        path.cloned().ok_or_else(|| zbus::fdo::Error::Failed(format!("no unit {name}")))
    }
}

/// What all units have.
struct Unit(FakeUnit);

#[zbus::interface(name = "org.freedesktop.systemd1.Unit")]
impl Unit {
    #[zbus(property)]
    fn load_state(&self) -> String {
        self.0.load.to_owned()
    }
    #[zbus(property)]
    fn active_state(&self) -> String {
        self.0.active.to_owned()
    }
    #[zbus(property)]
    fn sub_state(&self) -> String {
        self.0.sub.to_owned()
    }
    #[zbus(property)]
    fn unit_file_state(&self) -> String {
        self.0.file.to_owned()
    }
    #[zbus(property)]
    fn need_daemon_reload(&self) -> bool {
        self.0.needs_reload
    }
    #[zbus(property)]
    fn state_change_timestamp(&self) -> u64 {
        self.0.since_us()
    }
    #[zbus(property)]
    fn active_enter_timestamp(&self) -> u64 {
        self.0.since_us()
    }
    #[zbus(property)]
    fn fragment_path(&self) -> String {
        String::new()
    }
    #[zbus(property)]
    fn drop_in_paths(&self) -> Vec<String> {
        Vec::new()
    }
}

/// What those have that run something.
struct Service(FakeUnit);

#[zbus::interface(name = "org.freedesktop.systemd1.Service")]
impl Service {
    #[zbus(property, name = "MainPID")]
    fn main_pid(&self) -> u32 {
        self.0.main_pid
    }
    #[zbus(property, name = "NRestarts")]
    fn restarts(&self) -> u32 {
        self.0.restarts
    }
    #[zbus(property)]
    fn result(&self) -> String {
        self.0.result.to_owned()
    }
    #[zbus(property)]
    fn memory_current(&self) -> u64 {
        u64::MAX
    }
    #[zbus(property)]
    fn exec_main_start_timestamp(&self) -> u64 {
        self.0.since_us()
    }
    #[zbus(property, name = "TimeoutStartUSec")]
    fn timeout_start(&self) -> u64 {
        u64::MAX
    }
    #[zbus(property)]
    fn environment_files(&self) -> Vec<(String, bool)> {
        Vec::new()
    }
}

/// A bus with a systemd on it; both end with it.
pub struct Bus {
    /// The bus' address.
    pub address: String,
    daemon: Child,
    _stop: tokio::sync::oneshot::Sender<()>,
}

impl Bus {
    /// A bus in this directory. Units that it is not told of do not exist.
    ///
    /// # Panics
    /// `dbus-daemon` is missing or does not start.
    #[must_use]
    pub fn new(directory: &Path, units: Vec<FakeUnit>) -> Self {
        let socket = directory.join("bus");
        let address = format!("unix:path={}", socket.display());
        let daemon = daemon(&socket, &address);
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let (ready, is_ready) = std::sync::mpsc::channel();
        let own = address.clone();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let _connection = serve(&own, units).await.unwrap();
                ready.send(()).unwrap();
                // Whoever holds the other end lets it go.
                let _ = stopped.await;
            });
        });
        is_ready.recv_timeout(Duration::from_secs(10)).expect("systemd's stand-in is on its bus");
        Self { address, daemon, _stop: stop }
    }
}

impl Drop for Bus {
    fn drop(&mut self) {
        let _ = self.daemon.kill();
        let _ = self.daemon.wait();
    }
}

fn daemon(socket: &Path, address: &str) -> Child {
    let mut command = Command::new("dbus-daemon");
    command.args(["--session", "--nofork", "--nopidfile", "--nosyslog", &format!("--address={address}")]);
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let child = child.expect("dbus-daemon starts: it is in the package `dbus`");
    let until = Instant::now() + Duration::from_secs(10);
    while !socket.exists() && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(5));
    }
    child
}

async fn serve(address: &str, units: Vec<FakeUnit>) -> zbus::Result<zbus::Connection> {
    let mut paths = HashMap::new();
    let missing =
        FakeUnit { load: "not-found", active: "inactive", sub: "dead", file: "", ..FakeUnit::well("") };
    let mut builder = zbus::connection::Builder::address(address);
    let all = units.into_iter().chain([FakeUnit { name: String::new(), ..missing }]);
    for (number, unit) in all.enumerate() {
        let path = ObjectPath::try_from(format!("/org/freedesktop/systemd1/unit/u{number}"))?;
        paths.insert(unit.name.clone(), OwnedObjectPath::from(path.clone()));
        builder = builder.serve_at(path.clone(), Unit(unit.clone())).serve_at(path, Service(unit));
    }
    builder
        .serve_at("/org/freedesktop/systemd1", Manager(paths))
        .name("org.freedesktop.systemd1")
        .build()
        .await
}
