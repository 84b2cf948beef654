use super::*;
use crate::config::{Config, Sources, load};
use crate::maintenance::{Bare, Facts, Flag, Held, Lease, Page, hold};
use crate::plan::Action;
use crate::service::{Look, Part, State as Runs, Surveyor, services};

fn config() -> Config {
    let sources = Sources { layout: Some("vm".to_owned()), ..Sources::default() };
    load(&sources).unwrap().config
}

fn facts(flag: Flag, celery: Runs, beat: Runs, held: &Held) -> Facts {
    let worker = |name: &str, state| {
        let look = Look {
            component: name.into(),
            manager: "systemd".into(),
            parts: vec![Part::new(name, state)],
            compose: Vec::new(),
        };
        Worker { name: name.into(), look, held: held.clone() }
    };
    Facts {
        flag,
        workers: vec![worker("celery", celery), worker("celerybeat", beat)],
        strays: Ok(Vec::new()),
        page: Some(Page::Maintenance),
        consumers: None,
        now: "2026-11-23T03:30:00Z".parse().unwrap(),
    }
}

fn lease(phase: LeasePhase) -> Flag {
    Flag::Ours(Lease {
        id: "old".into(),
        who: "sumo".into(),
        why: "disks".into(),
        since: "2026-11-23T03:00:00Z".parse().unwrap(),
        until: None,
        phase,
        stopped: vec!["celery".to_owned(), "celerybeat".to_owned()],
    })
}

fn wish() -> Wish {
    Wish {
        id: "new".into(),
        who: "ggbaker".into(),
        why: None,
        now: "2026-11-23T03:30:00Z".parse().unwrap(),
        until: None,
        patience: Duration::from_secs(300),
        kill_tasks: false,
        take_over: false,
    }
}

fn plan(facts: &Facts, start_workers: bool) -> Result<Plan, Refusal> {
    let config = config();
    let services = services(&config, &Surveyor::default());
    let draining = Draining { timeout: Duration::from_secs(60), start_workers };
    drain(&config, &services, facts, &wish(), draining)
}

fn ids(facts: &Facts, start_workers: bool) -> String {
    let plan = plan(facts, start_workers).unwrap();
    assert!(plan.steps.iter().all(|step| step.repeatable), "each step may be done again");
    plan.steps.iter().map(|step| step.id.as_str()).collect::<Vec<_>>().join(" ")
}

fn change(plan: &Plan, id: &str) -> Option<String> {
    let step = plan.steps.iter().find(|step| step.id == id)?;
    let Action::File { change } = &step.action else { panic!("{step:?}") };
    change.content.clone()
}

#[test]
fn the_site_is_closed_and_the_beat_stopped_and_the_workers_run_on() {
    let up = facts(Flag::Absent, Runs::Running, Runs::Running, &Held::No);
    assert_eq!(
        ids(&up, false),
        "flag.draining hold.directories hold.celery hold.celerybeat hold.reload celerybeat.stop pages.closed \
         queues.drain lift.celery lift.reload"
    );
    let plan = plan(&up, false).unwrap();
    assert_eq!(change(&plan, "hold.celery"), Some(hold::steady_content()));
    assert_eq!(change(&plan, "hold.celerybeat"), Some(hold::content("celerybeat")));
    assert_eq!(change(&plan, "lift.celery"), None);
    let Action::BuiltIn { arguments, .. } = &plan.steps[0].action else { panic!() };
    let lease = Lease::read(arguments["lease"].as_bytes(), |_| true).unwrap();
    assert_eq!(
        (lease.phase, lease.stopped.join(" ")),
        (LeasePhase::Draining, "celery celerybeat".to_owned())
    );
    let wait = plan.steps.iter().find(|step| step.id == "queues.drain").unwrap();
    assert!(wait.deadline_ms > 60_000, "the verdict needs a moment: {}", wait.deadline_ms);
}

#[test]
fn workers_that_are_down_start_only_when_somebody_wants_it() {
    let down = facts(Flag::Absent, Runs::Stopped, Runs::Running, &Held::No);
    assert!(!ids(&down, false).contains("celery.start"), "{}", ids(&down, false));
    assert!(ids(&down, true).contains("hold.reload") && ids(&down, true).contains(" celery.start "));
    let plan = plan(&down, true).unwrap();
    let start = plan.steps.iter().find(|step| step.id == "celery.start").unwrap();
    assert_eq!(start.gate, ["service.celery"], "a backlog is what it is started for");
    assert!(!ids(&down, true).contains("celerybeat.start"));
}

#[test]
fn a_component_of_which_one_container_died_is_started_too_and_opening_does_not_wait_for_that_one() {
    let config = load(&Sources { layout: Some("compose".to_owned()), ..Sources::default() }).unwrap().config;
    let services = services(&config, &Surveyor::default());
    let mut facts = facts(lease(LeasePhase::Draining), Runs::Running, Runs::Stopped, &Held::No);
    for worker in &mut facts.workers {
        worker.look.compose = ["docker", "compose"].map(ToOwned::to_owned).into();
    }
    facts.workers[0].look.parts.push(Part::new("celery-photo", Runs::Stopped));
    let draining = Draining { timeout: Duration::from_secs(60), start_workers: true };
    let plan = drain(&config, &services, &facts, &wish(), draining).unwrap();
    assert!(plan.steps.iter().any(|step| step.id == "celery.start"), "{plan:?}");

    let leave = crate::maintenance::leave(&config, &services, &facts, &wish()).unwrap();
    let before: Vec<_> = leave.steps.iter().take_while(|step| step.id != "celery.start").collect();
    let rouse = before.iter().find(|step| step.id == "workers.rouse").unwrap();
    let Action::BuiltIn { arguments, .. } = &rouse.action else { panic!("{rouse:?}") };
    assert_eq!(arguments["of"], "run");
    assert!(!before.iter().any(|step| step.id == "workers.consume"));
}

#[test]
fn nothing_is_drained_while_it_cannot_be_seen_which_workers_run() {
    for (celery, beat) in [(Runs::Unseen, Runs::Running), (Runs::Running, Runs::Unseen)] {
        let refusal = plan(&facts(Flag::Absent, celery, beat, &Held::No), false).unwrap_err();
        assert!(refusal.message.contains("could not be seen"), "{refusal}");
    }
}

#[test]
fn a_maintenance_that_is_on_stays_on_unless_workers_are_to_start() {
    let on = facts(lease(LeasePhase::On), Runs::Stopped, Runs::Stopped, &Held::Yes);
    assert_eq!(ids(&on, false), "queues.drain");
    let again = ids(&on, true);
    assert!(again.starts_with("flag.draining hold.") && again.contains(" celery.start "), "{again}");
    assert!(!again.contains("celerybeat.st"), "{again}");
}

#[test]
fn a_maintenance_after_it_stops_the_workers_and_a_flag_of_others_stays() {
    let drained = facts(lease(LeasePhase::Draining), Runs::Running, Runs::Stopped, &Held::Yes);
    let config = config();
    let services = services(&config, &Surveyor::default());
    let enter = crate::maintenance::enter(&config, &services, &drained, &wish()).unwrap();
    assert_eq!(change(&enter, "hold.celery"), Some(hold::content("celery")));
    let ids: Vec<&str> = enter.steps.iter().map(|step| step.id.as_str()).collect();
    assert!(ids.contains(&"celery.stop") && ids.last() == Some(&"flag.on"), "{ids:?}");
    let bare = facts(Flag::Bare(Bare::NotAFile), Runs::Running, Runs::Running, &Held::No);
    assert!(plan(&bare, false).is_err());
}
