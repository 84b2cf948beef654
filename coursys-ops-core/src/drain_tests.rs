use super::*;
use crate::queues::QUEUES_SCHEMA;

/// A queue with a worker that does nothing.
fn queue(name: &str) -> Queue {
    Queue {
        name: name.into(),
        exists: true,
        ready: Some(0),
        unacknowledged: Some(0),
        consumers: Some(1),
        nodes: vec![format!("{name}@h")],
        active: Some(vec![]),
        reserved: Some(vec![]),
        scheduled: Some(vec![]),
    }
}

/// One whose worker is gone.
fn dead(name: &str, ready: u64) -> Queue {
    Queue {
        ready: Some(ready),
        consumers: Some(0),
        nodes: vec![],
        active: None,
        reserved: None,
        scheduled: None,
        ..queue(name)
    }
}

fn task(name: &str, age_s: Option<f64>, eta: Option<&str>) -> Task {
    Task { id: "1".into(), name: name.into(), node: "n@h".into(), age_s, eta: eta.map(Into::into) }
}

struct Bed {
    drain: Drain,
    queues: Queues,
    begun: u64,
    elsewhere: Vec<String>,
    elapsed: u64,
}

impl Bed {
    fn new(queues: Vec<Queue>) -> Self {
        let others = BTreeMap::new();
        let (at, unasked, notes) = (String::new(), None, vec![]);
        let queues = Queues { schema: QUEUES_SCHEMA, at, queues, others, unasked, notes };
        Self { drain: Drain::default(), queues, begun: 0, elsewhere: vec![], elapsed: 0 }
    }

    /// A look, so many seconds after the last one, in a draining of ten minutes that began at noon.
    fn look(&mut self, after: u64) -> Stand {
        let noon: Timestamp = "2026-11-23T12:00:00Z".parse().unwrap();
        let at = |seconds: u64| noon + jiff::SignedDuration::from_secs(i64::try_from(seconds).unwrap());
        self.elapsed += after;
        self.drain.take(&Seen {
            queues: &self.queues,
            begun: Some(BTreeMap::from([("n@h".to_owned(), self.begun)])),
            elsewhere: &self.elsewhere,
            elapsed: Duration::from_secs(self.elapsed),
            until: at(600),
        })
    }

    /// How it ends when nothing changes any more.
    fn end(&mut self) -> Stand {
        for _ in 0..300 {
            match self.look(2) {
                Stand::Going(..) => {}
                end => return end,
            }
        }
        self.look(0)
    }
}

/// Leaves something to be done.
type Left = fn(&mut Bed);

#[track_caller]
fn hopeless(stand: &Stand, words: &str) {
    let Stand::Hopeless(why) = stand else { panic!("{stand:?}") };
    assert!(why.iter().any(|why| why.contains(words)), "{why:?}");
}

#[track_caller]
fn going(stand: &Stand, words: &str) {
    let Stand::Going(_, told) = stand else { panic!("{stand:?}") };
    assert!(told.iter().any(|told| told.contains(words)), "{told:?}");
}

#[test]
fn nothing_in_three_looks_and_nothing_begun_between_them_is_drained() {
    let mut bed = Bed::new(vec![queue("fast")]);
    assert!(matches!(bed.look(1), Stand::Going(..)));
    assert!(matches!(bed.look(1), Stand::Going(..)));
    assert_eq!(bed.look(1), Stand::Drained);
    // Tasks that send tasks, each so short that no look sees one.
    let mut bed = Bed::new(vec![queue("fast")]);
    for _ in 0..20 {
        bed.begun += 1;
        assert!(matches!(bed.look(1), Stand::Going(..)));
    }
    assert!(bed.drain.remains(&bed.queues).join("").contains("tasks go on beginning"));
    assert_eq!(bed.end(), Stand::Drained);
}

#[test]
fn one_message_or_task_anywhere_is_something_to_wait_for() {
    let left: [(&str, Left); 6] = [
        ("ready", |bed| bed.queues.queues[1].ready = Some(1)),
        ("unacknowledged", |bed| bed.queues.queues[1].unacknowledged = Some(1)),
        ("active", |bed| bed.queues.queues[1].active = Some(vec![task("a", None, None)])),
        ("reserved", |bed| bed.queues.queues[1].reserved = Some(vec![task("a", None, None)])),
        ("on a node that consumes nothing", |bed| bed.elsewhere.push("a runs on n@h".into())),
        ("not known", |bed| bed.queues.queues[1].active = None),
    ];
    for (what, add) in left {
        let mut bed = Bed::new(vec![queue("fast"), queue("sims")]);
        add(&mut bed);
        assert!(matches!(bed.end(), Stand::Going(..)), "{what}");
        let remains = bed.drain.remains(&bed.queues).join("; ");
        let told = what == "on a node that consumes nothing" || !remains.contains("go on beginning");
        assert!(told, "{what}: {remains}");
    }
}

#[test]
fn a_worker_that_is_dead_and_has_nothing_to_do_holds_nobody() {
    assert_eq!(Bed::new(vec![queue("fast"), dead("sims", 0)]).end(), Stand::Drained);
    let mut bed = Bed::new(vec![queue("fast"), dead("sims", 3)]);
    going(&bed.look(1), "3 messages wait in `sims`, and no worker takes any");
    hopeless(&bed.end(), "3 messages wait in `sims`, and no worker takes any");
    assert!(bed.elapsed < 60, "{}", bed.elapsed);
}

#[test]
fn a_worker_that_comes_back_is_not_given_up() {
    let mut bed = Bed::new(vec![dead("sims", 3)]);
    for _ in 0..9 {
        bed.look(2);
    }
    bed.queues.queues[0] = Queue { ready: Some(1), ..queue("sims") };
    assert!(matches!(bed.end(), Stand::Going(..)));
    bed.queues.queues[0] = queue("sims");
    assert_eq!(bed.end(), Stand::Drained);
}

#[test]
fn what_others_do_is_waited_for_before_what_nobody_does_is_told() {
    let mut bed = Bed::new(vec![dead("sims", 3), Queue { ready: Some(9), ..queue("fast") }]);
    assert!(matches!(bed.end(), Stand::Going(..)));
    bed.queues.queues[1] = queue("fast");
    hopeless(&bed.end(), "`sims`");
}

#[test]
fn a_task_for_later_is_waited_for_only_when_its_time_comes_in_time() {
    let later = |eta: &str| {
        let scheduled = Some(vec![task("coredata.tasks.nap", None, Some(eta))]);
        Bed::new(vec![Queue { unacknowledged: Some(1), scheduled, ..queue("sims") }]).end()
    };
    going(
        &later("2026-11-23T12:05:00+00:00"),
        "coredata.tasks.nap of `sims` waits on n@h until 2026-11-23T12:05",
    );
    hopeless(&later("2026-11-24T12:05:00+00:00"), "waits on n@h until 2026-11-24T12:05:00+00:00");
    hopeless(&later("soon"), "until soon");
}

#[test]
fn a_task_that_does_not_move_is_named_with_its_age_and_worker() {
    let stuck = Queue { active: Some(vec![task("dump", Some(95.4), None)]), ..queue("batch") };
    let mut bed = Bed::new(vec![stuck]);
    going(&bed.look(1), "dump of `batch` runs on n@h for 95 s (1)");
    assert_eq!(bed.drain.remains(&bed.queues), ["dump of `batch` runs on n@h for 95 s (1)"]);
}

#[test]
fn messages_in_a_queue_of_nobody_would_be_lost_too() {
    let mut bed = Bed::new(vec![queue("fast")]);
    bed.queues.others.insert("celery".into(), 4);
    hopeless(&bed.end(), "4 messages in `celery`, which is no queue of the site's workers");
}

#[test]
fn a_worker_that_gives_no_answer_is_told() {
    let silent = Queue { active: None, reserved: None, scheduled: None, nodes: vec![], ..queue("photo") };
    going(&Bed::new(vec![silent]).look(1), "the worker of `photo` gives no answer");
}

#[test]
fn the_estimate_goes_by_the_pace_of_late() {
    let mut bed = Bed::new(vec![Queue { ready: Some(10_000), ..queue("fast") }]);
    let mut progress = |ready: u64, after: u64| {
        bed.queues.queues[0].ready = Some(ready);
        let Stand::Going(progress, _) = bed.look(after) else { panic!() };
        (progress.done, progress.total, progress.left_s)
    };
    assert_eq!(progress(10_000, 0), (0, 10_000, None));
    assert_eq!(progress(9_000, 10), (1_000, 10_000, Some(91)));
    assert_eq!(progress(8_000, 10), (2_000, 10_000, Some(81)));
    // More comes: all that there was is more, and at such a pace there is no end.
    assert_eq!(progress(12_000, 10), (0, 12_000, None));
    // What was long ago does not count, and what stands still has no pace.
    assert_eq!(progress(6_000, 60).2, Some(61));
    assert_eq!(progress(6_000, 12).2, None);
    assert_eq!(progress(5_980, 60).2, Some(17_941));
}

#[test]
fn many_of_a_kind_are_counted_and_not_all_named() {
    let active = Some((0..50).map(|_| task("a", Some(60.0), None)).collect());
    let bed = Bed::new(vec![Queue { active, ..queue("fast") }]);
    let remains = bed.drain.remains(&bed.queues);
    assert_eq!((remains.len(), remains.last().unwrap().as_str()), (9, "42 more of the kind"));
}

#[test]
fn nothing_is_drained_while_the_brokers_own_tool_does_not_tell_what_workers_hold() {
    let not_asked: Left = |bed| {
        bed.queues.unasked = Some("`docker` refuses this user (run it with sudo)".into());
        bed.queues.queues[0].unacknowledged = None;
    };
    // Where no queue of ours exists there may be others.
    let nothing_of_ours: Left = |bed| {
        bed.queues.unasked = Some("`docker` refuses this user (run it with sudo)".into());
        bed.queues.queues[0] = Queue { name: "fast".into(), ..Queue::default() };
    };
    let not_listed: Left = |bed| bed.queues.queues[0].unacknowledged = None;
    for (add, words) in
        [(not_asked, "run it with sudo"), (nothing_of_ours, "run it with sudo"), (not_listed, "of `fast`")]
    {
        let mut bed = Bed::new(vec![queue("fast")]);
        add(&mut bed);
        going(&bed.look(1), words);
        assert!(bed.drain.remains(&bed.queues).join("; ").contains(words));
        let Stand::Unknown(why) = bed.end() else { panic!() };
        assert!(why.iter().any(|why| why.contains(words)), "{why:?}");
        assert!(bed.elapsed < 60, "nobody waits for what cannot change: {}", bed.elapsed);
    }
}

#[test]
fn a_tool_that_answers_again_is_believed_and_what_else_is_left_is_told_with_it() {
    let mut bed = Bed::new(vec![queue("fast"), dead("sims", 3)]);
    bed.queues.unasked = Some("it is slow".into());
    let Stand::Unknown(why) = bed.end() else { panic!() };
    assert!(why[0].contains("3 messages wait in `sims`") && why[1].ends_with("it is slow"), "{why:?}");
    let mut bed = Bed::new(vec![queue("fast")]);
    bed.queues.unasked = Some("it is slow".into());
    for _ in 0..9 {
        assert!(matches!(bed.look(2), Stand::Going(..)));
    }
    bed.queues.unasked = None;
    assert_eq!(bed.look(2), Stand::Drained);
}
