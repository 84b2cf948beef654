//! Celery, the rules for its broker, and what else talks through it.

use super::List;
use crate::config::Kind;

/// The longest time that makes sense anywhere here: a week, in seconds.
const WEEK_S: i64 = 604_800;

pub(super) fn broker(list: &mut List) {
    list.need(
        "broker.control",
        Kind::Words,
        "how to call `rabbitmqctl`, an argument vector; empty looks for the container of the compose service",
    );
    list.need(
        "broker.min_version",
        Kind::AnyText,
        "the oldest version of the broker that the site's Celery can use; empty for any",
    );
    list.need(
        "broker.below_version",
        Kind::AnyText,
        "the first version of the broker that the site's Celery cannot use any more; empty for none",
    );
}

pub(super) fn celery(list: &mut List) {
    list.need("celery.queues", Kind::List, "every queue that has a worker");
    list.need(
        "celery.long_queues",
        Kind::List,
        "those of the queues whose tasks take long, where a slow answer is normal",
    );
    list.need("celery.beat_queue", Kind::Text, "the queue that the beat's own task runs on");
    let seconds = |list: &mut List, path: &str, meaning| {
        list.need(path, Kind::Integer(1, WEEK_S), meaning).unit = Some("seconds");
    };
    seconds(list, "celery.beat_max_age_s", "the oldest that the beat's marker may be");
    list.need(
        "celery.nodes",
        Kind::List,
        "the names of the nodes that are expected; empty for one on each queue, whatever it is called",
    );
    list.need(
        "celery.slow_after_s",
        Kind::Number(0.001, 60.0),
        "an answer through a queue of quick tasks that takes longer is a warning",
    )
    .unit = Some("seconds");
    seconds(list, "celery.wedged_after_s", "where all children of a queue have older tasks, they are stuck");
    seconds(list, "celery.long_wedged_after_s", "the same for the queues whose tasks take long");
    list.need(
        "celery.max_backlog",
        Kind::Integer(1, 1_000_000_000),
        "more messages than this in any queue are a backlog",
    );
    list.need("celery.reporting_task", Kind::Text, "the site's task that asks the reporting database");
    list.need("celery.reporting_queue", Kind::Text, "the queue that it runs on");
}

pub(super) fn markup(list: &mut List) {
    list.need("markup.queue", Kind::Text, "the queue of the service that makes HTML of Markdown");
}
