//! A Docker that says what it is told to: containers of compose services in states that a real one cannot be brought into
//! without an engine.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::thread;

use serde_json::{Value, json};

/// The project that its containers are of.
pub const PROJECT: &str = "fault";

/// The id of the image that every container is of.
const IMAGE: &str = "sha256:1111111111111111111111111111111111111111111111111111111111111111";

/// A container of a compose service.
#[derive(Debug, Clone)]
pub struct FakeContainer {
    /// The service.
    pub service: &'static str,
    /// `running`, `exited`, …
    pub state: &'static str,
    /// What its main process exited with.
    pub exit_code: i64,
    /// Why Docker could not start it; empty when it could.
    pub error: &'static str,
    /// When Docker starts it again by itself.
    pub policy: &'static str,
    /// `healthy`, `unhealthy`; nothing when nobody looks.
    pub health: Option<&'static str>,
    /// How often it was restarted.
    pub restarts: i64,
    /// The id of the image that its name means now.
    pub image_now: &'static str,
    /// A port that it publishes, with the address.
    pub published: Option<(&'static str, u16)>,
}

impl FakeContainer {
    /// One that is well.
    #[must_use]
    pub const fn well(service: &'static str) -> Self {
        Self {
            service,
            state: "running",
            exit_code: 0,
            error: "",
            policy: "always",
            health: None,
            restarts: 0,
            image_now: IMAGE,
            published: None,
        }
    }

    fn image(&self) -> String {
        format!("{}:1", self.service)
    }

    fn summary(&self) -> Value {
        let labels = json!({
            "com.docker.compose.project": PROJECT, "com.docker.compose.service": self.service,
            "com.docker.compose.oneoff": "False", "com.docker.compose.version": "1.29.2",
        });
        let ports = self
            .published
            .map(|(ip, port)| json!({"IP": ip, "PrivatePort": port, "PublicPort": port, "Type": "tcp"}));
        json!({
            "Id": self.service, "Names": [format!("/{PROJECT}_{}_1", self.service)], "Image": self.image(), "ImageID": IMAGE,
            "Created": 1_700_000_000, "Ports": ports.into_iter().collect::<Vec<_>>(), "Labels": labels,
            "State": self.state, "Status": "some words",
        })
    }

    fn inspected(&self) -> Value {
        let health = self.health.map(|health| json!({"Status": health, "FailingStreak": 3, "Log": [
            {"Start": "2026-11-01T00:00:00Z", "End": "2026-11-01T00:00:00Z", "ExitCode": 1, "Output": "it hurts"}]}));
        json!({
            "Id": self.service, "Created": "2026-11-01T00:00:00Z", "Name": format!("/{PROJECT}_{}_1", self.service),
            "Image": IMAGE, "RestartCount": self.restarts, "Config": {"Image": self.image()},
            "State": {
                "Status": self.state, "Running": self.state == "running", "Pid": 0, "ExitCode": self.exit_code,
                "OOMKilled": false, "Error": self.error, "StartedAt": "2026-11-01T00:00:00Z", "FinishedAt": "0001-01-01T00:00:00Z", "Health": health,
            },
            "HostConfig": {"RestartPolicy": {"Name": self.policy, "MaximumRetryCount": 0}, "Memory": 0},
            "NetworkSettings": {"Networks": {}}, "Mounts": [],
        })
    }
}

/// How the engine behaves.
#[derive(Debug, Clone)]
pub enum Engine {
    /// It tells of these containers.
    Tells(Vec<FakeContainer>),
    /// It takes questions and never answers.
    Silent,
    /// It answers with something that is no HTTP.
    Garbage,
}

/// Serves at this path; lasts as long as the test program.
///
/// # Panics
/// The socket cannot be made.
pub fn serve(socket: &Path, engine: Engine) {
    let listener = UnixListener::bind(socket).unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let engine = engine.clone();
            thread::spawn(move || {
                // Who asked may have gone.
                let _ = converse(stream, &engine);
            });
        }
    });
}

fn converse(mut stream: UnixStream, engine: &Engine) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    loop {
        let mut request = String::new();
        if reader.read_line(&mut request)? == 0 {
            return Ok(());
        }
        let mut header = String::from("x");
        while !header.trim().is_empty() {
            header.clear();
            reader.read_line(&mut header)?;
        }
        let containers = match engine {
            Engine::Tells(containers) => containers,
            Engine::Silent => {
                thread::sleep(std::time::Duration::from_secs(3600));
                return Ok(());
            }
            Engine::Garbage => return stream.write_all(b"\x1b]0;pwned\x07 this is no HTTP\r\n\r\n"),
        };
        let path = request.split(' ').nth(1).unwrap_or_default();
        let path = path.split('?').next().unwrap_or_default();
        let inspected =
            containers.iter().find(|one| path.ends_with(&format!("/containers/{}/json", one.service)));
        let body = if let Some(container) = inspected {
            container.inspected()
        } else if path.ends_with("/containers/json") {
            containers.iter().map(FakeContainer::summary).collect()
        } else if path.ends_with("/images/json") {
            let image = |one: &FakeContainer| {
                json!({
                    "Id": one.image_now, "ParentId": "", "RepoTags": [one.image()], "RepoDigests": [], "Created": 0, "Size": 0,
                    "SharedSize": -1, "Labels": {}, "Containers": -1,
                })
            };
            containers.iter().map(image).collect()
        } else {
            json!({"message": "page not found"})
        };
        let body = body.to_string();
        write!(
            stream,
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )?;
    }
}
