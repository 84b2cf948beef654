use std::collections::BTreeMap;

use super::*;
use crate::config::{Sources, load};
use crate::maintenance::{Bare, Page, Stray};
use crate::plan::Action;
use crate::service::{Look, Part, State as Runs, Surveyor, services};

fn config() -> Config {
    let sources = Sources { layout: Some("vm".to_owned()), ..Sources::default() };
    load(&sources).unwrap().config
}

fn facts(flag: Flag, state: Runs, held: &Held) -> Facts {
    let worker = |name: &str| {
        let mut part = Part::new(name, state);
        part.enabled = Some(true);
        let look = Look {
            component: name.into(),
            manager: "systemd".into(),
            parts: vec![part],
            compose: Vec::new(),
        };
        Worker { name: name.into(), look, held: held.clone() }
    };
    let runs = state == Runs::Running;
    Facts {
        flag,
        workers: vec![worker("celery"), worker("celerybeat")],
        strays: Ok(runs.then(|| Stray { pid: 7, command: "celery worker".into() }).into_iter().collect()),
        page: Some(if runs { Page::Served(200) } else { Page::Maintenance }),
        consumers: Some(Ok(BTreeMap::new())),
        now: "2026-11-23T03:30:00Z".parse().unwrap(),
    }
}

fn wish() -> Wish {
    Wish {
        id: "new".into(),
        who: "ggbaker".into(),
        why: None,
        now: "2026-11-23T03:30:00Z".parse().unwrap(),
        until: None,
        patience: Duration::from_secs(60),
        kill_tasks: false,
        take_over: false,
    }
}

fn ours(phase: LeasePhase, stopped: &[&str]) -> Flag {
    Flag::Ours(Lease {
        id: "old".into(),
        who: "sumo".into(),
        why: "disks".into(),
        since: "2026-11-23T03:00:00Z".parse().unwrap(),
        until: None,
        phase,
        stopped: stopped.iter().map(|name| (*name).to_owned()).collect(),
    })
}

type Make = fn(&Config, &[Arc<dyn Service>], &Facts, &Wish) -> Result<Plan, Refusal>;

fn ids(make: Make, facts: &Facts, wish: &Wish) -> String {
    let config = config();
    let services = services(&config, &Surveyor::default());
    match make(&config, &services, facts, wish) {
        Ok(plan) => {
            assert!(plan.steps.iter().all(|step| step.repeatable), "each step may be done again");
            plan.steps.iter().map(|step| step.id.as_str()).collect::<Vec<_>>().join(" ")
        }
        Err(refusal) => format!("refused: {}", refusal.message),
    }
}

fn first_lease(make: Make, facts: &Facts, wish: &Wish) -> Lease {
    let config = config();
    let services = services(&config, &Surveyor::default());
    let plan = make(&config, &services, facts, wish).unwrap();
    let Action::BuiltIn { arguments, .. } = &plan.steps[0].action else { panic!("{:?}", plan.steps[0]) };
    Lease::read(arguments["lease"].as_bytes(), |_| true).unwrap()
}

const CLOSE: &str = "flag.entering hold.directories hold.celery hold.celerybeat hold.reload celerybeat.stop \
                     workers.quiet celery.stop workers.gone pages.closed flag.on";

#[test]
fn the_flag_is_first_and_the_proof_is_last_when_the_site_is_closed() {
    let up = facts(Flag::Absent, Runs::Running, &Held::No);
    assert_eq!(ids(enter, &up, &wish()), CLOSE);
    let lease = first_lease(enter, &up, &wish());
    assert_eq!((lease.id.as_str(), lease.phase), ("new", LeasePhase::Entering));
    assert_eq!(lease.stopped, ["celery", "celerybeat"]);
    let down = facts(Flag::Absent, Runs::Stopped, &Held::No);
    assert_eq!(ids(enter, &down, &wish()), CLOSE, "cron could start them at any moment");
    assert!(
        first_lease(enter, &down, &wish()).stopped.is_empty(),
        "what did not run before does not run after"
    );
}

#[test]
fn entering_goes_on_with_the_lease_there_is_and_forgets_nothing_that_was_stopped() {
    let half = facts(ours(LeasePhase::Entering, &["celery"]), Runs::Stopped, &Held::Yes);
    assert_eq!(ids(enter, &half, &wish()), CLOSE);
    let lease = first_lease(enter, &half, &wish());
    assert_eq!((lease.id.as_str(), lease.who.as_str(), lease.why.as_str()), ("old", "sumo", "disks"));
    assert_eq!(lease.stopped, ["celery"]);
    let back = facts(ours(LeasePhase::Leaving, &["celery", "celerybeat"]), Runs::Stopped, &Held::No);
    assert_eq!(ids(enter, &back, &wish()), CLOSE);
    assert_eq!(first_lease(enter, &back, &wish()).stopped, ["celery", "celerybeat"]);
}

#[test]
fn entering_twice_changes_nothing_but_what_was_asked_for() {
    let on = facts(ours(LeasePhase::On, &["celery"]), Runs::Stopped, &Held::Yes);
    assert_eq!(ids(enter, &on, &wish()), "");
    let longer = Wish { until: Some("2026-11-23T05:00:00Z".parse().unwrap()), ..wish() };
    assert_eq!(ids(enter, &on, &longer), "flag.renew");
    let lease = first_lease(enter, &on, &longer);
    assert_eq!(
        (lease.phase, lease.until, lease.stopped.as_slice()),
        (LeasePhase::On, longer.until, &["celery".to_owned()][..])
    );
    let loose = facts(ours(LeasePhase::On, &["celery"]), Runs::Stopped, &Held::No);
    assert_eq!(ids(enter, &loose, &wish()), CLOSE, "what is not held is held again, and proven");
}

#[test]
fn a_bare_flag_is_touched_only_by_who_says_so() {
    let bare = facts(Flag::Bare(Bare::NoLease("it is empty".into())), Runs::Stopped, &Held::No);
    for make in [enter as Make, leave] {
        assert!(
            ids(make, &bare, &wish()).starts_with("refused: the site is closed by a flag that is not ours")
        );
    }
    let over = Wish { take_over: true, ..wish() };
    assert_eq!(ids(enter, &bare, &over), CLOSE);
    assert_eq!(
        first_lease(enter, &bare, &over).stopped,
        ["celery", "celerybeat"],
        "they start with the machine"
    );
    assert!(ids(leave, &bare, &over).starts_with("flag.leaving lift."));
}

#[test]
fn leaving_starts_what_ran_before_and_removes_the_flag_last() {
    let on = facts(ours(LeasePhase::On, &["celery", "celerybeat"]), Runs::Stopped, &Held::Yes);
    let plan = ids(leave, &on, &wish());
    assert!(plan.starts_with("flag.leaving lift.celery lift.celerybeat lift.reload "), "{plan}");
    assert!(plan.ends_with("celerybeat.start pages.open"), "{plan}");
    let (celery, beat) = (plan.find("celery.start").unwrap(), plan.find("celerybeat.start").unwrap());
    assert!(celery < plan.find("workers.consume").unwrap() && celery < beat, "{plan}");
    let one = facts(ours(LeasePhase::On, &["celery"]), Runs::Stopped, &Held::Yes);
    assert!(!ids(leave, &one, &wish()).contains("celerybeat.start"));
    let none = facts(ours(LeasePhase::On, &[]), Runs::Stopped, &Held::Yes);
    let only = "flag.leaving lift.celery lift.celerybeat lift.reload pages.open";
    assert_eq!(ids(leave, &none, &wish()), only);
}

#[test]
fn leaving_an_open_site_does_nothing() {
    assert_eq!(ids(leave, &facts(Flag::Absent, Runs::Running, &Held::No), &wish()), "");
    assert_eq!(ids(leave, &facts(Flag::Absent, Runs::Stopped, &Held::No), &wish()), "");
}

#[test]
fn what_was_held_starts_again_also_when_somebody_removed_the_flag() {
    let plan = ids(leave, &facts(Flag::Absent, Runs::Stopped, &Held::Yes), &wish());
    assert!(plan.starts_with("lift.celery lift.celerybeat lift.reload "), "{plan}");
    assert!(plan.contains("celery.start") && plan.ends_with("pages.open"), "{plan}");
}

#[test]
fn workers_that_never_stopped_take_tasks_again_before_their_health_is_waited_for() {
    let half = facts(ours(LeasePhase::Entering, &["celery", "celerybeat"]), Runs::Running, &Held::Yes);
    let plan = ids(leave, &half, &wish());
    let place =
        |id: &str| plan.split(' ').position(|one| one == id).unwrap_or_else(|| panic!("{id}: {plan}"));
    assert!(place("workers.rouse") < place("celery.start"), "those that run, before others are started");
    assert!(place("celery.start") < place("workers.consume"), "then all");
}

#[test]
fn services_of_compose_are_held_by_one_file_of_the_sites_user() {
    let config = load(&Sources { layout: Some("compose".to_owned()), ..Sources::default() }).unwrap().config;
    let services = services(&config, &Surveyor::default());
    let plan = |make: Make, flag: Flag, held: Held| {
        let mut facts = facts(flag, Runs::Running, &held);
        facts.workers.iter_mut().for_each(|one| {
            one.look.compose = ["docker", "compose"].map(ToOwned::to_owned).into();
            one.look.manager = "compose".into();
        });
        let plan = make(&config, &services, &facts, &wish()).unwrap();
        plan.steps.into_iter().filter(|step| step.id.ends_with(".services")).collect::<Vec<_>>()
    };
    let steps = plan(enter, Flag::Absent, Held::No);
    let Action::File { change } = &steps[0].action else { panic!("{steps:?}") };
    assert_eq!((steps[0].id.as_str(), steps[0].run_as), ("hold.services", RunAs::Site));
    assert_eq!(change.path.to_str(), Some("/coursys/compose.override.yml"));
    let content = change.content.as_deref().unwrap();
    assert!(content.contains("\"celery\"") && content.contains("\"celerybeat\""), "{content}");
    let never = || Held::Never("the file is not ours".into());
    assert!(plan(enter, Flag::Absent, never()).is_empty(), "what others wrote is left alone");

    let on = || ours(LeasePhase::On, &["celery", "celerybeat"]);
    for (held, lifted) in [(Held::Yes, true), (Held::Partly, true), (Held::No, false), (never(), false)] {
        let steps = plan(leave, on(), held.clone());
        assert_eq!(steps.iter().any(|step| step.id == "lift.services"), lifted, "{held:?}");
    }
}
