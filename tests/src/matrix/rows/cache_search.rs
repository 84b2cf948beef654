//! Faults of memcached and of Elasticsearch.

use crate::inject;
use crate::matrix::Fault;

/// The rows of this area.
#[must_use]
pub fn rows() -> Vec<Fault> {
    vec![
        Fault::new("memcached is stopped", "stopped")
            .with(inject::stopped("memcached"))
            .culprit("cache.connection", "failed refused"),
        Fault::new("memcached hangs", "hung")
            .with(inject::hung("memcached"))
            .culprit("cache.connection", "failed timeout"),
        Fault::new("Elasticsearch is stopped", "stopped")
            .with(inject::stopped("elasticsearch"))
            .culprit("search.connection", "failed refused"),
        Fault::new("Elasticsearch hangs", "hung")
            .with(inject::hung("elasticsearch"))
            .culprit("search.connection", "failed timeout"),
        Fault::new("the index does not exist", "wrong index")
            .set("search.index", "nosuch")
            .culprit("search.query", "failed no_such_index"),
        Fault::new("nothing is found", "nothing found")
            .set("search.query", "qqqqqqqq")
            .culprit("search.query", "failed no_hits"),
    ]
}
