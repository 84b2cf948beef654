//! Tests of what is read from the nodes' answers; the bodies are those of Celery 5.6.

use proptest::prelude::*;
use serde_json::json;

use super::*;

const NOW: f64 = 1_800_000_000.0;

fn census(answers: &[(Question, Value)]) -> Census {
    let mut census = Census::new(Instant::now(), NOW);
    for (question, said) in answers {
        census.take(*question, json!({"fast@host": said}).to_string().as_bytes());
    }
    census.settle();
    census
}

fn task(start: f64) -> Value {
    json!({"id": "1", "name": "a.task", "args": ["secret"], "time_start": start, "worker_pid": 5})
}

fn pool(uptime: u64) -> Value {
    json!({"total": {"a.task": 3, "b.task": 4}, "pid": 9, "uptime": uptime,
           "pool": {"max-concurrency": 2, "processes": [10, 11]}})
}

#[test]
fn the_answers_of_celery_are_understood() {
    let report = "\nsoftware -> celery:5.6.3 (recovery) kombu:5.7.0 py:3.11.2\n            billiard:4.3.2";
    let census = census(&[
        (Question::Queues, json!([{"name": "fast", "durable": true}, {"name": "other"}])),
        (Question::Active, json!([task(NOW - 60.0)])),
        (Question::Stats, pool(3600)),
        (Question::Report, json!({"ok": report})),
    ]);
    let (name, node) = census.nodes_of("fast").next().unwrap();
    assert_eq!((name.as_str(), node.children(), node.begun()), ("fast@host", Some(2), Some(7)));
    assert_eq!(node.active.as_ref().unwrap()[0].age, Some(Duration::from_secs(60)));
    let software = node.software.as_ref().unwrap();
    assert_eq!((software.celery.as_str(), software.kombu.as_str()), ("5.6.3", "5.7.0"));
    assert!(census.is_known("fast") && census.is_known("other") && !census.is_known("batch"));
    assert!(census.is_complete() && !node.is_doubled());
}

#[test]
fn a_task_is_no_older_than_its_worker_and_not_from_the_future() {
    let age = |start: f64| {
        let census = census(&[(Question::Active, json!([task(start)])), (Question::Stats, pool(100))]);
        census.nodes["fast@host"].active.as_ref().unwrap()[0].age
    };
    assert_eq!(age(NOW - 50.0), Some(Duration::from_secs(50)));
    assert_eq!(age(NOW - 5000.0), Some(Duration::from_secs(100)));
    assert_eq!(age(NOW + 50.0), None);
}

#[test]
fn a_node_that_answers_an_error_has_answered_and_said_nothing() {
    let error = json!({"error": "KeyError('x')"});
    let answers = Question::ALL.map(|question| (question, error.clone()));
    let census = census(&answers);
    let node = &census.nodes["fast@host"];
    assert!(node.is_complete() && node.queues.is_none() && node.active.is_none());
    assert!(node.children().is_none() && node.software.is_none());
}

#[test]
fn two_answers_to_one_question_are_two_nodes_of_one_name() {
    let answer = (Question::Active, json!([]));
    assert!(!census(std::slice::from_ref(&answer)).nodes["fast@host"].is_doubled());
    assert!(census(&[answer.clone(), answer]).nodes["fast@host"].is_doubled());
}

proptest! {
    #[test]
    fn any_bytes_are_an_answer_or_none(body in prop::collection::vec(any::<u8>(), 0..300), which in 0..4_usize) {
        let mut census = Census::new(Instant::now(), NOW);
        census.take(Question::ALL[which], &body);
        census.settle();
    }

    #[test]
    fn any_numbers_of_a_worker_are_read(
        start in any::<f64>(), uptime in any::<f64>(), total in any::<u64>(), children in any::<usize>(),
    ) {
        let stats = json!({"total": {"a": total, "b": total}, "uptime": uptime,
                           "pool": {"max-concurrency": children, "processes": [1]}});
        let census = census(&[(Question::Active, json!([task(start)])), (Question::Stats, stats)]);
        prop_assert!(census.nodes["fast@host"].children().is_some_and(|count| count >= 1));
    }
}
