//! Tests of the verdict on a queue that gives no answer.

use std::time::Instant;

use coursys_ops_core::model::Status;
use serde_json::{Value, json};

use super::*;
use crate::testing::config;
use crate::workers::Question;

const NOW: f64 = 1_800_000_000.0;

/// One node of the queue with two children, which has begun so many tasks and does those of these ages.
fn node(begun: u64, ages: &[f64]) -> Census {
    let tasks: Vec<Value> = ages
        .iter()
        .map(|age| json!({"id": age.to_string(), "name": "a.task", "time_start": NOW - age}))
        .collect();
    let mut census = Census::new(Instant::now(), NOW);
    for (question, said) in [
        (Question::Queues, json!([{"name": "fast"}, {"name": "batch"}])),
        (Question::Active, json!(tasks)),
        (
            Question::Stats,
            json!({"total": {"a.task": begun}, "uptime": 1_000_000,
                   "pool": {"max-concurrency": 2, "processes": [1, 2]}}),
        ),
    ] {
        census.take(question, json!({"fast@host": said}).to_string().as_bytes());
    }
    census.settle();
    census
}

fn nobody() -> Census {
    Census::new(Instant::now(), NOW)
}

fn verdict(queue: &str, looks: [Option<&Census>; 2], waited: bool) -> (Status, Code) {
    let depth = Depth { messages: u32::from(!waited) * 3, consumers: 1 };
    let mut celery = config().celery;
    celery.wedged_after_s = 300;
    celery.long_wedged_after_s = 14_400;
    let waited = waited.then_some(Duration::from_secs(4));
    let evidence = Evidence { queue, celery: &celery, before: depth, after: depth, waited, looks };
    let finding = evidence.finding();
    assert!(finding.hint.is_some(), "{finding:?}");
    (finding.status, finding.code)
}

/// The verdict on two equal looks.
fn steady(queue: &str, census: &Census) -> (Status, Code) {
    let with_probe = verdict(queue, [Some(census), Some(census)], true);
    assert_eq!(verdict(queue, [Some(census), Some(census)], false), with_probe, "with a backlog");
    with_probe
}

#[test]
fn without_an_answering_node_the_queue_is_dead_also_where_tasks_are_long() {
    assert_eq!(steady("fast", &nobody()), (Status::Failed, Code::Dead));
    assert_eq!(steady("batch", &nobody()), (Status::Failed, Code::Dead));
}

#[test]
fn children_that_are_taken_are_busy_until_all_their_tasks_are_too_old() {
    assert_eq!(steady("fast", &node(9, &[200.0, 4000.0])), (Status::Warning, Code::Busy));
    assert_eq!(steady("fast", &node(9, &[400.0, 4000.0])), (Status::Failed, Code::Wedged));
    assert_eq!(steady("batch", &node(9, &[400.0, 4000.0])), (Status::Warning, Code::Busy));
    assert_eq!(steady("batch", &node(9, &[15_000.0, 20_000.0])), (Status::Failed, Code::Wedged));
}

#[test]
fn a_task_of_unknown_age_wedges_nothing() {
    assert_eq!(steady("fast", &node(9, &[-50.0, 4000.0])), (Status::Warning, Code::Busy));
}

#[test]
fn free_children_that_do_nothing_are_wedged_and_those_that_do_something_are_busy() {
    assert_eq!(steady("fast", &node(9, &[])), (Status::Failed, Code::Wedged));
    assert_eq!(steady("batch", &node(9, &[60.0])), (Status::Failed, Code::Wedged));
    let (before, after) = (node(9, &[1.0]), node(30, &[1.0]));
    assert_eq!(verdict("fast", [Some(&before), Some(&after)], true), (Status::Warning, Code::Busy));
    let (before, after) = (node(9, &[1.0]), node(9, &[2.0]));
    assert_eq!(verdict("fast", [Some(&before), Some(&after)], true), (Status::Warning, Code::Busy));
}

#[test]
fn one_look_alone_does_not_prove_that_nothing_moves() {
    let idle = node(9, &[]);
    for looks in [[Some(&idle), None], [None, Some(&idle)], [None, None]] {
        assert_eq!(verdict("fast", looks, true), (Status::Failed, Code::Timeout));
        assert_eq!(verdict("fast", looks, false), (Status::Failed, Code::Backlog));
        assert_eq!(verdict("batch", looks, true), (Status::Warning, Code::Busy));
    }
}

#[test]
fn a_second_consumer_that_answers_no_ping_is_dead() {
    let idle = node(9, &[]);
    let celery = config().celery;
    let depth = Depth { messages: 0, consumers: 2 };
    let evidence = Evidence {
        queue: "fast",
        celery: &celery,
        before: depth,
        after: depth,
        waited: Some(Duration::from_secs(4)),
        looks: [Some(&idle), Some(&idle)],
    };
    assert_eq!(evidence.finding().code, Code::Dead);
}

#[test]
fn the_one_who_holds_the_children_is_named_with_its_age() {
    let census = node(9, &[200.0, 4000.0]);
    let celery = config().celery;
    let depth = Depth { messages: 0, consumers: 1 };
    let looks = [Some(&census), Some(&census)];
    let evidence =
        Evidence { queue: "batch", celery: &celery, before: depth, after: depth, waited: None, looks };
    let finding = evidence.finding();
    assert!(finding.message.contains("`a.task` and 1 more, the oldest for 66 min"), "{}", finding.message);
    let names: Vec<_> = finding.measurements.iter().map(|measurement| measurement.name.as_str()).collect();
    assert_eq!(names, ["active", "children", "oldest_task", "waiting"]);
}
