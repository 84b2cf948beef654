//! What the small tools of the handbook do, each an errand that needs what checks have: connections, the site's user, a
//! deadline.

mod cache;
mod index;
mod mail;
mod sessions;

pub use crate::broker_queues::nothing_to_lose;
pub use cache::{Purged, purge};
pub use index::documents;
pub use mail::{Posted, post};
pub use sessions::{Sessions, sessions};
