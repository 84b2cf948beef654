//! The last lines that a component has left: in the journal, in Docker's log, in its own files.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use coursys_ops_core::model::{CheckSpec, Finding};
use coursys_ops_core::process::{Command, User};
use coursys_ops_core::service::Service;
use coursys_ops_core::{Check, Scope};

/// Whoever reads a log waits for a moment.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Reads logs as a check does, because only checks start processes; what they say is taken out afterwards.
pub struct LogLines {
    spec: CheckSpec,
    service: Arc<dyn Service>,
    count: u32,
    lines: Mutex<Vec<String>>,
}

impl LogLines {
    /// The last `count` lines of each log of a component.
    #[must_use]
    pub fn new(service: Arc<dyn Service>, count: u32) -> Self {
        let spec = CheckSpec::new("log.lines", "Logs").timeout(TIMEOUT);
        Self { spec, service, count, lines: Mutex::default() }
    }

    /// The lines, each log below its name; secrets are redacted.
    #[must_use]
    pub fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.lines.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn tell(&self, scope: &Scope, head: &str, text: &str) {
        let redactor = &scope.context().redactor;
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.push(format!("== {head}"));
        lines.extend(text.lines().map(|line| redactor.redact(line.to_owned())));
    }

    async fn run(&self, scope: &Scope, head: &str, argv: Vec<String>, user: Option<User>) {
        match scope.run(Command::new(argv).user(user)).await {
            Ok(output) if output.status.success() => {
                // Docker hands on both streams of what it runs.
                let text = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
                self.tell(scope, head, &String::from_utf8_lossy(&text));
            }
            Ok(output) => self.tell(scope, head, &format!("cannot be read: {}", output.complaint())),
            Err(error) => self.tell(scope, head, &format!("cannot be read: {error}")),
        }
    }

    /// A file that others than root may write is read as the site's user: who could swap it for a link would see with
    /// root's eyes.
    async fn file(&self, scope: &Scope, path: &Path, count: &str) {
        let head = path.display().to_string();
        let argv = ["tail", "-n", count, "--", &head].map(ToOwned::to_owned).to_vec();
        let trusted = matches!(scope.distrust(path).await, Ok(Ok(None)));
        let user = if trusted || scope.context().caller.uid != 0 {
            None
        } else {
            match scope.site_user().await {
                Ok(Some(user)) => Some(user),
                Ok(None) => {
                    return self.tell(
                        scope,
                        &head,
                        "cannot be read: root reads nothing that others may write",
                    );
                }
                Err(finding) => {
                    return self.tell(scope, &head, &format!("cannot be read: {}", finding.message));
                }
            }
        };
        self.run(scope, &head, argv, user).await;
    }
}

#[async_trait]
impl Check for LogLines {
    fn spec(&self) -> &CheckSpec {
        &self.spec
    }

    async fn look(&self, scope: &Scope) -> Vec<Finding> {
        self.read(scope).await;
        vec![Finding::passed("read")]
    }
}

impl LogLines {
    /// Reads them.
    pub async fn read(&self, scope: &Scope) {
        let look = self.service.look(scope).await;
        let count = self.count.to_string();
        for part in &look.parts {
            if look.manager == "systemd" {
                let argv = [
                    "journalctl",
                    "--no-pager",
                    "--output=short-iso",
                    "--lines",
                    &count,
                    "--unit",
                    &part.unit,
                ];
                let argv = argv.map(ToOwned::to_owned).to_vec();
                self.run(scope, &format!("journal of {}", part.unit), argv, None).await;
            }
            for container in &part.containers {
                let argv =
                    ["docker", "logs", "--timestamps", "--tail", &count, container].map(ToOwned::to_owned);
                self.run(scope, &format!("container {container}"), argv.to_vec(), None).await;
            }
        }
        for path in &self.service.component().logs {
            self.file(scope, path, &count).await;
        }
    }
}
