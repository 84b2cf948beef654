//! Plans on a whole server: what is carried out, what is refused, what a kill, a hang or a full disk leaves.

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use coursys_ops_core::model::{PlanEnded, PlanReport, StepState};
use coursys_ops_tests::{Ended, Staging, staging};

const VM: &str = "vm";
const RUNS: &str = "/var/lib/coursys-ops/runs";
const LOCK: &str = "/run/coursys-ops.lock";

/// What is waited for happens long before.
const PATIENCE: Duration = Duration::from_secs(60);

fn assert_code(ended: &Ended, code: i32) {
    assert_eq!(ended.code, code, "{}{}", ended.stdout, ended.stderr);
}

#[track_caller]
fn assert_says(text: &str, words: &[&str]) {
    for word in words {
        assert!(text.contains(word), "`{word}` is not in: {text}");
    }
}

/// The last run as `history show` tells it.
fn last(server: &Staging) -> PlanReport {
    let ended = server.coursys_ops(&["history", "show", "--format", "json"]);
    serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {ended:?}"))
}

fn state(report: &PlanReport, id: &str) -> StepState {
    let step = report.steps.iter().find(|step| step.id == id);
    step.unwrap_or_else(|| panic!("there is no step `{id}` in {report:?}")).end.state
}

/// A file of the last run.
fn of_last(server: &Staging, file: &str) -> String {
    let runs = fs::read_dir(server.path(RUNS)).expect("runs").flatten().map(|run| run.path());
    let last = runs.filter(|run| run.join("journal.jsonl").exists()).max().expect("a run");
    fs::read_to_string(last.join(file)).expect("a file of the run")
}

/// A time of a unit, in microseconds since the machine started.
fn monotonic(server: &Staging, unit: &str, property: &str) -> u64 {
    server.property(unit, &format!("{property}TimestampMonotonic")).parse().expect("a time")
}

/// A time of a container, as Docker tells it: these can be compared as texts.
fn container_time(server: &Staging, service: &str, what: &str) -> String {
    let format = format!("{{{{.State.{what}}}}}");
    server.done(&["docker", "inspect", "--format", &format, &format!("coursys_{service}_1")])
}

fn unit_time(server: &Staging, unit: &str, property: &str) -> String {
    let script = format!(
        "date --utc --date \"$(systemctl show --value --property {property}Timestamp --timestamp=us+utc {unit})\" \
         +%Y-%m-%dT%H:%M:%S.%NZ"
    );
    server.done(&["sh", "-c", &script])
}

/// Changes the description of a unit, and makes systemd read it.
fn drop_in(server: &Staging, unit: &str, lines: &str) {
    let dir = format!("/etc/systemd/system/{unit}.service.d");
    server.done(&["mkdir", "-p", &dir]);
    fs::write(server.path(&format!("{dir}/test.conf")), lines).expect("a drop-in");
    server.systemctl(&["daemon-reload"]);
}

/// Takes that back.
fn without_drop_in(server: &Staging, unit: &str) {
    server.done(&["rm", "-r", &format!("/etc/systemd/system/{unit}.service.d")]);
    server.systemctl(&["daemon-reload"]);
}

#[test]
fn everything_that_was_stopped_comes_up_in_the_order_of_needs() {
    let Some(server) = staging(VM) else { return };
    let kept = server.keep();
    server.systemctl(&["stop", "nginx", "gunicorn", "celerybeat", "celery"]);
    server.compose(&["stop"]);
    server.systemctl(&["stop", "docker.socket", "docker"]);

    let ended = server.coursys_ops(&["restart-all"]);
    assert_code(&ended, 0);
    assert_code(&server.coursys_ops(&["check"]), 0);
    assert_code(&server.coursys_ops(&["status"]), 0);
    let report = last(&server);
    let place = |id: &str| report.steps.iter().position(|step| step.id == id).expect("a step");
    let order = ["docker.start", "rabbitmq.start", "celery.start", "celerybeat.start"].map(place);
    assert!(order.is_sorted(), "{:?}", report.steps);
    assert!(place("gunicorn.start") < place("nginx.start"));
    let (broker, nodes) =
        (container_time(&server, "rabbitmq", "StartedAt"), unit_time(&server, "celery", "InactiveExit"));
    assert!(broker < nodes, "RabbitMQ started at {broker}, Celery at {nodes}");
    drop(kept);
}

#[test]
fn celery_rests_while_rabbitmq_restarts_and_what_was_shown_is_what_was_done() {
    let Some(server) = staging(VM) else { return };
    let _kept = server.keep();
    let shown = server.coursys_ops(&["service", "rabbitmq", "restart", "--dry-run", "--format", "json"]);
    assert_code(&shown, 0);
    assert_code(&server.coursys_ops(&["service", "rabbitmq", "restart"]), 0);
    assert_eq!(shown.stdout, of_last(&server, "plan.json"), "the plan that was shown was carried out");
    let stopped = unit_time(&server, "celery", "InactiveEnter");
    let went = container_time(&server, "rabbitmq", "FinishedAt");
    let came = container_time(&server, "rabbitmq", "StartedAt");
    let started = unit_time(&server, "celery", "InactiveExit");
    let times = [stopped, went, came, started];
    assert!(times.is_sorted(), "Celery stops, RabbitMQ stops, RabbitMQ starts, Celery starts: {times:?}");
    assert!(
        monotonic(&server, "celerybeat", "InactiveEnter") < monotonic(&server, "celery", "InactiveEnter"),
        "who needs Celery stops before it"
    );
    assert_code(&server.coursys_ops(&["check"]), 0);
}

#[test]
#[ignore = "takes half a minute: `cargo xtask test full staging` runs it"]
fn a_mended_unit_comes_up_at_once_while_systemd_waits_to_try_it_again() {
    let Some(server) = staging(VM) else { return };
    let _kept = server.keep();
    for verb in ["start", "restart"] {
        let fails =
            "[Unit]\nStartLimitIntervalSec=0\n[Service]\nExecStart=\nExecStart=/bin/false\nRestart=always\n";
        drop_in(&server, "celerybeat", &format!("{fails}RestartSec=200ms\n"));
        server.systemctl(&["restart", "--no-block", "celerybeat"]);
        server.wait_until(PATIENCE, "a restart loop", |server| {
            server.property("celerybeat", "NRestarts").parse::<u32>().expect("a number") >= 4
        });
        // From now on it waits for longer than the test, with what it has counted.
        drop_in(&server, "celerybeat", &format!("{fails}RestartSec=600\n"));
        std::thread::sleep(Duration::from_secs(1));
        server.wait_until(PATIENCE, "the next try", |server| {
            server.property("celerybeat", "SubState") == "auto-restart"
        });
        without_drop_in(&server, "celerybeat");

        let began = Instant::now();
        assert_code(&server.coursys_ops(&["service", "celerybeat", verb]), 0);
        assert!(began.elapsed() < PATIENCE, "{verb} waits with systemd");
        assert_code(&server.coursys_ops(&["check", "service.celerybeat"]), 0);
    }
}

#[test]
#[ignore = "takes half a minute: `cargo xtask test full staging` runs it"]
fn what_is_paused_is_no_reason_for_start_all_to_do_nothing() {
    let Some(server) = staging(VM) else { return };
    let _kept = server.keep();
    server.done(&["docker", "pause", "coursys_memcached_1"]);
    assert_code(&server.coursys_ops(&["status"]), 1);
    assert_code(&server.coursys_ops(&["start-all"]), 0);
    assert_eq!(state(&last(&server), "memcached.unpause"), StepState::Done);
    assert_code(&server.coursys_ops(&["check"]), 0);
    let again = server.coursys_ops(&["start-all"]);
    assert_says(&again.stdout, &["nothing to do"]);
}

#[test]
#[ignore = "takes half a minute: `cargo xtask test full staging` runs it"]
fn what_a_failed_restart_had_stopped_is_started_again_when_it_is_taken_back() {
    let Some(server) = staging(VM) else { return };
    let _kept = server.keep();
    // Compose cannot do what it is asked for: Celery rests by then.
    let set = "compose.command=[\"/bin/false\"]";
    let ended = server.coursys_ops(&["--set", set, "service", "rabbitmq", "restart"]);
    assert_code(&ended, 1);
    assert_says(&ended.stderr, &["abandon", "--undo"]);
    assert_eq!(server.property("celery", "ActiveState"), "inactive");
    assert_code(&server.coursys_ops(&["abandon", "--undo"]), 0);
    let report = last(&server);
    assert_eq!(report.run.ended, PlanEnded::Undone);
    assert_eq!(state(&report, "celery.stop"), StepState::Undone);
    for unit in ["celery", "celerybeat"] {
        assert_eq!(server.property(unit, "ActiveState"), "active", "{unit}");
    }
}

#[test]
fn what_fails_at_start_is_shown_with_its_log_and_what_needs_it_waits_until_it_is_mended() {
    let Some(server) = staging(VM) else { return };
    let _kept = server.keep();
    server.systemctl(&["stop", "nginx", "gunicorn"]);
    drop_in(
        &server,
        "gunicorn",
        "[Service]\nExecStart=\nExecStart=/venv/bin/gunicorn --bind 127.0.0.1:8000 --error-logfile \
         /opt/logs/gunicorn-error.log site_fixture.nothing:application\n",
    );
    let ended = server.coursys_ops(&["--set", "components.gunicorn.patience_s=12", "start-all"]);
    assert_code(&ended, 1);
    assert_says(&ended.stdout, &["gunicorn.start (failed)", "No module named", "all output: "]);
    assert_says(&ended.stderr, &["coursys-ops resume"]);
    assert_eq!(server.property("nginx", "ActiveState"), "inactive", "nginx was not started");
    let report = last(&server);
    assert_eq!((report.run.ended, report.stopped_at.as_deref()), (PlanEnded::Failed, Some("gunicorn.start")));
    assert_eq!(state(&report, "nginx.start"), StepState::Pending);

    let other = server.coursys_ops(&["service", "memcached", "restart"]);
    assert_code(&other, 3);
    assert_says(&other.stderr, &["an earlier plan is unfinished", "gunicorn.start", "abandon"]);

    without_drop_in(&server, "gunicorn");
    assert_code(&server.coursys_ops(&["resume"]), 0);
    assert_eq!(last(&server).run.ended, PlanEnded::Complete);
    assert_code(&server.coursys_ops(&["check"]), 0);
}

#[test]
#[ignore = "takes a minute: `cargo xtask test full staging` runs it"]
fn a_gate_that_does_not_pass_says_what_it_waits_for_and_the_plan_goes_on_when_it_can() {
    let Some(server) = staging(VM) else { return };
    let _kept = server.keep();
    // The nodes come up and are halted: systemd is content, and no node answers.
    drop_in(
        &server,
        "celery",
        "[Service]\nExecStartPost=/bin/sh -c 'sleep 1; kill -STOP $(cat /opt/run/celery/*.pid)'\n",
    );
    let ended =
        server.coursys_ops(&["--set", "components.celery.patience_s=30", "service", "celery", "restart"]);
    assert_code(&ended, 1);
    assert_says(&ended.stdout, &["it was done, but is not well within 30 s", "service.celery"]);
    without_drop_in(&server, "celery");
    server.done(&["sh", "-c", "kill -CONT $(cat /opt/run/celery/*.pid)"]);
    assert_code(&server.coursys_ops(&["resume"]), 0);
    assert_code(&server.coursys_ops(&["check"]), 0);
}

#[test]
#[ignore = "takes a minute: `cargo xtask test full staging` runs it"]
fn a_restart_after_which_a_node_is_dead_has_not_worked() {
    let Some(server) = staging(VM) else { return };
    let _kept = server.keep();
    // systemd is content with the four that are left.
    drop_in(
        &server,
        "celery",
        "[Service]\nExecStartPost=/bin/sh -c 'sleep 1; kill -KILL $(cat /opt/run/celery/sims.pid)'\n",
    );
    let ended =
        server.coursys_ops(&["--set", "components.celery.patience_s=30", "service", "celery", "restart"]);
    assert_code(&ended, 1);
    assert_says(&ended.stdout, &["it was done, but is not well within 30 s", "service.celery", "`sims`"]);
    without_drop_in(&server, "celery");
    assert_code(&server.coursys_ops(&["resume"]), 0);
    assert_code(&server.coursys_ops(&["check"]), 0);
}

#[test]
fn a_step_that_hangs_ends_at_its_deadline() {
    let Some(server) = staging(VM) else { return };
    let _kept = server.keep();
    drop_in(&server, "nginx", "[Service]\nExecStop=\nExecStop=/bin/sleep 1000\nTimeoutStopSec=infinity\n");
    let started = Instant::now();
    let ended = server.coursys_ops(&["--set", "components.nginx.patience_s=3", "service", "nginx", "stop"]);
    let took = started.elapsed();
    server.systemctl(&["kill", "--signal=KILL", "nginx"]);
    assert_code(&ended, 1);
    assert_says(&ended.stdout, &["nginx.stop (failed): not done within 3 s, and ended"]);
    assert!(took < Duration::from_secs(15), "{took:?}");
    let left = server.run(&["pgrep", "--exact", "systemctl"]);
    assert_eq!(left.stdout, "", "the step left a process");
}

/// Puts a message into a queue that nobody takes from.
const PUBLISH: &str = r#"
import os
from kombu import Connection
password = [line.split("=", 1)[1].strip() for line in open("/coursys/.env") if line.startswith("RABBITMQ_PASSWORD")][0]
with Connection(hostname="127.0.0.1", userid="coursys", password=password, virtual_host="myvhost") as connection:
    queue = connection.SimpleQueue("sims")
    queue.put({})
    queue.close()
"#;

#[test]
fn messages_are_lost_only_when_that_is_said() {
    let Some(server) = staging(VM) else { return };
    let _kept = server.keep();
    let id = || server.done(&["docker", "inspect", "--format", "{{.Id}}", "coursys_rabbitmq_1"]);
    let first = id();
    server.systemctl(&["stop", "celerybeat", "celery"]);
    server.done(&["runuser", "-u", "coursys", "--", "/venv/bin/python", "-c", PUBLISH]);
    let refused = server.coursys_ops(&["service", "rabbitmq", "recreate"]);
    assert_code(&refused, 3);
    assert_says(&refused.stderr, &["this would lose", "--lose-messages"]);
    assert_eq!(id(), first, "nothing was done");
    let shown = server.coursys_ops(&["service", "rabbitmq", "recreate", "--dry-run"]);
    assert_says(&shown.stdout, &["LOSES"]);
    assert_code(&server.coursys_ops(&["service", "rabbitmq", "recreate", "--lose-messages"]), 0);
    let second = id();
    assert_ne!(second, first);
    // Empty queues have nothing to lose.
    assert_code(&server.coursys_ops(&["service", "rabbitmq", "recreate"]), 0);
    assert_ne!(id(), second);
}

/// A command of the program that goes on beside the test.
fn begin(server: &Staging, args: &[&str]) -> std::process::Child {
    let mut command = Command::new(server.xtask());
    command.args(["staging", "run", "--name", server.name(), "--", "coursys-ops"]).args(args);
    command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
    command.spawn().expect("it starts")
}

/// The process that holds the lock.
fn holder(server: &Staging) -> Option<String> {
    let text = fs::read_to_string(server.path(LOCK)).ok()?;
    let holder: serde_json::Value = serde_json::from_str(&text).ok()?;
    holder["run"].as_str()?;
    Some(holder["pid"].as_u64()?.to_string())
}

#[test]
fn of_two_at_once_one_runs_and_the_other_is_told_who_or_waits() {
    let Some(server) = staging(VM) else { return };
    let _kept = server.keep();
    // Whoever was killed before is named in it.
    server.done(&["rm", "-f", LOCK]);
    let mut first = begin(&server, &["service", "rabbitmq", "restart"]);
    let mut pid = None;
    server.wait_until(PATIENCE, "the lock", |server| {
        pid = holder(server);
        pid.is_some()
    });
    let pid = pid.expect("a holder");
    let second = server.run_as("admin", &["sudo", "-n", "coursys-ops", "service", "nginx", "reload"]);
    assert_code(&second, 3);
    let who = ["by `root`", "service rabbitmq restart", &format!("(process {pid}, run "), "--wait"];
    assert_says(&second.stderr, &who);
    let third = server.coursys_ops(&["service", "nginx", "reload", "--wait=100"]);
    assert_code(&third, 0);
    assert!(first.wait().expect("its end").success());
    let list = server.coursys_ops(&["history", "--last", "2"]);
    assert_eq!(list.stdout.matches("complete").count(), 2, "{}", list.stdout);
}

/// When a plan is killed.
#[derive(Debug, Clone, Copy)]
enum Moment {
    /// The step has just begun.
    Begun(usize),
    /// The step has just ended.
    Ended(usize),
}

/// Restarts everything, is killed at each of these moments, and is resumed after each.
fn killed_at(server: &Staging, moments: impl Fn(usize) -> Vec<Moment>) {
    let plan = server.coursys_ops(&["restart-all", "--dry-run", "--format", "json"]);
    let plan: serde_json::Value = serde_json::from_str(&plan.stdout).expect("a plan");
    let steps = plan["steps"].as_array().or(plan["plan"]["steps"].as_array()).expect("steps").clone();
    let ids: Vec<&str> = steps.iter().map(|step| step["id"].as_str().expect("an id")).collect();
    let mut command = ["restart-all"];
    for moment in moments(ids.len()) {
        let (event, step) = match moment {
            Moment::Begun(step) => ("step_started", step),
            Moment::Ended(step) => ("step_finished", step),
        };
        // What was quicker than the last kill is past.
        let is_past = command == ["resume"] && state(&last(server), ids[step]) == StepState::Done;
        if is_past {
            continue;
        }
        let (event, id) = (format!("\"event\":\"{event}\""), format!("\"id\":\"{}\"", ids[step]));
        let before =
            if command == ["restart-all"] { 0 } else { of_last(server, "journal.jsonl").lines().count() };
        // Who was killed is still named in the file; nobody believes that, and neither do we.
        let killed = holder(server);
        let mut child = begin(server, &command);
        let mut pid = None;
        server.wait_until(PATIENCE, "the lock", |server| {
            pid = holder(server).filter(|pid| Some(pid) != killed.as_ref());
            pid.is_some()
        });
        let pid = pid.expect("a holder");
        let started = Instant::now();
        loop {
            let journal = of_last(server, "journal.jsonl");
            if journal.lines().skip(before).any(|line| line.contains(&event) && line.contains(&id)) {
                break;
            }
            assert!(started.elapsed() < PATIENCE * 2, "{moment:?} does not come: {journal}");
            std::thread::sleep(Duration::from_millis(5));
        }
        server.done(&["kill", "-KILL", &pid]);
        assert!(!child.wait().expect("its end").success(), "{moment:?}: it was killed");
        let report = last(server);
        eprintln!("{moment:?}: {:?} at {:?}", report.run.ended, report.stopped_at);
        assert_eq!(report.run.ended, PlanEnded::CutOff, "{moment:?}: {report:?}");
        // Between what we saw and the kill, the next steps may have begun.
        let done = report.steps.iter().take_while(|step| step.end.state == StepState::Done).count();
        let least = if matches!(moment, Moment::Begun(_)) { step } else { step + 1 };
        assert!(done >= least, "{moment:?}: {report:?}");
        let rest: Vec<StepState> = report.steps.iter().skip(done).map(|step| step.end.state).collect();
        let cut_off = matches!(rest.first(), None | Some(StepState::CutOff | StepState::Pending));
        assert!(cut_off && rest.iter().skip(1).all(|state| *state == StepState::Pending), "{report:?}");
        command = ["resume"];
    }
    assert_code(&server.coursys_ops(&command), 0);
    let report = last(server);
    assert_eq!(
        (report.run.ended, report.count(StepState::Done)),
        (PlanEnded::Complete, ids.len()),
        "{report:?}"
    );
    assert_code(&server.coursys_ops(&["check"]), 0);
    assert_code(&server.coursys_ops(&["resume"]), 3);
}

#[test]
fn a_plan_that_is_killed_is_told_truly_and_resumes_to_the_end() {
    let Some(server) = staging(VM) else { return };
    let _kept = server.keep();
    killed_at(&server, |steps| {
        vec![Moment::Begun(0), Moment::Begun(steps / 2), Moment::Ended(steps / 2), Moment::Begun(steps - 1)]
    });
}

#[test]
#[ignore = "takes minutes: `cargo xtask test full staging` runs it"]
fn a_plan_that_is_killed_before_and_after_each_of_its_steps_ends_as_an_undisturbed_one() {
    let Some(server) = staging(VM) else { return };
    let _kept = server.keep();
    killed_at(&server, |steps| {
        // The end of the last step is the end of the plan, too.
        (0..steps).flat_map(|step| [Moment::Begun(step), Moment::Ended(step)]).take(2 * steps - 1).collect()
    });
}
