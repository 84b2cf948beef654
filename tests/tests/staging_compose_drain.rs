//! Draining on a server of containers: the verdict is right each time, and no message is lost or done twice.

use std::collections::BTreeMap;
use std::time::Duration;

use coursys_ops_tests::compose::{STAMPS, acts, exits, hold, is, is_open, python, release, running, stamps};
use coursys_ops_tests::{Staging, container, healthy_compose, settles};

/// What runs while the queues drain.
const ALL_BUT_BEAT: [&str; 5] =
    ["celery-batch", "celery-email", "celery-fast", "celery-photo", "celery-sims"];

/// Sends tasks that leave a stamp each.
fn send(server: &Staging, words: &[&str], queue: &str, options: &str) {
    for word in words {
        python(server, &format!("stamp.apply_async(('{STAMPS}', '{word}'), queue='{queue}', {options})"));
    }
}

/// How often which task was done.
fn done(server: &Staging) -> BTreeMap<String, u32> {
    let mut done = BTreeMap::new();
    for (word, _) in stamps(server) {
        *done.entry(word).or_default() += 1;
    }
    done
}

fn once(words: &[&str]) -> BTreeMap<String, u32> {
    words.iter().map(|word| ((*word).to_owned(), 1)).collect()
}

fn id(server: &Staging, service: &str) -> String {
    server.done(&["docker", "inspect", "--format", "{{.Id}}", &container(service)])
}

#[test]
fn an_idle_site_is_drained_and_its_broker_may_be_made_anew() {
    let Some(server) = healthy_compose() else { return };
    let before = id(&server, "rabbitmq");
    let said = acts(&server, &["drain", "--timeout", "60s", "--reason", "a new broker"]);
    assert!(said.contains("drained: nothing is left in the queues"), "{said}");
    is(&server, "entering", "draining");
    assert_eq!(running(&server), ALL_BUT_BEAT);
    // What every deployment does: the beat would send tasks.
    server.docker_compose(&["up", "--detach", "--remove-orphans"]);
    assert_eq!(running(&server), ALL_BUT_BEAT);
    acts(&server, &["service", "rabbitmq", "recreate"]);
    assert_ne!(id(&server, "rabbitmq"), before);
    acts(&server, &["drain", "--timeout", "2m"]);
    acts(&server, &["rm503"]);
    is_open(&server);
    settles(0, || server.run(&["coursys-ops", "check"]).code);
}

#[test]
fn a_stuck_task_and_one_for_later_are_named_and_drained_when_they_have_ended() {
    let Some(server) = healthy_compose() else { return };
    hold(&server, "batch");
    send(&server, &["later"], "sims", "countdown=60");
    let said = exits(&server, &["drain", "--timeout", "25s"], 1);
    assert!(
        said.contains("not drained within 25 s: coredata.tasks.hold of `batch` runs on batch@"),
        "{said}"
    );
    assert!(said.contains("coredata.tasks.stamp of `sims` waits on sims@"), "{said}");
    is(&server, "entering", "draining");
    release(&server);
    // Nothing is left but what cannot come in time: that is said at once.
    let said = exits(&server, &["drain", "--timeout", "5s"], 1);
    assert!(said.contains("nobody does what is left") || said.contains("not drained within 5 s"), "{said}");
    let said = acts(&server, &["drain", "--timeout", "3m"]);
    assert!(said.contains("drained: nothing is left in the queues"), "{said}");
    assert_eq!(done(&server), once(&["later"]));
    acts(&server, &["rm503"]);
    is_open(&server);
}

#[test]
fn what_waits_for_a_dead_container_is_told_and_done_once_when_it_is_started() {
    let Some(server) = healthy_compose() else { return };
    let photo = container("celery-photo");
    server.done(&["docker", "kill", &photo]);
    send(&server, &["1", "2", "3"], "photo", "");
    let said = exits(&server, &["drain", "--timeout", "2m"], 1);
    assert!(said.contains("3 messages wait in `photo`, and no worker takes any"), "{said}");
    assert_eq!(done(&server), BTreeMap::new());
    let said = acts(&server, &["drain", "--timeout", "2m", "--start-workers"]);
    assert!(said.contains("drained: nothing is left in the queues"), "{said}");
    assert_eq!(done(&server), once(&["1", "2", "3"]));
    assert_eq!(running(&server), ALL_BUT_BEAT);

    // Whoever opens the site gets all of it back, also what died meanwhile.
    server.done(&["docker", "kill", &photo]);
    acts(&server, &["rm503"]);
    is_open(&server);
}

#[test]
fn a_draining_that_was_killed_goes_on_and_loses_nothing() {
    let Some(server) = healthy_compose() else { return };
    hold(&server, "fast");
    send(&server, &["1", "2", "3"], "batch", "");
    let killed = ["timeout", "--signal=KILL", "12", "coursys-ops", "drain", "--timeout", "5m"];
    assert_eq!(server.run(&killed).code, 137);
    is(&server, "entering", "draining");
    assert_eq!(running(&server), ALL_BUT_BEAT);
    let refused = exits(&server, &["service", "memcached", "restart"], 3);
    assert!(refused.contains("an earlier plan is unfinished: `drain the queues`"), "{refused}");
    release(&server);
    let said = acts(&server, &["resume"]);
    assert!(said.contains("drained: nothing is left in the queues"), "{said}");
    assert_eq!(done(&server), once(&["1", "2", "3"]));
    is(&server, "entering", "draining");
    // From there to a maintenance, and out of it.
    acts(&server, &["503"]);
    is(&server, "on", "-");
    assert_eq!(running(&server), [""; 0]);
    acts(&server, &["rm503"]);
    is_open(&server);
}

#[test]
fn who_may_not_see_the_containers_gets_no_plan_that_passes_them_over() {
    let Some(server) = healthy_compose() else { return };
    let ended = server.run_as("visitor", &["coursys-ops", "drain", "--dry-run"]);
    assert_eq!(ended.code, 3, "{}{}", ended.stdout, ended.stderr);
    assert!(ended.stderr.contains("could not be seen"), "{}", ended.stderr);
    // With the right to look, the plan stops the beat.
    let plan = server.run(&["coursys-ops", "drain", "--dry-run"]).stdout;
    assert!(plan.contains("stop celerybeat"), "{plan}");
    server.wait_until(Duration::from_secs(5), "an open site", |server| {
        server.run(&["test", "-e", "/data/dynamic_config/503"]).code != 0
    });
}
