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

/// What is kept of the time to hand on what was read.
const RESERVE: Duration = Duration::from_millis(300);

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

    /// One of `left` logs that share what is left of the time: one that hangs must not cost the others'.
    async fn read_one(&self, scope: &Scope, source: &Source<'_>, left: u32) {
        let share = to_read(scope) / left.max(1);
        let looked = tokio::time::timeout(share, self.text(scope, source)).await;
        let text = looked.unwrap_or_else(|_| {
            Err(format!("not done within {} ms, which is its share of the time", share.as_millis()))
        });
        let text = text.unwrap_or_else(|why| format!("cannot be read: {why}"));
        self.tell(scope, &source.head(), &text);
    }

    async fn text(&self, scope: &Scope, source: &Source<'_>) -> Result<String, String> {
        let count = self.count.to_string();
        let (argv, user): (Vec<&str>, _) = match source {
            Source::Journal(unit) => {
                let words =
                    ["journalctl", "--no-pager", "--output=short-iso", "--lines", &count, "--unit", unit];
                (words.into(), None)
            }
            Source::Container(name) => {
                (["docker", "logs", "--timestamps", "--tail", &count, name].into(), None)
            }
            Source::File(path) => {
                let user = reader(scope, path).await?;
                let path = path.to_str().ok_or("its name is not UTF-8")?;
                (["tail", "-n", &count, "--", path].into(), user)
            }
        };
        let output = scope.run(Command::new(argv).user(user)).await.map_err(|error| error.to_string())?;
        if !output.status.success() {
            return Err(output.complaint());
        }
        // Docker hands on both streams of what it runs.
        let text = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
        Ok(String::from_utf8_lossy(&text).into_owned())
    }
}

/// As whom a log file is read. One that others than root may write is read as the site's user: who could swap it for a link
/// would see with root's eyes.
async fn reader(scope: &Scope, path: &Path) -> Result<Option<User>, String> {
    if scope.context().caller.uid != 0 || matches!(scope.distrust(path).await, Ok(Ok(None))) {
        return Ok(None);
    }
    match scope.site_user().await {
        Ok(Some(user)) => Ok(Some(user)),
        Ok(None) => Err("root reads nothing that others may write".to_owned()),
        Err(finding) => Err(finding.message),
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
    /// Reads them within what is left of the time, however long one of them takes.
    pub async fn read(&self, scope: &Scope) {
        // When nobody tells which containers there are, the files are read still.
        let look = tokio::time::timeout(to_read(scope) / 2, self.service.look(scope)).await.ok();
        let mut sources = Vec::new();
        for part in look.iter().flat_map(|look| &look.parts) {
            if look.as_ref().is_some_and(|look| look.manager == "systemd") {
                sources.push(Source::Journal(&part.unit));
            }
            sources.extend(part.containers.iter().map(|name| Source::Container(name)));
        }
        sources.extend(self.service.component().logs.iter().map(|path| Source::File(path)));
        let mut left = u32::try_from(sources.len()).unwrap_or(u32::MAX);
        for source in &sources {
            self.read_one(scope, source, left).await;
            left = left.saturating_sub(1);
        }
    }
}

/// A log of a component.
enum Source<'a> {
    /// What systemd keeps of a unit.
    Journal(&'a str),
    /// What Docker keeps of a container.
    Container(&'a str),
    /// A file of its own.
    File(&'a Path),
}

impl Source<'_> {
    fn head(&self) -> String {
        match self {
            Self::Journal(unit) => format!("journal of {unit}"),
            Self::Container(name) => format!("container {name}"),
            Self::File(path) => path.display().to_string(),
        }
    }
}

/// How much time there is to read: what was read must be handed on before it is over.
fn to_read(scope: &Scope) -> Duration {
    scope.remaining().saturating_sub(RESERVE)
}

#[cfg(test)]
#[path = "log_lines_tests.rs"]
mod tests;
