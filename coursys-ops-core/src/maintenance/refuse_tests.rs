use super::*;
use crate::maintenance::{Bare, Lease};
use crate::plan::Step;
use crate::service::{Look, Part, State};

fn facts(flag: Flag, state: State, held: Held) -> Facts {
    let look = Look {
        component: "celery".into(),
        manager: "systemd".into(),
        parts: vec![Part::new("celery", state)],
        compose: Vec::new(),
    };
    Facts {
        flag,
        workers: vec![Worker { name: "celery".into(), look, held }],
        strays: Ok(Vec::new()),
        page: None,
        consumers: None,
        now: "2026-11-23T03:30:00Z".parse().unwrap(),
    }
}

fn ours(phase: LeasePhase) -> Flag {
    Flag::Ours(Lease {
        id: "1".into(),
        who: "sumo".into(),
        why: "disks".into(),
        since: "2026-11-23T03:00:00Z".parse().unwrap(),
        until: None,
        phase,
        stopped: Vec::new(),
    })
}

fn plan(ids: &[&str]) -> Plan {
    let step = |id: &&str| Step::run(*id, "title", ["true"]);
    Plan { title: "start all".into(), steps: ids.iter().map(step).collect() }
}

#[test]
fn what_rests_in_a_maintenance_is_not_started_by_other_commands() {
    for phase in [LeasePhase::Entering, LeasePhase::On, LeasePhase::Leaving] {
        let on = facts(ours(phase), State::Stopped, Held::Yes);
        let refusal = permit(&on, &plan(&["nginx.start", "celery.start"])).unwrap_err();
        assert!(refusal.message.ends_with("by `sumo` since 2026-11-23T03:00:00Z (disks)"), "{refusal}");
        assert!(refusal.hint.contains("rm503"));
        assert!(permit(&on, &plan(&["celery.restart"])).is_err());
        assert!(permit(&on, &plan(&["celery.stop", "rabbitmq.recreate", "nginx.start"])).is_ok());
    }
    let removed = facts(Flag::Absent, State::Stopped, Held::Yes);
    assert!(permit(&removed, &plan(&["celery.start"])).unwrap_err().message.contains("is there still"));
}

#[test]
fn what_is_drained_is_not_stopped_but_may_be_started() {
    let runs = facts(ours(LeasePhase::Draining), State::Running, Held::Yes);
    for id in ["celery.stop", "celery.restart"] {
        assert!(permit(&runs, &plan(&[id])).unwrap_err().message.contains("would kill tasks"), "{id}");
    }
    let down = facts(ours(LeasePhase::Draining), State::Stopped, Held::Yes);
    assert!(permit(&down, &plan(&["celery.start"])).is_ok());
    // When it is done, RabbitMQ may be recreated, for which the workers rest a while.
    let drained = facts(ours(LeasePhase::Draining), State::Running, Held::No);
    assert!(permit(&drained, &plan(&["celery.stop", "rabbitmq.recreate", "celery.start"])).is_ok());
}

#[test]
fn an_open_site_and_one_that_others_closed_are_not_our_matter() {
    for flag in [Flag::Absent, Flag::Bare(Bare::NotAFile)] {
        assert!(permit(&facts(flag, State::Running, Held::No), &plan(&["celery.restart"])).is_ok());
    }
}

#[test]
fn nothing_is_started_while_nobody_can_tell_whether_it_must_rest() {
    let blind = facts(Flag::Unseen("the disk hangs".into()), State::Stopped, Held::No);
    let refusal = permit(&blind, &plan(&["celery.start"])).unwrap_err();
    assert!(refusal.message.ends_with("must not run: the disk hangs"), "{refusal}");
    assert!(permit(&blind, &plan(&["celery.stop", "nginx.restart"])).is_ok());
}
