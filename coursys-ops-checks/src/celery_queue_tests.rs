//! Tests of the queue check against a broker that behaves as told.

use std::collections::VecDeque;

use coursys_ops_core::config::Config;
use coursys_ops_core::model::Status;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::testing::{config, look};

/// What the fake broker and the worker behind it do.
#[derive(Clone, Default)]
struct Plan {
    /// Depths and consumers, look after look; the last one stays.
    depths: VecDeque<(u32, u32)>,
    /// What happens to a probe.
    answer: Answer,
}

#[derive(Clone, Default)]
enum Answer {
    /// The worker sends the arguments back.
    #[default]
    Right,
    /// It answers to another message first, and never to ours.
    Stray,
    /// Nothing comes.
    Never,
    /// This body comes.
    Body(Vec<u8>),
    /// A message that does not end.
    Endless,
    /// The broker has no room.
    Blocked,
}

fn frame(kind: u8, channel: u16, payload: &[u8]) -> Vec<u8> {
    let size = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&[kind], &channel.to_be_bytes()[..], &size, payload, &[0xce]].concat()
}

fn method(channel: u16, class: u16, method: u16, arguments: &[u8]) -> Vec<u8> {
    frame(1, channel, &[&class.to_be_bytes()[..], &method.to_be_bytes(), arguments].concat())
}

fn short(text: &str) -> Vec<u8> {
    [&[u8::try_from(text.len()).unwrap()], text.as_bytes()].concat()
}

/// A message for the client: its method, its header, and as much of its body as is given.
fn deliver(correlation_id: &str, size: u64, body: &[u8]) -> Vec<u8> {
    let header = [
        &60_u16.to_be_bytes()[..],
        &[0, 0],
        &size.to_be_bytes(),
        &(1_u16 << 10).to_be_bytes(),
        &short(correlation_id),
    ]
    .concat();
    let arguments = [short("tag"), vec![0, 0, 0, 0, 0, 0, 0, 1, 0], short(""), short("reply")].concat();
    [method(1, 60, 60, &arguments), frame(2, 1, &header), frame(3, 1, body)].concat()
}

/// As much of an endless message as nobody waits for.
fn endless(correlation_id: &str) -> Vec<u8> {
    let piece = [0; (8 << 10) - 8];
    let more = frame(3, 1, &piece).repeat(1 << 10);
    [deliver(correlation_id, 1 << 40, &piece), more].concat()
}

/// Serves one client; returns how many probes came.
async fn serve(mut peer: TcpStream, mut plan: Plan) -> u32 {
    let mut greeting = [0; 8];
    peer.read_exact(&mut greeting).await.unwrap();
    let start = [&[0, 9, 0, 0, 0, 0][..], &[0, 0, 0, 5], b"PLAIN", &[0, 0, 0, 5], b"en_US"].concat();
    peer.write_all(&method(0, 10, 10, &start)).await.unwrap();
    let mut probes = 0;
    let mut correlation_id = String::new();
    loop {
        let mut head = [0; 7];
        if peer.read_exact(&mut head).await.is_err() {
            return probes;
        }
        let size = u32::from_be_bytes(head[3..7].try_into().unwrap());
        let mut payload = vec![0; usize::try_from(size).unwrap() + 1];
        peer.read_exact(&mut payload).await.unwrap();
        payload.pop();
        let reply = match (head[0], payload.get(1), payload.get(3)) {
            (1, Some(10), Some(11)) => method(0, 10, 30, &[0, 0, 0, 2, 0, 0, 0, 0]),
            (1, Some(10), Some(40)) => method(0, 10, 41, &[0]),
            (1, Some(10), Some(50)) => method(0, 10, 51, &[]),
            (1, Some(20), Some(10)) => method(1, 20, 11, &[0, 0, 0, 0]),
            (1, Some(50), Some(10)) => {
                let depth = if plan.depths.len() > 1 {
                    plan.depths.pop_front()
                } else {
                    plan.depths.front().copied()
                };
                match depth {
                    Some((messages, consumers)) => {
                        let counts = [messages.to_be_bytes(), consumers.to_be_bytes()].concat();
                        method(1, 50, 11, &[short("q"), counts].concat())
                    }
                    None => method(
                        1,
                        20,
                        40,
                        &[&404_u16.to_be_bytes()[..], &short("NOT_FOUND"), &[0; 4]].concat(),
                    ),
                }
            }
            (1, Some(85), Some(10)) => method(1, 85, 11, &[]),
            (1, Some(60), Some(20)) => method(1, 60, 21, &short("tag")),
            (2, ..) => {
                // The correlation id, a UUID, stands before the length of this name.
                let reply_to = b"amq.rabbitmq.reply-to";
                let end = payload.windows(reply_to.len()).position(|name| name == reply_to).unwrap() - 1;
                correlation_id = String::from_utf8(payload[end - 36..end].to_vec()).unwrap();
                Vec::new()
            }
            (3, ..) => {
                probes += 1;
                let call: serde_json::Value = serde_json::from_slice(&payload).unwrap();
                let good =
                    json!({"task_id": correlation_id, "status": "SUCCESS", "result": call[0]}).to_string();
                let whole = |id: &str, body: &[u8]| deliver(id, u64::try_from(body.len()).unwrap(), body);
                let confirm = method(1, 60, 80, &[0, 0, 0, 0, 0, 0, 0, 1, 0]);
                let rest = match &plan.answer {
                    Answer::Right => whole(&correlation_id, good.as_bytes()),
                    Answer::Stray => whole("another", good.as_bytes()),
                    Answer::Never => Vec::new(),
                    Answer::Body(body) => whole(&correlation_id, body),
                    Answer::Endless => endless(&correlation_id),
                    Answer::Blocked => method(0, 10, 60, &short("low on disk")),
                };
                [confirm, rest].concat()
            }
            _ => Vec::new(),
        };
        if peer.write_all(&reply).await.is_err() {
            return probes;
        }
    }
}

/// The check of a queue, for long tasks or for short ones.
fn queue(name: &str, long: bool) -> CeleryQueue {
    let mut celery = config().celery;
    celery.long_queues = if long { vec![name.to_owned()] } else { Vec::new() };
    CeleryQueue::new(name, &celery, Roll::default())
}

/// Looks at the queue `q` with a broker that behaves as planned; returns the finding and how many probes were sent.
async fn look_at(plan: Plan, long: bool) -> (Finding, u32) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut config: Config = config();
    config.broker.server.port = listener.local_addr().unwrap().port();
    if long {
        config.celery.long_queues = vec!["q".to_owned()];
    }
    let broker = async { serve(listener.accept().await.unwrap().0, plan).await };
    let (findings, probes) = tokio::join!(look(queue("q", long), config), broker);
    assert_eq!(findings.len(), 1);
    (findings[0].clone(), probes)
}

fn plan(depths: &[(u32, u32)], answer: Answer) -> Plan {
    Plan { depths: depths.iter().copied().collect(), answer }
}

async fn verdict(plan: Plan, long: bool) -> (Status, Code, u32) {
    let (finding, probes) = look_at(plan, long).await;
    (finding.status, finding.code, probes)
}

#[tokio::test]
async fn a_right_answer_passes_and_tells_how_long_it_took() {
    let (finding, probes) = look_at(plan(&[(0, 1)], Answer::Right), false).await;
    assert_eq!((finding.status, finding.code, probes), (Status::Passed, Code::Ok, 1));
    assert_eq!(finding.measurements[0].name, "round_trip");
}

#[tokio::test]
async fn without_queue_or_consumer_no_probe_is_sent() {
    assert_eq!(verdict(plan(&[], Answer::Right), true).await, (Status::Failed, Code::NoQueue, 0));
    assert_eq!(verdict(plan(&[(3, 0)], Answer::Right), true).await, (Status::Failed, Code::NoConsumer, 0));
}

#[tokio::test]
async fn no_probe_joins_messages_that_do_not_move() {
    assert_eq!(verdict(plan(&[(3, 1)], Answer::Right), false).await, (Status::Failed, Code::Backlog, 0));
    assert_eq!(verdict(plan(&[(3, 1), (4, 1)], Answer::Right), true).await, (Status::Warning, Code::Busy, 0));
    assert_eq!(
        verdict(plan(&[(3, 1), (4, 1), (3, 1)], Answer::Right), false).await,
        (Status::Passed, Code::Ok, 1)
    );
}

#[tokio::test]
async fn a_slow_answer_is_normal_only_where_tasks_are_long() {
    let never = || plan(&[(0, 1)], Answer::Never);
    let (long, short) = tokio::join!(verdict(never(), true), verdict(never(), false));
    assert_eq!(long, (Status::Warning, Code::Busy, 1));
    assert_eq!(short, (Status::Failed, Code::Timeout, 1));
}

#[tokio::test]
async fn wrong_answers_are_told_apart() {
    let other = json!({"status": "SUCCESS", "result": ["something", 1]}).to_string();
    let unknown = json!({"status": "FAILURE", "result": {"exc_type": "NotRegistered"}}).to_string();
    for (answer, code) in [
        (Answer::Body(b"\x80\x04pickle".to_vec()), Code::Garbage),
        (Answer::Body(other.into_bytes()), Code::WrongAnswer),
        (Answer::Body(unknown.into_bytes()), Code::NotRegistered),
        (Answer::Endless, Code::Garbage),
        (Answer::Stray, Code::WrongAnswer),
        (Answer::Blocked, Code::TryLater),
    ] {
        assert_eq!(verdict(plan(&[(0, 1)], answer), true).await, (Status::Failed, code, 1));
    }
}

#[test]
fn the_known_titles_stay() {
    let title = |name| queue(name, false).spec().title.clone();
    assert_eq!(title("fast"), "Celery task");
    assert_eq!(title("email"), "Celery email task");
    assert_eq!(title("sims"), "Celery sims queue");
}
