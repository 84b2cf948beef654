//! Faults of the broker, of Celery's workers and of its beat, and of what else talks through the broker.

use std::thread::sleep;
use std::time::Duration;

use crate::inject;
use crate::matrix::Fault;

/// The rows of this area.
#[must_use]
pub fn rows() -> Vec<Fault> {
    [connection(), alarms(), silent_workers(), busy_workers(), nodes(), queues(), reporting(), markup()]
        .into_iter()
        .flatten()
        .collect()
}

fn connection() -> Vec<Fault> {
    vec![
        Fault::new("RabbitMQ is stopped", "stopped")
            .with(inject::stopped("rabbitmq"))
            .culprit("broker.connection", "failed refused"),
        Fault::new("RabbitMQ hangs", "hung")
            .with(inject::hung("rabbitmq"))
            .culprit("broker.connection", "failed timeout"),
        Fault::new("the broker's password is wrong", "wrong password")
            .set("broker.password", "wrong")
            .culprit("broker.connection", "failed access_denied"),
        Fault::new("the virtual host does not exist", "wrong name")
            .set("broker.vhost", "nosuch")
            .culprit("broker.connection", "failed no_such_vhost"),
    ]
}

fn alarms() -> Vec<Fault> {
    vec![
        Fault::new("the broker is short of memory", "broker's alarm")
            .with(inject::rabbitmqctl(
                &["set_vm_memory_high_watermark", "absolute", "1MB"],
                &["set_vm_memory_high_watermark", "0.4"],
            ))
            // The broker looks at its memory every second.
            .with(|_| sleep(Duration::from_secs(2)))
            .culprit("broker.alarms", "failed alarm")
            .telling("memory"),
        Fault::new("the broker is short of disk space", "broker's alarm")
            .with(inject::rabbitmqctl(&["set_disk_free_limit", "100000GB"], &["set_disk_free_limit", "50MB"]))
            // The broker looks at its disk every few seconds.
            .with(|_| sleep(Duration::from_secs(2)))
            .culprit("broker.alarms", "failed alarm")
            .telling("disk")
            .slow(),
        Fault::new("the broker is too old for the site's Celery", "wrong version")
            .set("broker.min_version", "4.0")
            .culprit("broker.alarms", "failed wrong_version"),
        Fault::new("the broker is too new for the site's Celery", "wrong version")
            .set("broker.below_version", "3.9")
            .culprit("broker.alarms", "failed wrong_version"),
        Fault::new("the broker's nodes do not see each other", "broker's node gone")
            .with(inject::false_control(
                r#"{"running_nodes": ["a@h"], "disk_nodes": ["a@h"], "partitions": {"a@h": ["b@h"]}}"#,
            ))
            .culprit("broker.nodes", "failed partitioned")
            .slow(),
        Fault::new("one of the broker's nodes does not run", "broker's node gone")
            .with(inject::false_control(r#"{"running_nodes": ["a@h"], "disk_nodes": ["a@h", "b@h"]}"#))
            .culprit("broker.nodes", "failed not_running")
            .telling("b@h")
            .slow(),
        Fault::new("the broker's tool is another program", "garbage")
            .with(inject::false_control("what?"))
            .culprit("broker.nodes", "failed garbage")
            .slow(),
        Fault::new("the broker's tool is not there", "missing program")
            .set("broker.control", r#"["/nonexistent/rabbitmqctl"]"#)
            .culprit("broker.nodes", "failed not_found")
            .also("celery.queues.other", "skipped not_found")
            .slow(),
        Fault::new("the broker's tool speaks to another node", "wrong node")
            .set("broker.control", r#"["/usr/lib/rabbitmq/bin/rabbitmqctl", "-n", "nobody@localhost"]"#)
            // The tool itself may wait longer than anybody has time.
            .culprit("broker.nodes", "failed server_error|failed timeout")
            .also("celery.queues.other", "skipped server_error|failed timeout")
            .slow(),
        Fault::new("the broker's tool is not for this user", "not permitted")
            .set(
                "broker.control",
                r#"["setpriv", "--reuid=nobody", "--clear-groups", "setpriv", "--reuid=rabbitmq", "true"]"#,
            )
            .culprit("broker.nodes", "skipped not_permitted")
            .culprit("celery.queues.other", "skipped not_permitted")
            .slow(),
    ]
}

fn silent_workers() -> Vec<Fault> {
    vec![
        Fault::new("the worker of email is stopped", "stopped")
            .with(inject::stopped("celery-email"))
            .culprit("celery.queue.email", "failed no_consumer"),
        Fault::new("the worker of sims is stopped", "stopped")
            .with(inject::stopped("celery-sims"))
            .culprit("celery.queue.sims", "failed no_consumer"),
        Fault::new("the worker of photo was told to leave its queue", "worker told off")
            .with(inject::told_off("photo"))
            .culprit("celery.queue.photo", "failed no_consumer")
            .also("celery.nodes", "failed unexpected_node"),
        Fault::new("a queue that nobody declared", "worker told off")
            .set("celery.queues", r#"["batch", "email", "fast", "nosuch", "photo", "sims"]"#)
            .culprit("celery.queue.nosuch", "failed no_queue"),
        Fault::new("the beat goes on but the worker of its queue is stopped", "beat alive, worker dead")
            .with(inject::stopped("celery-fast"))
            .culprit("celery.queue.fast", "failed no_consumer"),
        Fault::new("the worker of fast hangs", "hung worker")
            .with(inject::hung("celery-fast"))
            .culprit("celery.queue.fast", "failed dead"),
        Fault::new("the worker of batch hangs", "hung worker")
            .with(inject::hung("celery-batch"))
            .culprit("celery.queue.batch", "failed dead"),
        Fault::new("the main process of the worker of sims hangs", "hung worker")
            .with(inject::hung_main("celery-sims"))
            .culprit("celery.queue.sims", "failed dead"),
        Fault::new("the children of the worker of email hang", "hung children")
            .with(inject::hung_children("celery-email"))
            .culprit("celery.queue.email", "failed wedged"),
        Fault::new("the children of the worker of batch hang", "hung children")
            .with(inject::hung_children("celery-batch"))
            .culprit("celery.queue.batch", "failed wedged"),
        Fault::new("the beat is stopped", "beat stopped")
            .with(inject::stopped("celerybeat"))
            .with(|_| sleep(Duration::from_secs(4)))
            .set("celery.beat_max_age_s", 3)
            .culprit("celery.beat", "failed stale"),
    ]
}

fn busy_workers() -> Vec<Fault> {
    let stuck = |queue: &'static str, key: &'static str| {
        Fault::new(format!("all children of {queue} are stuck in their tasks"), "hung children")
            .with(inject::held(queue, 2))
            .with(|_| sleep(Duration::from_secs(1)))
            .set(key, 1)
    };
    vec![
        Fault::new("the worker of batch has long tasks", "worker busy")
            .with(inject::held("batch", 2))
            .culprit("celery.queue.batch", "warning busy")
            .telling("coredata.tasks.hold"),
        Fault::new("the worker of fast has long tasks", "worker busy")
            .with(inject::held("fast", 2))
            .culprit("celery.queue.fast", "warning busy")
            .telling("coredata.tasks.hold"),
        Fault::new("the worker of sims has long tasks", "worker busy")
            .with(inject::held("sims", 2))
            .culprit("celery.queue.sims", "warning busy")
            .also("celery.reporting-db", "skipped busy"),
        stuck("email", "celery.wedged_after_s").culprit("celery.queue.email", "failed wedged"),
        stuck("batch", "celery.long_wedged_after_s").culprit("celery.queue.batch", "failed wedged"),
        Fault::new("messages wait in email and none is taken", "backlog")
            .with(inject::held("email", 20))
            .culprit("celery.queue.email", "warning busy")
            .telling("no probe was sent"),
        Fault::new("messages wait in batch behind tasks that do not end", "backlog")
            .with(inject::held("batch", 20))
            .with(|_| sleep(Duration::from_secs(1)))
            .set("celery.long_wedged_after_s", 1)
            .culprit("celery.queue.batch", "failed wedged")
            .telling("no probe was sent"),
        Fault::new("a long backlog of email moves", "backlog")
            .with(inject::crowded("email", 400, "0.1"))
            .culprit("celery.queue.email", "warning busy"),
        Fault::new("a short backlog of email moves", "backlog")
            .with(inject::crowded("email", 40, "0.1"))
            .set("celery.slow_after_s", 0.2)
            .culprit("celery.queue.email", "warning busy")
            .telling("came back"),
    ]
}

fn nodes() -> Vec<Fault> {
    vec![
        Fault::new("a second worker has the name of the first", "unlisted worker")
            .with(inject::stranger("photo", "photo", ""))
            .culprit("celery.nodes", "failed doubled_node")
            .telling("photo@"),
        Fault::new("a second worker is on the queue of the first", "unlisted worker")
            .with(inject::stranger("leftover", "photo", ""))
            .culprit("celery.nodes", "failed doubled_node")
            .telling("leftover@"),
        Fault::new("a worker of another queue is there", "unlisted worker")
            .with(inject::stranger("stranger", "strange", ""))
            .culprit("celery.nodes", "failed unexpected_node")
            .telling("`strange`"),
        Fault::new("a worker is not among those that are listed", "unlisted worker")
            .set("celery.nodes", r#"["batch", "email", "fast", "photo"]"#)
            .culprit("celery.nodes", "failed unexpected_node")
            .telling("sims@"),
        Fault::new("a worker that is listed does not answer", "missing worker")
            .set("celery.nodes", r#"["batch", "email", "fast", "photo", "second", "sims"]"#)
            .culprit("celery.nodes", "failed missing_node")
            .telling("`second`"),
        Fault::new("a worker runs another Celery", "wrong version")
            .with(inject::stopped("celery-photo"))
            .with(inject::stranger("photo", "photo", "4.4.7 (cliffs)"))
            .culprit("celery.nodes", "warning wrong_version")
            .telling("4.4.7"),
    ]
}

fn queues() -> Vec<Fault> {
    vec![
        Fault::new("messages lie in a queue that nobody consumes", "message that nobody takes")
            .with(inject::forgotten("forgotten", 3))
            .culprit("celery.queues.other", "failed no_consumer")
            .telling("forgotten")
            .slow(),
        Fault::new("messages lie in another virtual host", "message that nobody takes")
            .with(inject::forgotten_vhost("elsewhere", "forgotten"))
            .culprit("celery.queues.other", "failed no_consumer")
            .telling("elsewhere")
            .slow(),
        Fault::new("messages pile up in a queue of the site", "backlog")
            .with(inject::held("batch", 20))
            .set("celery.max_backlog", 5)
            .culprit("celery.queues.other", "failed backlog")
            .culprit("celery.queue.batch", "warning busy")
            .slow(),
    ]
}

fn reporting() -> Vec<Fault> {
    let person = |changed: &str, back: &str| {
        inject::sql(
            format!("UPDATE coredata_person SET {changed} WHERE emplid = 200000001"),
            format!("UPDATE coredata_person SET {back} WHERE emplid IN (200000001, 999999999)"),
        )
    };
    vec![
        Fault::new("the reporting database's names are wrongly decoded", "wrong charset")
            .with(person("last_name = 'KÃ¤Ã¤riÃ¤inen'", "last_name = 'Kääriäinen'"))
            .culprit("celery.reporting-db", "failed wrong_answer")
            .telling("incorrectly-decoded"),
        Fault::new("the reporting database lacks a row", "row gone")
            .with(person("emplid = 999999999", "emplid = 200000001"))
            .culprit("celery.reporting-db", "failed wrong_answer")
            .telling("not there"),
        Fault::new("the reporting database lacks a table", "missing table")
            .with(inject::sql(
                "RENAME TABLE coredata_person TO coredata_person_away",
                "RENAME TABLE coredata_person_away TO coredata_person",
            ))
            .culprit("celery.reporting-db", "failed task_failed"),
        Fault::new("the reporting database does not answer the worker", "hung worker")
            .set("celery.reporting_task", "coredata.tasks.nap")
            .culprit("celery.reporting-db", "failed timeout"),
        Fault::new("a worker without the site's tasks is on sims", "worker without the task")
            .with(inject::stopped("celery-sims"))
            .with(inject::stranger("sims", "sims", ""))
            .culprit("celery.reporting-db", "failed not_registered"),
    ]
}

fn markup() -> Vec<Fault> {
    vec![
        Fault::new("the markup service is stopped", "stopped")
            .with(inject::stopped("ruby-markup"))
            .culprit("markup.rpc", "failed no_consumer"),
        Fault::new("the markup service hangs", "hung")
            .with(inject::hung("ruby-markup"))
            .culprit("markup.rpc", "failed timeout"),
        Fault::new("the markup service has no queue", "worker told off")
            .set("markup.queue", "nosuch")
            .culprit("markup.rpc", "failed no_queue"),
        Fault::new("something else answers for the markup service", "garbage")
            .with(inject::stopped("ruby-markup"))
            .with(inject::false_markup("lorem ipsum"))
            .culprit("markup.rpc", "failed garbage"),
        Fault::new("the markup service makes no HTML", "wrong answer")
            .with(inject::stopped("ruby-markup"))
            .with(inject::false_markup(r#"{"html": "*x*"}"#))
            .culprit("markup.rpc", "failed wrong_answer"),
    ]
}
