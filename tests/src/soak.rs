//! A normal load on the site, and the alarms that its checks give meanwhile.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{JoinHandle, sleep};
use std::time::Duration;

use coursys_ops_core::model::Status;

use crate::Servers;
use crate::matrix::{baseline, says};

/// Between two pages, and between two questions to the index.
const PAUSE: Duration = Duration::from_millis(200);

/// Sends short tasks to every queue, one each half a second, until its standard input ends. They are the site's own, sent
/// as the site sends them.
const TASKS: &str = r#"
import os, select, sys
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "site_fixture.settings")
import django
django.setup()
from site_fixture.celery import app
sent = 0
while not select.select([sys.stdin], [], [], 0.1)[0]:
    queue = ["batch", "fast", "email", "photo", "sims"][sent % 5]
    app.send_task("coredata.tasks.email_queue_ping", queue=queue)
    sent += 1
"#;

/// Pages, tasks and queries, until it is dropped.
pub struct Load {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
    tasks: Child,
    pages: Arc<AtomicU64>,
    queries: Arc<AtomicU64>,
}

impl Load {
    /// Starts it.
    ///
    /// # Panics
    /// The site's Python does not start.
    #[must_use]
    pub fn start(servers: &Servers) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (pages, queries) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let port = |section: &str| -> u16 { servers.configured(section, "port").parse().expect("a port") };
        let page = "GET /docs/ HTTP/1.1\r\nhost: coursys.test\r\nconnection: close\r\n\r\n".to_owned();
        let index = servers.configured("search", "index");
        let query =
            format!("GET /{index}/_search?q=cmpt HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
        let threads = vec![
            ask_over_and_over(port("web"), page, &stop, &pages),
            ask_over_and_over(port("search"), query, &stop, &queries),
        ];
        let user = servers.configured("site", "user");
        let mut tasks = Command::new("setpriv");
        tasks.args(["--reuid", &user, "--clear-groups", &servers.configured("site", "python"), "-c", TASKS]);
        tasks.current_dir(servers.configured("site", "dir")).stdin(Stdio::piped()).stdout(Stdio::null());
        tasks.env("HOME", servers.configured("site", "user_home")).env("LANG", "C.UTF-8");
        tasks.env("COURSYS_OPS_SERVERS", servers.root()).env("COURSYS_OPS_SERVER", "load");
        let tasks = tasks.spawn().expect("the site's Python");
        Self { stop, threads, tasks, pages, queries }
    }
}

/// Sends a request again and again, and counts the answers that are 200.
fn ask_over_and_over(
    port: u16,
    request: String,
    stop: &Arc<AtomicBool>,
    answered: &Arc<AtomicU64>,
) -> JoinHandle<()> {
    let (stop, answered) = (Arc::clone(stop), Arc::clone(answered));
    std::thread::spawn(move || {
        while !stop.load(Ordering::SeqCst) {
            let ask = || -> std::io::Result<bool> {
                let mut stream = TcpStream::connect(("127.0.0.1", port))?;
                stream.set_read_timeout(Some(Duration::from_secs(30)))?;
                stream.write_all(request.as_bytes())?;
                let mut answer = Vec::new();
                stream.read_to_end(&mut answer)?;
                Ok(answer.starts_with(b"HTTP/1.1 200"))
            };
            answered.fetch_add(u64::from(ask().unwrap_or(false)), Ordering::Relaxed);
            sleep(PAUSE);
        }
    })
}

impl fmt::Display for Load {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (pages, queries) = (self.pages.load(Ordering::Relaxed), self.queries.load(Ordering::Relaxed));
        write!(f, "meanwhile {pages} pages and {queries} queries were answered")
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        drop(self.tasks.stdin.take());
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
        let _ = self.tasks.wait();
    }
}

/// What the runs have said that they should not.
#[derive(Debug, Default)]
pub struct Alarms {
    runs: u32,
    worst: Duration,
    of: BTreeMap<String, u32>,
}

impl Alarms {
    /// Looks once; returns each alarm in a line.
    pub fn look(&mut self, servers: &Servers) -> Vec<String> {
        let run = servers.program().check([]);
        self.runs += 1;
        self.worst = self.worst.max(run.took);
        let mut lines = run.offences();
        for check in &run.report().checks {
            let alarm = matches!(check.status, Status::Failed | Status::Unknown | Status::Warning);
            let said = says(check);
            if alarm && !baseline::is_one_of(&said, baseline::healthy(&check.id)) {
                let message = check.findings.iter().find(|finding| finding.status == check.status);
                let message = message.map_or("", |finding| finding.message.as_str());
                lines.push(format!("{} {said}: {}", check.id, message.escape_debug()));
                *self.of.entry(check.id.clone()).or_default() += 1;
            }
        }
        if !lines.is_empty() && self.of.is_empty() {
            *self.of.entry("the run itself".to_owned()).or_default() += 1;
        }
        lines
    }

    /// Whether there were none.
    #[must_use]
    pub fn none(&self) -> bool {
        self.of.is_empty()
    }

    /// How many runs there were.
    #[must_use]
    pub const fn runs(&self) -> u32 {
        self.runs
    }
}

impl fmt::Display for Alarms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} runs, the longest of {:.2} s", self.runs, self.worst.as_secs_f64())?;
        if self.none() {
            return write!(f, ", no false alarm");
        }
        let of: Vec<String> = self.of.iter().map(|(id, count)| format!("{id} ({count})")).collect();
        write!(f, ", false alarms of {}", of.join(", "))
    }
}
