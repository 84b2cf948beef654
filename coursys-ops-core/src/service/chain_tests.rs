use super::*;
use crate::config::{Manager, Sources, load};
use crate::service::look::{Part, State};
use crate::service::plan::tests::look;
use crate::service::{Surveyor, services};

fn config() -> Config {
    load(&Sources::default()).unwrap().config
}

/// What is seen when everything runs but these.
fn looks(config: &Config, down: &[&str]) -> Vec<Look> {
    let of = |(name, component): (&String, &Component)| {
        let state = match component.manager {
            Manager::Systemd | Manager::Compose if down.contains(&name.as_str()) => State::Stopped,
            Manager::Systemd | Manager::Compose => State::Running,
            _ => State::Elsewhere,
        };
        look(name, component.manager, vec![Part::new(name, state)])
    };
    config.components.iter().map(of).collect()
}

fn ids(plan: Result<Plan, Refusal>) -> Vec<String> {
    plan.unwrap().steps.into_iter().map(|step| step.id).collect()
}

const ALL: [&str; 8] =
    ["nginx", "docker", "gunicorn", "celery", "celerybeat", "rabbitmq", "elasticsearch", "memcached"];

fn single(down: &[&str], name: &str, deed: Deed) -> Vec<String> {
    let config = config();
    let services = services(&config, &Surveyor::default());
    ids(chain(&config, &services, &looks(&config, down), Wanted { name, deed }))
}

#[test]
fn everything_is_started_in_the_order_of_needs() {
    let config = config();
    let services = services(&config, &Surveyor::default());
    let plan = start_all(&config, &services, &looks(&config, &ALL));
    let gates: BTreeMap<String, Vec<String>> =
        plan.clone().unwrap().steps.into_iter().map(|step| (step.id, step.gate)).collect();
    assert_eq!(
        ids(plan),
        [
            "docker.start",
            "elasticsearch.start",
            "memcached.start",
            "rabbitmq.start",
            "database.answers",
            "celery.start",
            "celerybeat.start",
            "gunicorn.start",
            "nginx.start",
        ]
    );
    assert_eq!(gates["rabbitmq.start"], ["service.rabbitmq", "broker.connection", "broker.alarms"]);
    assert_eq!(gates["database.answers"], ["database.connection"]);
    assert!(start_all(&config, &services, &looks(&config, &[])).unwrap().steps.is_empty(), "nothing to do");
}

#[test]
fn what_does_not_run_well_is_started_too() {
    let config = config();
    let services = services(&config, &Surveyor::default());
    let steps = |name: &str, state: State| {
        let mut looks = looks(&config, &[]);
        for part in looks.iter_mut().filter(|look| look.component == name).flat_map(|look| &mut look.parts) {
            part.state = state;
        }
        ids(start_all(&config, &services, &looks))
    };
    assert_eq!(steps("memcached", State::Paused), ["docker.answers", "memcached.unpause", "memcached.start"]);
    for state in [State::Unhealthy, State::Restarting, State::Starting] {
        assert_eq!(steps("memcached", state), ["docker.answers", "memcached.start"], "{state:?}");
    }
    assert_eq!(
        steps("nginx", State::Paused).last().unwrap(),
        "nginx.start",
        "its gate tells that it is paused"
    );
}

#[test]
fn celery_is_stopped_before_rabbitmq_is_restarted_and_starts_when_that_answers() {
    let config = config();
    let services = services(&config, &Surveyor::default());
    assert_eq!(
        ids(restart_all(&config, &services, &looks(&config, &[]))),
        [
            "database.answers",
            "celerybeat.stop",
            "celery.stop",
            "docker.answers",
            "elasticsearch.restart",
            "memcached.restart",
            "rabbitmq.restart",
            "celery.start",
            "celerybeat.start",
            "gunicorn.restart",
            "nginx.restart",
        ]
    );
    assert_eq!(
        ids(restart_all(&config, &services, &looks(&config, &ALL))),
        ids(start_all(&config, &services, &looks(&config, &ALL))),
        "what is stopped is started"
    );
    assert_eq!(
        single(&["celerybeat"], "rabbitmq", Deed::Restart),
        ["database.answers", "celery.stop", "docker.answers", "rabbitmq.restart", "celery.start"],
        "what did not run stays so"
    );
    assert_eq!(single(&[], "rabbitmq", Deed::Stop), ["celerybeat.stop", "celery.stop", "rabbitmq.stop"]);
}

#[test]
fn what_was_stopped_is_started_again_when_the_plan_is_taken_back() {
    let config = config();
    let services = services(&config, &Surveyor::default());
    let looks = looks(&config, &[]);
    let argv = |step: &Step| match &step.undo {
        Some(Action::Run { argv }) => argv.join(" "),
        other => format!("{other:?}"),
    };
    let backs = |plan: Plan| -> BTreeMap<String, String> {
        let stops = plan.steps.iter().filter(|step| step.id.ends_with(".stop"));
        stops.map(|step| (step.id.clone(), argv(step))).collect()
    };
    let plan = restart_all(&config, &services, &looks).unwrap();
    let back = |name: &str| (format!("{name}.stop"), format!("systemctl start {name}"));
    assert_eq!(backs(plan), [back("celery"), back("celerybeat")].into());
    let wanted = Wanted { name: "rabbitmq", deed: Deed::Stop };
    let plan = chain(&config, &services, &looks, wanted).unwrap();
    let all = backs(plan);
    assert!(all["rabbitmq.stop"].ends_with(" start rabbitmq"), "{all:?}");
    assert_eq!(all.len(), 3);
}

#[test]
fn one_component_is_started_when_what_it_needs_answers() {
    assert_eq!(
        single(&["celery"], "celery", Deed::Start),
        ["database.answers", "rabbitmq.answers", "celery.start"]
    );
    assert_eq!(single(&[], "memcached", Deed::Restart), ["docker.answers", "memcached.restart"]);
    assert_eq!(single(&[], "nginx", Deed::Reload), ["nginx.reload"]);
}

#[test]
fn what_others_manage_is_refused_by_name() {
    let config = config();
    let services = services(&config, &Surveyor::default());
    for name in ["database", "nosuch"] {
        let wanted = Wanted { name, deed: Deed::Stop };
        let refusal = chain(&config, &services, &looks(&config, &[]), wanted).unwrap_err();
        assert!(refusal.message.contains(name), "{refusal}");
    }
}
