use std::collections::BTreeMap;

use super::*;
use crate::config::{Manager, Sources, load};
use crate::helper::{CronLine, Survey};
use crate::service::compose_file::ComposeFile;

const NOW: i64 = 1_800_000_000_000;

fn healthy() -> UnitSeen {
    UnitSeen {
        load_state: "loaded".into(),
        active_state: "active".into(),
        sub_state: "running".into(),
        file_state: "enabled".into(),
        main_pid: 42,
        result: "success".into(),
        memory: Some(1 << 20),
        state_since_ms: Some(NOW - 3_600_000),
        active_since_ms: Some(NOW - 3_600_000),
        started_ms: Some(NOW - 3_600_000),
        ..UnitSeen::default()
    }
}

fn process(pid: u32, parent: u32, command: &[&str]) -> Running {
    let command = command.iter().map(|arg| (*arg).to_owned()).collect();
    Running { pid, parent, state: 'S', started_ms: None, command, in_dir: Some(true) }
}

pub(in crate::service) fn survey() -> Survey {
    Survey {
        now_ms: NOW,
        units: Ok(BTreeMap::new()),
        engine: Err(Blind::Absent("no Docker".into())),
        compose_file: None,
        compose_changed_ms: None,
        has_compose_v2: false,
        has_compose_v1: true,
        running: Vec::new(),
        changed_ms: BTreeMap::new(),
        cron: Ok(Vec::new()),
        listening: Ok(Vec::new()),
    }
}

/// What is seen of a component whose unit is this, after a change of the survey.
fn look(name: &str, unit: UnitSeen, change: impl FnOnce(&mut Survey)) -> Part {
    let config = load(&Sources::default()).unwrap().config;
    let component = config.components[name].clone();
    assert_eq!(component.manager, Manager::Systemd);
    let mut survey = survey();
    survey.units = Ok(BTreeMap::from([(full(name), unit)]));
    change(&mut survey);
    let seen = Surveyed { survey, file: Ok(ComposeFile::default()), hashes: None };
    UnitService::new(name.to_owned(), component, Surveyor::default()).part(name, &seen, &config)
}

fn kinds(part: &Part) -> Vec<DriftKind> {
    part.drift.iter().map(|drift| drift.kind).collect()
}

#[test]
fn a_unit_that_runs_is_seen_with_all_its_figures() {
    let part = look("nginx", healthy(), |survey| {
        survey.listening = Ok(vec!["0.0.0.0:80".parse().unwrap(), "127.0.0.1:8000".parse().unwrap()]);
    });
    assert_eq!((part.state, part.detail.as_str()), (State::Running, "active (running)"));
    assert_eq!((part.main_pid, part.enabled, part.restarts), (Some(42), Some(true), Some(0)));
    assert_eq!(part.listens, ["0.0.0.0:80"]);
    assert_eq!((part.drift, part.unseen), (vec![], BTreeMap::new()));
}

#[test]
fn every_state_of_a_unit_is_told_apart() {
    let state = |active: &str, sub: &str| {
        look("nginx", UnitSeen { active_state: active.into(), sub_state: sub.into(), ..healthy() }, |_| ())
            .state
    };
    assert_eq!(state("active", "running"), State::Running);
    assert_eq!(state("reloading", "reload"), State::Running);
    assert_eq!(state("active", "exited"), State::Stopped);
    assert_eq!(state("inactive", "dead"), State::Stopped);
    assert_eq!(state("failed", "failed"), State::Failed);
    assert_eq!(state("activating", "start"), State::Starting);
    assert_eq!(state("activating", "auto-restart"), State::Restarting);
    assert_eq!(state("deactivating", "stop-sigterm"), State::Stopping);
    assert_eq!(
        look("nginx", UnitSeen { load_state: "not-found".into(), ..healthy() }, |_| ()).state,
        State::Absent
    );
    let hung = look("nginx", healthy(), |survey| {
        survey.running = vec![Running { state: 'T', ..process(42, 1, &["nginx"]) }];
    });
    assert_eq!(hung.state, State::Paused, "a main process that was stopped by a signal serves nobody");
}

#[test]
fn drift_is_named() {
    let unit = |change: fn(&mut UnitSeen)| {
        let mut unit = healthy();
        change(&mut unit);
        kinds(&look("nginx", unit, |_| ()))
    };
    assert_eq!(unit(|unit| unit.file_state = "disabled".into()), [DriftKind::NotEnabled]);
    assert_eq!(unit(|unit| unit.file_state = "masked".into()), [DriftKind::Masked]);
    assert_eq!(unit(|unit| unit.needs_reload = true), [DriftKind::ReloadNeeded]);
    assert_eq!(unit(|unit| unit.active_state = "inactive".into()), [DriftKind::NotRunning]);
    assert_eq!(unit(|unit| unit.files_changed_ms = Some(NOW)), [DriftKind::OldConfiguration]);
    assert_eq!(unit(|unit| unit.result = "start-limit-hit".into()), [DriftKind::RestartLoop]);
    assert_eq!(unit(|unit| (unit.restarts, unit.started_ms) = (3, Some(NOW))), [DriftKind::RestartLoop]);
    assert_eq!(unit(|unit| unit.restarts = 3), [], "it has run for an hour since");
    assert_eq!(
        unit(|unit| (unit.active_state, unit.sub_state) = ("activating".into(), "start".into())),
        [DriftKind::StuckStarting]
    );
}

#[test]
fn a_configuration_that_was_changed_since_counts_until_it_is_read() {
    let changed = |survey: &mut Survey| {
        survey.changed_ms.insert("/etc/nginx/nginx.conf".into(), NOW - 1000);
    };
    assert_eq!(kinds(&look("nginx", healthy(), changed)), [DriftKind::OldConfiguration]);
    let reloaded = UnitSeen { state_since_ms: Some(NOW), ..healthy() };
    assert_eq!(kinds(&look("nginx", reloaded, changed)), []);
}

#[test]
fn a_unit_without_a_main_process_is_as_old_as_its_activity() {
    let forks = |changed_ms| UnitSeen {
        main_pid: 0,
        started_ms: None,
        files_changed_ms: Some(changed_ms),
        ..healthy()
    };
    assert_eq!(kinds(&look("celery", forks(NOW), |_| ())), [DriftKind::OldConfiguration]);
    assert_eq!(kinds(&look("celery", forks(NOW - 7_200_000), |_| ())), []);
    let stopped = UnitSeen { active_state: "inactive".into(), file_state: "static".into(), ..forks(NOW) };
    assert_eq!(kinds(&look("celery", stopped, |_| ())), []);
}

#[test]
fn two_main_processes_are_one_too_many_and_children_are_none() {
    let gunicorn = ["/venv/bin/python", "/venv/bin/gunicorn", "courses.wsgi"];
    let own = [process(42, 1, &gunicorn), process(43, 42, &gunicorn)];
    let stray = process(99, 1, &gunicorn);
    let elsewhere = Running { in_dir: Some(false), ..process(98, 1, &gunicorn) };
    let look = |unit, more: Vec<Running>| {
        kinds(&look("gunicorn", unit, |survey| survey.running = own.iter().cloned().chain(more).collect()))
    };
    assert_eq!(look(healthy(), vec![elsewhere]), []);
    assert_eq!(look(healthy(), vec![stray]), [DriftKind::TwoMasters]);
    let stopped =
        UnitSeen { active_state: "inactive".into(), file_state: "static".into(), main_pid: 0, ..healthy() };
    assert_eq!(look(stopped, vec![]), [DriftKind::TwoMasters], "one runs outside of its unit");
}

#[test]
fn what_cron_restarts_is_noted_and_crontabs_that_cannot_be_read_are_said_to_be_unseen() {
    let line = CronLine {
        file: "/var/spool/cron/crontabs/root".into(),
        when: "55 * * * *".into(),
        command: "systemctl restart celery".into(),
    };
    let part = look("celery", healthy(), |survey| survey.cron = Ok(vec![line]));
    assert_eq!(kinds(&part), [DriftKind::CronRestarts]);
    assert!(part.drift[0].message.contains("next at"), "{}", part.drift[0].message);
    let refusal = rustix::io::Errno::ACCESS.into();
    let part = look("celery", healthy(), |survey| survey.cron = Err(refusal));
    assert!(part.unseen.contains_key("cron"), "{part:?}");
}

#[test]
fn without_systemd_nothing_is_there_and_with_a_silent_one_nothing_is_seen() {
    let absent = look("nginx", healthy(), |survey| survey.units = Err(Blind::Absent("none".into())));
    assert_eq!(absent.state, State::Absent);
    let silent = look("nginx", healthy(), |survey| survey.units = Err(Blind::Silent("no answer".into())));
    assert_eq!(silent.state, State::Unseen);
    assert!(
        ["state", "main_pid", "drift"].iter().all(|cell| silent.unseen.contains_key(*cell)),
        "{silent:?}"
    );
}

#[test]
fn a_signal_that_halts_what_systemd_knows_no_main_process_of_is_seen() {
    let unit = UnitSeen { main_pid: 0, ..healthy() };
    let node =
        |state| Running { state, ..process(50, 1, &["/venv/bin/python", "/venv/bin/celery", "worker"]) };
    let halted = look("celery", unit.clone(), |survey| survey.running = vec![node('T')]);
    assert_eq!((halted.state, halted.main_pid), (State::Paused, Some(50)));
    let well = look("celery", unit, |survey| survey.running = vec![node('S')]);
    assert_eq!((well.state, well.main_pid), (State::Running, None));
}

#[test]
fn a_unit_that_forks_and_was_given_up_has_been_in_a_loop() {
    let mut unit = UnitSeen { main_pid: 0, started_ms: None, restarts: 5, ..healthy() };
    (unit.active_state, unit.sub_state, unit.result) = ("failed".into(), "failed".into(), "exit-code".into());
    assert_eq!(kinds(&look("nginx", unit, |_| ())), [DriftKind::RestartLoop]);
}

#[test]
fn a_node_that_has_ended_is_missed_though_its_unit_is_active() {
    let nodes = ["batch", "fast"];
    let unit = || UnitSeen { main_pid: 0, nodes: nodes.map(ToOwned::to_owned).into(), ..healthy() };
    let node = |pid, name| process(pid, 1, &["/venv/bin/python", "-m", "celery", "worker", "-n", name]);
    let seen = |unit, running: Vec<Running>| look("celery", unit, |survey| survey.running = running);
    let both = vec![node(50, "batch@host"), node(51, "fast@host")];
    assert_eq!(kinds(&seen(unit(), both.clone())), []);
    let one = seen(unit(), both[..1].to_vec());
    assert_eq!((one.state, kinds(&one)), (State::Running, vec![DriftKind::MissingNodes]));
    assert!(
        one.drift[0].message.contains("starts 2 nodes") && one.drift[0].message.ends_with("`fast`"),
        "{one:?}"
    );
    assert_eq!(kinds(&seen(unit(), vec![])), [], "whoever sees no process at all judges none");
    let stopping = UnitSeen { active_state: "deactivating".into(), ..unit() };
    assert_eq!(kinds(&seen(stopping, both[..1].to_vec())), [], "who is being stopped ends one by one");
}
