use super::*;
use crate::config::{Component, Manager, Sources, load};
use crate::plan::Action;
use crate::service::look::Drift;

const FILE: [&str; 4] = ["-f", "/coursys/docker-compose.yml", "--project-directory", "/coursys"];

pub(in crate::service) fn part(unit: &str, state: State) -> Part {
    Part::new(unit, state)
}

pub(in crate::service) fn look(name: &str, manager: Manager, parts: Vec<Part>) -> Look {
    let mut look = Look::of(name, manager, parts);
    if manager == Manager::Compose {
        look.compose = [&["docker-compose"][..], &FILE].concat().into_iter().map(ToOwned::to_owned).collect();
    }
    look
}

fn component(name: &str) -> Component {
    load(&Sources::default()).unwrap().config.components[name].clone()
}

fn argv(step: &Step) -> String {
    match &step.action {
        Action::Run { argv } => argv.join(" "),
        other => format!("{other:?}"),
    }
}

fn of_unit(name: &str, deed: Deed, part: Part) -> Result<Vec<String>, String> {
    let seen = look(name, Manager::Systemd, vec![part]);
    let steps = systemd(name, &component(name), deed, &seen);
    steps.map(|steps| steps.iter().map(argv).collect()).map_err(|refusal| refusal.message)
}

fn of_compose(deed: Deed, parts: Vec<Part>) -> Vec<String> {
    let seen = look("rabbitmq", Manager::Compose, parts);
    let steps = compose("rabbitmq", &component("rabbitmq"), Some("/coursys".into()), deed, &seen).unwrap();
    steps.iter().map(argv).collect()
}

#[test]
fn units_are_controlled_by_systemctl_as_root() {
    for (deed, verb) in
        [(Deed::Start, "start"), (Deed::Stop, "stop"), (Deed::Restart, "restart"), (Deed::Reload, "reload")]
    {
        let steps = of_unit("gunicorn", deed, part("gunicorn", State::Running)).unwrap();
        assert_eq!(steps, [format!("systemctl {verb} gunicorn")]);
    }
    let seen = look("gunicorn", Manager::Systemd, vec![part("gunicorn", State::Stopped)]);
    let steps = systemd("gunicorn", &component("gunicorn"), Deed::Start, &seen).unwrap();
    assert_eq!(steps[0].run_as, RunAs::Root);
    assert_eq!(
        (steps[0].id.as_str(), steps[0].gate.as_slice()),
        ("gunicorn.start", &["service.gunicorn".to_owned()][..])
    );
    let stop = systemd(
        "celery",
        &component("celery"),
        Deed::Stop,
        &look("celery", Manager::Systemd, vec![part("celery", State::Running)]),
    );
    let stop = &stop.unwrap()[0];
    assert_eq!(
        (stop.gate.len(), stop.allowed()),
        (0, Duration::from_secs(240)),
        "systemd waits twice 90 s for its tasks"
    );
}

#[test]
fn what_systemd_must_know_first_comes_first() {
    let mut changed = part("nginx", State::Running);
    changed.drift.push(Drift::new(DriftKind::ReloadNeeded, "", ""));
    let steps = of_unit("nginx", Deed::Restart, changed.clone()).unwrap();
    assert_eq!(steps, ["systemctl daemon-reload", "systemctl restart nginx"]);
    assert_eq!(of_unit("nginx", Deed::Stop, changed).unwrap(), ["systemctl stop nginx"]);
}

#[test]
fn a_restart_loop_is_forgotten_whatever_it_does_just_now() {
    for (state, deed, verb) in [
        (State::Failed, Deed::Start, "start"),
        (State::Failed, Deed::Restart, "restart"),
        (State::Restarting, Deed::Restart, "restart"),
        (State::Running, Deed::Restart, "restart"),
        // A mere start waits until systemd tries again by itself.
        (State::Restarting, Deed::Start, "restart"),
    ] {
        let mut looped = part("nginx", state);
        looped.drift.push(Drift::new(DriftKind::RestartLoop, "", ""));
        assert_eq!(
            of_unit("nginx", deed, looped).unwrap(),
            ["systemctl reset-failed nginx".to_owned(), format!("systemctl {verb} nginx")]
        );
    }
    let mut looped = part("nginx", State::Restarting);
    assert_eq!(of_unit("nginx", Deed::Start, looped.clone()).unwrap(), ["systemctl restart nginx"]);
    looped.drift.push(Drift::new(DriftKind::RestartLoop, "", ""));
    assert_eq!(of_unit("nginx", Deed::Stop, looped).unwrap(), ["systemctl stop nginx"]);
}

#[test]
fn what_cannot_be_done_is_refused() {
    let mut masked = part("celery", State::Stopped);
    masked.drift.push(Drift::new(DriftKind::Masked, "", ""));
    assert!(of_unit("celery", Deed::Start, masked.clone()).unwrap_err().contains("masked"));
    assert!(of_unit("celery", Deed::Stop, masked).is_ok());
    assert!(
        of_unit("celery", Deed::Reload, part("celery", State::Running))
            .unwrap_err()
            .contains("without a restart")
    );
    assert!(
        of_unit("nginx", Deed::Reload, part("nginx", State::Stopped)).unwrap_err().contains("does not run")
    );
    assert!(
        of_unit("nginx", Deed::Recreate, part("nginx", State::Running)).unwrap_err().contains("no container")
    );
    assert!(of_unit("nginx", Deed::Start, part("nginx", State::Absent)).unwrap_err().contains("not part"));
    assert!(of_unit("nginx", Deed::Start, Part::unseen("nginx", "no bus")).unwrap_err().contains("no bus"));
}

#[test]
fn compose_is_called_as_the_site_in_its_directory_and_keeps_the_container() {
    let file = FILE.join(" ");
    let running = || vec![part("rabbitmq", State::Running)];
    assert_eq!(of_compose(Deed::Stop, running()), [format!("docker-compose {file} stop -t 60 rabbitmq")]);
    assert_eq!(
        of_compose(Deed::Restart, running()),
        [format!("docker-compose {file} restart -t 60 rabbitmq")]
    );
    assert_eq!(
        of_compose(Deed::Start, vec![part("rabbitmq", State::Stopped)]),
        [format!("docker-compose {file} start rabbitmq")]
    );
    assert_eq!(
        of_compose(Deed::Start, vec![part("rabbitmq", State::Missing)]),
        [format!("docker-compose {file} up -d --no-deps --no-recreate rabbitmq")]
    );
    assert_eq!(
        of_compose(Deed::Start, vec![part("rabbitmq", State::Paused)]),
        [format!("docker-compose {file} unpause rabbitmq"), format!("docker-compose {file} start rabbitmq")]
    );
    let seen = look("rabbitmq", Manager::Compose, running());
    let steps =
        compose("rabbitmq", &component("rabbitmq"), Some("/coursys".into()), Deed::Restart, &seen).unwrap();
    assert_eq!((steps[0].run_as, steps[0].directory.as_deref()), (RunAs::Site, Some(Path::new("/coursys"))));
    assert_eq!(steps[0].gate, ["service.rabbitmq", "broker.connection", "broker.alarms"]);
    assert_eq!(steps[0].loses, None);
}

#[test]
fn making_the_broker_anew_says_what_it_loses() {
    let plan = |state| {
        let seen = look("rabbitmq", Manager::Compose, vec![part("rabbitmq", state)]);
        compose("rabbitmq", &component("rabbitmq"), None, Deed::Recreate, &seen).unwrap().remove(0)
    };
    let step = plan(State::Running);
    assert_eq!(
        argv(&step),
        format!("docker-compose {} up -d --no-deps --force-recreate rabbitmq", FILE.join(" "))
    );
    assert!(step.loses.unwrap().contains("every queued message"));
    assert_eq!(plan(State::Missing).loses, None, "nothing is there to be lost");
}

#[test]
fn a_service_of_several_units_is_controlled_by_one_call() {
    let component = load(&Sources { layout: Some("compose".to_owned()), ..Sources::default() })
        .unwrap()
        .config
        .components["celery"]
        .clone();
    let units = ["celery-batch", "celery-fast"].map(|unit| part(unit, State::Running)).to_vec();
    let mut seen = look("celery", Manager::Compose, units);
    seen.compose = ["docker", "compose"].map(ToOwned::to_owned).into();
    let steps = compose("celery", &component, None, Deed::Stop, &seen).unwrap();
    assert_eq!(argv(&steps[0]), "docker compose stop -t 120 celery-batch celery-fast");
    seen.compose.clear();
    assert!(
        compose("celery", &component, None, Deed::Stop, &seen).unwrap_err().message.contains("installed")
    );
}
