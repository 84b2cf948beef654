//! Tests of a task's call and of what results say.

use proptest::prelude::*;

use super::*;

const TASK: &str = "celery.accumulate";

fn call() -> Call {
    Call::new(TASK, vec![json!("token"), json!(7)], SignedDuration::from_secs(5))
}

fn message(call: &Call, body: &[u8]) -> Message {
    Message {
        content_type: Some("application/json".to_owned()),
        correlation_id: Some(call.id.clone()),
        body: body.to_vec(),
        ..Message::default()
    }
}

fn code(body: &str) -> Code {
    let call = call();
    match call.read(&message(&call, body.as_bytes())) {
        Reply::Failed(finding) => finding.code,
        reply => panic!("{reply:?}"),
    }
}

#[test]
fn only_a_result_of_this_very_call_counts() {
    let (call, other) = (call(), call());
    let good = json!({"task_id": call.id, "status": "SUCCESS", "result": [1]}).to_string();
    assert_eq!(call.read(&message(&call, good.as_bytes())), Reply::Returned(json!([1])));
    assert_eq!(call.read(&message(&other, good.as_bytes())), Reply::Stray);
    let stray = json!({"task_id": other.id, "status": "SUCCESS", "result": [1]}).to_string();
    assert_eq!(call.read(&message(&call, stray.as_bytes())), Reply::Stray);
    let nothing = json!({"status": "SUCCESS", "result": null}).to_string();
    assert_eq!(call.read(&message(&call, nothing.as_bytes())), Reply::Returned(Value::Null));
}

#[test]
fn a_task_that_only_began_is_waited_for() {
    let call = call();
    for status in ["STARTED", "RETRY", "RECEIVED"] {
        let body = json!({"task_id": call.id, "status": status, "result": {"pid": 1}}).to_string();
        assert_eq!(call.read(&message(&call, body.as_bytes())), Reply::NotYet);
    }
}

#[test]
fn failures_are_told_apart() {
    for (body, expected) in [
        (
            json!({"status": "FAILURE", "result": {"exc_type": "NotRegistered", "exc_message": ["x"]}}),
            Code::NotRegistered,
        ),
        (
            json!({"status": "FAILURE", "result": {"exc_type": "KeyError", "exc_message": "x"}}),
            Code::TaskFailed,
        ),
        (json!({"status": "FAILURE", "result": null}), Code::TaskFailed),
        (json!({"status": "REVOKED", "result": {"exc_type": "TaskRevokedError"}}), Code::ClockOff),
        (json!({"status": "DANCING"}), Code::Garbage),
        (json!([1, 2]), Code::Garbage),
    ] {
        assert_eq!(code(&body.to_string()), expected, "{body}");
    }
    assert_eq!(code("\u{80}\u{4}not json"), Code::Garbage);
}

#[test]
fn the_message_is_one_that_celery_runs_and_forgets() {
    let call = call();
    let request = call.request("2026-11-22T10:00:00.5Z".parse().unwrap());
    assert_eq!(request.correlation_id, call.id);
    assert_eq!(request.expiration_ms, 5000);
    let header = |name: &str| request.headers.iter().find(|(key, _)| *key == name).unwrap().1.clone();
    assert_eq!(header("expires"), "2026-11-22T10:00:05.500000+00:00");
    assert_eq!((header("lang"), header("task"), header("id")), ("py".into(), TASK.into(), call.id.clone()));
    let body: Value = serde_json::from_slice(&request.body).unwrap();
    assert_eq!(body[0], json!(["token", 7]));
    assert_eq!(body[1], json!({}));
    assert_eq!(body[2]["chord"], Value::Null);
}

proptest! {
    #[test]
    fn any_body_is_a_reply_of_some_kind(body in prop::collection::vec(any::<u8>(), 0..300)) {
        let call = call();
        let _ = call.read(&message(&call, &body));
    }

    #[test]
    fn any_result_of_the_right_shape_is_read(
        status in prop_oneof!["[A-Z]{1,9}", Just("FAILURE".to_owned()), Just("SUCCESS".to_owned())],
        kind in any::<String>(),
        words in prop::collection::vec(any::<String>(), 0..3),
    ) {
        let call = call();
        let body = json!({"status": status, "result": {"exc_type": kind, "exc_message": words}}).to_string();
        if let Reply::Failed(finding) = call.read(&message(&call, body.as_bytes())) {
            prop_assert!(finding.hint.is_some() && finding.message.len() < 1000);
        }
    }
}
