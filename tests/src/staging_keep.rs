//! What a test breaks on a staging server is mended after it, also when it fails.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::staging::{Ended, Staging};

/// How long a server may take to be well again: Elasticsearch and RabbitMQ begin anew in the worst case.
const RECOVERY: Duration = Duration::from_secs(120);

/// Keeps the files that tests change, and what each image's name means.
const SAVE: &str = r#"
set -eu
coursys-ops abandon --wait=60 2>/dev/null || true
kept=/run/staging-kept
rm -rf $kept
for dir in etc/systemd/system etc/nginx etc/sudoers.d etc/coursys-ops; do
    mkdir -p $kept/$dir
    cp -a /$dir/. $kept/$dir
done
cp -a /coursys/docker-compose.yml $kept/
docker image ls --format '{{.ID}} {{.Repository}}:{{.Tag}}' >$kept/images
"#;

/// Puts them back, and lets everything go on that was halted or stopped.
const MEND: &str = r#"
kept=/run/staging-kept
for dir in etc/systemd/system etc/nginx etc/sudoers.d etc/coursys-ops; do
    if ! diff -r -q --no-dereference $kept/$dir /$dir >/dev/null; then
        find /$dir -mindepth 1 -delete
        cp -a $kept/$dir/. /$dir
    fi
done
cmp -s $kept/docker-compose.yml /coursys/docker-compose.yml || cp -a $kept/docker-compose.yml /coursys/
rm -f /coursys/503
units="nginx gunicorn celery celerybeat"
for unit in docker $units; do
    systemctl kill --signal=CONT $unit 2>/dev/null
done
systemctl daemon-reload
systemctl reset-failed
systemctl start docker
while read -r id name; do
    [ "$(docker image inspect --format '{{.Id}}' "$name" | cut -d: -f2 | cut -c1-12)" = "$id" ] || docker tag "$id" "$name"
done <$kept/images
docker ps --quiet --filter status=paused | xargs -r docker unpause
docker ps --quiet | xargs -r docker inspect --format '{{.State.Pid}}' | xargs -r kill -CONT
coursys-ops abandon --wait=60
runuser -u coursys -- env --chdir=/coursys docker-compose --ansi never up -d --no-recreate
systemctl start $units
true
"#;

/// A server whose state is kept: it is well when this is made, and when it is gone.
pub struct Kept<'a> {
    server: &'a Staging,
}

/// A component as `status` shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Component {
    /// Its state, a word.
    pub state: String,
    /// What has drifted, but for what cron does: words.
    pub drift: Vec<String>,
}

impl Component {
    fn is_well(&self) -> bool {
        matches!(self.state.as_str(), "running" | "elsewhere") && self.drift.is_empty()
    }
}

impl Staging {
    /// Keeps the state of the server until what this returns is dropped.
    ///
    /// # Panics
    /// The server is not well to begin with.
    #[must_use]
    pub fn keep(&self) -> Kept<'_> {
        self.done(&["sh", "-c", SAVE]);
        let kept = Kept { server: self };
        kept.wait_for_health();
        kept
    }

    /// Runs the program as root.
    #[must_use]
    pub fn coursys_ops(&self, args: &[&str]) -> Ended {
        self.run(&[&["coursys-ops"], args].concat())
    }

    /// What `status` shows of each component; these options go before.
    ///
    /// # Panics
    /// It prints no document.
    #[must_use]
    pub fn components(&self, options: &[&str]) -> BTreeMap<String, Component> {
        let ended = self.coursys_ops(&[options, &["status", "--format", "json"]].concat());
        let document: serde_json::Value =
            serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {ended:?}"));
        let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        let list = |value: &serde_json::Value| value.as_array().cloned().unwrap_or_default();
        let one = |component: &serde_json::Value| {
            let parts = list(&component["parts"]);
            let drift = parts.iter().flat_map(|part| list(&part["drift"])).map(|drift| text(&drift["kind"]));
            let drift = drift.filter(|kind| kind != "cron_restarts").collect();
            (text(&component["component"]), Component { state: text(&component["state"]), drift })
        };
        list(&document["components"]).iter().map(one).collect()
    }
}

impl Kept<'_> {
    /// Waits until every component runs, without drift, and all checks pass.
    ///
    /// # Panics
    /// That does not come.
    pub fn wait_for_health(&self) {
        self.wait_for_components();
        let mut last = None;
        let started = Instant::now();
        while started.elapsed() < RECOVERY {
            let ended = self.server.coursys_ops(&["check"]);
            if ended.code == 0 {
                return;
            }
            last = Some(ended);
            std::thread::sleep(Duration::from_millis(500));
        }
        panic!("the checks do not pass: {last:?}");
    }

    /// Waits until every component runs, without drift.
    ///
    /// # Panics
    /// That does not come.
    pub fn wait_for_components(&self) {
        let mut ill = BTreeMap::new();
        let started = Instant::now();
        while started.elapsed() < RECOVERY {
            ill = self.server.components(&[]);
            ill.retain(|_, component| !component.is_well());
            if ill.is_empty() {
                return;
            }
            std::thread::sleep(Duration::from_millis(200));
        }
        panic!("not well: {ill:?}");
    }

    /// Mends whatever is broken, and waits until all checks pass.
    fn mend(&self) {
        let ended = self.server.run(&["sh", "-c", MEND]);
        for (name, component) in self.server.components(&[]) {
            if component.is_well() {
                continue;
            }
            eprintln!("mending: {name} is {component:?}");
            let again = ["nginx", "gunicorn", "celery", "celerybeat", "docker"].contains(&name.as_str());
            let argv: &[&str] = if again {
                &["systemctl", "restart", &name]
            } else {
                let script =
                    "cd /coursys && exec docker-compose --ansi never up -d --force-recreate --no-deps ";
                &["runuser", "-u", "coursys", "--", "sh", "-c", &format!("{script}{name}")]
            };
            let ended = self.server.run(argv);
            if ended.code != 0 {
                eprintln!("mending: {argv:?}: {ended:?}");
            }
        }
        if ended.code != 0 {
            eprintln!("mending: {ended:?}");
        }
        self.wait_for_health();
    }
}

impl Drop for Kept<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            // A second panic would hide the first.
            let mended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| self.mend()));
            if mended.is_err() {
                eprintln!("the server could not be mended: the tests after this one are in vain");
            }
        } else {
            self.mend();
        }
    }
}
