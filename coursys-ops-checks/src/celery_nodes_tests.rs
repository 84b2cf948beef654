//! Tests of the verdict on the nodes.

use coursys_ops_core::model::Status;
use serde_json::json;

use super::*;
use crate::testing::config;
use crate::workers::Question;

/// Nodes with their queues and their version of Celery.
fn census(nodes: &[(&str, &[&str], &str)]) -> Census {
    let mut census = Census::new(Instant::now(), 0.0);
    for (name, queues, version) in nodes {
        let queues: Vec<_> = queues.iter().map(|queue| json!({"name": queue})).collect();
        census.take(Question::Queues, json!({*name: queues}).to_string().as_bytes());
        let report = format!("\nsoftware -> celery:{version} (x) kombu:5.7.0 py:3.11.2");
        census.take(Question::Report, json!({*name: {"ok": report}}).to_string().as_bytes());
    }
    census
}

fn found(census: &Census, nodes: &[&str]) -> Vec<(Status, Code)> {
    let mut celery = config().celery;
    celery.queues = ["batch", "fast"].map(str::to_owned).into();
    celery.nodes = nodes.iter().map(ToString::to_string).collect();
    judge(census, &celery).into_iter().map(|finding| (finding.status, finding.code)).collect()
}

const DOUBLED: (Status, Code) = (Status::Failed, Code::DoubledNode);
const UNEXPECTED: (Status, Code) = (Status::Failed, Code::UnexpectedNode);

#[test]
fn one_node_on_each_queue_is_as_it_should_be() {
    let good = census(&[("a@h", &["batch"], "5.6.3"), ("b@h", &["fast"], "5.6.3")]);
    assert_eq!(found(&good, &[]), [(Status::Passed, Code::Ok)]);
    assert_eq!(found(&good, &["a", "b@h"]), [(Status::Passed, Code::Ok)]);
    let both = census(&[("a@h", &["batch", "fast"], "5.6.3")]);
    assert_eq!(found(&both, &[]), [(Status::Passed, Code::Ok)]);
}

#[test]
fn two_nodes_on_one_queue_are_one_too_many_unless_they_are_listed() {
    let two = census(&[("a@h", &["batch"], "5.6.3"), ("b@h", &["batch"], "5.6.3")]);
    assert_eq!(found(&two, &[]), [DOUBLED]);
    assert_eq!(found(&two, &["a", "b"]), [(Status::Passed, Code::Ok)]);
}

#[test]
fn two_processes_of_one_name_are_doubled_whatever_is_listed() {
    let mut twins = census(&[("a@h", &["batch"], "5.6.3")]);
    twins.nodes.get_mut("a@h").unwrap().namesakes = Some(2);
    assert_eq!(found(&twins, &[]), [DOUBLED]);
    assert_eq!(found(&twins, &["a"]), [DOUBLED]);
}

#[test]
fn a_node_on_no_queue_of_the_site_and_one_that_is_not_listed_are_unexpected() {
    let stranger = census(&[("a@h", &["batch"], "5.6.3"), ("x@h", &["other"], "5.6.3")]);
    assert_eq!(found(&stranger, &[]), [UNEXPECTED]);
    assert_eq!(found(&stranger, &["x"]), [UNEXPECTED]);
}

#[test]
fn a_listed_node_that_does_not_answer_is_missed_unless_its_queue_tells_that() {
    let one = census(&[("a@h", &["batch"], "5.6.3")]);
    assert_eq!(found(&one, &["a", "second"]), [(Status::Failed, Code::MissingNode)]);
    assert_eq!(found(&one, &["a", "fast", "fast@h"]), [(Status::Passed, Code::Ok)]);
    assert_eq!(found(&one, &["a", "batch@h"]), [(Status::Failed, Code::MissingNode)]);
}

#[test]
fn different_versions_are_a_warning() {
    let mixed = census(&[("a@h", &["batch"], "5.6.3"), ("b@h", &["fast"], "5.5.0")]);
    assert_eq!(found(&mixed, &[]), [(Status::Warning, Code::WrongVersion)]);
}

#[test]
fn silence_is_for_the_queues_to_tell() {
    assert_eq!(found(&census(&[]), &[]), [(Status::Skipped, Code::NotRunning)]);
}

#[test]
fn hundreds_of_strangers_are_counted() {
    let mut many = census(&[]);
    for number in 0..300 {
        let answer = json!({format!("x{number}@h"): [{"name": "other"}]}).to_string();
        many.take(Question::Queues, answer.as_bytes());
    }
    assert_eq!(found(&many, &[]).len(), LISTED + 1);
}
