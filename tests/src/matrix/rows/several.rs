//! Several faults at once: each is named, and nothing besides.

use crate::inject;
use crate::matrix::Fault;
use crate::stand_in::{Answers, Manner, Mischief, Time};

/// The rows of this area.
#[must_use]
pub fn rows() -> Vec<Fault> {
    const SECTIONS: [(&str, &str); 5] = [
        ("database", "database.connection"),
        ("broker", "broker.connection"),
        ("cache", "cache.connection"),
        ("search", "search.connection"),
        ("email", "email.smtp"),
    ];
    let all = |name: &str, manner, says: &str| {
        SECTIONS.iter().fold(Fault::new(name, "several at once"), |fault, (section, id)| {
            fault.with(inject::liar(section, manner)).culprit(*id, says)
        })
    };
    let several = |name| Fault::new(name, "several at once");
    vec![
        all("every server accepts and says nothing", Manner::Silent, "failed timeout"),
        all("every server talks garbage", Manner::Garbage, "failed garbage"),
        several("MariaDB and RabbitMQ are stopped")
            .with(inject::stopped("mariadb"))
            .with(inject::stopped("rabbitmq"))
            .culprit("database.connection", "failed refused")
            .culprit("broker.connection", "failed refused"),
        several("memcached and Elasticsearch hang and the mail relay is stopped")
            .with(inject::hung("memcached"))
            .with(inject::hung("elasticsearch"))
            .with(inject::stopped("exim"))
            .culprit("cache.connection", "failed timeout")
            .culprit("search.connection", "failed timeout")
            .culprit("email.smtp", "failed refused"),
        several("two workers are stopped and one hangs")
            .with(inject::stopped("celery-email"))
            .with(inject::stopped("celery-photo"))
            .with(inject::hung("celery-fast"))
            .culprit("celery.queue.email", "failed no_consumer")
            .culprit("celery.queue.photo", "failed no_consumer")
            .culprit("celery.queue.fast", "failed dead"),
        several("a wrong password, a wrong index, a missing directory and a clock that is off")
            .set("database.password", "wrong")
            .set("search.index", "nosuch")
            .set("files.dumps", "/nonexistent")
            .with(inject::time(Time::Off(-60.0)))
            .culprit("database.connection", "failed access_denied")
            .culprit("search.query", "failed no_such_index")
            .also("search.freshness", "skipped no_such_index")
            .culprit("files.writable.dumps", "failed not_found")
            .culprit("time.offset", "failed clock_off"),
        several("name servers are silent, a file system hangs and RabbitMQ drips")
            .with(inject::names("database", Answers::Silence))
            .with(inject::hung_disk("files.submitted"))
            .with(inject::proxied("broker", Mischief::Drip))
            .culprit("database.connection", "failed timeout")
            .culprit("files.writable.submitted", "failed timeout")
            .culprit("broker.connection", "failed timeout"),
        several("the database resets, the cache hangs up, the search answers with 100 MB")
            .with(inject::proxied("database", Mischief::ResetAfter(9)))
            .with(inject::liar("cache", Manner::HangUp))
            .with(inject::liar(
                "search",
                Manner::Huge(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n", b"{"),
            ))
            .culprit("database.connection", "failed connection_lost")
            .culprit("cache.connection", "failed connection_lost")
            .culprit("search.connection", "failed garbage"),
    ]
}
