//! Faults of the broker, of Celery's workers and of its beat.

use crate::inject;
use crate::matrix::Fault;

/// The rows of this area.
#[must_use]
pub fn rows() -> Vec<Fault> {
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
        Fault::new("the virtual host does not exist", "wrong vhost")
            .set("broker.vhost", "nosuch")
            .culprit("broker.connection", "failed no_such_vhost"),
        Fault::new("the worker of email is stopped", "stopped")
            .with(inject::stopped("celery-email"))
            .culprit("celery.queue.email", "failed no_consumer"),
        Fault::new("the worker of sims is stopped", "stopped")
            .with(inject::stopped("celery-sims"))
            .culprit("celery.queue.sims", "failed no_consumer"),
        Fault::new("the worker of fast hangs", "hung worker")
            .with(inject::hung("celery-fast"))
            .culprit("celery.queue.fast", "failed timeout"),
        Fault::new("the worker of batch hangs", "hung worker")
            .with(inject::hung("celery-batch"))
            .culprit("celery.queue.batch", "warning busy"),
        Fault::new("a queue that nobody declared", "missing queue")
            .set("celery.queues", r#"["batch", "email", "fast", "nosuch", "photo", "sims"]"#)
            .culprit("celery.queue.nosuch", "failed no_queue"),
        Fault::new("the beat goes on but the worker of its queue is stopped", "beat alive, worker dead")
            .with(inject::stopped("celery-fast"))
            .culprit("celery.queue.fast", "failed no_consumer"),
        Fault::new("the beat is stopped", "beat stopped")
            .with(inject::stopped("celerybeat"))
            .with(|_| std::thread::sleep(std::time::Duration::from_secs(4)))
            .set("celery.beat_max_age_s", 3)
            .culprit("celery.beat", "failed stale"),
    ]
}
