//! Whatever becomes of a component is seen as what it is, by `status` and by the checks, and nothing else is blamed.

use std::collections::BTreeMap;

use coursys_ops_core::model::{CheckReport, Report, Status};
use coursys_ops_tests::{Component, Kept, Staging, staging};

const VM: &str = "vm";

const UNITS: [&str; 4] = ["nginx", "gunicorn", "celery", "celerybeat"];
const CONTAINERS: [&str; 4] = ["elasticsearch", "memcached", "rabbitmq", "ruby-markup"];

/// One component, broken in one way.
struct Row {
    name: String,
    component: &'static str,
    /// Options of the program.
    options: Vec<String>,
    breaks: String,
    mends: String,
    /// What `status` shows: the state, and what has drifted.
    state: &'static str,
    drift: Vec<&'static str>,
    /// What `service.NAME` says: `failed unit_failed`.
    check: &'static str,
    /// The others that are not as always, with their state.
    beside: Vec<(&'static str, &'static str)>,
}

impl Row {
    fn new(component: &'static str, what: &str, breaks: String, mends: String) -> Self {
        let name = format!("{component}: {what}");
        let (state, check, drift, beside) = ("running", "passed", vec![], vec![]);
        Self { name, component, options: vec![], breaks, mends, state, drift, check, beside }
    }

    fn option(mut self, key: &str, value: &str) -> Self {
        self.options.extend(["--set".to_owned(), format!("{key}={value}")]);
        self
    }

    fn state(mut self, state: &'static str, check: &'static str) -> Self {
        (self.state, self.check) = (state, check);
        self
    }

    fn drift(mut self, drift: &'static str) -> Self {
        self.drift.push(drift);
        self
    }

    fn beside(mut self, name: &'static str, state: &'static str) -> Self {
        self.beside.push((name, state));
        self
    }

    /// Breaks the component, looks, mends it; tells what was not seen as it should be.
    fn prove(&self, server: &Staging, kept: &Kept<'_>) -> Option<String> {
        eprintln!("{}", self.name);
        server.done(&["sh", "-c", &self.breaks]);
        let options: Vec<&str> = self.options.iter().map(String::as_str).collect();
        // A restart that fails, or a health check of Docker's, takes its time.
        let mut wrong = String::new();
        for _ in 0..20 {
            wrong = self.wrong(server, &options);
            if wrong.is_empty() {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(500));
        }
        server.done(&["sh", "-c", &self.mends]);
        kept.wait_for_components();
        (!wrong.is_empty()).then(|| format!("{}:{wrong}", self.name))
    }

    /// What is not seen as it should be.
    fn wrong(&self, server: &Staging, options: &[&str]) -> String {
        let mut wrong = String::new();
        let mut differs = |what: String, is: String, should: &str| {
            if is != should {
                wrong += &format!("\n  {what} is `{is}`, should be `{should}`");
            }
        };
        let words = |component: &Component| {
            let drift = component.drift.iter().map(String::as_str);
            std::iter::once(component.state.as_str()).chain(drift).collect::<Vec<_>>().join(" ")
        };
        for (name, seen) in
            server.components(options).into_iter().filter(|(_, seen)| seen.state != "elsewhere")
        {
            let beside =
                self.beside.iter().find(|(other, _)| *other == name).map_or("running", |(_, state)| state);
            let own = [&[self.state], &self.drift[..]].concat().join(" ");
            differs(
                format!("status of {name}"),
                words(&seen),
                if name == self.component { &own } else { beside },
            );
        }
        let culprit = format!("service.{}", self.component);
        for (id, check) in checks(server, options) {
            let is = says(&check);
            if id == culprit {
                differs(id, is, self.check);
            } else if check.because.iter().any(|root| *root != culprit) || check.status != Status::Skipped {
                differs(id, is, "passed");
            }
        }
        wrong
    }
}

/// Breaks one after the other: all that are wrong are told, not the first alone.
fn prove<'a>(server: &Staging, kept: &Kept<'_>, rows: impl Iterator<Item = &'a Row>) {
    let wrong: Vec<String> = rows.filter_map(|row| row.prove(server, kept)).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn checks(server: &Staging, options: &[&str]) -> BTreeMap<String, CheckReport> {
    let ended = server.coursys_ops(&[options, &["check", "service.*", "--format", "json"]].concat());
    let report: Report =
        serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {ended:?}"));
    report.checks.into_iter().map(|check| (check.id.clone(), check)).collect()
}

/// The status and the code of the finding that makes it.
fn says(check: &CheckReport) -> String {
    let finding = check.findings.iter().find(|finding| finding.status == check.status);
    match finding {
        Some(finding) if check.status != Status::Passed => {
            format!("{} {}", check.status.as_str(), finding.code.as_str())
        }
        _ => check.status.as_str().to_owned(),
    }
}

/// Changes the description of a unit, and makes systemd read it.
fn drop_in(unit: &str, lines: &str) -> String {
    let dir = format!("/etc/systemd/system/{unit}.service.d");
    format!("mkdir -p {dir}; printf '{lines}' >{dir}/test.conf; systemctl daemon-reload")
}

/// Takes that back.
fn back(unit: &str) -> String {
    let dir = format!("/etc/systemd/system/{unit}.service.d");
    format!(
        "rm -f {dir}/test.conf; rmdir {dir} 2>/dev/null; systemctl daemon-reload; systemctl reset-failed {unit} \
         2>/dev/null; systemctl restart {unit}"
    )
}

/// Each way in which a unit can be ill.
fn unit(unit: &'static str) -> Vec<Row> {
    let row =
        |what: &str, breaks: &str, mends: &str| Row::new(unit, what, breaks.to_owned(), mends.to_owned());
    let start = format!("systemctl reset-failed {unit} 2>/dev/null; systemctl start {unit}");
    // On a busy machine one is killed that takes too long to stop, which systemd calls a failure.
    let stop = format!("systemctl stop {unit}; systemctl reset-failed {unit} 2>/dev/null; true");
    let fails = "ExecStart=\\nExecStart=/bin/false\\n";
    let changed = |lines: &str, then: &str| format!("{}; {then}; true", drop_in(unit, lines));
    let file = format!("$(systemctl show --value --property FragmentPath {unit})");
    let own = format!("/etc/systemd/system/{unit}.service");
    // Where its file lies in /etc, `systemctl mask` refuses; a link in its place does the same.
    let mask = format!(
        "if [ -f {own} ]; then mv {own} /run/{unit}.masked; ln -s /dev/null {own}; systemctl daemon-reload; else \
         systemctl --quiet mask {unit}; fi"
    );
    let unmask = format!(
        "if [ -f /run/{unit}.masked ]; then mv -f /run/{unit}.masked {own}; else systemctl --quiet unmask {unit}; \
         fi; systemctl daemon-reload; systemctl restart {unit}"
    );
    // Nobody knows how one ended of whose processes systemd knows none as the main one.
    let killed = if unit == "celery" {
        row("killed", &format!("systemctl kill --signal=KILL {unit}"), &start)
            .state("stopped", "failed not_running")
            .drift("not_running")
    } else {
        row("killed", &format!("systemctl kill --signal=KILL {unit}"), &start)
            .state("failed", "failed unit_failed")
    };
    let loops =
        format!("[Unit]\\nStartLimitIntervalSec=0\\n[Service]\\n{fails}Restart=always\\nRestartSec=300ms\\n");
    let gives_up = format!(
        "[Unit]\\nStartLimitIntervalSec=60\\nStartLimitBurst=5\\n[Service]\\n{fails}Restart=always\\n"
    );
    let hangs = "[Service]\\nType=notify\\nExecStart=\\nExecStart=/bin/sleep infinity\\nTimeoutStartSec=infinity\\n\
                 KillSignal=SIGKILL\\n";
    vec![
        row("stopped", &stop, &start).state("stopped", "failed not_running").drift("not_running"),
        killed,
        row(
            "fails at start",
            &changed(&format!("[Service]\\n{fails}"), &format!("systemctl restart {unit}")),
            &back(unit),
        )
        .state("failed", "failed unit_failed"),
        row(
            "restarts over and over",
            &changed(&loops, &format!("systemctl restart --no-block {unit}")),
            &back(unit),
        )
        .state("restarting", "failed restart_loop")
        .drift("restart_loop"),
        row(
            "was given up",
            &changed(&gives_up, &format!("systemctl restart --no-block {unit}")),
            &back(unit),
        )
        .state("failed", "failed restart_loop")
        .drift("restart_loop"),
        row("starts for ever", &changed(hangs, &format!("systemctl restart --no-block {unit}")), &back(unit))
            .option(&format!("components.{unit}.patience_s"), "1")
            .state("starting", "failed stuck_starting")
            .drift("stuck_starting"),
        row(
            "disabled",
            &format!("systemctl --quiet disable {unit}"),
            &format!("systemctl --quiet enable {unit}"),
        )
        .state("running", "warning not_enabled")
        .drift("not_enabled"),
        row("masked while it runs", &mask, &unmask).state("running", "warning masked").drift("masked"),
        row("masked", &format!("{stop}; {mask}"), &unmask).state("stopped", "failed masked").drift("masked"),
        row(
            "hung",
            &format!("systemctl kill --signal=STOP {unit}"),
            &format!("systemctl kill --signal=CONT {unit}"),
        )
        .state("paused", "failed paused"),
        row(
            "described otherwise, and nobody told systemd",
            &format!("sleep 1.2; cp -a {file} /run/{unit}.kept; touch {file}"),
            &format!("cp -a /run/{unit}.kept {file}; systemctl daemon-reload"),
        )
        .state("running", "warning reload_needed")
        .drift("reload_needed"),
        row(
            "of an outdated description",
            &format!("sleep 1.2; {}", drop_in(unit, "[Unit]\\nDescription=other\\n")),
            &back(unit),
        )
        .state("running", "warning outdated")
        .drift("old_configuration"),
    ]
}

/// Each way in which a container can be ill.
fn container(name: &'static str) -> Vec<Row> {
    let id = format!("coursys_{name}_1");
    let row =
        |what: &str, breaks: &str, mends: &str| Row::new(name, what, breaks.to_owned(), mends.to_owned());
    let start = format!("docker start {id}");
    let main = format!("$(docker inspect --format '{{{{.State.Pid}}}}' {id})");
    let compose = "runuser -u coursys -- env --chdir=/coursys docker-compose --ansi never";
    let anew = format!("{compose} up -d --no-deps --force-recreate {name} 2>&1");
    vec![
        row("stopped", &format!("docker stop --time 20 {id}"), &start).state("stopped", "failed not_running"),
        row("killed", &format!("docker kill {id}"), &start).state("stopped", "failed not_running"),
        row("paused", &format!("docker pause {id}"), &format!("docker unpause {id}"))
            .state("paused", "failed paused"),
        row("hung", &format!("kill -STOP {main}"), &format!("kill -CONT {main}")).state("paused", "failed paused"),
    ]
    .into_iter()
    .chain([
        row("removed", &format!("docker rm --force {id}"), &format!("{compose} up -d --no-deps {name} 2>&1"))
            .state("missing", "failed not_running"),
        row(
            "of an older image",
            &format!(
                "image=$(docker inspect --format '{{{{.Config.Image}}}}' {id}); docker tag $image kept:{name}; docker \
                 tag coursys-staging/debian:latest $image"
            ),
            &format!(
                "image=$(docker inspect --format '{{{{.Config.Image}}}}' {id}); docker tag kept:{name} $image; docker \
                 rmi kept:{name}"
            ),
        )
        .state("running", "warning outdated")
        .drift("old_image"),
        row(
            "found unwell by Docker",
            &format!(
                "printf 'version: \"3\"\\nservices: {{{name}: {{healthcheck: {{test: [CMD, \"false\"], interval: 1s, \
                 retries: 1}}}}}}\\n' >/run/unwell.yml; {compose} -f docker-compose.yml -f /run/unwell.yml up -d \
                 --no-deps {name} 2>&1"
            ),
            &anew,
        )
        .state("unhealthy", "failed unhealthy"),
        row(
            "restarts over and over",
            &format!("for i in 1 2 3 4; do kill -KILL {main}; sleep 1.5; done; true"),
            &anew,
        )
        .state("running", "failed restart_loop")
        .drift("restart_loop"),
    ])
    .collect()
}

fn docker() -> Vec<Row> {
    let row =
        |what: &str, breaks: &str, mends: &str| Row::new("docker", what, breaks.to_owned(), mends.to_owned());
    let all = |row: Row, state| CONTAINERS.iter().fold(row, |row, name| row.beside(name, state));
    vec![
        all(
            row("stopped", "systemctl stop docker.socket docker", "systemctl start docker")
                .state("stopped", "failed not_running")
                .drift("not_running"),
            "stopped",
        ),
        all(
            row(
                "hung",
                "systemctl kill --kill-who=main --signal=STOP docker",
                "systemctl kill --kill-who=main --signal=CONT docker",
            )
            .state("paused", "failed paused"),
            "unseen",
        ),
    ]
}

/// The configuration of nginx is read by nobody but itself.
fn configuration() -> Row {
    let breaks = "sleep 1.2; touch /etc/nginx/nginx.conf".to_owned();
    Row::new("nginx", "older than its configuration", breaks, "systemctl reload nginx".to_owned())
        .state("running", "warning outdated")
        .drift("old_configuration")
}

/// One of five nodes is gone, and systemd finds nothing amiss: four are left.
fn node() -> Row {
    let breaks = "kill -KILL $(cat /opt/run/celery/sims.pid)".to_owned();
    Row::new("celery", "one of its nodes was killed", breaks, "systemctl restart celery".to_owned())
        .state("running", "failed missing_node")
        .drift("missing_nodes")
}

fn all() -> Vec<Row> {
    let units = UNITS.into_iter().flat_map(unit);
    let containers = CONTAINERS.into_iter().flat_map(container);
    units.chain(containers).chain(docker()).chain([configuration(), node()]).collect()
}

/// Each component and each way to be ill once, as far as that is quick; the others are for [`every_component_in_every_way`].
const QUICK: [&str; 22] = [
    "nginx: killed",
    "nginx: masked",
    "nginx: was given up",
    "nginx: older than its configuration",
    "gunicorn: stopped",
    "gunicorn: fails at start",
    "gunicorn: masked while it runs",
    "gunicorn: hung",
    "gunicorn: described otherwise, and nobody told systemd",
    "celery: hung",
    "celery: killed",
    "celerybeat: restarts over and over",
    "celerybeat: starts for ever",
    "celerybeat: disabled",
    "celerybeat: of an outdated description",
    "memcached: hung",
    "memcached: removed",
    "memcached: of an older image",
    "memcached: found unwell by Docker",
    "elasticsearch: paused",
    "memcached: stopped",
    "docker: hung",
];

#[test]
fn each_component_is_seen_as_what_it_is_and_nothing_else_is_blamed() {
    let Some(server) = staging(VM) else { return };
    let kept = server.keep();
    let rows: Vec<Row> = all().into_iter().filter(|row| QUICK.contains(&row.name.as_str())).collect();
    assert_eq!(rows.len(), QUICK.len(), "each of these is there");
    prove(&server, &kept, rows.iter());
}

#[test]
#[ignore = "takes minutes: `cargo xtask test full staging` runs it"]
fn every_component_in_every_way() {
    let Some(server) = staging(VM) else { return };
    let kept = server.keep();
    prove(&server, &kept, all().iter().filter(|row| !QUICK.contains(&row.name.as_str())));
}
