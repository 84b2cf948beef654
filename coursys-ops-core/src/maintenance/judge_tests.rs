use std::collections::BTreeMap;

use super::*;
use crate::maintenance::{Bare, Stray};
use crate::service::{Look, Part, State as Runs};

fn worker(name: &str, state: Runs, held: Held) -> Worker {
    let look = Look {
        component: name.into(),
        manager: "systemd".into(),
        parts: vec![Part::new(name, state)],
        compose: Vec::new(),
    };
    Worker { name: name.into(), look, held }
}

fn lease(phase: LeasePhase) -> Flag {
    Flag::Ours(Lease {
        id: "1".into(),
        who: "ggbaker".into(),
        why: String::new(),
        since: "2026-11-23T03:00:00Z".parse().unwrap(),
        until: Some("2026-11-23T04:00:00Z".parse().unwrap()),
        phase,
        stopped: vec!["celery".into(), "celerybeat".into()],
    })
}

/// Everything fits together: with a flag nothing runs and all is held, without one all runs.
fn facts(flag: Flag) -> Facts {
    let closed = flag != Flag::Absent;
    let (state, held) = if closed { (Runs::Stopped, Held::Yes) } else { (Runs::Running, Held::No) };
    let count = u32::from(!closed);
    Facts {
        flag,
        workers: vec![worker("celery", state, held.clone()), worker("celerybeat", state, held)],
        strays: Ok((!closed).then(stray).into_iter().collect()),
        page: Some(if closed { Page::Maintenance } else { Page::Served(200) }),
        consumers: Some(Ok(BTreeMap::from([("fast".to_owned(), count)]))),
        now: "2026-11-23T03:30:00Z".parse().unwrap(),
    }
}

fn stray() -> Stray {
    Stray { pid: 7, command: "celery worker".into() }
}

#[track_caller]
fn is(facts: &Facts, expected: &str) {
    let judged = judge(facts);
    let code = judged.code.map_or("-", Trouble::as_str);
    assert_eq!(format!("{} {code}", judged.state.as_str()), expected, "{:?}", judged.evidence);
}

const ALL: [LeasePhase; 3] = [LeasePhase::Entering, LeasePhase::On, LeasePhase::Leaving];

#[test]
fn what_fits_together_has_the_state_of_its_flag() {
    is(&facts(Flag::Absent), "up -");
    is(&facts(lease(LeasePhase::Entering)), "entering not_proven");
    is(&facts(lease(LeasePhase::On)), "on -");
    is(&facts(lease(LeasePhase::Leaving)), "leaving not_started");
}

#[test]
fn a_bare_flag_is_nobodys_word_whatever_else_is_seen() {
    is(&facts(Flag::Bare(Bare::NoLease("it is empty".into()))), "inconsistent flag_without_lease");
    let up = Facts { flag: Flag::Bare(Bare::NoLease("it is empty".into())), ..facts(Flag::Absent) };
    is(&up, "inconsistent flag_without_lease");
    is(&Facts { flag: Flag::Unseen("no right".into()), ..up }, "inconsistent flag_unseen");
}

#[test]
fn any_trace_of_a_worker_makes_the_word_of_the_flag_untrue() {
    let runs = |phase, change: fn(&mut Facts)| {
        let mut facts = facts(lease(phase));
        change(&mut facts);
        facts
    };
    let traces: [fn(&mut Facts); 5] = [
        |facts| facts.workers[0] = worker("celery", Runs::Running, Held::Yes),
        |facts| facts.workers[1] = worker("celerybeat", Runs::Starting, Held::Yes),
        |facts| facts.workers[0] = worker("celery", Runs::Stopping, Held::Yes),
        |facts| facts.strays = Ok(vec![stray()]),
        |facts| facts.consumers = Some(Ok(BTreeMap::from([("fast".to_owned(), 1)]))),
    ];
    for trace in traces {
        is(&runs(LeasePhase::On, trace), "inconsistent flag_but_workers");
        is(&runs(LeasePhase::Entering, trace), "entering flag_but_workers");
    }
}

#[test]
fn a_page_that_is_served_is_worse_than_all_else() {
    for (phase, state) in [(LeasePhase::Entering, "entering"), (LeasePhase::On, "inconsistent")] {
        let served = Facts { page: Some(Page::Served(200)), ..facts(lease(phase)) };
        is(&served, &format!("{state} flag_but_served"));
        is(&Facts { strays: Ok(vec![stray()]), ..served }, &format!("{state} flag_but_served"));
    }
}

#[test]
fn a_hold_that_is_missing_or_not_in_force_is_told() {
    for held in [Held::No, Held::Partly] {
        let loose = |phase| Facts {
            workers: vec![worker("celery", Runs::Stopped, held.clone())],
            ..facts(lease(phase))
        };
        is(&loose(LeasePhase::On), "inconsistent not_held");
        is(&loose(LeasePhase::Entering), "entering not_held");
    }
    let held = Held::Unseen("no right".into());
    let blind =
        Facts { workers: vec![worker("celery", Runs::Stopped, held)], ..facts(lease(LeasePhase::On)) };
    is(&blind, "on -");
}

#[test]
fn a_worker_that_nobody_can_be_kept_from_starting_is_told_and_the_site_is_closed_all_the_same() {
    let never = Held::Never("`compose.override.yml` is not ours".into());
    let loose = |flag: Flag, runs: Runs| Facts {
        workers: vec![worker("celery", runs, never.clone())],
        ..facts(flag)
    };
    let on = loose(lease(LeasePhase::On), Runs::Stopped);
    is(&on, "on cannot_hold");
    let told = judge(&on).evidence;
    let words = "nothing keeps others from starting `celery`: `compose.override.yml` is not ours";
    assert!(told.iter().any(|one| one.about == "hold" && one.message == words), "{told:?}");
    is(&Facts { now: "2026-11-23T05:00:00Z".parse().unwrap(), ..on }, "on lease_expired");
    is(&loose(lease(LeasePhase::On), Runs::Running), "inconsistent flag_but_workers");
    is(&loose(lease(LeasePhase::Entering), Runs::Stopped), "entering not_proven");
    // Of an open site that is nobody's trouble.
    let open = loose(Flag::Absent, Runs::Running);
    is(&open, "up -");
    assert!(judge(&open).evidence.iter().all(|one| one.about != "hold"));
}

#[test]
fn an_expired_lease_is_told_and_the_site_stays_closed() {
    let late = |phase| Facts { now: "2026-11-23T04:00:00Z".parse().unwrap(), ..facts(lease(phase)) };
    is(&late(LeasePhase::On), "on lease_expired");
    is(&late(LeasePhase::Entering), "entering not_proven");
}

#[test]
fn leaving_tells_whether_everything_runs_that_ran_before() {
    let mut open = Facts { flag: lease(LeasePhase::Leaving), ..facts(Flag::Absent) };
    is(&open, "leaving flag_left");
    open.workers[1] = worker("celerybeat", Runs::Stopped, Held::No);
    is(&open, "leaving not_started");
    open.workers[1] = worker("celerybeat", Runs::Running, Held::Yes);
    is(&open, "leaving not_started");
}

#[test]
fn without_a_flag_nothing_may_be_left_of_a_maintenance() {
    let mut open = facts(Flag::Absent);
    open.workers[0] = worker("celery", Runs::Stopped, Held::No);
    is(&open, "inconsistent workers_stopped_no_flag");
    open.workers[0] = worker("celery", Runs::Stopped, Held::Yes);
    is(&open, "inconsistent held_no_flag");
    is(&Facts { page: Some(Page::Maintenance), ..facts(Flag::Absent) }, "inconsistent no_flag_but_closed");
    open.workers[0] = worker("celery", Runs::Unseen, Held::No);
    is(&open, "up -");
}

#[test]
fn who_may_see_little_is_told_what_the_flag_says() {
    for phase in ALL {
        let blind = Facts {
            workers: Vec::new(),
            strays: Err("no right".into()),
            page: None,
            consumers: Some(Err("no right".into())),
            ..facts(lease(phase))
        };
        let state = judge(&blind).state;
        assert_eq!(state == State::On, phase == LeasePhase::On);
        assert_ne!(state, State::Inconsistent);
    }
}

#[test]
fn the_words_of_the_codes_are_those_of_the_contract_and_each_has_a_hint() {
    for code in Trouble::ALL {
        assert_eq!(serde_json::to_value(code).unwrap(), code.as_str());
        assert!(!code.hint().is_empty() && code.meaning().ends_with('.'), "{code:?}");
    }
}

#[test]
fn a_site_whose_queues_are_drained_is_closed_and_no_maintenance_yet() {
    let mut draining = Facts { flag: lease(LeasePhase::Draining), ..facts(Flag::Absent) };
    draining.page = Some(Page::Maintenance);
    draining.workers =
        vec![worker("celery", Runs::Running, Held::Yes), worker("celerybeat", Runs::Stopped, Held::Yes)];
    is(&draining, "entering draining");
    let told = judge(&draining).evidence;
    let holds = |words: &str| told.iter().any(|one| one.about == "hold" && one.message == words);
    assert!(
        holds("nothing but coursys-ops stops `celery`")
            && holds("nothing but coursys-ops starts `celerybeat`")
    );
    is(&Facts { page: Some(Page::Served(200)), ..draining.clone() }, "entering flag_but_served");
    is(&Facts { now: "2026-11-23T05:00:00Z".parse().unwrap(), ..draining }, "entering lease_expired");
}
